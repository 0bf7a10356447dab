"""What the simulated SMSC says of a message it took, in the dialect that its client bound for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from simulator import faults, smsc_wire
from simulator.faults import FAULTS, Fault, Said, Trouble

CODES: Mapping[Trouble, int] = {
    faults.UNREACHABLE: 0x65,  # ESME_RX_P_APPN
    faults.NO_SUCH_RECIPIENT: 0x0B,
    faults.OPTED_OUT: 0x66,
    faults.TEMPLATE: 0x01,
    faults.REVOKED: 0x101,  # ESME_RPROHIBITED
    faults.WINDOW: 0x65,
    faults.FILTERED: 0x45,
    faults.UNHEARD_OF: 0x04FF,
    faults.THROTTLED: 0x58,
    faults.BROKEN: 0x08,
}
_WORDS = {"sent": "ENROUTE", "delivered": "DELIVRD", "failed": "UNDELIV", "teleported": "TELEPRT"}
_STATES = {"sent": 1, "delivered": 2, "failed": 5}
_INTERMEDIATE, _FINAL = 0x20, 0x04
_RECEIPTED_ID, _STATE = 0x001E, 0x0427
DIALECTS = ("same", "hex", "decimal", "zeros", "tlv")
"""An account binds as NAME or NAME-DIALECT: the same id in answer and receipt; a decimal one answered and a hexadecimal one receipted; the
other way round; zeros in front of it in the receipt; a receipt without any text."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A part of a message, as it was taken."""

    number: int
    at: float
    dialect: str
    source: str
    destination: str
    fault_code: str

    @property
    def fault(self) -> Fault:
        return FAULTS[self.fault_code]

    @property
    def answered_id(self) -> str:
        return f"{self.number:x}" if self.dialect == "decimal" else str(self.number)

    @property
    def receipted_id(self) -> str:
        if self.dialect == "hex":
            return f"{self.number:X}"
        return f"{self.number:018}" if self.dialect == "zeros" else str(self.number)


def new_number(fault: Fault) -> int:
    return 1 if fault.has_one_id else 10**9 + secrets.randbelow(9 * 10**9)


def said(taken: Taken) -> Iterator[Said]:
    """Everything that is said of it; no SMSC knows who has read what."""
    for each in taken.fault.receipts:
        if each.word != "read":
            for _ in range(taken.fault.copies):
                yield each


def write(taken: Taken, each: Said, *, pace: float) -> bytes:
    """A deliver_sm's body. The times in it are UTC."""
    word = _WORDS.get(each.word, each.word.upper())
    options = b""
    if taken.dialect == "tlv":
        options = smsc_wire.option(_RECEIPTED_ID, smsc_wire.string(taken.receipted_id))
        options += smsc_wire.option(_STATE, bytes([_STATES.get(each.word, 77)]))
    return smsc_wire.deliver(
        source=taken.destination,
        destination=taken.source,
        text=b"" if options else _text(taken, each, word=word, pace=pace),
        esm_class=_INTERMEDIATE if each.word == "sent" else _FINAL,
        options=options,
    )


def _text(taken: Taken, each: Said, *, word: str, pace: float) -> bytes:
    is_delivered = int(each.word == "delivered")
    submitted, done = (_moment(at) for at in (taken.at, taken.at + each.after * pace))
    done = "soon" if taken.fault.is_timeless else done
    error = "000" if each.trouble is None else f"{CODES[each.trouble]:03}"
    told = f"id:{taken.receipted_id} sub:001 dlvrd:{is_delivered:03} submit date:{submitted} done date:{done} stat:{word} err:{error} text:"
    return told.encode()


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%y%m%d%H%M%S}"
