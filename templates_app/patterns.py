"""Patterns for values: a part of `re` that can't run away.

A pattern is a row of characters, classes and `\\d`, each with an optional count. Groups, alternatives and anchors are not in it, and the
number of ways in which its counts can share a value is bounded, so that matching takes microseconds whatever the value.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_PATTERN = 100
MAX_WAYS = 5_000

_CLASS = r"\[\^?(?:\\[\\\]\[dws^.-]|[^\\\[\]&~|])+\]"
_ITEM = re.compile(rf"({_CLASS}|\\[dwsDWS\\.\-+*?()\[\]{{}}|^$/]|[^\\\[\](){{}}|^$*+?])(\{{\d{{1,3}}(?:,\d{{0,3}})?\}}|[*+?])?")
_WIDE = "W😀M9ظé@#%&_=-/:.,+* wm1i"
_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")


class Unsafe(ValueError):
    """The pattern is not one of ours; the text says why."""


@lru_cache(maxsize=4096)
def compiled(text: str) -> re.Pattern[str]:
    """The pattern, ready for `fullmatch`. `\\d`, `\\w` and `\\s` are ASCII. Raises re.error where it is none."""
    return re.compile(text, re.ASCII)


def check(text: str, *, max_length: int) -> None:
    """Raises Unsafe unless the pattern can be matched in bounded time on values of that length."""
    if len(text) > MAX_PATTERN:
        raise Unsafe(f"It has {len(text)} characters; {MAX_PATTERN} are allowed.")
    place, ways = 0, 1
    while place < len(text):
        item = _ITEM.match(text, place)
        if item is None or "--" in item[1]:
            raise Unsafe(
                f"{text[place : place + 10]!r} is not allowed. Use characters, classes such as [A-Z0-9], \\d and counts such as {{2,5}}."
            )
        ways *= _ways(item[2] or "", max_length=max_length)
        place = item.end()
    if ways > MAX_WAYS:
        raise Unsafe("Its counts leave too many ways to match. Use exact counts such as {3}, or a lower max_length.")
    try:
        compiled(text)
    except re.error as error:
        raise Unsafe(f"It is no pattern: {error}.") from error


def longest(text: str, *, length: int) -> str | None:
    """A value that a checked pattern matches, as long as it may be; None where none was found."""
    items = [(_fitting(found[1]), *_counts(found[2] or "", max_length=length)) for found in _ITEM.finditer(text)]
    room = length - sum(least for _, least, _ in items)
    made = ""
    for character, least, most in items:
        more = min(most - least, max(room, 0))
        room -= more
        made += character * (least + more)
    return made if compiled(text).fullmatch(made) else None


def _fitting(item: str) -> str:
    """A wide character that the item takes, or nothing."""
    return next((character for character in _WIDE if compiled(item).fullmatch(character)), item[-1])


def _counts(count: str, *, max_length: int) -> tuple[int, int]:
    """The least and the most times that an item may be there."""
    if count in {"", "?", "*", "+"}:
        return {"": (1, 1), "?": (0, 1), "*": (0, max_length), "+": (1, max_length)}[count]
    least, comma, most = _COUNT.fullmatch(count).groups()  # type: ignore[union-attr]
    return int(least), int(most or max_length) if comma else int(least)


def _ways(count: str, *, max_length: int) -> int:
    """In how many ways an item with that count can take its share of a value."""
    if count in {"", "?"}:
        return len(count) + 1
    if count in {"*", "+"}:
        return max_length + 1
    least, comma, most = _COUNT.fullmatch(count).groups()  # type: ignore[union-attr]
    if not comma:
        return 1
    return max(1, min(int(most or max_length), max_length) - int(least) + 1)
