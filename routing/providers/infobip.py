"""Infobip: SMS (API v3) and WhatsApp templates out, delivery and seen reports in.

Sources: infobip.com/docs/api/channels/sms (send, delivery reports), infobip.com/docs/api/channels/whatsapp (template messages, reports) and
the exchanges of Infobip's own client. docs/providers/infobip.md tells how to set an account up.

Infobip signs nothing by itself. So each message's report goes to a URL of its own, with a key that only we can make and that is good for
that one message; reports that are set up for the whole account bear a password (HTTP Basic).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from routing.providers import infobip_errors, infobip_inbound, wire
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

USER = "qsura"
"""The user name of a report that is set up for the whole account."""
_LONGEST_VALIDITY = 172_800  # seconds: 48 hours, Infobip's own limit for SMS
_LARGEST_BODY = 1_048_576  # bytes; a report has some six hundred

_STATUSES: dict[str, ReceiptStatus] = {
    "PENDING_ACCEPTED": ReceiptStatus.SUBMITTED,
    "PENDING_ENROUTE": ReceiptStatus.SUBMITTED,
    "PENDING_WAITING_DELIVERY": ReceiptStatus.SENT,  # the operator has it
    "DELIVERED_TO_OPERATOR": ReceiptStatus.SENT,  # its group is DELIVERED, and yet nobody holds it in his hands
    "DELIVERED_TO_HANDSET": ReceiptStatus.DELIVERED,
    "SEEN": ReceiptStatus.READ,  # our word: a seen report has a time and no status
}
_NEGATIVE: dict[str, ReceiptStatus] = {
    "UNDELIVERABLE": ReceiptStatus.UNDELIVERABLE,
    "EXPIRED": ReceiptStatus.EXPIRED,
    "REJECTED": ReceiptStatus.REJECTED,
}
"""By group: a new word in one of these says at least that much."""
_SAID_BEFORE = "REJECTED_DUPLICATE_MESSAGE_ID"


class Infobip(Dialect):
    """SMS and WhatsApp as an adapter."""

    name = "infobip"
    channels = frozenset({"sms", "whatsapp"})
    credential_fields: tuple[str, ...] = ("api_key", "callback_secret", "callback_secret_previous")
    setting_fields: tuple[str, ...] = ("sender",)
    optional_fields = frozenset({"callback_secret_previous"})
    default_base_url = "https://api.infobip.com"
    max_validity_seconds: int | None = _LONGEST_VALIDITY

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Call:
        if not account.settings.get("sender"):
            raise Unsendable("the account has no sender", error_class=ErrorClass.ACCOUNT_FAULT)
        path, message = _say(account, outbound)
        return Call(
            method="POST",
            url=f"{account.base_url.rstrip('/')}{path}",
            headers={
                "authorization": f"App {account.credentials.get('api_key', '')}",
                "content-type": "application/json",
                "accept": "application/json",
            },
            body=orjson.dumps({"messages": [message]}),
        )

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        said = wire.fields(answer.body)
        if not 200 <= answer.status < 300:
            return wire.refusal(answer, _service_error(said), infobip_errors.CLASSES)
        message = next(_each(said, "messages"), {})
        name, group = _status(message)
        if group in _NEGATIVE and name != _SAID_BEFORE:
            return Handoff(fault=_fault(message))
        # A message that it has had before was taken then, and its answer was lost on the way.
        return Handoff(reference=wire.reference(message.get("messageId")))

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """By the password of the whole account, or by the URL's key, which vouches for reports of that one message alone."""
        if incoming.method != "POST" or len(incoming.body) > _LARGEST_BODY:
            raise Forged
        given, reference = incoming.headers.get("authorization"), incoming.query.get("reference", "")
        for secret in wire.secrets(account, "callback_secret", "callback_secret_previous"):
            if given is not None:
                if wire.same(given, wire.basic(USER, secret.decode("utf-8", "surrogatepass"))):
                    return
            elif wire.same(incoming.query.get("key", ""), _key(secret, reference)) and _is_about(incoming.body, reference):
                return
        raise Forged

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """One status for each result. Inbound messages come by another URL at Infobip, and have no status."""
        said = wire.read_json(incoming.body)
        if not isinstance(said, dict) or not isinstance(said.get("results"), list):
            raise Unreadable("no results")
        return [_receipt(result) for result in _each(said, "results") if not infobip_inbound.is_one(result)]

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        """Those results that are inbound messages; the password vouches for them, never the key of a single message's report."""
        if b'"receivedAt"' not in incoming.body:
            return []
        return [infobip_inbound.read(result) for result in _each(wire.fields(incoming.body), "results") if infobip_inbound.is_one(result)]


def _say(account: ProviderAccount, outbound: Outbound) -> tuple[str, dict[str, Any]]:
    """The path, and the message as that API writes it."""
    sender, recipient = account.settings["sender"].removeprefix("+"), outbound.recipient.removeprefix("+")
    url = _report_url(account, outbound.reference)
    match outbound.channel, outbound.content:
        case "sms", Text(text=text) if text:
            return "/sms/3/messages", {
                "sender": sender,
                "destinations": [{"to": recipient, "messageId": outbound.reference}],
                "content": {"text": text},
                "webhooks": {"delivery": {"url": url, "intermediateReport": True}, "contentType": "application/json"},
                **_options(outbound.validity_seconds),
            }
        case "whatsapp", WhatsAppTemplate() as template:
            content = {"templateName": template.name, "templateData": _filled(template), "language": template.language.replace("-", "_")}
            return "/whatsapp/1/message/template", _to_whatsapp(sender, recipient, outbound.reference, url) | {"content": content}
    raise Unsendable("no content for this channel", error_class=ErrorClass.TEMPLATE_FAULT)


def _to_whatsapp(sender: str, recipient: str, reference: str, url: str) -> dict[str, Any]:
    return {"from": sender, "to": recipient, "messageId": reference, "notifyUrl": url}


def _options(validity: int | None) -> dict[str, Any]:
    if validity is None:
        return {}
    return {"options": {"validityPeriod": {"amount": max(1, min(validity, _LONGEST_VALIDITY)), "timeUnit": "SECONDS"}}}


def _filled(template: WhatsAppTemplate) -> dict[str, Any]:
    """Infobip's `templateData` from Meta's components. Its placeholders have an order and no names."""
    said: dict[str, Any] = {"body": {"placeholders": list(template.variables.values())}}
    for component in template.components:
        parameters = component.get("parameters") or [{}]
        match component.get("type"):
            case "header":
                said["header"] = _header(parameters[0])
            case "button":
                said.setdefault("buttons", []).append(_button(component, parameters[0]))
    return said


def _header(parameter: Mapping[str, Any]) -> dict[str, Any]:
    kind = parameter.get("type", "")
    if kind == "text":
        return {"type": "TEXT", "placeholder": parameter.get("text", "")}
    media = parameter.get(kind) or {}
    if kind == "location":
        return {"type": "LOCATION", "latitude": media.get("latitude"), "longitude": media.get("longitude")}
    name = {"filename": media["filename"]} if media.get("filename") else {}
    return {"type": kind.upper(), "mediaUrl": media.get("link", ""), **name}


def _button(component: Mapping[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": str(component.get("sub_type", "")).upper(),
        "parameter": parameter.get("text") or parameter.get("payload") or parameter.get("coupon_code") or "",
    }


def _report_url(account: ProviderAccount, reference: str) -> str:
    secret = next(wire.secrets(account, "callback_secret"), b"")
    query = urlencode({"reference": reference, "key": _key(secret, reference)})
    return f"{account.callback_url}{'&' if '?' in account.callback_url else '?'}{query}"


def _key(secret: bytes, reference: str) -> str:
    return hmac.digest(secret, b"infobip report of " + wire.encode(reference), hashlib.sha256).hex()


def _is_about(body: bytes, reference: str) -> bool:
    """Whether it speaks of that message, and of no other."""
    try:
        told = {wire.reference(result.get("messageId")) for result in _each(wire.read_json(body), "results")}
    except Unreadable:
        return False
    return bool(reference) and told <= {reference}


def _each(said: Any, name: str) -> Iterator[Mapping[str, Any]]:
    rows = said.get(name) if isinstance(said, dict) else None
    return (row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else iter(())


def _service_error(said: Any) -> str:
    """`requestError.serviceException.messageId`: UNAUTHORIZED, TOO_MANY_REQUESTS, ..."""
    error = said.get("requestError") if isinstance(said, dict) else None
    exception = error.get("serviceException") if isinstance(error, dict) else None
    return wire.word(exception.get("messageId")) if isinstance(exception, dict) else ""


def _status(result: Mapping[str, Any]) -> tuple[str, str]:
    """The status's name and its group's."""
    said = result.get("status")
    return (wire.word(said.get("name")), wire.word(said.get("groupName"))) if isinstance(said, dict) else ("", "")


def _receipt(result: Mapping[str, Any]) -> Receipt:
    reference = wire.reference(result.get("messageId"))
    name, group = _status(result)
    seen = result.get("seenAt")
    raw = name or ("SEEN" if seen else "")
    status = _STATUSES.get(raw) or _NEGATIVE.get(group, ReceiptStatus.UNMAPPED)
    if not reference:
        status = ReceiptStatus.UNMAPPED
    return Receipt(
        status,
        raw_status=raw,
        occurred_at=wire.instant(seen or result.get("doneAt") or result.get("sentAt")),
        # The id is the one that we gave.
        client_reference=reference,
        provider_reference=reference,
        fault=_fault(result) if status in _NEGATIVE.values() else None,
    )


def _fault(result: Mapping[str, Any]) -> Fault:
    """By the error's name where there is one, else by the status's."""
    error = result.get("error")
    name = wire.word(error.get("name")) if isinstance(error, dict) else ""
    code = name if name and name != "NO_ERROR" else _status(result)[0]
    return Fault(wire.error_class(code.upper(), infobip_errors.CLASSES), raw_code=code or "rejected")
