"""Vonage's Messages API: SMS and WhatsApp out, signed status webhooks in.

Sources: the API's reference (developer.vonage.com/en/api/messages), its status webhooks (developer.vonage.com/en/messages/concepts/
message-status) and signed webhooks (developer.vonage.com/en/getting-started/concepts/webhooks). docs/providers/vonage.md tells how to set
an account up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from routing.providers import vonage_errors, vonage_inbound, wire
from routing.providers.base import (
    Answer,
    Call,
    ErrorClass,
    Fault,
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
    WhatsAppTemplate,
)
from routing.providers.dialect import Dialect
from routing.providers.inbound import Inbound

_LONGEST_TTL = 259_200  # seconds: 72 hours, Vonage's default for SMS
_LARGEST_TOKEN = 4_096  # bytes of a webhook's token; a genuine one has some four hundred
_HEADERS = {"content-type": "application/json", "accept": "application/json"}

_STATUSES: dict[str, ReceiptStatus] = {
    "submitted": ReceiptStatus.SENT,  # handed on to the operator; that Vonage has it, its answer said
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "rejected": ReceiptStatus.REJECTED,
    "undeliverable": ReceiptStatus.UNDELIVERABLE,
}
_NEGATIVE = frozenset({ReceiptStatus.REJECTED, ReceiptStatus.UNDELIVERABLE})


class Vonage(Dialect):
    """The Messages API as an adapter."""

    name = "vonage"
    channels = frozenset({"sms", "whatsapp"})
    credential_fields: tuple[str, ...] = ("api_secret", "signature_secret", "signature_secret_previous")
    setting_fields: tuple[str, ...] = ("api_key", "sender")
    optional_fields = frozenset({"signature_secret_previous"})
    default_base_url = "https://api.nexmo.com"
    calls_again_for = timedelta(hours=24)
    max_validity_seconds: int | None = _LONGEST_TTL

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Call:
        key, sender = account.settings.get("api_key", ""), account.settings.get("sender", "")
        if not key or not sender:
            raise Unsendable("the account has no api_key or no sender", error_class=ErrorClass.ACCOUNT_FAULT)
        message = {
            "channel": outbound.channel,
            "to": outbound.recipient.removeprefix("+"),
            "from": sender.removeprefix("+"),
            **_say(outbound),
            "client_ref": outbound.reference,
            "webhook_url": account.callback_url,
            "webhook_version": "v1",
        }
        return Call(
            method="POST",
            url=f"{account.base_url.rstrip('/')}/v1/messages",
            headers={"authorization": wire.basic(key, account.credentials.get("api_secret", "")), **_HEADERS},
            body=orjson.dumps(message),
        )

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        fields = wire.fields(answer.body)
        if 200 <= answer.status < 300:
            return Handoff(reference=wire.reference(fields.get("message_uuid")))
        return wire.refusal(answer, _code(fields), vonage_errors.CLASSES)

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """`Authorization: Bearer <JWT>`, HS256, whose `payload_hash` is the SHA-256 of the raw body."""
        scheme, _, token = incoming.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or len(token) > _LARGEST_TOKEN:
            raise Forged
        for secret in wire.secrets(account, "signature_secret", "signature_secret_previous"):
            if _covers(token, incoming.body, secret=secret):
                return
        raise Forged

    def signed_at(self, account: ProviderAccount, incoming: Incoming) -> datetime | None:
        """The token's `iat`."""
        _, _, token = incoming.headers.get("authorization", "").partition(" ")
        return wire.moment(_part(token.split(".")[1]).get("iat")) if token.count(".") == 2 else None

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """One status a call. An inbound message, which comes by the same kind of call, has no status and is none."""
        said = wire.read_json(incoming.body)
        if not isinstance(said, dict) or not wire.word(said.get("message_uuid")):
            raise Unreadable("no message_uuid")
        return [_receipt(said)] if "status" in said else []

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        """One a call, at the URL that the application or the number is set up with: the account's callback URL."""
        return vonage_inbound.read(wire.fields(incoming.body)) if b'"message_type"' in incoming.body else []


def _say(outbound: Outbound) -> dict[str, Any]:
    match outbound.channel, outbound.content:
        case "whatsapp", WhatsAppTemplate() as template:
            # `custom` passes Meta's own words through, so that headers and buttons arrive as they were approved.
            language = {"policy": "deterministic", "code": template.language.replace("-", "_")}
            body = {"name": template.name, "language": language, "components": [dict(part) for part in template.components]}
            return {"message_type": "custom", "custom": {"type": "template", "template": body}}
        case "whatsapp", Text(text=text) if text:
            return {"message_type": "text", "text": text}
        case "sms", Text(text=text) if text:
            # Without a ttl Vonage tries for three days.
            ttl = {} if outbound.validity_seconds is None else {"ttl": max(1, min(outbound.validity_seconds, _LONGEST_TTL))}
            return {"message_type": "text", "text": text, **ttl}
    raise Unsendable("no content for this channel", error_class=ErrorClass.TEMPLATE_FAULT)


def _code(said: Mapping[str, Any]) -> str:
    """The number at the end of the error's `type`, else the title: `.../api-errors/messages#1430`, or `.../api-errors#throttled`."""
    kind = said.get("type")
    fragment = kind.rpartition("#")[2] if isinstance(kind, str) and "#" in kind else ""
    return wire.word(fragment) or wire.word(said.get("title"))


def _covers(token: str, body: bytes, *, secret: bytes) -> bool:
    """Whether this token was made with that secret for this very body."""
    content, _, signature = token.rpartition(".")
    expected = base64.urlsafe_b64encode(hmac.digest(secret, wire.encode(content), hashlib.sha256)).rstrip(b"=").decode()
    if not wire.same(signature, expected):
        return False
    header, _, claims = content.partition(".")
    payload_hash = _part(claims).get("payload_hash")
    # The algorithm is ours to choose and never the token's; it is looked at so that a token of another kind is not misread.
    return (
        _part(header).get("alg") == "HS256" and isinstance(payload_hash, str) and wire.same(payload_hash, hashlib.sha256(body).hexdigest())
    )


def _part(text: str) -> dict[str, Any]:
    """A JWT's header or claims; empty for what is neither."""
    try:
        return wire.fields(base64.urlsafe_b64decode(wire.encode(text) + b"=" * (-len(text) % 4)))
    except ValueError:
        return {}


def _receipt(said: Mapping[str, Any]) -> Receipt:
    raw = wire.word(said.get("status"))
    ours, theirs = wire.reference(said.get("client_ref")), wire.reference(said.get("message_uuid"))
    status = _STATUSES.get(raw, ReceiptStatus.UNMAPPED) if ours or theirs else ReceiptStatus.UNMAPPED
    fault = _fault(said.get("error"), raw) if status in _NEGATIVE else None
    if fault is not None and fault.error_class is ErrorClass.EXPIRED:
        status = ReceiptStatus.EXPIRED
    return Receipt(
        status,
        raw_status=raw,
        occurred_at=wire.instant(said.get("timestamp")),
        client_reference=ours,
        provider_reference=theirs,
        fault=fault,
    )


def _fault(error: object, raw: str) -> Fault:
    """Vonage writes `error` flat on its pages, and in some webhooks once more inside itself."""
    said = error if isinstance(error, dict) else {}
    inner = said.get("error")
    code = _code(inner if isinstance(inner, dict) else said)
    return Fault(wire.error_class(code, vonage_errors.CLASSES), raw_code=code or raw)
