"""Two texts as one: what stayed, what went, what came, word by word. A variable is one word: its value, which knows its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

from templates_app import placeholders

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_MANY = 20_000
"""Characters from which on lines are compared, not words."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words that stayed (`same`), went (`gone`) or came (`new`); `name` where a variable put it in."""

    kind: str
    text: str
    name: str = ""


class _Word(NamedTuple):
    text: str
    name: str

    @property
    def is_space(self) -> bool:
        return not self.name and self.text.isspace()


def diff(before: str, after: str, values: Mapping[str, str] | None = None) -> tuple[Piece, ...]:
    """The two texts with these values; a placeholder without a value stands for itself.

    Two variables of equal value are two words all the same: their exchange would else be invisible.
    """
    old, new = (_words(text, values or {}) for text in (before, after))
    pieces: list[Piece] = []
    gone: list[_Word] = []
    came: list[_Word] = []
    for kind, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        kept = old[start:end] if kind == "equal" else []
        # A space between two changed words belongs to the change: whole phrases read better than single words.
        if kind == "equal" and not (all(word.is_space for word in kept) and (gone or came)):
            pieces += [*_changed(gone, came), *_pieces("same", kept)]
            gone, came = [], []
        else:
            gone, came = [*gone, *old[start:end]], [*came, *new[first:last]]
    return (*pieces, *_changed(gone, came))


def _changed(gone: list[_Word], came: list[_Word]) -> Iterator[Piece]:
    """What went and what came, without the spaces at the end that both have."""
    shared = 0
    while shared < min(len(gone), len(came)) and gone[-1 - shared] == came[-1 - shared] and gone[-1 - shared].is_space:
        shared += 1
    end = len(gone) - shared
    yield from _pieces("gone", gone[:end])
    yield from _pieces("new", came[: len(came) - shared])
    yield from _pieces("same", gone[end:])


def _pieces(kind: str, words: Sequence[_Word]) -> Iterator[Piece]:
    """Words run together; a variable stands by itself."""
    for _, run in groupby(enumerate(words), key=lambda each: each[0] if each[1].name else -1):
        together = [word for _, word in run]
        yield Piece(kind, "".join(word.text for word in together), together[0].name)


def _words(text: str, values: Mapping[str, str]) -> list[_Word]:
    parts, are_many = placeholders.split(text), len(text) > _MANY
    words = []
    for place, part in enumerate(parts):
        if place % 2:
            words.append(_Word(values.get(part, f"{{{{{part}}}}}"), part))
        else:
            words += [_Word(word, "") for word in (part.splitlines(keepends=True) if are_many else _WORDS.findall(part))]
    return words
