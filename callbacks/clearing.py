"""Endpoints of callbacks that nobody has named for long: first marked, and a day later removed, unless somebody names them meanwhile.

Naming one takes the mark away under the row's lock (outbox), so that no delivery is ever owed to a row that is just being removed; and no
transaction that overlooked the mark is still open a day later.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts import ids

KEPT = timedelta(days=90)
"""How long a callback that nobody names any more is remembered."""
_MARKED = timedelta(days=1)
AT_A_TIME = 10_000

# Neither looks at a switched-off one: its row is what keeps it switched off.
_MARK = """
UPDATE callbacks_endpoint SET unused_since = %(at)s WHERE id IN (
    SELECT e.id FROM callbacks_endpoint e
    WHERE e.kind = 'callback' AND e.is_enabled AND e.unused_since IS NULL AND e.created_at < %(before)s
        AND NOT EXISTS (SELECT FROM callbacks_delivery d WHERE d.endpoint_id = e.id AND d.id >= %(first)s)
        AND NOT EXISTS (SELECT FROM callbacks_deliverydue q WHERE q.lane = e.lane AND q.endpoint_id = e.id)
    LIMIT %(most)s FOR UPDATE OF e SKIP LOCKED)
"""
_CLEAR = """
DELETE FROM callbacks_endpoint WHERE id IN (
    SELECT e.id FROM callbacks_endpoint e
    WHERE e.kind = 'callback' AND e.is_enabled AND e.unused_since < %(marked)s
        AND NOT EXISTS (SELECT FROM callbacks_replay r WHERE r.endpoint_id = e.id AND r.ended_at IS NULL)
        AND NOT EXISTS (SELECT FROM callbacks_deliverydue q WHERE q.lane = e.lane AND q.endpoint_id = e.id)
    LIMIT %(most)s FOR UPDATE OF e SKIP LOCKED)
"""
_FORGET = """
DELETE FROM callbacks_replay r USING callbacks_endpoint e
WHERE r.endpoint_id = e.id AND (r.ended_at < %(before)s OR (e.unused_since < %(marked)s AND r.ended_at IS NOT NULL))
"""


def clear(*, at: datetime) -> int:
    """Mark what is unused, remove what was marked a day ago, forget replays that ended long ago; returns how many endpoints went."""
    where: dict[str, Any] = {"at": at, "before": at - KEPT, "first": ids.first_at(at - KEPT), "marked": at - _MARKED, "most": AT_A_TIME}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, where)
        cursor.execute(_CLEAR, where)
        cleared: int = cursor.rowcount
        cursor.execute(_MARK, where)
    return cleared
