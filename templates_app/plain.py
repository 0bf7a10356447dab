# ruff: noqa: RUF001 - these are the very characters
"""Typographic punctuation in the characters of GSM-7, where that alone keeps an SMS from its cheaper alphabet.

Word processors and telephones write “curly” quotes, dashes and dots that GSM-7 lacks, and one of them turns 160 characters of a part into
70. Only punctuation, spaces and what shows nothing is replaced: a letter without its accent would be another word or another name.
"""

from __future__ import annotations

from templates_app import segments

_REPLACED = {
    "'": "‘’‚‛′‵´`‹›",
    '"': "“”„‟″‶«»〝〞＂",
    "-": "‐‑‒–—―−﹘﹣－•‣⁃",
    "...": "…",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u0085\u2028\u2029",
    "": "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff",
    "x": "×",
    "/": "⁄∕",
    "*": "∗＊",
    "!!": "‼",
    "??": "⁇",
    "?!": "⁈",
    "!?": "⁉",
    "..": "‥",
    ".": "․·",
    ",": "，",
    "~": "∼～",
}
_TABLE = str.maketrans({character: ours for ours, theirs in _REPLACED.items() for character in theirs})


def table() -> dict[str, str]:
    """By character, what is written in its place."""
    return {character: ours for ours, theirs in _REPLACED.items() for character in theirs}


def punctuation(text: str) -> str:
    """The text in GSM-7, where its punctuation alone kept it from it and it costs no more; else the text as it is."""
    before = segments.measure(text)
    if before.encoding == segments.GSM_7:
        return text
    plainer = text.translate(_TABLE)
    after = segments.measure(plainer)
    # One sign for three dots: a text of nothing but these is longer in GSM-7.
    return plainer if after.encoding == segments.GSM_7 and after.segments <= before.segments else text
