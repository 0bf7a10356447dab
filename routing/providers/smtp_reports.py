"""What mail servers say of a letter: reply codes while it is handed over, bounces (RFC 3464) and complaints (RFC 5965) afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import parsedate_to_datetime

from routing.providers import wire
from routing.providers.base import ErrorClass, Fault, Receipt, ReceiptStatus, Unreadable

_ENHANCED = re.compile(r"(?<![0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])", re.ASCII)
_MESSAGE_ID = re.compile(r"<([A-Za-z0-9._-]{1,128})\.qsura@[A-Za-z0-9.-]{1,253}>", re.ASCII)
_MOST_PARTS = 50

_CODES: dict[str, ErrorClass] = {  # RFC 3463 and 5248, without the leading class; a line ending in a dot is a whole subject
    "1.7": ErrorClass.ACCOUNT_FAULT,  # the sender's own address is refused
    "1.8": ErrorClass.ACCOUNT_FAULT,
    "1.": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # a phone may still be there
    "2.1": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # the mailbox is closed
    "2.2": ErrorClass.UNREACHABLE,  # full
    "2.3": ErrorClass.TEMPLATE_FAULT,  # too long for this mailbox
    "2.": ErrorClass.UNREACHABLE,
    "3.4": ErrorClass.TEMPLATE_FAULT,  # too long for this server
    "3.": ErrorClass.UNREACHABLE,
    "4.": ErrorClass.UNREACHABLE,  # no route, or time-outs until their server gave up
    "6.": ErrorClass.TEMPLATE_FAULT,
    "7.8": ErrorClass.ACCOUNT_FAULT,  # credentials
    "7.9": ErrorClass.ACCOUNT_FAULT,
    "7.": ErrorClass.BLOCKED_CONTENT,
}
_BARE: dict[int, ErrorClass] = {
    530: ErrorClass.ACCOUNT_FAULT,
    535: ErrorClass.ACCOUNT_FAULT,
    550: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    551: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    552: ErrorClass.UNREACHABLE,
    553: ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
}
"""Of servers that say no enhanced code, about a recipient."""
_THROTTLED = frozenset({421, 450, 451, 452})
_BEFORE_THE_LETTER = frozenset({"connect", "ehlo", "starttls", "auth"})
_ACTIONS: dict[str, ReceiptStatus] = {
    "failed": ReceiptStatus.FAILED,
    "delivered": ReceiptStatus.DELIVERED,
    "relayed": ReceiptStatus.SENT,
    "expanded": ReceiptStatus.SENT,
    "delayed": ReceiptStatus.SUBMITTED,  # they go on trying
}


def message_id(reference: str, domain: str) -> str:
    """Ours, by which a bounce finds its attempt."""
    return f"<{reference}.qsura@{domain}>"


def enhanced(text: str) -> str:
    """The first enhanced code in a reply's text; empty where there is none."""
    found = _ENHANCED.search(text[:2_000])
    return found[1] if found else ""


def reply_class(code: int, status: str, stage: str) -> ErrorClass:
    """What a reply that does not take the letter means."""
    if code < 500:
        return ErrorClass.THROTTLED if code in _THROTTLED else ErrorClass.PROVIDER_FAULT
    if stage in _BEFORE_THE_LETTER:
        return ErrorClass.ACCOUNT_FAULT
    if status:
        return code_class(status)
    if stage == "data":  # RFC 5321, 4.2.3: 552 is too long here, and 554 was read and not liked
        return {552: ErrorClass.TEMPLATE_FAULT, 554: ErrorClass.BLOCKED_CONTENT}.get(code, ErrorClass.UNMAPPED)
    if stage == "mail":
        return ErrorClass.ACCOUNT_FAULT  # our sender is not welcome there
    return _BARE.get(code, ErrorClass.UNMAPPED)


def code_class(status: str) -> ErrorClass:
    """The class of an enhanced code."""
    _, _, detail = status.partition(".")
    subject = detail.partition(".")[0] + "."
    return _CODES.get(detail) or _CODES.get(subject, ErrorClass.UNMAPPED)


def read(raw: bytes) -> list[Receipt]:
    """The receipts in a report; raises Unreadable for a letter that is none."""
    try:
        return _read(message_from_bytes(raw, policy=default))
    except Unreadable:
        raise
    except (
        Exception
    ) as error:  # the parser is patient with most, reads a field when it is asked for, and breaks on what some strangers write
        raise Unreadable("no letter") from error


def _read(report: EmailMessage) -> list[Receipt]:
    kind = str(report.get_param("report-type", "")).lower() if report.get_content_type() == "multipart/report" else ""
    parts = list(_parts(report)) if kind else []
    if kind == "delivery-status":
        return _bounces(parts)
    if kind == "feedback-report":
        return _complaint(parts)
    raise Unreadable("no report of a mail server")


def _parts(report: EmailMessage) -> Iterator[EmailMessage]:
    for number, part in enumerate(report.walk()):
        if number >= _MOST_PARTS:
            return
        yield part


def _bounces(parts: list[EmailMessage]) -> list[Receipt]:
    """A line for each recipient of the report; ours has one (RFC 3464, 2.3)."""
    ours = _reference(parts)
    blocks = [block for part in parts if part.get_content_type() == "message/delivery-status" for block in _blocks(part)]
    arrived = next((_moment(block, "Arrival-Date") for block in blocks if "Arrival-Date" in block), None)
    told = [block for block in blocks if "Action" in block]
    if not told:
        raise Unreadable("a bounce that names no recipient")
    return [_bounce(block, ours, _moment(block, "Last-Attempt-Date") or arrived) for block in told]


def _blocks(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    return (block for block in payload if isinstance(block, Message)) if isinstance(payload, list) else iter(())


def _bounce(block: Message, ours: str, occurred_at: datetime | None) -> Receipt:
    raw, code = wire.word(_text(block, "Action").lower()), enhanced(_text(block, "Status"))
    status = _ACTIONS.get(raw, ReceiptStatus.UNMAPPED) if ours else ReceiptStatus.UNMAPPED
    diagnosis = enhanced(_text(block, "Diagnostic-Code"))
    # X.0.0 says nothing; what the other server wrote may.
    code = diagnosis if diagnosis and code.endswith(".0.0") else code
    fault = Fault(code_class(code), raw_code=code or raw) if status is ReceiptStatus.FAILED else None
    return Receipt(status, raw_status=raw, occurred_at=occurred_at, client_reference=ours, fault=fault)


def _complaint(parts: list[EmailMessage]) -> list[Receipt]:
    """Somebody called it spam, so it has arrived, and nothing more is to be sent there."""
    ours = _reference(parts)
    block = next((each for part in parts if part.get_content_type() == "message/feedback-report" for each in _fields(part)), None)
    kind = wire.word(_text(block, "Feedback-Type").lower()) if block is not None else ""
    if kind not in {"abuse", "fraud", "opt-out", "opt-out-list", "not-spam"}:
        return [Receipt(ReceiptStatus.UNMAPPED, raw_status=kind or "feedback", occurred_at=None, client_reference=ours)]
    if kind == "not-spam":
        return []
    fault = Fault(ErrorClass.OPTED_OUT, raw_code="complained" if kind in {"abuse", "fraud"} else kind)
    status = ReceiptStatus.DELIVERED if ours else ReceiptStatus.UNMAPPED
    return [Receipt(status, raw_status=kind, occurred_at=None, client_reference=ours, fault=fault)]


def _fields(part: Message) -> Iterator[Message]:
    """A feedback report's fields: the parser takes the part for an attached letter, or for bytes."""
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (each for each in payload if isinstance(each, Message))
    else:
        decoded = part.get_payload(decode=True)
        yield message_from_bytes(decoded if isinstance(decoded, bytes) else b"", policy=default)


def _reference(parts: list[EmailMessage]) -> str:
    """Our reference, from the Message-ID of the letter that came back with the report; all of it or its headers alone."""
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/rfc822":
            texts = [_text(each, "Message-ID") for each in _blocks(part)]
        elif kind in {"text/rfc822-headers", "message/rfc822-headers"}:
            texts = [str(part.get_payload())[:20_000]]
        else:
            continue
        for text in texts:
            if found := _MESSAGE_ID.search(text):
                return wire.reference(found[1])
    return ""


def _text(block: Message, name: str) -> str:
    return str(block.get(name, ""))[:2_000]


def _moment(block: Message, name: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(_text(block, name))
    except (TypeError, ValueError):
        return None
    return wire.instant(at.isoformat()) if at.tzinfo is not None else wire.instant(at.replace(tzinfo=UTC).isoformat())
