"""SMPP 3.4 from the SMSC's side: just what the simulated one says and hears, in its own words, so that two readers check each other."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field

BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
RESP, NACK = 0x80000000, 0x80000000

ROK, RINVCMDID, RINVBNDSTS, RALYBND, RBINDFAIL, RINVPASWD, RINVSYSID = 0x00, 0x03, 0x04, 0x05, 0x0D, 0x0E, 0x0F
RINVDSTADR, RINVMSGLEN, RINVSRCADR = 0x0B, 0x01, 0x0A

_HEADER = struct.Struct(">4I")
_LARGEST = 100_000
_PAYLOAD = 0x0424


@dataclass(frozen=True, slots=True)
class Frame:
    """One PDU."""

    command: int
    status: int
    sequence: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submitted:
    """What stands in a submit_sm."""

    sender: str
    recipient: str
    esm_class: int
    validity: str
    wants_receipt: bool
    data_coding: int
    text: bytes = field(repr=False)
    whole: bytes = field(repr=False)
    """The body as it came, by which a message that is sent again is known."""


async def read(reader: asyncio.StreamReader) -> Frame:
    """The next PDU. Raises IncompleteReadError at the end, ValueError for what is none."""
    length, command, status, sequence = _HEADER.unpack(await reader.readexactly(16))
    if not 16 <= length <= _LARGEST:
        raise ValueError("no SMPP")
    return Frame(command, status, sequence, await reader.readexactly(length - 16))


def frame(command: int, *, status: int = ROK, sequence: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(16 + len(body), command, status, sequence) + body


def string(text: str) -> bytes:
    return text.encode("latin-1", "replace") + b"\0"


def strings(body: bytes, count: int) -> list[str]:
    """The C-Octet Strings that a body begins with. Raises ValueError."""
    pieces = body.split(b"\0", count)
    if len(pieces) <= count:
        raise ValueError("too few strings")
    return [piece.decode("latin-1") for piece in pieces[:count]]


def read_submit(body: bytes) -> Submitted:
    """Raises ValueError or IndexError for what is none."""
    _service, rest = _cut(body)
    sender, rest = _cut(rest[2:])
    recipient, rest = _cut(rest[2:])
    esm_class, rest = rest[0], rest[3:]
    _schedule, rest = _cut(rest)
    validity, rest = _cut(rest)
    registered, data_coding, length = rest[0], rest[2], rest[4]
    text, options = rest[5 : 5 + length], rest[5 + length :]
    if len(text) < length:
        raise ValueError("a short message that ends too early")
    return Submitted(sender, recipient, esm_class, validity, bool(registered & 1), data_coding, text or _option(options, _PAYLOAD), body)


def deliver(*, source: str, destination: str, text: bytes, esm_class: int, data_coding: int = 0, options: bytes = b"") -> bytes:
    """The body of a deliver_sm."""
    head = string("") + b"\x01\x01" + string(source) + b"\x01\x01" + string(destination)
    return head + bytes([esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0, len(text)]) + text + options


def option(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def _option(options: bytes, tag: int) -> bytes:
    while len(options) >= 4:
        found, size = struct.unpack(">HH", options[:4])
        if found == tag:
            return options[4 : 4 + size]
        options = options[4 + size :]
    return b""


def _cut(body: bytes) -> tuple[str, bytes]:
    text, end, rest = body.partition(b"\0")
    if not end:
        raise ValueError("a string without an end")
    return text.decode("latin-1"), rest
