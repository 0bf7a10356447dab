"""What people write on WhatsApp, as Meta tells it.

Sources: the webhook `messages` of the Cloud API (facebook/openapi, business messaging API v23.0, webhook examples), and the webhook
`user_preferences` (developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from routing.providers import wire
from routing.providers.base import Incoming, Unreadable
from routing.providers.inbound import Inbound, InboundKind, number, text

_KINDS = {
    "text": InboundKind.TEXT,
    "button": InboundKind.BUTTON,
    "reaction": InboundKind.REACTION,
    "image": InboundKind.MEDIA,
    "audio": InboundKind.MEDIA,
    "video": InboundKind.MEDIA,
    "document": InboundKind.MEDIA,
    "sticker": InboundKind.MEDIA,
    "location": InboundKind.LOCATION,
    "order": InboundKind.ORDER,
    "button_reply": InboundKind.BUTTON,
    "list_reply": InboundKind.LIST,
    "nfm_reply": InboundKind.LIST,  # a flow that was filled in
}
_WISHES = {"stop": InboundKind.OPT_OUT, "resume": InboundKind.OPT_IN}


def read(incoming: Incoming) -> list[Inbound]:
    """Never raises; empty for a call that brings nothing from people."""
    if b'"messages"' not in incoming.body and b'"user_preferences"' not in incoming.body:
        return []
    try:
        said = wire.read_json(incoming.body)
    except Unreadable:
        return []
    return [one for value in _values(said) for one in (*_messages(value), *_wishes(value))]


def _values(said: Any) -> Iterator[Mapping[str, Any]]:
    for entry in _objects(said, "entry"):
        for change in _objects(entry, "changes"):
            yield _object(change, "value")


def _messages(value: Mapping[str, Any]) -> Iterator[Inbound]:
    contacts = _objects(value, "contacts")
    users = {wire.reference(contact.get("wa_id")): wire.reference(contact.get("user_id")) for contact in contacts}
    for message in _objects(value, "messages"):
        yield _message(message, users, _object(value, "metadata"))


def _message(message: Mapping[str, Any], users: Mapping[str, str], metadata: Mapping[str, Any]) -> Inbound:
    raw = wire.word(message.get("type"))
    content = _object(message, raw)
    if raw == "interactive":
        raw = wire.word(content.get("type")) or raw
        content = _object(content, raw)
    kind, sender = _KINDS.get(raw, InboundKind.UNKNOWN), wire.reference(message.get("from"))
    return Inbound(
        kind=kind,
        channel="whatsapp",
        raw_kind=raw,
        provider_id=wire.reference(message.get("id")),
        sender=number(sender),
        user_id=wire.reference(message.get("from_user_id")) or users.get(sender, ""),
        to=wire.word(metadata.get("display_phone_number")),
        to_id=wire.word(metadata.get("phone_number_id")),
        context=wire.reference(content.get("message_id") if raw == "reaction" else _object(message, "context").get("id")),
        text=_text(content),
        payload=text(content.get("payload") or content.get("id") or content.get("response_json")) if kind in _CHOSEN else "",
        occurred_at=wire.moment(message.get("timestamp")),
    )


_CHOSEN = frozenset({InboundKind.BUTTON, InboundKind.LIST})


def _text(content: Mapping[str, Any]) -> str:
    """What was written, or what the person saw of what they chose."""
    found = (text(content.get(name)) for name in ("body", "text", "title", "emoji", "caption", "name"))
    return next((each for each in found if each), "")


def _wishes(value: Mapping[str, Any]) -> Iterator[Inbound]:
    """Who stops or resumes advertising in WhatsApp itself."""
    metadata = _object(value, "metadata")
    for wish in _objects(value, "user_preferences"):
        raw, moment = wire.word(wish.get("value")), wire.word(wish.get("timestamp"))
        if raw in _WISHES and wire.word(wish.get("category")) == "marketing_messages":
            sender = wire.reference(wish.get("wa_id"))
            yield Inbound(
                kind=_WISHES[raw],
                channel="whatsapp",
                raw_kind=raw,
                provider_id=f"{raw}:{sender or wire.reference(wish.get('user_id'))}:{moment}",
                sender=number(sender),
                user_id=wire.reference(wish.get("user_id")),
                to=wire.word(metadata.get("display_phone_number")),
                to_id=wire.word(metadata.get("phone_number_id")),
                category="marketing",
                occurred_at=wire.moment(wish.get("timestamp")),
            )


def _objects(said: Any, name: str) -> list[Mapping[str, Any]]:
    found = said.get(name) if isinstance(said, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}
