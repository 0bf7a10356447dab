"""How webhooks are doing now, for the admin's first page; every count ends at a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from accounts import ids
from accounts.cards import MOST, Card, Figure
from callbacks.choices import EndpointKind
from callbacks.models import Endpoint
from messaging import phrases

SLOW = timedelta(minutes=1)
LATEST = timedelta(days=3)
"""A delivery is tried for some 28 hours, so what is given up now was owed yesterday or before."""

# Lane by lane, by the index of the claim: there is none on due_at alone, and a backlog is never sorted.
_DUE = """
WITH RECURSIVE step AS (
    (SELECT lane FROM callbacks_deliverydue WHERE due_at <= %(at)s ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT d.lane FROM callbacks_deliverydue d WHERE d.lane > s.lane AND d.due_at <= %(at)s ORDER BY d.lane LIMIT 1)
    FROM step s WHERE s.lane IS NOT NULL
),
due AS (
    SELECT d.due_at, d.endpoint_id FROM step s CROSS JOIN LATERAL (
        SELECT due_at, endpoint_id FROM callbacks_deliverydue WHERE lane = s.lane AND due_at <= %(at)s ORDER BY due_at LIMIT %(most)s
    ) d WHERE s.lane IS NOT NULL LIMIT %(most)s
)
SELECT count(*), min(d.due_at) FROM due d JOIN callbacks_endpoint e ON e.id = d.endpoint_id
WHERE %(business)s::uuid IS NULL OR e.business_id = %(business)s
"""
_GIVEN_UP = """
SELECT count(*)
FROM (SELECT delivery_id FROM callbacks_deliverytry WHERE outcome = 'exhausted' AND delivery_id >= %(first)s LIMIT %(most)s) t
JOIN callbacks_delivery d ON d.id = t.delivery_id AND d.id >= %(first)s
WHERE %(business)s::uuid IS NULL OR d.business_id = %(business)s
"""


def due(at: datetime) -> int:
    """How many webhooks are due, MOST of them at the most."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"at": at, "most": MOST, "business": None})
        return int(cursor.fetchone()[0])


def cards(business_id: Any, at: datetime) -> Sequence[Card]:
    """Of one business, or of all."""
    asked = {"at": at, "first": ids.first_at(at - LATEST), "most": MOST, "business": business_id}
    with connection.cursor() as cursor:
        cursor.execute(_DUE, asked)
        due, oldest = cursor.fetchone()
        cursor.execute(_GIVEN_UP, asked)
        given_up = cursor.fetchone()[0]
    mine = Q() if business_id is None else Q(business=business_id)
    off = Endpoint.objects.filter(mine, kind=EndpointKind.REGISTERED, is_enabled=False, removed_at__isnull=True).count()
    return [
        Card(
            "Webhooks",
            [
                Figure("due now", due, _tone(due, oldest, at), note=f"oldest for {phrases.span(at - oldest)}" if due else ""),
                Figure("given up", given_up, "bad" if given_up else "plain", note="in 3 days"),
                Figure("endpoints disabled", off, "care" if off else "plain"),
            ],
        )
    ]


def _tone(due: int, oldest: datetime | None, at: datetime) -> str:
    if not due or oldest is None:
        return "plain"
    return "care" if at - oldest > SLOW else "moving"
