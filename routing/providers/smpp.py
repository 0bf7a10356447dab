"""SMPP 3.4: SMS straight to an operator's SMSC. docs/providers/smpp.md tells how to set an account up.

The adapter speaks in whole PDUs and opens no socket: a Submission's body is the message's submit_sm in a row, an Answer's body is their
answers in the same order. The session process (`manage.py smpp`) carries them, and keeps what the SMSC brings: calls whose body is a PDU.

Source: Short Message Peer to Peer Protocol Specification v3.4, issue 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from routing.providers import inbound, smpp_errors, smpp_pdu, smpp_receipts, smpp_settings, smpp_text
from routing.providers.base import (
    Answer,
    Call,
    ErrorClass,
    Forged,
    Handoff,
    Incoming,
    Outbound,
    ProviderAccount,
    Receipt,
    ReceiptStatus,
    Text,
    Unreadable,
    Unsendable,
)
from routing.providers.dialect import Dialect
from routing.providers.inbound import Inbound, InboundKind
from routing.providers.smpp_pdu import Message, Pdu

SCHEME = "smpp:"
"""Calls that the session process keeps were made to no URL; this stands instead, and behind it what the PDU itself does not say."""
_LONGEST_VALIDITY = 14 * 86_400  # seconds; more days than a month has can't be told without a calendar
_DELIVERY_RECEIPT = 1


@dataclass(frozen=True, slots=True)
class Submission(Call):
    """A message for an SMSC: what the session of that account is to submit."""

    account_id: str = ""
    reference: str = ""


class Smpp(Dialect):
    """An SMSC as an adapter."""

    name = "smpp"
    channels = frozenset({"sms"})
    credential_fields: tuple[str, ...] = ("password",)
    setting_fields: tuple[str, ...] = smpp_settings.FIELDS
    optional_fields = smpp_settings.OPTIONAL
    default_base_url = SCHEME
    """Where it is, its settings say."""
    max_validity_seconds: int | None = _LONGEST_VALIDITY
    setting_choices: Mapping[str, tuple[str, ...]] = smpp_settings.CHOICES

    def judge(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """What is wrong with an account's settings, by name."""
        return smpp_settings.judge(settings)

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Submission:
        try:
            line = smpp_settings.read(account.settings)
        except smpp_settings.Wrong as wrong:
            raise Unsendable(str(wrong), error_class=ErrorClass.ACCOUNT_FAULT) from wrong
        if outbound.channel != "sms" or not isinstance(outbound.content, Text) or not outbound.content.text:
            raise Unsendable("no content for this channel", error_class=ErrorClass.TEMPLATE_FAULT)
        coded = smpp_text.code(outbound.content.text, alphabet=line.alphabet)
        envelope = Message(
            source=line.sender,
            destination=line.recipient(outbound.recipient),
            validity=_validity(outbound.validity_seconds),
            registered_delivery=_DELIVERY_RECEIPT,
        )
        parts = smpp_text.fill(envelope, coded, way=line.long_messages, reference=outbound.reference)
        if len(parts) > smpp_text.MOST_PARTS:
            raise Unsendable("a text of more parts than SMS can number", error_class=ErrorClass.TEMPLATE_FAULT)
        return Submission(
            method="SUBMIT",
            url=f"{SCHEME}//{line.host}:{line.port}",
            headers={},
            account_id=account.id,
            reference=outbound.reference,
            body=b"".join(Pdu(smpp_pdu.SUBMIT_SM, body=smpp_pdu.write_message(part)).encode() for part in parts),
        )

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        """One submit_sm_resp for each part. One refused part refuses the whole; one without an id leaves it unknown."""
        try:
            answers = list(smpp_pdu.split(answer.body))
        except smpp_pdu.Broken:
            return Handoff()
        for each in answers:
            if each.status != smpp_errors.OK:
                return Handoff(fault=smpp_errors.fault(each.status))
        ids = tuple(smpp_receipts.canonical(smpp_pdu.read_id(each.body)) for each in answers)
        if not ids or not all(ids) or any(each.command != smpp_pdu.SUBMIT_SM | smpp_pdu.ANSWER for each in answers):
            return Handoff()
        return Handoff(reference=ids[0], parts=ids if len(ids) > 1 else ())

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """Nobody calls an SMPP account by HTTP."""
        raise Forged

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """One receipt for each deliver_sm or data_sm; none for somebody's own message, and none for what an SMSC brings besides."""
        try:
            pdu = smpp_pdu.decode(incoming.body)
            if pdu.command == smpp_pdu.SUBMIT_SM | smpp_pdu.ANSWER:
                return [_late_answer(pdu, incoming)]
            message = _delivered(pdu)
        except smpp_pdu.Broken as error:
            raise Unreadable(str(error)) from error
        if message is None or not smpp_receipts.is_receipt(message):
            return []
        return [smpp_receipts.read(message, smpp_receipts.dialect(account.settings))]

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        """Somebody's own message. One in several parts is that many, each with its part of the text."""
        try:
            message = _delivered(smpp_pdu.decode(incoming.body))
        except smpp_pdu.Broken:
            return []
        if message is None or smpp_receipts.is_receipt(message):
            return []
        text = smpp_text.read(message, alphabet=account.settings.get("alphabet", ""))
        sender, to = inbound.number(message.source.text), inbound.number(message.destination.text)
        return [Inbound(InboundKind.TEXT, "sms", "deliver_sm", sender=sender, to=to or message.destination.text, text=inbound.text(text))]


def _delivered(pdu: Pdu) -> Message | None:
    """What an SMSC brings, if it brings something; raises Broken."""
    return smpp_pdu.read_delivered(pdu) if pdu.command in (smpp_pdu.DELIVER_SM, smpp_pdu.DATA_SM) else None


def brought(pdu: Pdu, *, at: str) -> tuple[str, bytes]:
    """What an SMSC has brought, as a call is kept: its URL and its body.

    A receipt that is brought again is the same call again, so its sequence number is left out. Two messages of one person may say the same,
    so these also bear `at`, when they came.
    """
    try:
        is_receipt = smpp_receipts.is_receipt(smpp_pdu.read_delivered(pdu))
    except smpp_pdu.Broken:
        is_receipt = True
    return SCHEME if is_receipt else f"{SCHEME}?received_at={at}", pdu.numbered(0).encode()


def answered_late(pdu: Pdu, *, reference: str) -> tuple[str, bytes]:
    """The answer to a submit_sm for which nobody waits any more, as a call is kept: it settles an outcome that is unknown."""
    return f"{SCHEME}?reference={reference}", pdu.numbered(0).encode()


def _late_answer(pdu: Pdu, incoming: Incoming) -> Receipt:
    ours = incoming.query.get("reference", "")
    if pdu.status != smpp_errors.OK:
        fault = smpp_errors.fault(pdu.status)
        return Receipt(ReceiptStatus.REJECTED, fault.raw_code, None, client_reference=ours, fault=fault)
    theirs = smpp_receipts.canonical(smpp_pdu.read_id(pdu.body))
    return Receipt(ReceiptStatus.SUBMITTED, smpp_errors.name(pdu.status), None, client_reference=ours, provider_reference=theirs)


def _validity(seconds: int | None) -> str:
    """As a span (7.1.1.2): years, months, days, hours, minutes, seconds, and R; empty for the SMSC's own."""
    if seconds is None:
        return ""
    minutes, second = divmod(max(1, min(seconds, _LONGEST_VALIDITY)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"0000{days:02}{hour:02}{minute:02}{second:02}000R"
