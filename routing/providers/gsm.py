"""The SMS alphabet (GSM 03.38, 3GPP TS 23.038, 6.2.1): its characters in the order of their numbers, and the few that need an escape."""

from __future__ import annotations

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""128 of them; the one at 27 is the escape itself, and stands for nothing that is read."""
EXTENDED = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Each goes out as the escape and this number."""
ESCAPE = 0x1B

_OCTETS = {character: bytes([number]) for number, character in enumerate(BASIC) if number != ESCAPE} | {
    character: bytes([ESCAPE, number]) for character, number in EXTENDED.items()
}
_CHARACTERS = {number: character for character, number in EXTENDED.items()}


def encode(text: str) -> list[bytes] | None:
    """Each character's octets, a septet an octet; None if the alphabet lacks one of them."""
    try:
        return [_OCTETS[character] for character in text]
    except KeyError:
        return None


def decode(octets: bytes) -> str:
    """The text; what is no septet becomes the replacement character, and an escape before nothing that is known a space (6.2.1.1)."""
    text: list[str] = []
    is_escaped = False
    for octet in octets:
        if is_escaped:
            text.append(_CHARACTERS.get(octet, " "))
            is_escaped = False
        elif octet == ESCAPE:
            is_escaped = True
        else:
            text.append(BASIC[octet] if octet < len(BASIC) else "\N{REPLACEMENT CHARACTER}")
    return "".join(text)
