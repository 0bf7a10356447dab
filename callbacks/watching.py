"""What is watched over callbacks: that receipts are read and webhooks are paid, and that no debt is lost.

A lane whose oldest webhook is late belongs to a slow receiver, and is its own alert; many of them at once mean that nobody pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from callbacks.models import Endpoint
from messaging import phrases, watching

FEW = 3
"""Lanes that may be late on their own. If more are, and more than half of all that wait, it is not their receivers."""
YOUNG = timedelta(minutes=10)
DAY = timedelta(hours=25)
"""What one daily look covers, with an hour of overlap."""

# From lane to lane by the index, as debts does: the cost is that of the lanes, not of what waits in them.
_HEADS = """
WITH RECURSIVE head AS (
    (SELECT lane, endpoint_id, due_at FROM callbacks_deliverydue ORDER BY lane, due_at LIMIT 1)
    UNION ALL
    SELECT n.* FROM head h CROSS JOIN LATERAL (
        SELECT lane, endpoint_id, due_at FROM callbacks_deliverydue WHERE lane > h.lane ORDER BY lane, due_at LIMIT 1) n
)
SELECT endpoint_id, due_at FROM head WHERE due_at <= %(at)s ORDER BY due_at
"""
_OLDEST_CALL = "SELECT min(received_at) FROM callbacks_providercall WHERE state = 'pending'"
# Owed, in no queue, and no try ended it.
_LOST = """
SELECT count(*) FROM (
    SELECT FROM callbacks_delivery d WHERE d.id >= %(first)s AND d.id < %(last)s
        AND NOT EXISTS (SELECT FROM callbacks_deliverydue q WHERE q.delivery_id = d.id)
        AND NOT EXISTS (
            SELECT FROM callbacks_deliverytry t
            WHERE t.delivery_id = d.id AND t.delivery_id >= %(first)s AND t.outcome IN ('delivered', 'exhausted'))
    LIMIT %(most)s
) lost
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The oldest webhook of a lane that is due."""

    endpoint_id: UUID
    age: timedelta


def look(*, at: datetime) -> None:
    """What can be seen at a glance; every half minute."""
    _watch_receipts(at=at)
    _watch_lanes(heads(at=at), at=at)


def prove(*, at: datetime) -> None:
    """Whether every webhook of the day that was owed is delivered, given up, or still due."""
    number = lost(at=at)
    if not number:
        reporting.resolve(Kind.DEADLINE_BROKEN, about="deliveries:forgotten", at=at)
        return
    because = f"{number:,} deliveries of the last day are in no queue, and were neither delivered nor given up."
    reporting.report(Kind.DEADLINE_BROKEN, about="deliveries:forgotten", because=because, business=None, at=at)


def heads(*, at: datetime) -> list[Head]:
    """Of every lane in which something is due, oldest first."""
    return [Head(endpoint_id, at - due_at) for endpoint_id, due_at in _read(_HEADS, at=at)]


def receipts_age(*, at: datetime) -> timedelta:
    """How long the oldest call of a provider has waited for being read."""
    oldest: datetime | None = _read(_OLDEST_CALL)[0][0]
    return at - oldest if oldest else timedelta()


def lost(*, at: datetime) -> int:
    """Deliveries of the last day that nobody will pay; the promise is that there are none."""
    span = {"first": ids.first_at(at - DAY), "last": ids.first_at(at - YOUNG)}
    return int(_read(_LOST, most=watching.MOST, **span)[0][0])


def _read(sql: str, **asked: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _watch_receipts(*, at: datetime) -> None:
    age = receipts_age(at=at)
    because = f"The oldest call of a provider has waited for {phrases.span(age)} to be read."
    watching.watch_age("receipts", age, limit=settings.ALERT_QUEUE_AGE, because=because, at=at)


def _watch_lanes(found: list[Head], *, at: datetime) -> None:
    limit = timedelta(seconds=settings.ALERT_WEBHOOK_AGE)
    late = [head for head in found if head.age > limit]
    is_ours = len(late) > max(FEW, len(found) / 2)
    age = late[0].age if is_ours else timedelta()
    because = f"Webhooks of {len(late):,} lanes are late; the oldest has been due for {phrases.span(age)}."
    watching.watch_age("webhooks", age, limit=settings.ALERT_WEBHOOK_AGE, because=because, at=at)
    _watch_endpoints({} if is_ours else {head.endpoint_id: head.age for head in late}, found, at=at)


def _watch_endpoints(late: dict[UUID, timedelta], found: list[Head], *, at: datetime) -> None:
    """An endpoint that caught up, or at least by half, is no trouble any more."""
    for endpoint in Endpoint.objects.filter(pk__in=late).order_by("pk").only("business_id"):
        because = f"Its oldest webhook has been due for {phrases.span(late[endpoint.pk])}."
        reporting.report(Kind.ENDPOINT_BEHIND, about=ids.public("whe", endpoint.pk), because=because, business=endpoint.business_id, at=at)
    half = timedelta(seconds=settings.ALERT_WEBHOOK_AGE) / 2
    waiting = {ids.public("whe", head.endpoint_id) for head in found if head.age >= half}
    for about in sorted(set(reporting.open_of(Kind.ENDPOINT_BEHIND)) - waiting):
        reporting.resolve(Kind.ENDPOINT_BEHIND, about=about, at=at)
