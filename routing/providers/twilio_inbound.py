"""What people write by SMS and WhatsApp, as Twilio tells it.

Source: twilio.com/docs/messaging/guides/webhook-request (parameters of an incoming message), and for `OptOutType`
twilio.com/docs/messaging/tutorials/advanced-opt-out.
"""

from __future__ import annotations

from collections.abc import Mapping

from routing.providers import wire
from routing.providers.inbound import Inbound, InboundKind, number, text

STATUSES = frozenset({"receiving", "received"})
"""What an incoming message has instead of a receipt's status."""
_KEYWORDS = {"STOP": "stop", "START": "start", "HELP": "help"}


def read(form: Mapping[str, str]) -> list[Inbound]:
    """The incoming message of a call, if it is one."""
    if wire.word(form.get("SmsStatus") or form.get("MessageStatus")) not in STATUSES:
        return []
    sender = form.get("From", "")
    kind = _kind(form)
    return [
        Inbound(
            kind=kind,
            channel="whatsapp" if sender.startswith("whatsapp:") else "sms",
            raw_kind=wire.word(form.get("MessageType")) or kind,
            provider_id=wire.reference(form.get("MessageSid") or form.get("SmsSid")),
            sender=number(sender),
            user_id=wire.reference(form.get("ExternalUserId")),
            to=wire.word(form.get("To")),
            context=wire.reference(form.get("OriginalRepliedMessageSid")),
            text=text(form.get("ButtonText") or form.get("ListTitle") or form.get("Body")),
            payload=text(form.get("ButtonPayload") or form.get("ListId")),
            keyword=_KEYWORDS.get(form.get("OptOutType", "").upper(), ""),
        )
    ]


def _kind(form: Mapping[str, str]) -> InboundKind:
    if form.get("ButtonPayload") or form.get("ButtonText"):
        return InboundKind.BUTTON
    if form.get("ListId"):
        return InboundKind.LIST
    if form.get("MessageType") == "reaction":
        return InboundKind.REACTION
    if form.get("Latitude"):
        return InboundKind.LOCATION
    if form.get("NumMedia", "0") not in {"", "0"}:
        return InboundKind.MEDIA
    return InboundKind.TEXT if form.get("Body") else InboundKind.UNKNOWN
