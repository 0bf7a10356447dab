"""Meta's WhatsApp Cloud API: templates and texts out, signed status webhooks in.

Sources: the official OpenAPI description (facebook/openapi, business messaging API v23.0) and the status webhook's reference
(developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status). docs/providers/meta.md tells how
to set an account up.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson

from routing.providers import meta_errors, meta_inbound, meta_templates, wire
from routing.providers.base import (
    Answer,
    Call,
    Content,
    ErrorClass,
    Fault,
    Forged,
    Handoff,
    Incoming,
    Outbound,
    ProviderAccount,
    Receipt,
    ReceiptStatus,
    Registrar,
    TemplateNews,
    Text,
    Unreadable,
    Unsendable,
    WhatsAppTemplate,
)
from routing.providers.dialect import Dialect
from routing.providers.inbound import Inbound

_STATUSES: dict[str, ReceiptStatus] = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,  # left out when the person reads at once: `read` implies it
    "read": ReceiptStatus.READ,
    "played": ReceiptStatus.READ,  # a voice message was heard, which says as much
    "failed": ReceiptStatus.FAILED,
}
_SILENT = frozenset({"deleted"})  # known, and says nothing of the delivery


class Meta(Dialect):
    """The Cloud API as an adapter."""

    name = "meta"
    channels = frozenset({"whatsapp"})
    credential_fields: tuple[str, ...] = ("access_token", "app_secret", "verify_token", "app_secret_previous")
    setting_fields: tuple[str, ...] = ("phone_number_id", "waba_id", "display_number", "api_version")
    optional_fields = frozenset({"app_secret_previous", "display_number", "api_version"})
    default_base_url = "https://graph.facebook.com"
    calls_again_for = timedelta(days=7)
    max_validity_seconds: int | None = None  # a template's own property at Meta, not a message's
    registrar: Registrar | None = meta_templates.MetaRegistrar()

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Call:
        message = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": outbound.recipient,
            **_say(outbound.content),
            "biz_opaque_callback_data": outbound.reference,
        }
        return _call(account, "phone_number_id", "messages", message)

    def subscribe(self, account: ProviderAccount) -> Call:
        """Sends this WhatsApp Business Account's webhooks to the account's own URL, whatever the app's default is."""
        override = {"override_callback_uri": account.callback_url, "verify_token": account.credentials.get("verify_token", "")}
        return _call(account, "waba_id", "subscribed_apps", override)

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        said = wire.fields(answer.body)
        if 200 <= answer.status < 300:
            return _taken(said)
        return _refused(answer, said)

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """`X-Hub-Signature-256: sha256=<hex>` over the raw body. Upper-case hex is not what Meta sends, and is refused."""
        given = incoming.headers.get("x-hub-signature-256", "")
        for secret in wire.secrets(account, "app_secret", "app_secret_previous"):
            if wire.same(given, "sha256=" + hmac.digest(secret, incoming.body, hashlib.sha256).hex()):
                return
        raise Forged

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """Only what is said of messages that we sent: inbound messages and news of templates are not receipts."""
        said = wire.read_json(incoming.body)
        if not isinstance(said, dict) or not isinstance(said.get("entry"), list):
            raise Unreadable("no entries")
        return [_receipt(status) for status in _statuses(said["entry"]) if not _is_silent(status)]

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        return meta_inbound.read(incoming)

    def read_news(self, incoming: Incoming) -> list[TemplateNews]:
        return meta_templates.read_news(incoming)

    def handshake(self, account: ProviderAccount, incoming: Incoming) -> str | None:
        query = incoming.query
        if incoming.method != "GET" or "hub.mode" not in query:
            return None
        token, challenge = account.credentials.get("verify_token", ""), query.get("hub.challenge", "")
        if not token or not wire.same(query.get("hub.verify_token", ""), token) or query["hub.mode"] != "subscribe" or not challenge:
            raise Forged
        return challenge


def _call(account: ProviderAccount, owner: str, edge: str, body: Mapping[str, Any]) -> Call:
    object_id = account.settings.get(owner, "")
    if not object_id:
        raise Unsendable(f"the account has no {owner}", error_class=ErrorClass.ACCOUNT_FAULT)
    version = account.settings.get("api_version") or meta_templates.API_VERSION
    return Call(
        method="POST",
        url=f"{account.base_url.rstrip('/')}/{version}/{object_id}/{edge}",
        headers={"authorization": f"Bearer {account.credentials.get('access_token', '')}", "content-type": "application/json"},
        body=orjson.dumps(body),
    )


def _say(content: Content) -> dict[str, Any]:
    match content:
        case WhatsAppTemplate():
            return {"type": "template", "template": _template(content)}
        case Text():
            return {"type": "text", "text": {"body": content.text, "preview_url": False}}
    raise Unsendable("WhatsApp carries templates and texts", error_class=ErrorClass.TEMPLATE_FAULT)


def _template(content: WhatsAppTemplate) -> dict[str, Any]:
    # Meta writes en_US where BCP 47 writes en-US.
    template: dict[str, Any] = {"name": content.name, "language": {"code": content.language.replace("-", "_")}}
    if content.components:
        template["components"] = [dict(component) for component in content.components]
    return template


def _taken(said: Any) -> Handoff:
    """`accepted` and `held_for_quality_assessment` (Meta samples a new template before it sends the rest) both are taken."""
    message = _first(said, "messages")
    status = wire.word(message.get("message_status"))
    if status == "paused":  # the template was paused: this message is not on its way, id or no id
        return Handoff(fault=Fault(ErrorClass.TEMPLATE_FAULT, raw_code="paused"))
    return Handoff(reference=wire.reference(message.get("id")))


def _refused(answer: Answer, said: Any) -> Handoff:
    found = said.get("error") if isinstance(said, dict) else None
    error = found if isinstance(found, dict) else {}
    code, subcode = wire.word(error.get("code")), wire.word(error.get("error_subcode"))
    narrower = meta_errors.SUBCLASSES.get((code, subcode))
    if narrower is not None:
        return Handoff(fault=Fault(narrower, raw_code=f"{code}/{subcode}"))
    return wire.refusal(answer, code, meta_errors.CLASSES)


def _statuses(entries: list[Any]) -> Iterator[Any]:
    for entry in entries:
        for change in _list(entry, "changes"):
            yield from _list(change.get("value") if isinstance(change, dict) else None, "statuses")


def _is_silent(status: Any) -> bool:
    return isinstance(status, dict) and wire.word(status.get("status")) in _SILENT


def _receipt(status: Any) -> Receipt:
    if not isinstance(status, dict):
        return Receipt(ReceiptStatus.UNMAPPED, raw_status="", occurred_at=None)
    raw = wire.word(status.get("status"))
    ours, theirs = wire.reference(status.get("biz_opaque_callback_data")), wire.reference(status.get("id"))
    known = _STATUSES.get(raw, ReceiptStatus.UNMAPPED) if ours or theirs else ReceiptStatus.UNMAPPED
    return Receipt(
        status=known,
        raw_status=raw,
        occurred_at=wire.moment(status.get("timestamp")),
        client_reference=ours,
        provider_reference=theirs,
        fault=_fault(status, raw) if known is ReceiptStatus.FAILED else None,
    )


def _fault(status: Mapping[str, Any], raw: str) -> Fault:
    code = wire.word(_first(status, "errors").get("code"))
    return Fault(wire.error_class(code, meta_errors.CLASSES), raw_code=code or raw)


def _first(said: Any, name: str) -> Mapping[str, Any]:
    """The first object of a list; an empty one where there is none."""
    found = _list(said, name)
    return found[0] if found and isinstance(found[0], dict) else {}


def _list(said: Any, name: str) -> list[Any]:
    found = said.get(name) if isinstance(said, dict) else None
    return found if isinstance(found, list) else []
