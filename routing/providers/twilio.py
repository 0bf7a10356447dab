"""Twilio's Messages API: SMS and WhatsApp out, signed status callbacks in.

Sources: the official OpenAPI description (twilio/twilio-oai, 2010-04-01 Messages), twilio.com/docs/usage/security (signatures) and
twilio.com/docs/messaging/api/message-resource (statuses). docs/providers/twilio.md tells how to set an account up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import parse_qsl, urlencode

import orjson

from routing.providers import twilio_content, twilio_errors, twilio_inbound, wire
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
    Registrar,
    Text,
    Unreadable,
    Unsendable,
    WhatsAppTemplate,
)
from routing.providers.dialect import Dialect
from routing.providers.inbound import Inbound

_LARGEST_BODY = 1_048_576  # a callback is a form of some twenty fields; more is nobody's receipt
_MOST_FIELDS = 500
_LONGEST_VALIDITY = 36_000  # seconds; older pages say 14,400
_URL = re.compile(r"(?P<scheme>https?)://(?P<user>[^/?#]*@)?(?P<host>\[[^\]/?#]*\]|[^:/?#]*)(?P<port>:\d+)?(?P<rest>.*)", re.S | re.I)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

_STATUSES: dict[str, ReceiptStatus] = {
    "accepted": ReceiptStatus.SUBMITTED,
    "scheduled": ReceiptStatus.SUBMITTED,
    "queued": ReceiptStatus.SUBMITTED,
    "sending": ReceiptStatus.SUBMITTED,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "undelivered": ReceiptStatus.UNDELIVERABLE,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,  # somebody cancelled it at Twilio: it will not arrive
}
_NEGATIVE = frozenset({ReceiptStatus.UNDELIVERABLE, ReceiptStatus.FAILED})


class Twilio(Dialect):
    """The Messages API as an adapter."""

    name = "twilio"
    channels = frozenset({"sms", "whatsapp"})
    credential_fields: tuple[str, ...] = ("auth_token", "auth_token_previous")
    setting_fields: tuple[str, ...] = ("account_sid", "sender", "messaging_service_sid")
    optional_fields = frozenset({"auth_token_previous", "sender", "messaging_service_sid"})  # one of the last two is needed
    default_base_url = "https://api.twilio.com"
    max_validity_seconds: int | None = _LONGEST_VALIDITY
    registrar: Registrar | None = twilio_content.TwilioRegistrar()

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Call:
        sid = account.settings.get("account_sid", "")
        if not sid:
            raise Unsendable("the account has no account_sid", error_class=ErrorClass.ACCOUNT_FAULT)
        form = {
            "To": _address(outbound.recipient, outbound.channel),
            **_sender(account, outbound.channel),
            **_say(outbound),
            "StatusCallback": _callback(account.callback_url, outbound.reference),
        }
        if outbound.validity_seconds is not None:
            form["ValidityPeriod"] = str(max(1, min(outbound.validity_seconds, _LONGEST_VALIDITY)))
        return Call(
            method="POST",
            url=f"{account.base_url.rstrip('/')}/2010-04-01/Accounts/{sid}/Messages.json",
            headers={
                "authorization": wire.basic(sid, account.credentials.get("auth_token", "")),
                "content-type": "application/x-www-form-urlencoded",
            },
            body=urlencode(form).encode(),
        )

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        fields = wire.fields(answer.body)
        if not 200 <= answer.status < 300:
            return wire.refusal(answer, wire.word(fields.get("code")), twilio_errors.CLASSES)
        status = _STATUSES.get(wire.word(fields.get("status")))
        if status in _NEGATIVE:  # created and failed at once; no callback follows for a first status
            return Handoff(fault=_fault(wire.word(fields.get("error_code")), wire.word(fields.get("status"))))
        return Handoff(reference=wire.reference(fields.get("sid")))

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """`X-Twilio-Signature`: base64 HMAC-SHA1 over the URL as called, then the form's names and values in order of name."""
        given = incoming.headers.get("x-twilio-signature", "")
        signed = _signed_beside_url(incoming)
        for token in wire.secrets(account, "auth_token", "auth_token_previous"):
            for url in _spellings(incoming.url):
                digest = hmac.digest(token, wire.encode(url + signed), hashlib.sha1)
                if wire.same(given, base64.b64encode(digest).decode()):
                    return
        raise Forged

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """One status a call. Twilio tells no time of its own (RawDlrDoneDate is the operator's local time, of an unnamed zone)."""
        try:
            form = dict(_fields(incoming.body))
        except ValueError as error:
            raise Unreadable("not a form") from error
        raw = wire.word(form.get("MessageStatus") or form.get("SmsStatus"))
        if not raw:
            raise Unreadable("no status")
        if raw in twilio_inbound.STATUSES:
            return []
        return [_receipt(raw, form, incoming)]

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        """One a call. Twilio calls the URL that is set up for the number: the account's callback URL."""
        try:
            return twilio_inbound.read(dict(_fields(incoming.body))) if b"ceiv" in incoming.body else []
        except ValueError:
            return []


def _address(number: str, channel: str) -> str:
    return f"whatsapp:{number}" if channel == "whatsapp" else number


def _sender(account: ProviderAccount, channel: str) -> dict[str, str]:
    service, sender = account.settings.get("messaging_service_sid", ""), account.settings.get("sender", "")
    if not service and not sender:
        raise Unsendable("the account has neither sender nor messaging_service_sid", error_class=ErrorClass.ACCOUNT_FAULT)
    said = {"MessagingServiceSid": service} if service else {}
    return said | ({"From": _address(sender.removeprefix("whatsapp:"), channel)} if sender else {})


def _say(outbound: Outbound) -> dict[str, str]:
    match outbound.channel, outbound.content:
        case "whatsapp", WhatsAppTemplate(provider_ids={"twilio": content_sid}, variables=variables):
            filled = {"ContentVariables": orjson.dumps(dict(variables)).decode()} if variables else {}
            return {"ContentSid": content_sid} | filled
        case ("whatsapp", WhatsAppTemplate(text=text)) | ("whatsapp" | "sms", Text(text=text)) if text:
            return {"Body": text}
    raise Unsendable("no text for this channel", error_class=ErrorClass.TEMPLATE_FAULT)


def _callback(url: str, reference: str) -> str:
    """Ours to find the attempt by: Twilio has no field for a client's reference."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'reference': reference})}"


def _signed_beside_url(incoming: Incoming) -> str:
    """What is signed besides the URL; raises Forged where the signature could not cover the body."""
    if incoming.method != "POST" or len(incoming.body) > _LARGEST_BODY:
        raise Forged
    try:
        query = dict(parse_qsl(incoming.url.partition("?")[2], max_num_fields=_MOST_FIELDS))
        is_form = incoming.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")
        fields = _fields(incoming.body) if is_form or "bodySHA256" not in query else []
    except ValueError as error:
        raise Forged from error
    # A body that is no form is covered by its hash, which is a part of the signed URL.
    if not fields and incoming.body and not wire.same(query.get("bodySHA256", ""), hashlib.sha256(incoming.body).hexdigest()):
        raise Forged
    return "".join(name + value for name, value in sorted(set(fields)))


def _fields(body: bytes) -> list[tuple[str, str]]:
    """The form's fields; raises ValueError for more than any callback has."""
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)


def _spellings(url: str) -> list[str]:
    """The URL with and without its port: Twilio signs now the one, now the other."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return [url]
    other = "" if parts["port"] else _DEFAULT_PORTS[parts["scheme"].lower()]
    return [url, f"{parts['scheme']}://{parts['user'] or ''}{parts['host']}{other}{parts['rest']}"]


def _receipt(raw: str, form: dict[str, str], incoming: Incoming) -> Receipt:
    ours, theirs = wire.reference(incoming.query.get("reference")), wire.reference(form.get("MessageSid") or form.get("SmsSid"))
    status = _STATUSES.get(raw, ReceiptStatus.UNMAPPED) if ours or theirs else ReceiptStatus.UNMAPPED
    fault = _fault(wire.word(form.get("ErrorCode")), raw) if status in _NEGATIVE else None
    if fault is not None and fault.error_class is ErrorClass.EXPIRED:
        status = ReceiptStatus.EXPIRED
    return Receipt(status, raw_status=raw, occurred_at=None, client_reference=ours, provider_reference=theirs, fault=fault)


def _fault(code: str, raw: str) -> Fault:
    return Fault(wire.error_class(code, twilio_errors.CLASSES), raw_code=code or raw)
