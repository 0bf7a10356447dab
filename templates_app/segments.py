"""The arithmetic of an SMS: GSM 03.38 (3GPP TS 23.038) or UCS-2, one part or many.

A part of several carries a header of six octets, which leaves 153 of 160 septets or 67 of 70 code units. A character that takes two
units (an extended GSM character, a surrogate pair) never straddles two parts, so a part may go out with a unit unused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from routing.providers import gsm

GSM_7 = "GSM-7"
UCS_2 = "UCS-2"

_BASIC = gsm.BASIC.replace(chr(gsm.ESCAPE), "")
_EXTENDED = "".join(gsm.EXTENDED)

# What most texts are made of: a class below 256 is matched several times as fast as the whole alphabet.
_PLAIN = re.compile(r"[\n\r !\"#$%&'()*+,./0-9:;<=>?@A-Z_a-z-]*")
_GSM = re.compile(f"[{re.escape(_BASIC + _EXTENDED)}]*")
_OUTSIDE = re.compile(f"[^{re.escape(_BASIC + _EXTENDED)}]")
_DOUBLE_GSM = re.compile(f"[{re.escape(_EXTENDED)}]")
_DOUBLE_UCS = re.compile("[\U00010000-\U0010ffff]")

_LIMITS = {GSM_7: (160, 153), UCS_2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs: `units` are septets (GSM-7) or 16-bit code units (UCS-2)."""

    encoding: str
    characters: int
    units: int
    segments: int


def measure(text: str) -> Segments:
    """The encoding and the number of parts that the text goes out with. An empty text is one part."""
    if _PLAIN.fullmatch(text):
        return _counted(GSM_7, text, doubled=0)
    encoding, double = _encoding(text)
    return _counted(encoding, text, doubled=len(double.findall(text)))


def parts(text: str) -> list[str]:
    """The text as it is cut for sending."""
    encoding, double = _encoding(text)
    single, multiple = _LIMITS[encoding]
    if len(text) + len(double.findall(text)) <= single:
        return [text]
    cut, start, room = [], 0, multiple
    for place, character in enumerate(text):
        width = 2 if double.match(character) else 1
        if width > room:
            cut.append(text[start:place])
            start, room = place, multiple
        room -= width
    return [*cut, text[start:]]


def outside(text: str) -> list[str]:
    """The characters that GSM-7 does not have, once each: what makes the text UCS-2."""
    return list(dict.fromkeys(_OUTSIDE.findall(text)))


def _encoding(text: str) -> tuple[str, re.Pattern[str]]:
    return (GSM_7, _DOUBLE_GSM) if _GSM.fullmatch(text) else (UCS_2, _DOUBLE_UCS)


def _counted(encoding: str, text: str, *, doubled: int) -> Segments:
    single, multiple = _LIMITS[encoding]
    units = len(text) + doubled
    if units <= single:
        count = 1
    elif doubled:
        count = len(parts(text))
    else:
        count = -(-units // multiple)
    return Segments(encoding=encoding, characters=len(text), units=units, segments=count)
