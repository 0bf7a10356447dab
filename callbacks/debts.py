"""The queue of deliveries that are owed: claimed lane by lane under a lease, settled in groups. Its clock is the database's.

A claim never walks along a receiver's backlog: it steps from lane to lane by the index and takes the oldest of each, so that its cost
does not grow with what waits for somebody who is away.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from callbacks.verdict import Verdict

LOOKED_AGAIN = 3_600.0
"""Seconds after which what waits for an endpoint's challenge is looked at again; the answer makes it due at once."""


@dataclass(frozen=True, slots=True)
class Debt:
    """A delivery under lease: all that paying it needs."""

    counted_from: float = field(compare=False)
    """What time.monotonic() said when it was claimed."""
    delivery_id: UUID
    lane: UUID
    tries: int
    """Since it was last queued, without the one to come."""
    tried_before: int
    event_id: UUID
    message_id: UUID | None
    type: str
    body: str = field(repr=False)
    business_id: UUID
    mode: str
    endpoint_id: UUID
    is_registered: bool
    url: str = field(repr=False)
    is_open: bool
    """Whether the endpoint still wants to hear."""
    is_failing: bool
    """Whether it has failed since its last success."""
    rests: float
    """Seconds for which the endpoint is still to be left alone; not positive if it is not."""
    is_pending: bool
    """Whether it waits for the endpoint's receiver to answer the challenge."""
    headers: bytes | None = field(repr=False)
    """Sealed: what the endpoint wants besides ours."""
    wants_full: bool
    rate_limit: int | None
    """Webhooks a second, at most."""
    claimed_at: datetime = field(compare=False)
    """By the database's clock."""

    def now(self) -> datetime:
        """The database's time, as far as this process can tell: its own wall clock may be wrong, and receivers refuse a wrong timestamp."""
        return self.claimed_at + timedelta(seconds=time.monotonic() - self.counted_from)

    @property
    def may_be_sent(self) -> bool:
        """Whether its endpoint is ready for it."""
        return self.rests <= 0 and not self.is_pending


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of one try."""

    debt: Debt
    started_at: datetime
    seconds: float
    verdict: Verdict


_CLAIM = """
WITH RECURSIVE known AS MATERIALIZED (
    SELECT lane, room FROM json_to_recordset(%(rooms)s::json) AS k(lane uuid, room int)
),
step AS (
    (SELECT lane FROM callbacks_deliverydue WHERE lane > %(after)s::uuid AND due_at <= statement_timestamp() ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT d.lane FROM callbacks_deliverydue d WHERE d.lane > s.lane AND d.due_at <= statement_timestamp() ORDER BY d.lane LIMIT 1)
    FROM step s WHERE s.lane IS NOT NULL
),
lanes AS (
    SELECT lane, room FROM known WHERE %(after)s::uuid IS NULL
    UNION ALL
    SELECT s.lane, coalesce((SELECT k.room FROM known k WHERE k.lane = s.lane), %(room)s)
    FROM step s WHERE %(after)s::uuid IS NOT NULL AND s.lane IS NOT NULL
),
picked AS MATERIALIZED (
    SELECT d.delivery_id FROM lanes l CROSS JOIN LATERAL (
        SELECT delivery_id FROM callbacks_deliverydue
        WHERE lane = l.lane AND due_at <= statement_timestamp() AND (lease_until IS NULL OR lease_until <= statement_timestamp())
        ORDER BY due_at LIMIT l.room FOR UPDATE SKIP LOCKED
    ) d
    LIMIT %(limit)s
),
leased AS (
    UPDATE callbacks_deliverydue SET lease = %(lease)s, lease_until = statement_timestamp() + make_interval(secs => %(seconds)s)
    WHERE delivery_id = ANY(ARRAY(SELECT delivery_id FROM picked))
    RETURNING delivery_id, lane, tries, tried_before
)
SELECT l.delivery_id, l.lane, l.tries, l.tried_before, d.event_id, d.message_id, d.type, d.body, d.business_id, d.mode, d.endpoint_id,
    e.kind = 'registered', e.url, e.is_enabled AND e.removed_at IS NULL, e.failing_since IS NOT NULL,
    CASE WHEN d.type = 'endpoint.challenge' THEN 0
         ELSE coalesce(extract(epoch FROM e.resting_until - statement_timestamp()), 0) END::float8,
    d.type <> 'endpoint.challenge' AND e.verified_at IS NULL AND e.kind = 'registered',
    e.headers, e.body = 'full', e.rate_limit, statement_timestamp()
FROM leased l JOIN callbacks_delivery d ON d.id = l.delivery_id JOIN callbacks_endpoint e ON e.id = d.endpoint_id
"""
_SETTLE = """
WITH said AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS s(delivery_id uuid, number smallint, outcome text, started_at timestamptz,
        milliseconds int, status_code smallint, error text, answer text, wait float8)
),
held AS MATERIALIZED (
    -- Only what is still ours: whoever outlived its lease has nothing to say any more.
    SELECT d.delivery_id, statement_timestamp() + make_interval(secs => s.wait) AS next_try_at
    FROM callbacks_deliverydue d JOIN said s ON s.delivery_id = d.delivery_id
    WHERE d.lease = %(lease)s ORDER BY d.delivery_id FOR UPDATE OF d
),
done AS (
    DELETE FROM callbacks_deliverydue WHERE delivery_id = ANY(ARRAY(SELECT delivery_id FROM held WHERE next_try_at IS NULL))
),
later AS (
    UPDATE callbacks_deliverydue d SET due_at = h.next_try_at, tries = d.tries + 1, lease = NULL, lease_until = NULL
    FROM held h WHERE h.delivery_id = d.delivery_id AND h.next_try_at IS NOT NULL
)
INSERT INTO callbacks_deliverytry
    (delivery_id, number, outcome, started_at, milliseconds, status_code, error, answer, next_try_at)
SELECT s.delivery_id, s.number, s.outcome, s.started_at, s.milliseconds, s.status_code, s.error, s.answer, h.next_try_at
FROM said s JOIN held h USING (delivery_id)
RETURNING delivery_id
"""
_PUT_BACK = """
UPDATE callbacks_deliverydue d SET due_at = statement_timestamp() + make_interval(secs => r.rests), lease = NULL, lease_until = NULL
FROM json_to_recordset(%(rows)s::json) AS r(delivery_id uuid, rests float8)
WHERE d.delivery_id = r.delivery_id AND d.lease = %(lease)s
"""
_RELEASE = """
UPDATE callbacks_deliverydue SET lease = NULL, lease_until = NULL WHERE delivery_id = ANY(%s::uuid[]) AND lease = %s
"""
_HASTEN = """
UPDATE callbacks_deliverydue SET due_at = statement_timestamp() WHERE delivery_id IN (
    SELECT delivery_id FROM callbacks_deliverydue
    WHERE lane = %(lane)s AND endpoint_id = %(endpoint)s AND due_at > statement_timestamp()
        AND (lease_until IS NULL OR lease_until <= statement_timestamp())
        AND (%(type)s::text IS NULL OR EXISTS (SELECT FROM callbacks_delivery d WHERE d.id = delivery_id AND d.type = %(type)s))
    FOR UPDATE SKIP LOCKED
)
"""
_WAITS = """
SELECT EXISTS (SELECT FROM callbacks_deliverydue q JOIN callbacks_delivery d ON d.id = q.delivery_id
    WHERE q.lane = %s AND q.endpoint_id = %s AND d.type = %s)
"""
_ARE_DUE = """
WITH RECURSIVE first AS (
    (SELECT lane, due_at FROM callbacks_deliverydue ORDER BY lane, due_at LIMIT 1)
    UNION ALL
    SELECT n.lane, n.due_at FROM first f CROSS JOIN LATERAL (
        SELECT lane, due_at FROM callbacks_deliverydue WHERE lane > f.lane ORDER BY lane, due_at LIMIT 1) n
)
SELECT EXISTS (SELECT FROM first WHERE due_at <= statement_timestamp())
"""


def claim_of(rooms: Mapping[UUID, int], *, limit: int, lease: UUID) -> list[Debt]:
    """Lease what is due in these lanes: up to its room in each, and `limit` in all."""
    return _claim(rooms, after=None, room=0, limit=limit, lease=lease)


def claim_next(rooms: Mapping[UUID, int], *, after: UUID, room: int, limit: int, lease: UUID) -> list[Debt]:
    """Lease what is due in the lanes that follow `after`: up to `room` where `rooms` says nothing else, and `limit` in all."""
    return _claim(rooms, after=after, room=room, limit=limit, lease=lease)


def _claim(rooms: Mapping[UUID, int], **parameters: Any) -> list[Debt]:
    lanes = orjson.dumps([{"lane": lane, "room": room} for lane, room in rooms.items()]).decode()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"rooms": lanes, "seconds": settings.QSURA_LEASE, **parameters})
        claimed, counted_from = cursor.fetchall(), time.monotonic()
        return [Debt(counted_from, *row) for row in claimed]


def settle(paid: Iterable[Paid], *, lease: UUID) -> set[UUID]:
    """Log the tries; strike the deliveries that are done and put off the others. Returns those that were still under their lease."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, {"rows": orjson.dumps([_row(each) for each in paid]).decode(), "lease": lease})
        return {delivery_id for (delivery_id,) in cursor.fetchall()}


def _row(paid: Paid) -> dict[str, Any]:
    verdict = paid.verdict
    return {
        "delivery_id": paid.debt.delivery_id,
        "number": paid.debt.tried_before + paid.debt.tries + 1,
        "outcome": verdict.outcome,
        "started_at": paid.started_at,
        "milliseconds": round(paid.seconds * 1000),
        "status_code": verdict.status_code,
        "error": verdict.error,
        "answer": verdict.answer,
        "wait": verdict.wait / timedelta(seconds=1) if verdict.wait is not None else None,
    }


def put_back(debts: Sequence[Debt], *, lease: UUID) -> None:
    """Let those wait whose receivers rest, or have not answered the challenge, without counting a try."""
    rows = [{"delivery_id": debt.delivery_id, "rests": LOOKED_AGAIN if debt.is_pending else debt.rests} for debt in debts]
    with connection.cursor() as cursor:
        cursor.execute(_PUT_BACK, {"rows": orjson.dumps(rows).decode(), "lease": lease})


def release(debts: Sequence[Debt], *, lease: UUID) -> None:
    """Give them back as they were, each in its place."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [[debt.delivery_id for debt in debts], lease])


def hasten(endpoint_id: UUID, *, lane: UUID, type_: str | None = None) -> int:
    """Make everything that waits for an endpoint due now, or all of a type; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_HASTEN, {"endpoint": endpoint_id, "lane": lane, "type": type_})
        return int(cursor.rowcount)


def waits(endpoint_id: UUID, *, lane: UUID, type_: str) -> bool:
    """Whether anything of that type is owed to the endpoint."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITS, [lane, endpoint_id, type_])
        return bool(cursor.fetchone()[0])


def are_due() -> bool:
    """Whether anything is to be sent now, or is being sent."""
    with connection.cursor() as cursor:
        cursor.execute(_ARE_DUE)
        return bool(cursor.fetchone()[0])
