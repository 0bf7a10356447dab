"""What people write by SMS and WhatsApp, as Vonage's Messages API tells it (developer.vonage.com/en/api/messages, inbound message)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.providers import wire
from routing.providers.inbound import Inbound, InboundKind, number, text

_KINDS = {
    "text": InboundKind.TEXT,
    "button": InboundKind.BUTTON,
    "reply": InboundKind.BUTTON,
    "reaction": InboundKind.REACTION,
    "image": InboundKind.MEDIA,
    "audio": InboundKind.MEDIA,
    "video": InboundKind.MEDIA,
    "file": InboundKind.MEDIA,
    "sticker": InboundKind.MEDIA,
    "location": InboundKind.LOCATION,
    "order": InboundKind.ORDER,
}


def read(said: Mapping[str, Any]) -> list[Inbound]:
    """The inbound message of a call, if it is one: it has a type, and no status."""
    raw = wire.word(said.get("message_type"))
    if "status" in said or not raw:
        return []
    content = _object(said, raw)
    whatsapp = _object(said, "whatsapp")
    return [
        Inbound(
            kind=_KINDS.get(raw, InboundKind.UNKNOWN),
            channel="whatsapp" if said.get("channel") == "whatsapp" else "sms",
            raw_kind=raw,
            provider_id=wire.reference(said.get("message_uuid")),
            sender=number(said.get("from")),
            user_id=wire.reference(_object(whatsapp, "sender").get("user_id")),
            to=wire.word(said.get("to")),
            context=wire.reference(_object(said, "context").get("message_uuid")),
            text=text(said.get("text") or content.get("text") or content.get("title") or content.get("emoji") or content.get("caption")),
            payload=text(content.get("payload") or (content.get("id") if raw == "reply" else "")),
            occurred_at=wire.instant(said.get("timestamp")),
        )
    ]


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}
