"""Where a reader of the feed begins, if not at the very beginning: now, or at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

NOW = "now"
"""As `after` in the feed: what happens from now on."""
EARLIER = timedelta(minutes=1)
"""How far before a time the reader begins: transactions are recorded in almost the order of their ids, not quite."""

_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
# The feed's index knows the order of transactions, and no index knows that of times. The two run side by side, so the place is found by
# halving: some thirty looks at one row each, however long the history.
_SINCE = """
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    UNION ALL
    SELECT CASE WHEN is_early THEN middle + 1 ELSE low END, CASE WHEN is_early THEN high ELSE middle END
    FROM (
        SELECT low, high, (low + high) / 2 AS middle, coalesce((
            SELECT e.recorded_at < %(since)s FROM messaging_event e
            WHERE e.business_id = %(business)s AND e.mode = %(mode)s AND e.transaction >= ((low + high) / 2)::text::xid8
            ORDER BY e.transaction LIMIT 1
        ), true) AS is_early
        FROM search WHERE low < high
    ) look
)
SELECT least(
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    (SELECT e.transaction::text::bigint FROM messaging_event e
    WHERE e.business_id = %(business)s AND e.mode = %(mode)s AND e.transaction >= low::text::xid8
    ORDER BY e.transaction LIMIT 1),
    (SELECT e.transaction::text::bigint FROM accounts_businessevent e
    WHERE e.business_id = %(business)s AND (e.mode IS NULL OR e.mode = %(mode)s) AND e.recorded_at >= %(since)s
    ORDER BY e.transaction LIMIT 1)
)::text
FROM search WHERE low >= high
"""


def now() -> str:
    """The first transaction that may not have ended yet: behind it lies all that is still to come."""
    with connection.cursor() as cursor:
        cursor.execute(_NOW)
        return str(cursor.fetchone()[0])


def since(moment: datetime, *, business_id: UUID, mode: str) -> str:
    """A transaction before which nothing was recorded at or after that moment; a minute's events from before it may follow."""
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, {"since": moment - EARLIER, "business": business_id, "mode": mode})
        return str(cursor.fetchone()[0])
