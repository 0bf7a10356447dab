"""How a text goes out by SMPP: in which coding, and cut into parts of what sizes (SMPP 3.4, 5.2.19; 3GPP TS 23.040, 9.2.3.24)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from routing.providers import gsm, smpp_pdu
from routing.providers.smpp_pdu import Message

ALPHABETS = ("gsm", "latin1", "ucs2")
"""What an SMSC takes where the text allows: its own alphabet as GSM 03.38, Latin-1, or nothing but UCS-2."""
WAYS = ("udh8", "udh16", "sar", "payload")
"""How the parts of a long text are told to belong together."""
MOST_PARTS = 255
_DEFAULT, _LATIN_1, _UCS_2 = 0, 3, 8
_SINGLE = {_DEFAULT: 160, _LATIN_1: 140, _UCS_2: 140}
"""Octets as they go to the SMSC; of its own alphabet a septet is an octet here."""
_SEPTETS_OF_HEADER = {6: 7, 7: 8}
_HAS_HEADER = 0x40


@dataclass(frozen=True, slots=True)
class Coded:
    """A text, character by character, in the coding that it goes out with."""

    data_coding: int
    characters: Sequence[bytes] = field(repr=False)

    @property
    def size(self) -> int:
        return sum(len(each) for each in self.characters)


def code(text: str, *, alphabet: str) -> Coded:
    """The smallest coding that has all of the text's characters, as far as the SMSC takes it."""
    if alphabet == "latin1" and (latin := _latin_1(text)) is not None:
        return Coded(_LATIN_1, latin)
    if alphabet == "gsm" and (septets := gsm.encode(text)) is not None:
        return Coded(_DEFAULT, septets)
    return Coded(_UCS_2, [character.encode("utf-16-be", "replace") for character in text])


def decode(octets: bytes, *, data_coding: int) -> str:
    """What an SMSC says in that coding; what can't be read is replaced. Never raises."""
    if data_coding in (_UCS_2, 0x18):
        return octets.decode("utf-16-be", "replace")
    if data_coding in (1, _LATIN_1):
        return octets.decode("latin-1")
    if data_coding == _DEFAULT:
        return gsm.decode(octets)
    return octets.decode("utf-8", "replace")


def read(message: Message, *, alphabet: str) -> str:
    """What somebody has written, without a header that tells of parts. An SMSC that takes Latin-1 for its own alphabet also speaks so."""
    content = message.content
    if message.esm_class & _HAS_HEADER and content:
        content = content[content[0] + 1 :]
    data_coding = _LATIN_1 if alphabet == "latin1" and message.data_coding == _DEFAULT else message.data_coding
    return decode(content, data_coding=data_coding)


def fill(message: Message, coded: Coded, *, way: str, reference: str) -> list[Message]:
    """The message with its text in it: once, or several times with a part each.

    `reference` names the whole: parts of one text bear the same number, and if all of them are sent again, again that number, so that a
    phone which has some of them puts the whole together and shows it once.
    """
    message = replace(message, data_coding=coded.data_coding)
    if coded.size <= _SINGLE[coded.data_coding]:
        return [replace(message, short_message=b"".join(coded.characters))]
    if way == "payload":
        return [replace(message, options={**message.options, smpp_pdu.MESSAGE_PAYLOAD: b"".join(coded.characters)})]
    header = 7 if way == "udh16" else 6
    number = zlib.crc32(reference.encode())
    parts = list(_cut(coded, header=header))
    return [_part(message, part, way=way, number=number, place=place, of=len(parts)) for place, part in enumerate(parts, start=1)]


def _part(message: Message, part: bytes, *, way: str, number: int, place: int, of: int) -> Message:
    total, place = min(of, MOST_PARTS), min(place, MOST_PARTS)
    if way == "sar":
        told = {
            smpp_pdu.SAR_REFERENCE: struct.pack(">H", number & 0xFFFF),
            smpp_pdu.SAR_TOTAL: bytes([total]),
            smpp_pdu.SAR_NUMBER: bytes([place]),
        }
        return replace(message, short_message=part, options={**message.options, **told})
    if way == "udh16":
        header = bytes([6, 8, 4]) + struct.pack(">H", number & 0xFFFF) + bytes([total, place])
    else:
        header = bytes([5, 0, 3, number & 0xFF, total, place])
    return replace(message, esm_class=message.esm_class | _HAS_HEADER, short_message=header + part)


def _cut(coded: Coded, *, header: int) -> Iterator[bytes]:
    """The parts; no character is cut in two."""
    single = _SINGLE[coded.data_coding]
    most = single - (_SEPTETS_OF_HEADER[header] if coded.data_coding == _DEFAULT else header)
    part = b""
    for character in coded.characters:
        if len(part) + len(character) > most:
            yield part
            part = b""
        part += character
    yield part


def _latin_1(text: str) -> list[bytes] | None:
    try:
        return [character.encode("latin-1") for character in text]
    except UnicodeEncodeError:
        return None
