"""SMPP 3.4 on the wire: its PDUs as plain values, to bytes and back (Short Message Peer to Peer Protocol Specification v3.4, issue 1.2).

Reading is patient with what does no harm (a field that is longer than it may be, a cut-off optional parameter) and raises Broken for the
rest, and never anything else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

GENERIC_NACK = 0x80000000
BIND_RECEIVER = 0x00000001
BIND_TRANSMITTER = 0x00000002
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
BIND_TRANSCEIVER = 0x00000009
ENQUIRE_LINK = 0x00000015
DATA_SM = 0x00000103
ALERT_NOTIFICATION = 0x00000102
ANSWER = 0x80000000
"""The bit that tells an answer from its question."""

USER_MESSAGE_REFERENCE = 0x0204
SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x020C, 0x020E, 0x020F
RECEIPTED_MESSAGE_ID = 0x001E
NETWORK_ERROR_CODE = 0x0423
MESSAGE_PAYLOAD = 0x0424
MESSAGE_STATE = 0x0427

HEADER = 16
LARGEST = 70_000
"""Bytes of a PDU: message_payload may have 64 kB. More is no SMPP, and none of it is waited for."""
_HEAD = struct.Struct(">IIII")
_VERSION = 0x34


class Broken(ValueError):
    """These bytes are no SMPP."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU; the body is read by whoever knows the command."""

    command: int
    status: int = 0
    sequence: int = 0
    body: bytes = field(default=b"", repr=False)

    @property
    def is_answer(self) -> bool:
        return bool(self.command & ANSWER)

    def numbered(self, sequence: int) -> Pdu:
        return replace(self, sequence=sequence)

    def answer(self, *, status: int = 0, body: bytes = b"") -> Pdu:
        """The answer to this question."""
        return Pdu(self.command | ANSWER, status, self.sequence, body)

    def encode(self) -> bytes:
        return _HEAD.pack(HEADER + len(self.body), self.command, self.status, self.sequence) + self.body


@dataclass(frozen=True, slots=True)
class Address:
    """A number or a name, with its type of number and its numbering plan (5.2.5, 5.2.6)."""

    text: str = field(default="", repr=False)
    ton: int = 0
    npi: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What submit_sm, deliver_sm and data_sm carry."""

    source: Address = Address()
    destination: Address = Address()
    service_type: str = ""
    esm_class: int = 0
    validity: str = ""
    registered_delivery: int = 0
    data_coding: int = 0
    short_message: bytes = field(default=b"", repr=False)
    options: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def content(self) -> bytes:
        """What is said, wherever it stands."""
        return self.short_message or self.options.get(MESSAGE_PAYLOAD, b"")


def length(head: bytes) -> int:
    """How long the PDU is that begins so; raises Broken."""
    (size,) = struct.unpack(">I", head[:4])
    if not HEADER <= size <= LARGEST:
        raise Broken("a PDU of an impossible length")
    return int(size)


def decode(octets: bytes) -> Pdu:
    """One whole PDU; raises Broken."""
    if len(octets) < HEADER or length(octets) != len(octets):
        raise Broken("a PDU of another length than it says")
    _, command, status, sequence = _HEAD.unpack(octets[:HEADER])
    return Pdu(command, status, sequence, octets[HEADER:])


def split(octets: bytes) -> Iterator[Pdu]:
    """Several PDUs in a row; raises Broken."""
    while octets:
        if len(octets) < HEADER:
            raise Broken("half a PDU")
        size = length(octets)
        yield decode(octets[:size])
        octets = octets[size:]


# What stands in them


def text(value: str) -> bytes:
    """A C-Octet String. What can't be written is left out: these are numbers, names and passwords in ASCII."""
    return value.encode("ascii", "ignore").replace(b"\0", b"") + b"\0"


def bind(*, system_id: str, password: str, system_type: str, ton: int = 0, npi: int = 0, address_range: str = "") -> bytes:
    """The body of bind_transmitter, bind_receiver and bind_transceiver (4.1.1)."""
    return text(system_id) + text(password) + text(system_type) + bytes([_VERSION, ton, npi]) + text(address_range)


@dataclass(frozen=True, slots=True)
class Bind:
    """Who asks to be bound."""

    system_id: str
    password: str = field(repr=False)
    system_type: str


def read_bind(body: bytes) -> Bind:
    """Raises Broken."""
    reader = _Reader(body)
    return Bind(system_id=reader.text(), password=reader.text(), system_type=reader.text())


def read_id(body: bytes) -> str:
    """The message_id of a submit_sm_resp, or the system_id of a bind's answer; empty where there is none. Never raises."""
    return body.partition(b"\0")[0].decode("latin-1")


def write_message(message: Message) -> bytes:
    """The body of submit_sm and of deliver_sm (4.4.1, 4.6.1). The short message may have 254 octets at most."""
    return b"".join(
        (
            text(message.service_type),
            _write_address(message.source),
            _write_address(message.destination),
            bytes([message.esm_class, 0, 0]),  # protocol, priority
            text(""),  # at once
            text(message.validity),
            bytes([message.registered_delivery, 0, message.data_coding, 0, len(message.short_message)]),
            message.short_message,
            *(write_option(tag, value) for tag, value in message.options.items()),
        )
    )


def write_option(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def read_message(body: bytes) -> Message:
    """The body of submit_sm and of deliver_sm; raises Broken."""
    reader = _Reader(body)
    service_type, source, destination = reader.text(), reader.address(), reader.address()
    esm_class, _, _ = reader.number(), reader.number(), reader.number()
    _, validity = reader.text(), reader.text()
    registered_delivery, _, data_coding, _ = reader.number(), reader.number(), reader.number(), reader.number()
    short_message = reader.octets(reader.number())
    return Message(
        source=source,
        destination=destination,
        service_type=service_type,
        esm_class=esm_class,
        validity=validity,
        registered_delivery=registered_delivery,
        data_coding=data_coding,
        short_message=short_message,
        options=reader.options(),
    )


def read_data(body: bytes) -> Message:
    """The body of data_sm (4.7.1); raises Broken."""
    reader = _Reader(body)
    service_type, source, destination = reader.text(), reader.address(), reader.address()
    esm_class, registered_delivery, data_coding = reader.number(), reader.number(), reader.number()
    return Message(
        source=source,
        destination=destination,
        service_type=service_type,
        esm_class=esm_class,
        registered_delivery=registered_delivery,
        data_coding=data_coding,
        options=reader.options(),
    )


def read_delivered(pdu: Pdu) -> Message:
    """What an SMSC brings, by deliver_sm or by data_sm; raises Broken."""
    return read_data(pdu.body) if pdu.command == DATA_SM else read_message(pdu.body)


def _write_address(address: Address) -> bytes:
    return bytes([address.ton, address.npi]) + text(address.text)


class _Reader:
    """Reads a body from its start to its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._place = 0

    def number(self) -> int:
        return self.octets(1)[0]

    def octets(self, count: int) -> bytes:
        found = self._body[self._place : self._place + count]
        if len(found) < count:
            raise Broken("a body that ends too early")
        self._place += count
        return found

    def text(self) -> str:
        end = self._body.find(b"\0", self._place)
        if end < 0:
            raise Broken("a string without an end")
        found = self._body[self._place : end]
        self._place = end + 1
        return found.decode("latin-1")

    def address(self) -> Address:
        ton, npi = self.number(), self.number()
        return Address(self.text(), ton, npi)

    def options(self) -> dict[int, bytes]:
        """What optional parameters follow; of one that comes twice the first counts, and what is cut off is left out."""
        found: dict[int, bytes] = {}
        rest = self._body[self._place :]
        while len(rest) >= 4:
            tag, size = struct.unpack(">HH", rest[:4])
            if len(rest) < 4 + size:
                break
            found.setdefault(tag, rest[4 : 4 + size])
            rest = rest[4 + size :]
        return found
