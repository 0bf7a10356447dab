"""What text is made of, as far as every channel minds: is anything there to be read, and does it stay within itself?"""

from __future__ import annotations

import re

# Line breaks and tabs are text; every other control character, and a half of a surrogate pair, is a mistake on every channel.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# Unicode TR9: what turns the direction of the text that follows, and what ends it. An override writes "exe.txt" for "txt.exe".
_OVERRIDES = re.compile("[\u202d\u202e]")
_OPENS = {"\u202a": "\u202c", "\u202b": "\u202c", "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
_CLOSES = frozenset(_OPENS.values())
_DIRECTIONS = re.compile("[\u202a-\u202c\u2066-\u2069]")

# What shows nothing by itself: spaces, joiners, marks of direction, fillers, tags, variation selectors.
_INVISIBLE = re.compile(
    "[\\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing."""
    return _INVISIBLE.fullmatch(text) is not None


def is_unprintable(text: str) -> bool:
    """Whether the text holds a control character other than a line break or a tab, or half a character."""
    return _UNPRINTABLE.search(text) is not None


def printable(text: str) -> str:
    """The text without its control characters and halves of characters."""
    return _UNPRINTABLE.sub("", text)


def turns_others(text: str) -> bool:
    """Whether the text overrides the direction of writing, or leaves a direction open, so that what stands after it reads otherwise."""
    if text.isascii():
        return False
    if _OVERRIDES.search(text):
        return True
    awaited: list[str] = []
    for mark in _DIRECTIONS.findall(text):
        if mark in _CLOSES:
            if not awaited or awaited.pop() != mark:
                return True
        else:
            awaited.append(_OPENS[mark])
    return bool(awaited)
