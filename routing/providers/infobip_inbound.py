"""What people write by SMS and WhatsApp, as Infobip tells it (infobip.com/docs/api: receive inbound SMS, receive WhatsApp message).

Infobip calls another URL for these, which somebody sets up for the account: the account's callback URL, with the password of HTTP Basic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.providers import wire
from routing.providers.inbound import Inbound, InboundKind, number, text

_KINDS = {
    "TEXT": InboundKind.TEXT,
    "BUTTON": InboundKind.BUTTON,
    "INTERACTIVE_BUTTON_REPLY": InboundKind.BUTTON,
    "INTERACTIVE_LIST_REPLY": InboundKind.LIST,
    "REACTION": InboundKind.REACTION,
    "IMAGE": InboundKind.MEDIA,
    "AUDIO": InboundKind.MEDIA,
    "VOICE": InboundKind.MEDIA,
    "VIDEO": InboundKind.MEDIA,
    "DOCUMENT": InboundKind.MEDIA,
    "STICKER": InboundKind.MEDIA,
    "LOCATION": InboundKind.LOCATION,
    "ORDER": InboundKind.ORDER,
}


def is_one(result: Mapping[str, Any]) -> bool:
    """Whether a result is an inbound message: it was received, and has no status."""
    return "receivedAt" in result and "status" not in result and "seenAt" not in result


def read(result: Mapping[str, Any]) -> Inbound:
    """One inbound result."""
    message = result.get("message")
    content: Mapping[str, Any] = message if isinstance(message, dict) else {"type": "TEXT", "text": result.get("text")}
    raw = wire.word(content.get("type"))
    context = content.get("context")
    is_whatsapp = isinstance(message, dict)
    return Inbound(
        kind=_KINDS.get(raw, InboundKind.UNKNOWN),
        channel="whatsapp" if is_whatsapp else "sms",
        raw_kind=raw,
        provider_id=wire.reference(result.get("messageId")),
        sender=number(result.get("from")),
        to=wire.word(result.get("to")),
        context=wire.reference(context.get("id")) if isinstance(context, dict) else "",
        # `pairedMessageId` is the id of the message that Infobip takes this for an answer to: ours, for we choose them.
        client_reference=wire.reference(result.get("pairedMessageId")),
        text=text(content.get("text") or content.get("title") or content.get("emoji") or content.get("caption")),
        payload=text(content.get("payload") or content.get("id")),
        occurred_at=wire.instant(result.get("receivedAt")),
    )
