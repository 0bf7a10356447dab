"""E-mail by the services that django-anymail speaks: Anymail writes the request and reads what comes back, our transport does the network.

Source: django-anymail 15 (anymail.dev). docs/providers/email.md tells how to set an account up. This is the one adapter that knows Django,
because Anymail does; like the others it opens no socket.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import requests
from anymail.exceptions import AnymailError
from anymail.message import AnymailMessage
from django.core.handlers.wsgi import WSGIRequest
from requests.structures import CaseInsensitiveDict

from routing.providers import inbound, wire
from routing.providers.base import (
    Adapter,
    Answer,
    Call,
    Email,
    ErrorClass,
    Fault,
    Forged,
    Handoff,
    Incoming,
    Outbound,
    ProviderAccount,
    Receipt,
    ReceiptStatus,
    Unreadable,
    Unsendable,
)
from routing.providers.dialect import Dialect
from routing.providers.inbound import Inbound, InboundKind
from routing.providers.mail_services import BASIC, SERVICES, Service

USER = "qsura"
"""The user name in a webhook's URL, where the service proves itself by a password."""
_LARGEST_BODY = 5_242_880  # bytes; services send some hundreds of events at once
_NOBODY = "nobody@example.com"
_REFERENCE = "qsura"

_STATUSES: dict[str, ReceiptStatus] = {
    "queued": ReceiptStatus.SUBMITTED,
    "deferred": ReceiptStatus.SUBMITTED,  # the recipient's server said "later": the service goes on trying
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,  # to the recipient's server
    "opened": ReceiptStatus.READ,
    "clicked": ReceiptStatus.READ,  # nobody clicks on what is not open
    "bounced": ReceiptStatus.UNDELIVERABLE,
    "failed": ReceiptStatus.FAILED,
    "rejected": ReceiptStatus.REJECTED,
}
_SILENT = frozenset({"autoresponded", "complained", "unsubscribed", "subscribed", "inbound", "inbound_failed", "loaded"})
"""Known, and nothing that says whether this message arrived."""
_WISHES = {
    "complained": InboundKind.OPT_OUT,
    "unsubscribed": InboundKind.OPT_OUT,
    "subscribed": InboundKind.OPT_IN,
}
_NEGATIVE = frozenset({ReceiptStatus.UNDELIVERABLE, ReceiptStatus.FAILED, ReceiptStatus.REJECTED})

_REASONS: dict[str, ErrorClass] = {
    "invalid": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    "bounced": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,  # no such mailbox; a phone may still be there
    "timed_out": ErrorClass.UNREACHABLE,
    "blocked": ErrorClass.BLOCKED_CONTENT,
    "spam": ErrorClass.OPTED_OUT,
    "unsubscribed": ErrorClass.OPTED_OUT,
}
_REFUSALS: dict[str, ErrorClass] = {
    "invalid": ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
    "rejected": ErrorClass.OPTED_OUT,  # on the service's own suppression list
}
_BY_STATUS = {402: ErrorClass.ACCOUNT_FAULT, 403: ErrorClass.ACCOUNT_FAULT}


class Mail(Dialect):
    """One service as an adapter."""

    channels = frozenset({"email"})

    def __init__(self, service: Service) -> None:
        self._service = service
        self.name = service.name
        self.default_base_url = service.url
        self.credential_fields: tuple[str, ...] = ("api_key", *service.secrets, "webhook_secret", "webhook_secret_previous")
        self.setting_fields: tuple[str, ...] = ("sender", "reply_to", *service.options)
        self.optional_fields = frozenset({"webhook_secret_previous", "reply_to", *service.options})

    def submit(self, account: ProviderAccount, outbound: Outbound) -> Call:
        if not account.settings.get("sender"):
            raise Unsendable("the account has no sender", error_class=ErrorClass.ACCOUNT_FAULT)
        if outbound.channel != "email" or not isinstance(outbound.content, Email):
            raise Unsendable("no e-mail", error_class=ErrorClass.TEMPLATE_FAULT)
        try:
            return self._write(account, _message(account, outbound, outbound.content, has_metadata=self._service.has_metadata))
        except (AnymailError, ValueError) as error:
            raise Unsendable("the e-mail can't be written", error_class=ErrorClass.TEMPLATE_FAULT) from error

    def _write(self, account: ProviderAccount, message: AnymailMessage) -> Call:
        backend = self._backend(account)
        payload = backend.build_message_payload(message, backend.send_defaults)
        request = requests.Request(**payload.get_request_params(backend.api_url)).prepare()
        return Call(
            method=str(request.method),
            url=str(request.url),
            headers={name.lower(): str(value) for name, value in request.headers.items() if name.lower() != "content-length"},
            body=wire.encode(request.body) if isinstance(request.body, str) else cast("bytes", request.body or b""),
        )

    def _backend(self, account: ProviderAccount) -> Any:
        service, credentials = self._service, account.credentials
        own = {name: account.settings[name] for name in service.options if account.settings.get(name)}
        secret = {name: credentials.get(name, "") for name in service.secrets}
        key = {service.key: credentials.get("api_key", "")}
        return service.backend(api_url=account.base_url, ignore_unsupported_features=True, **key, **secret, **own, **service.fixed)

    def subscribe(self, account: ProviderAccount) -> Call | None:
        """Postmark can be told where its webhooks go; at the others somebody enters the URL."""
        return _postmark_webhook(account) if self.name == "postmark" else None

    def read_answer(self, account: ProviderAccount, answer: Answer) -> Handoff:
        if not 200 <= answer.status < 300:
            return self._refused(answer)
        if self._service.id_header:
            return Handoff(reference=wire.reference(answer.headers.get(self._service.id_header)))
        if self._service.refuses_with_200 and (fault := self._refused_with_200(answer)):
            return Handoff(fault=fault)
        status = self._status(answer)
        if status is None:
            return Handoff()
        if status.status in {"invalid", "rejected", "failed"}:
            return Handoff(fault=Fault(_REFUSALS.get(status.status, ErrorClass.UNMAPPED), raw_code=status.status))
        return Handoff(reference=wire.reference(str(status.message_id)))  # Postal's are numbers

    def _refused_with_200(self, answer: Answer) -> Fault | None:
        said = wire.fields(answer.body)
        status, inner = wire.word(said.get("status")), said.get("data")
        if status not in {"error", "parameter-error"}:
            return None
        code = wire.word(inner.get(self._service.code_at)) if isinstance(inner, dict) else ""
        return Fault(wire.error_class(code, self._service.codes), raw_code=code or status)

    def _refused(self, answer: Answer) -> Handoff:
        code = ""
        if self._service.code_at:
            code = wire.word(wire.fields(answer.body).get(self._service.code_at))
        handoff = wire.refusal(answer, code, self._service.codes)
        fault = handoff.fault
        if fault is not None and fault.error_class is ErrorClass.UNMAPPED and answer.status in _BY_STATUS:
            return Handoff(fault=Fault(_BY_STATUS[answer.status], raw_code=fault.raw_code, retry_after=fault.retry_after))
        return handoff

    def _status(self, answer: Answer) -> Any:
        """What Anymail reads from the answer, of the one recipient; None for what it can't read."""
        backend, payload, message = self._reader
        try:
            told = backend.parse_recipient_status(_response(answer), payload, message)
        except Exception:  # noqa: BLE001 - whatever a stranger's answer does to the library: nobody knows what became of the call
            return None
        return next((status for status in told.values() if status.message_id or status.status in {"invalid", "rejected", "failed"}), None)

    @functools.cached_property
    def _reader(self) -> tuple[Any, Any, Any]:
        """What the library wants to have beside an answer. It reads the recipients from it, of whom we have one."""
        account = ProviderAccount(
            id="", base_url=self.default_base_url or "https://example.com/", callback_url="", settings={"sender": _NOBODY}
        )
        outbound = Outbound(reference="", channel="email", recipient=_NOBODY, content=Email(subject="", text=""))
        message = _message(account, outbound, Email(subject="-", text="-"), has_metadata=False)
        backend = self._backend(account)
        return backend, backend.build_message_payload(message, backend.send_defaults), message

    def authenticate(self, account: ProviderAccount, incoming: Incoming) -> None:
        """As the service proves itself: a signature, or the password in the URL that it was given."""
        if incoming.method != "POST" or len(incoming.body) > _LARGEST_BODY:
            raise Forged
        for secret in wire.secrets(account, "webhook_secret", "webhook_secret_previous"):
            try:
                view = self._view(account.callback_url, secret.decode("utf-8", "surrogatepass"))
                view.run_validators(_request(incoming))
            except Exception:  # noqa: BLE001, S112 - whatever a stranger's call does to the library: it is not proven genuine
                continue
            return
        raise Forged

    def _view(self, callback_url: str, secret: str) -> Any:
        service = self._service
        proof = {service.proof: f"{USER}:{secret}" if service.proof == BASIC else secret}
        url = {"webhook_url": callback_url} if service.name == "mandrill" else {}  # signed as a part of the content
        return service.tracking(**proof, **url)

    def read_receipts(self, account: ProviderAccount, incoming: Incoming) -> list[Receipt]:
        """One for each event that says something of a message's arrival."""
        try:
            events = self._view(incoming.url, "-").parse_events(_request(incoming))
            return [_receipt(event) for event in events if event is not None and event.event_type not in _SILENT]
        except Exception as error:
            raise Unreadable("no events") from error

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        """Complaints, and what services tell of their own unsubscriptions. Replies go to a mailbox, not to us."""
        if not any(word in incoming.body for word in (b"omplain", b"ubscri", b"pam")):
            return []
        try:
            events = self._view(incoming.url, "-").parse_events(_request(incoming))
            return [_wish(event) for event in events if event is not None and event.event_type in _WISHES]
        except Exception:  # noqa: BLE001 - what breaks the library here was set aside by `read_receipts`
            return []


def _wish(event: Any) -> Inbound:
    metadata: Mapping[str, Any] = event.metadata if isinstance(event.metadata, dict) else {}
    theirs = wire.reference(str(event.message_id)) if event.message_id else ""
    return Inbound(
        kind=_WISHES[event.event_type],
        channel="email",
        raw_kind=event.event_type,
        provider_id=f"{event.event_type}:{theirs}" if theirs else "",
        sender=inbound.text(event.recipient),
        context=theirs,
        client_reference=wire.reference(metadata.get(_REFERENCE)) or next((wire.reference(tag) for tag in event.tags or []), ""),
        occurred_at=_moment(event.timestamp),
    )


def _message(account: ProviderAccount, outbound: Outbound, content: Email, *, has_metadata: bool) -> AnymailMessage:
    message = AnymailMessage(
        subject=content.subject,
        body=content.text,
        from_email=account.settings["sender"],
        to=[outbound.recipient],
        reply_to=[account.settings["reply_to"]] if account.settings.get("reply_to") else None,
    )
    if content.html:
        message.attach_alternative(content.html, "text/html")
    if outbound.unsubscribe_url:
        # RFC 8058, 3.1: both headers, the address in angle brackets.
        message.extra_headers["List-Unsubscribe"] = f"<{outbound.unsubscribe_url}>"
        message.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if has_metadata:
        message.metadata = {_REFERENCE: outbound.reference}
    else:
        message.tags = [outbound.reference]
    return message


def _postmark_webhook(account: ProviderAccount) -> Call:
    """postmarkapp.com/developer/api/webhooks-api"""
    triggers = {
        "Open": {"Enabled": True, "PostFirstOpenOnly": True},
        "Delivery": {"Enabled": True},
        "Bounce": {"Enabled": True, "IncludeContent": False},
        "SpamComplaint": {"Enabled": True, "IncludeContent": False},
        "SubscriptionChange": {"Enabled": True},
    }
    body = {
        "Url": account.callback_url,
        "MessageStream": account.settings.get("message_stream") or "outbound",
        "HttpAuth": {"Username": USER, "Password": account.credentials.get("webhook_secret", "")},
        "Triggers": triggers,
    }
    return Call(
        method="POST",
        url=f"{account.base_url.rstrip('/')}/webhooks",
        headers={
            "x-postmark-server-token": account.credentials.get("api_key", ""),
            "content-type": "application/json",
            "accept": "application/json",
        },
        body=orjson.dumps(body),
    )


def _response(answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response._content = answer.body  # the one way to have a response that came by another road
    response.encoding = "utf-8"
    return response


def _request(incoming: Incoming) -> WSGIRequest:
    """The call as the library's views read one."""
    parts = urlsplit(incoming.url)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in incoming.headers.items()}
    return WSGIRequest(
        headers
        | {
            "REQUEST_METHOD": incoming.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": parts.path or "/",
            "QUERY_STRING": parts.query,
            "SERVER_NAME": parts.hostname or "localhost",
            "SERVER_PORT": "443",
            "CONTENT_TYPE": incoming.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(incoming.body)),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(incoming.body),
        }
    )


def _receipt(event: Any) -> Receipt:
    raw = _word(event)
    metadata: Mapping[str, Any] = event.metadata if isinstance(event.metadata, dict) else {}
    ours = wire.reference(metadata.get(_REFERENCE)) or next((wire.reference(tag) for tag in event.tags or []), "")
    theirs = wire.reference(str(event.message_id)) if event.message_id else ""
    status = _STATUSES.get(raw, ReceiptStatus.UNMAPPED) if ours or theirs else ReceiptStatus.UNMAPPED
    return Receipt(
        status,
        raw_status=raw,
        occurred_at=_moment(event.timestamp),
        client_reference=ours,
        provider_reference=theirs,
        fault=_fault(wire.word(event.reject_reason), raw) if status in _NEGATIVE else None,
    )


def _word(event: Any) -> str:
    """Anymail's word; for what it does not know, the service's own."""
    said = event.esp_event if event.event_type == "unknown" and isinstance(event.esp_event, Mapping) else {}
    own = next((wire.word(said[name]) for name in ("RecordType", "event", "type") if wire.word(said.get(name))), "")
    return own or wire.word(event.event_type)


def _fault(reason: str, raw: str) -> Fault:
    return Fault(_REASONS.get(reason, ErrorClass.UNMAPPED), raw_code=reason or raw)


def _moment(at: object) -> datetime | None:
    return wire.instant(at.isoformat()) if isinstance(at, datetime) and at.tzinfo is not None else None


ADAPTERS: dict[str, Adapter] = {service.name: Mail(service) for service in SERVICES}
"""An adapter for each service."""
