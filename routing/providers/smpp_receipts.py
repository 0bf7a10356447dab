"""Delivery receipts as SMSCs write them: a line of text (SMPP 3.4, appendix B), optional parameters, or both; each in a dialect of its own.

id:0123456789 sub:001 dlvrd:001 submit date:2411221530 done date:2411221531 stat:DELIVRD err:000 text:Your code
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from routing.providers import smpp_pdu, wire
from routing.providers.base import ErrorClass, Fault, Receipt, ReceiptStatus
from routing.providers.smpp_pdu import Message

IDS = ("same", "receipt_hex", "receipt_decimal")
"""How an id in a receipt is written, seen from the answer to the submit_sm: alike; hexadecimal for a decimal one; decimal for a hexadecimal
one."""

STATUSES: dict[str, ReceiptStatus] = {
    "SCHEDULED": ReceiptStatus.SUBMITTED,
    "ENROUTE": ReceiptStatus.SENT,
    "ACCEPTD": ReceiptStatus.SENT,  # taken by a network or by somebody at its desk, not by the phone
    "DELIVRD": ReceiptStatus.DELIVERED,
    "EXPIRED": ReceiptStatus.EXPIRED,
    "UNDELIV": ReceiptStatus.UNDELIVERABLE,
    "DELETED": ReceiptStatus.FAILED,
    "REJECTD": ReceiptStatus.REJECTED,
    "SKIPPED": ReceiptStatus.FAILED,  # SMPP 5.0
    "UNKNOWN": ReceiptStatus.SUBMITTED,  # the SMSC can't tell; that it took the message over is all that is known
}
STATES = {
    0: "SCHEDULED",
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
    9: "SKIPPED",
}
"""message_state (5.2.28), in the words of the text."""
# What an `err` means is the operator's own; the word alone decides.
_CLASSES = {
    ReceiptStatus.EXPIRED: ErrorClass.EXPIRED,
    ReceiptStatus.UNDELIVERABLE: ErrorClass.UNREACHABLE,
    ReceiptStatus.FAILED: ErrorClass.PROVIDER_FAULT,  # removed by somebody: another account may bring it
    ReceiptStatus.REJECTED: ErrorClass.PROVIDER_FAULT,
}

_IS_RECEIPT = 0x3C  # bits of esm_class: a receipt, an acknowledgement, or an intermediate notification (5.2.12)
_FIELD = re.compile(r"(?<![A-Za-z])(id|stat|err|done)(?:[ _]?date)?:[ ]?([^\s:]*)(?=\s|\Z)", re.IGNORECASE | re.ASCII)
_TEXT = re.compile(r"(?<![A-Za-z])text:", re.IGNORECASE)
_LOOKS_LIKE_ONE = re.compile(r"\s*id:[^\s:]+ .*\bstat:[A-Za-z]", re.IGNORECASE | re.DOTALL)
_LONGEST_TEXT = 1_000
_HEX = re.compile(r"[0-9A-Fa-f]{1,64}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,64}", re.ASCII)
_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):?([0-5]\d)", re.ASCII)
_DATES = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an account's SMSC writes receipts."""

    ids: str = "same"
    clock: timezone | None = None
    """That of its times, which bear none; None where nobody knows."""


def dialect(told: Mapping[str, str]) -> Dialect:
    """As the settings `receipt_ids` and `receipt_clock` tell it; what they don't tell is usual."""
    return Dialect(told.get("receipt_ids") or "same", clock(told.get("receipt_clock", "")))


def clock(told: str) -> timezone | None:
    """`UTC` or an offset, `+02:00`; None for anything else."""
    if told.upper() in {"UTC", "Z"}:
        return UTC
    found = _OFFSET.fullmatch(told)
    if not found:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def is_receipt(message: Message) -> bool:
    """Whether it speaks of a message of ours; else it is somebody's own. Some SMSCs forget to mark theirs."""
    if message.esm_class & _IS_RECEIPT or smpp_pdu.RECEIPTED_MESSAGE_ID in message.options:
        return True
    return bool(_LOOKS_LIKE_ONE.match(_text(message)))


def read(message: Message, dialect: Dialect) -> Receipt:
    """What the receipt says. Never raises; a word that nobody knows is kept."""
    said = _fields(_text(message))
    word = _word(said.get("stat", "")) or STATES.get(_number(message.options.get(smpp_pdu.MESSAGE_STATE)), "")
    status = STATUSES.get(word.upper(), ReceiptStatus.UNMAPPED)
    told = smpp_pdu.read_id(message.options.get(smpp_pdu.RECEIPTED_MESSAGE_ID, b"")).strip() or said.get("id", "")
    return Receipt(
        status,
        raw_status=word,
        occurred_at=_moment(said.get("done", ""), dialect.clock),
        provider_reference=receipted(told, dialect.ids),
        fault=_fault(status, word, _code(said, message)),
    )


def canonical(told: str) -> str:
    """An id as we keep it: SMSCs differ between answer and receipt in leading zeros and in case, never meaning another message."""
    told = told.strip()
    if not _HEX.fullmatch(told):
        return wire.reference(told)
    return told.lower().lstrip("0") or "0"


def receipted(told: str, ids: str) -> str:
    """The id that a receipt tells, as the answer told it."""
    told = told.strip()
    if ids == "receipt_hex" and _HEX.fullmatch(told):
        return str(int(told, 16))
    if ids == "receipt_decimal" and _DECIMAL.fullmatch(told):
        return f"{int(told):x}"
    return canonical(told)


def _text(message: Message) -> str:
    """In ASCII whatever its coding says: no SMSC's receipt needs more. UCS-2 is the exception that some make for everything."""
    content = message.content[: 2 * _LONGEST_TEXT]
    return (content.decode("utf-16-be", "replace") if message.data_coding == 8 else content.decode("latin-1"))[:_LONGEST_TEXT]


def _fields(text: str) -> dict[str, str]:
    """Its fields; what follows `text:` was ours, and says nothing, whatever it looks like. Of one that comes twice the first counts."""
    found: dict[str, str] = {}
    for field in _FIELD.finditer(_TEXT.split(text, maxsplit=1)[0]):
        found.setdefault(field[1].lower(), field[2])
    return found


def _word(told: str) -> str:
    word = wire.word(told)
    return word.upper() if word.upper() in STATUSES else word


def _number(option: bytes | None) -> int:
    return option[0] if option else -1


def _code(said: Mapping[str, str], message: Message) -> str:
    """The operator's own code: `err`, or network_error_code (5.3.2.31), whose first octet names the kind of network."""
    network = message.options.get(smpp_pdu.NETWORK_ERROR_CODE, b"")
    return wire.word(said.get("err", "")) or (f"{network[0]}:{int.from_bytes(network[1:3], 'big')}" if len(network) >= 3 else "")


def _fault(status: ReceiptStatus, word: str, code: str) -> Fault | None:
    error_class = _CLASSES.get(status)
    if error_class is None:
        return None
    return Fault(error_class, raw_code=f"{word.upper()} {code}".strip())


def _moment(told: str, clock: timezone | None) -> datetime | None:
    form = _DATES.get(len(told))
    if clock is None or form is None or not _DECIMAL.fullmatch(told):
        return None
    try:
        at = datetime.strptime(told, form).replace(tzinfo=clock).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return wire.instant(at.isoformat())
