"""Endpoints of a business: registered, changed, removed; their secrets, shown once; a webhook to try them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction

from accounts import ids
from accounts.choices import BusinessEventType
from accounts.keys import Caller
from accounts.models import Business
from accounts.refusals import FieldError, NotFound, Refusal
from accounts.signals import News
from alerts import reporting
from alerts.kinds import Kind
from callbacks import address, challenge, debts, keyring, outbox, signing
from callbacks import headers as own
from callbacks.choices import CHALLENGE, EndpointKind
from callbacks.keyring import Holder, Signature
from callbacks.models import Endpoint, SigningSecret
from messaging.choices import EventType
from messaging.signals import NewEvent
from routing import guard

MOST = 20
"""Registered endpoints of a business in one mode: each one multiplies every event."""
SWITCHED_OFF = "It was switched off."


class TooManyEndpoints(Refusal):
    """The business has as many as it may."""

    status = 409
    code = "too_many_endpoints"
    title = "There are too many endpoints."


class NotOfCallbacks(Refusal):
    """A request's callback is no registered endpoint: its URL, types and secret are not its own."""

    status = 409
    code = "callback_endpoint"
    title = "A callback can only be enabled or disabled."


class EndpointDisabled(Refusal):
    """Nothing is sent to a disabled endpoint."""

    status = 409
    code = "endpoint_disabled"
    title = "The endpoint is disabled."

    def __init__(self) -> None:
        super().__init__("Enable the endpoint first (`is_enabled`: true), then try again.")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the receiver verifies with: a secret, to be kept, or a public key."""

    secret: str | None = field(repr=False)
    public_key: str | None


def find(public_id: str, *, caller: Caller) -> Endpoint:
    """The caller's own endpoint; raises NotFound, the same for another business's as for none at all."""
    id_ = ids.parse("whe", public_id)
    mine = Endpoint.objects.filter(business_id=caller.business_id, mode=caller.mode, removed_at__isnull=True)
    endpoint = mine.filter(id=id_).first() if id_ else None
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    return endpoint


def register(
    business_id: UUID,
    *,
    mode: str,
    url: str,
    at: datetime,
    event_types: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    signature: str = Signature.SHARED,
    **more: Any,
) -> tuple[Endpoint, Shown]:
    """A new endpoint, and what verifies its webhooks, shown this once; its receiver is asked the challenge at once. `more`: `description`,
    `body`, `rate_limit`. Raises guard.TargetRefused, HeaderRefused or TooManyEndpoints."""
    guard.check_url(url, field="url")
    own.check(headers or {})
    id_ = ids.new()
    with transaction.atomic():
        # Counting under the lock, so that two registrations at once don't both become the last one.
        Business.objects.select_for_update(no_key=True).get(id=business_id)
        mine = Endpoint.objects.filter(business_id=business_id, mode=mode, kind=EndpointKind.REGISTERED, removed_at__isnull=True)
        if mine.count() >= MOST:
            raise TooManyEndpoints(f"A business has at most {MOST} endpoints in each mode; remove one first.")
        endpoint = Endpoint.objects.create(
            id=id_,
            lane=id_,
            business_id=business_id,
            mode=mode,
            url=address.normal(url),
            event_types=list(dict.fromkeys(event_types)),
            headers=own.seal(headers or {}, endpoint_id=id_),
            **more,
        )
        secret = keyring.rotate(holder(endpoint), signature=Signature(signature), overlap=timedelta(0), at=at)
        _ask(endpoint, at=at)
    return endpoint, show(secret)


def change(endpoint: Endpoint, *, changes: Mapping[str, Any], at: datetime) -> Endpoint:
    """Any of `url`, `description`, `event_types`, `headers`, `body`, `rate_limit`, `is_enabled`. At another origin the receiver is asked
    the challenge again. Raises guard.TargetRefused, HeaderRefused or NotOfCallbacks."""
    if endpoint.kind == EndpointKind.CALLBACK and (others := sorted(set(changes) - {"is_enabled"})):
        message = "Leave it out: this callback is named by requests, and only they say how."
        raise NotOfCallbacks(message, errors=[FieldError(name, "callback_endpoint", message) for name in others])
    if "url" in changes:
        guard.check_url(changes["url"], field="url")
    own.check(changes.get("headers") or {})
    with transaction.atomic():
        row = Endpoint.objects.select_for_update(no_key=True).get(id=endpoint.id)
        before = (row.url, row.is_enabled)
        for name, value in changes.items():
            setattr(row, name, _kept(name, value, endpoint_id=row.id))
        if (row.url, row.is_enabled) != before:
            _start_anew(row, at=at)
        if address.origin(row.url) != address.origin(before[0]):
            row.verified_at = None
        row.save()
        if row.is_enabled and (row.url, row.is_enabled) != before:
            _ask(row, at=at)
    return row


def _kept(name: str, value: Any, *, endpoint_id: UUID) -> Any:
    """A value as its column has it."""
    if name == "url":
        return address.normal(value)
    if name == "event_types":
        return list(dict.fromkeys(value))
    return own.seal(value or {}, endpoint_id=endpoint_id) if name == "headers" else value


def _start_anew(row: Endpoint, *, at: datetime) -> None:
    """What its past says of it holds no longer, and what waited for it need not wait any more."""
    if debts.hasten(row.id, lane=row.lane):
        transaction.on_commit(outbox.ring)
    row.failing_since = row.resting_until = row.tokens_at = None
    row.failures = 0
    row.disabled_at = None if row.is_enabled else at
    row.disabled_because = "" if row.is_enabled else SWITCHED_OFF
    if row.is_enabled:
        reporting.resolve(Kind.ENDPOINT_DISABLED, about=ids.public("whe", row.id), at=at)


def ask_again(endpoint: Endpoint, *, at: datetime) -> Endpoint:
    """Ask its receiver the challenge now; nothing happens if it has answered already. Raises EndpointDisabled or NotOfCallbacks."""
    if endpoint.kind == EndpointKind.CALLBACK:
        raise NotOfCallbacks("A callback is asked no challenge: whoever holds a key of the business names it with each request.")
    if not endpoint.is_enabled:
        raise EndpointDisabled
    with transaction.atomic():
        row = Endpoint.objects.select_for_update(no_key=True).get(id=endpoint.id)
        _ask(row, at=at)
    return row


def _ask(endpoint: Endpoint, *, at: datetime) -> None:
    """One challenge at a time: one that waits for its next try is tried now."""
    if endpoint.kind == EndpointKind.CALLBACK or endpoint.verified_at is not None:
        return
    if not settings.QSURA_WEBHOOK_CHALLENGE:
        vouch(endpoint, at=at)
    elif debts.waits(endpoint.id, lane=endpoint.lane, type_=CHALLENGE):
        debts.hasten(endpoint.id, lane=endpoint.lane, type_=CHALLENGE)
    else:
        asked = challenge.row(endpoint.id, business_id=endpoint.business_id, mode=endpoint.mode, at=at)
        outbox.owe_to(endpoint.id, lane=endpoint.lane, rows=[asked])
    transaction.on_commit(outbox.ring)


def vouch(endpoint: Endpoint, *, at: datetime) -> None:
    """Somebody who may answers for the receiver in place of the challenge: what waits is sent."""
    endpoint.verified_at = at
    with transaction.atomic():
        Endpoint.objects.filter(id=endpoint.id, verified_at__isnull=True).update(verified_at=at)
        debts.hasten(endpoint.id, lane=endpoint.lane)
        transaction.on_commit(outbox.ring)


def remove(endpoint: Endpoint, *, at: datetime) -> Endpoint:
    """It hears of nothing any more; its history stays. Raises NotOfCallbacks."""
    if endpoint.kind == EndpointKind.CALLBACK:
        raise NotOfCallbacks("Disable it instead (`is_enabled`: false): requests would only name it again.")
    with transaction.atomic():
        Endpoint.objects.filter(id=endpoint.id, removed_at__isnull=True).update(removed_at=at, is_enabled=False)
        reporting.resolve(Kind.ENDPOINT_DISABLED, about=ids.public("whe", endpoint.id), at=at)
    endpoint.refresh_from_db()
    return endpoint


def rotate(endpoint: Endpoint, *, signature: str | None, overlap: timedelta, at: datetime) -> tuple[SigningSecret, Shown]:
    """A new secret, shown this once; of the same kind, unless told otherwise. The old one signs beside it for `overlap`."""
    if endpoint.kind == EndpointKind.CALLBACK:
        raise NotOfCallbacks("Rotate the business's secret (`/v1/webhook-secret/rotate`): it signs all callbacks.")
    return rotate_of(holder(endpoint), signature=signature, overlap=overlap, at=at)


def rotate_of(holder_: Holder, *, signature: str | None, overlap: timedelta, at: datetime) -> tuple[SigningSecret, Shown]:
    """The same for a holder that may be a business."""
    secret = keyring.rotate(
        holder_, signature=Signature(signature) if signature else kind_of(keyring.current(holder_)), overlap=overlap, at=at
    )
    return secret, show(secret)


def holder(endpoint: Endpoint) -> Holder:
    """Whose secret signs its webhooks."""
    return Holder(endpoint.business_id, endpoint.mode, None if endpoint.kind == EndpointKind.CALLBACK else endpoint.id)


def show(secret: SigningSecret) -> Shown:
    """The secret, or the public key of one that never leaves."""
    text = keyring.reveal(secret)
    public = signing.public_key(text)
    return Shown(secret=None if public else text, public_key=public)


def kind_of(secret: SigningSecret | None) -> Signature:
    """How a secret signs; a missing one would be made as a shared one."""
    return Signature.PUBLIC if secret and signing.public_key(keyring.reveal(secret)) else Signature.SHARED


def try_out(endpoint: Endpoint, *, type_: str, at: datetime) -> UUID:
    """Owe the endpoint a sample, signed and sent like any webhook and marked `test`; returns the delivery. Raises EndpointDisabled."""
    if not endpoint.is_enabled:
        raise EndpointDisabled
    row = _sample(endpoint, type_=type_, at=at)
    body = orjson.loads(row["body"])
    body["data"]["test"] = True
    (delivery_id,) = outbox.owe_to(endpoint.id, lane=endpoint.lane, rows=[{**row, "message_id": None, "body": orjson.dumps(body).decode()}])
    return delivery_id


def _sample(endpoint: Endpoint, *, type_: str, at: datetime) -> dict[str, Any]:
    if type_ in BusinessEventType.values:
        about = {"mode": endpoint.mode}
        return outbox.news_row(News(ids.new(), endpoint.business_id, endpoint.mode, type_, about, at))
    return outbox.row(_sample_event(endpoint, type_=type_, at=at))


def _sample_event(endpoint: Endpoint, *, type_: str, at: datetime) -> NewEvent:
    word = EventType(type_).value.removeprefix("message.")
    return NewEvent(
        id=ids.new(),
        message_id=UUID(int=0),
        seq=4,
        business_id=endpoint.business_id,
        mode=endpoint.mode,
        type=type_,
        previous_status="submitted",
        status="submitted" if type_ == EventType.FALLBACK else word,
        final=False,
        occurred_at=at,
        recorded_at=at,
        channel="sms",
        reference="test",
    )
