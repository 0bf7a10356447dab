"""Reading endpoints, deliveries and their tries, for the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from accounts import ids, pages
from accounts.keys import Caller
from accounts.pages import BadFilter
from accounts.refusals import FieldError
from callbacks import endpoints, headers, keyring, replay, signing
from callbacks.choices import EndpointKind, EndpointStatus
from callbacks.models import Delivery, DeliveryDue, DeliveryTry, Endpoint, Replay

WAITING = "waiting"
"""A delivery that is in the queue: for the first time, or for its next."""


def page_of_endpoints(query: Mapping[str, str], *, caller: Caller) -> dict[str, Any]:
    """The caller's endpoints, oldest first. Raises BadFilter or BadPage."""
    pages.refuse_others(query, known=("kind", "limit", "cursor"))
    kind, size, cursor = query.get("kind", EndpointKind.REGISTERED), pages.limit(query), pages.cursor(query)
    if kind not in EndpointKind.values:
        raise _bad_filter("kind", f"Known here: {', '.join(EndpointKind.values)}.")
    rows = Endpoint.objects.filter(business_id=caller.business_id, mode=caller.mode, kind=kind, removed_at__isnull=True)
    if cursor:
        rows = rows.filter(id__gt=_place(cursor))
    found = list(rows.order_by("id")[: size + 1])
    secrets = keyring.live([endpoints.holder(row) for row in found])
    return pages.page(found, size=size, place=lambda row: row.id.hex, show=lambda row: _endpoint(row, secrets[endpoints.holder(row)]))


def tell(endpoint: Endpoint) -> dict[str, Any]:
    """One endpoint. Its secret is not told; a public key is."""
    return _endpoint(endpoint, keyring.live([endpoints.holder(endpoint)])[endpoints.holder(endpoint)])


def page_of_deliveries(query: Mapping[str, str], *, endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint's deliveries with every try, newest first. Raises BadFilter or BadPage."""
    pages.refuse_others(query, known=("type", "message", "limit", "cursor"))
    size, cursor = pages.limit(query), pages.cursor(query)
    rows = Delivery.objects.filter(endpoint_id=endpoint.id, **_filters(query))
    if cursor:
        rows = rows.filter(id__lt=_place(cursor))
    found = list(rows.order_by("-id")[: size + 1])
    waiting = DeliveryDue.objects.in_bulk([row.id for row in found])
    tries = _tries([row.id for row in found])
    return pages.page(
        found, size=size, place=lambda row: row.id.hex, show=lambda row: _delivery(row, tries=tries[row.id], due=waiting.get(row.id))
    )


def page_of_replays(query: Mapping[str, str], *, endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint's replays, newest first. Raises BadFilter or BadPage."""
    pages.refuse_others(query, known=("limit", "cursor"))
    size, cursor = pages.limit(query), pages.cursor(query)
    rows = Replay.objects.filter(endpoint=endpoint)
    if cursor:
        rows = rows.filter(id__lt=_place(cursor))
    found = list(rows.order_by("-id")[: size + 1])
    return pages.page(found, size=size, place=lambda row: row.id.hex, show=tell_replay)


def tell_replay(row: Replay) -> dict[str, Any]:
    """How far it has come."""
    names = ("kind", "state", "looked_at", "queued", "created_at", "started_at", "ended_at")
    return {
        "id": ids.public("rpl", row.id),
        "endpoint": ids.public("whe", row.endpoint_id),
        **{name: getattr(row, name) for name in names},
        "because": row.because or None,
        "delivery": ids.public("dlv", row.delivery_id) if row.delivery_id else None,
        "since": row.begin,
        "until": row.end,
        "percent": replay.progress(row),
    }


def status_of(row: Endpoint) -> EndpointStatus:
    """What it is: pending until its receiver has answered the challenge."""
    if not row.is_enabled:
        return EndpointStatus.DISABLED
    is_pending = row.kind == EndpointKind.REGISTERED and row.verified_at is None
    return EndpointStatus.PENDING if is_pending else EndpointStatus.ENABLED


def _endpoint(row: Endpoint, secrets: Sequence[str]) -> dict[str, Any]:
    public_key = signing.public_key(secrets[0]) if secrets else None
    return {
        "id": ids.public("whe", row.id),
        "kind": row.kind,
        "url": row.url,
        "description": row.description,
        "event_types": row.event_types,
        "body": row.body,
        "header_names": sorted(headers.unseal(row.headers, endpoint_id=row.id)),
        "rate_limit": row.rate_limit,
        "status": status_of(row),
        "verified_at": row.verified_at,
        "is_enabled": row.is_enabled,
        "disabled_because": row.disabled_because or None,
        "disabled_at": row.disabled_at,
        "failing_since": row.failing_since,
        "failures_in_a_row": row.failures,
        "resting_until": row.resting_until,
        "signature": keyring.Signature.PUBLIC if public_key else keyring.Signature.SHARED,
        "public_key": public_key,
        "created_at": row.created_at,
    }


def _delivery(row: Delivery, *, tries: Sequence[DeliveryTry], due: DeliveryDue | None) -> dict[str, Any]:
    return {
        "id": ids.public("dlv", row.id),
        "event": ids.public("evt", row.event_id),
        "type": row.type,
        "message": ids.public("msg", row.message_id) if row.message_id else None,
        "status": tries[-1].outcome if due is None and tries else WAITING,
        "next_try_at": due.due_at if due else None,
        "created_at": row.created_at,
        "tries": [_try(each) for each in tries],
    }


def _try(row: DeliveryTry) -> dict[str, Any]:
    names = ("number", "outcome", "started_at", "milliseconds", "status_code", "error", "answer", "next_try_at")
    return {name: getattr(row, name) for name in names}


def _tries(deliveries: Sequence[UUID]) -> dict[UUID, list[DeliveryTry]]:
    found: dict[UUID, list[DeliveryTry]] = defaultdict(list)
    for each in DeliveryTry.objects.filter(delivery_id__in=deliveries).order_by("number"):
        found[each.delivery_id].append(each)
    return found


def _filters(query: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if type_ := query.get("type"):
        found["type__in"] = type_.split(",")
    if message := query.get("message"):
        found["message_id"] = ids.parse("msg", message)
        if found["message_id"] is None:
            raise _bad_filter("message", "Give a message's id: msg_ and 32 digits.")
    return found


def _place(cursor: str) -> UUID:
    try:
        return UUID(hex=cursor)
    except ValueError:
        raise pages.refused() from None


def _bad_filter(name: str, message: str) -> BadFilter:
    return BadFilter(message, errors=[FieldError(name, "bad_filter", message)])
