"""`{{name}}` in a text: found, and filled in one pass. Nothing is evaluated, and a value is never read again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]{0,63})\}\}")
_OPENING = re.compile(r"\{\{(?!([a-z][a-z0-9_]{0,63})\}\}).{0,20}", re.DOTALL)

Parts = tuple[str, ...]
"""A text taken apart: literal, name, literal, name ... literal."""

Escape = Callable[[str], str]


def split(text: str) -> Parts:
    """The text's literals and, at the odd places, its placeholders' names."""
    return tuple(PLACEHOLDER.split(text))


def names(text: str) -> list[str]:
    """Every placeholder's name, once, in the order of first use."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def stray(text: str) -> str | None:
    """What follows the first `{{` that opens no placeholder, or None. A lone `}}` is plain text: minified CSS is full of them."""
    found = _OPENING.search(text)
    return found[0] if found else None


def join(parts: Parts, values: Mapping[str, str]) -> str:
    """The text with its values, as they are. Raises KeyError where one is missing."""
    filled = list(parts)
    filled[1::2] = [values[name] for name in parts[1::2]]
    return "".join(filled)


def fill(text: str, values: Mapping[str, str], escape: Escape = str) -> str:
    """The text with its values, each made safe by `escape`. Raises KeyError where one is missing."""
    return PLACEHOLDER.sub(lambda found: escape(values[found[1]]), text)
