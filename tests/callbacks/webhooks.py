"""What the tests of webhooks stand on: businesses, and events as messaging tells of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts import ids
from accounts.models import Business
from callbacks import keyring, rounds
from callbacks.keyring import Holder
from callbacks.models import DeliveryDue, DeliveryTry, Endpoint
from messaging import signals
from messaging.signals import NewEvent

AT = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def new_business(slug: str = "shop") -> Business:
    return Business.objects.create(slug=slug, name=slug.title())


def new_event(business: Business, **fields: Any) -> NewEvent:
    """A message's delivery by SMS, unless `fields` say otherwise."""
    usual: dict[str, Any] = {
        "id": ids.new(),
        "message_id": ids.new(),
        "seq": 4,
        "business_id": business.id,
        "mode": "test",
        "type": "message.delivered",
        "previous_status": "sent",
        "status": "delivered",
        "final": True,
        "occurred_at": AT,
        "recorded_at": AT,
        "attempt": 1,
        "channel": "sms",
    }
    return NewEvent(**(usual | fields))


def record(*events: NewEvent) -> list[UUID]:
    """Tell of events as messaging does: all at once, inside the transaction that writes them."""
    with transaction.atomic():
        signals.recorded.send(sender=None, events=list(events))
    return [event.id for event in events]


def listen(business: Business, url: str = "https://shop.example/hooks", **fields: Any) -> Endpoint:
    """A registered endpoint with its secret, whose receiver has answered the challenge."""
    id_ = ids.new()
    endpoint = Endpoint.objects.create(
        **({"id": id_, "lane": id_, "business": business, "mode": "test", "url": url, "verified_at": AT} | fields)
    )
    keyring.ensure(Holder(business.id, endpoint.mode, endpoint.id))
    return endpoint


def secret_of(endpoint: Endpoint) -> str:
    """What the customer was given."""
    found = keyring.current(Holder(endpoint.business_id, endpoint.mode, endpoint.id if endpoint.kind == "registered" else None))
    assert found is not None
    return keyring.reveal(found)


def pay(seconds: float = 5.0) -> int:
    """What a worker does when the bell rings."""
    return rounds.pay(until=time.monotonic() + seconds)


def let_pass(**time_: float) -> None:
    """As if so much time had gone by, for everything that waits for its hour."""
    gone = timedelta(**time_)
    for due in DeliveryDue.objects.all():
        lease_until = due.lease_until - gone if due.lease_until else None
        DeliveryDue.objects.filter(pk=due.pk).update(due_at=due.due_at - gone, lease_until=lease_until)
    for endpoint in Endpoint.objects.all():
        Endpoint.objects.filter(pk=endpoint.pk).update(
            failing_since=endpoint.failing_since and endpoint.failing_since - gone,
            resting_until=endpoint.resting_until and endpoint.resting_until - gone,
        )


def tries(**filters: Any) -> list[DeliveryTry]:
    return list(DeliveryTry.objects.filter(**filters).order_by("delivery_id", "number"))


def until(is_so: Callable[[], Any], *, within: float = 20.0) -> None:
    """Wait on a condition; fails if it never comes."""
    ends = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < ends, "it never came to pass"
        time.sleep(0.01)


def settle() -> None:
    """Wait until every transaction that is open now, in any database of the cluster, has ended: the feed shows all that was committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        now = cursor.fetchone()[0]
    until(lambda: _oldest() > now)


def _oldest() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])
