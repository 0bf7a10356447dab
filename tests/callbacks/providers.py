"""The provider's side of the tests: accounts with known secrets, messages that were handed off, and calls signed as providers sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from accounts import ids
from messaging import record, references
from messaging.lifecycle import AttemptStatus, Status
from messaging.models import Attempt, Event, Message, Receipt, State
from messaging.story import Waiting
from routing import credentials, vault
from routing.models import ProviderAccount
from tests import doors

META_SECRET = "meta's app secret"
TWILIO_TOKEN = "twilio's auth token"
VERIFY_TOKEN = "meta's verify token"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


# Accounts


def meta(*, secret: str = META_SECRET, others: str = "") -> ProviderAccount:
    """`others` is written before the secrets that sign nothing, which are every account's same otherwise."""
    return _account("meta", {"access_token": f"{others}token", "app_secret": secret, "verify_token": f"{others}{VERIFY_TOKEN}"})


def twilio(*, token: str = TWILIO_TOKEN) -> ProviderAccount:
    return _account("twilio", {"auth_token": token})


def vonage(*, secret: str = "vonage's") -> ProviderAccount:
    return _account("vonage", {"signature_secret": secret, "api_key": "key", "api_secret": "secret"})


def _account(provider: str, secrets: Mapping[str, str]) -> ProviderAccount:
    account = ProviderAccount(name=f"{provider} {next(_numbers)}", provider=provider, mode="live")
    credentials.store(account, dict(secrets)).save()
    return account


def path(account: ProviderAccount) -> str:
    return f"/v1/providers/{account.callback_token}/callbacks"


# Messages that were handed off


def hand_off(account: ProviderAccount, *, provider_reference: str = "", at: datetime = AT) -> UUID:
    """A message whose first attempt was called; taken by the provider if a reference is given."""
    message_id = accept(account, at=at)
    call(message_id, at=at)
    if provider_reference:
        take(message_id, provider_reference, at=at)
    return message_id


def accept(account: ProviderAccount, *, at: datetime = AT) -> UUID:
    message_id, expires_at = ids.new(), at + timedelta(days=1)
    step = {"channel": "whatsapp", "accounts": [{"id": str(account.id), "name": account.name, "provider": account.provider}], "until": None}
    message = Message(
        id=message_id,
        business_id=ids.new(),
        mode="live",
        api_key_id=ids.new(),
        channel="whatsapp",
        lane="utility",
        template_version_id=ids.new(),
        template_name="order_shipped",
        template_number=1,
        language="en",
        content_hash=b"\0" * 32,
        recipient=vault.seal(b"+15550100", bound_to="nobody"),
        recipient_hash=vault.blind_index("+15550100"),
        route_version_id=ids.new(),
        route_name="main",
        route_number=1,
        plan=[step],
        trace={},
        request_id="req",
        created_at=at,
        expires_at=expires_at,
    )
    state = State(message_id=message_id, status="accepted", opened="accepted", seq=1, step=0, attempts=0, expires_at=expires_at)
    Message.objects.bulk_create([message])
    State.objects.bulk_create([state])
    return message_id


def call(message_id: UUID, *, at: datetime = AT) -> None:
    """What the hand-off writes before it calls the provider."""
    with transaction.atomic():
        story = record.load([message_id])[message_id]
        first = story.subject.plan[0]
        story.waiting = Waiting(1, 0, first["channel"], UUID(first["accounts"][0]["id"]), at, None)
        story.begin(at=at)
        record.save([story])


def take(message_id: UUID, provider_reference: str, *, at: datetime = AT) -> None:
    """What the hand-off records once the provider has answered."""
    with transaction.atomic():
        story = record.load([message_id])[message_id]
        story.taken(1, provider_reference, at=at)
        record.save([story])


def status(message_id: UUID) -> Status:
    return Status(State.objects.get(message_id=message_id).status)


def attempt(message_id: UUID) -> Attempt:
    found: Attempt = Attempt.objects.get(message_id=message_id, number=1)
    return found


def attempt_status(message_id: UUID) -> AttemptStatus:
    return AttemptStatus(attempt(message_id).status)


def history(message_id: UUID) -> list[str]:
    """The receipts' statuses, in the order in which they came."""
    return list(Receipt.objects.filter(message_id=message_id).order_by("id").values_list("status", flat=True))


def told(message_id: UUID) -> list[str]:
    """The types of the message's events."""
    return list(Event.objects.filter(message_id=message_id).order_by("seq").values_list("type", flat=True))


# What providers say


def says(message_id: UUID | None, word: str, *, wamid: str = "", second: int = 0, code: int | None = None) -> dict[str, Any]:
    """One status of Meta's; with our reference, unless `message_id` is None."""
    moment = AT + timedelta(seconds=second)
    said: dict[str, Any] = {"id": wamid, "status": word, "timestamp": str(int(moment.timestamp())), "recipient_id": "15550100"}
    if message_id is not None:
        said["biz_opaque_callback_data"] = references.write(message_id, 1)
    if code is not None:
        said["errors"] = [{"code": code, "title": "why"}]
    return said


def meta_body(statuses: Sequence[Any]) -> bytes:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}, "statuses": list(statuses)}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "2", "changes": [{"field": "messages", "value": value}]}]}
    ).encode()


def sign_meta(body: bytes, *, secret: str = META_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def sign_twilio(url: str, form: Mapping[str, str], *, token: str = TWILIO_TOKEN) -> str:
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


# Their calls


def post(account: ProviderAccount, body: bytes, *, query: str = "", headers: Mapping[str, str]) -> HttpResponse:
    """A call through the whole platform, as the web server would pass it on; by the quick door where the test has opened that."""
    kind = headers.get("Content-Type", "application/json")
    if doors.Front.quick:
        return _post_quickly(account, body, query=query, headers={**headers, "Content-Type": kind})
    # Not `.post`: that one would write the body in the charset of its content type, and providers sign bytes.
    answer: HttpResponse = Client(raise_request_exception=False).generic("POST", path(account) + query, body, kind, headers=dict(headers))
    return answer


def _post_quickly(account: ProviderAccount, body: bytes, *, query: str, headers: Mapping[str, str]) -> HttpResponse:
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items() if name != "Content-Type"}
    told = doors.ask("POST", path(account) + query, body, CONTENT_TYPE=headers["Content-Type"], **named)
    return HttpResponse(told.content, status=told.status_code, headers=dict(told.headers))


def post_meta(account: ProviderAccount, *statuses: Any, secret: str = META_SECRET) -> HttpResponse:
    body = meta_body(statuses)
    return post(account, body, headers={"X-Hub-Signature-256": sign_meta(body, secret=secret)})


def post_twilio(account: ProviderAccount, form: Mapping[str, str], *, query: str = "", token: str = TWILIO_TOKEN) -> HttpResponse:
    signature = sign_twilio(credentials.callback_url(account) + query, form, token=token)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return post(account, urlencode(form).encode(), query=query, headers=headers)
