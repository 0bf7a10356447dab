"""An endpoint's own rate: a bucket in its row holds a second's worth, whoever sends. What finds it empty keeps its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import orjson
from django.db import connection

from callbacks.debts import Debt

_TAKE = """
WITH wanted AS MATERIALIZED (
    SELECT w.id, w.number FROM json_to_recordset(%(rows)s::json) AS w(id uuid, number int)
),
filled AS MATERIALIZED (
    SELECT e.id, w.number, least(e.rate_limit,
        CASE WHEN e.tokens_at IS NULL THEN e.rate_limit
             ELSE e.tokens + e.rate_limit * greatest(extract(epoch FROM statement_timestamp() - e.tokens_at), 0) END)::float8 AS tokens
    FROM callbacks_endpoint e JOIN wanted w ON w.id = e.id WHERE e.rate_limit IS NOT NULL
    ORDER BY e.id FOR UPDATE OF e
)
UPDATE callbacks_endpoint e SET tokens = f.tokens - least(floor(f.tokens), f.number), tokens_at = statement_timestamp()
FROM filled f WHERE e.id = f.id
RETURNING e.id, least(floor(f.tokens), f.number)::int
"""


def allow(limited: Sequence[Debt]) -> set[UUID]:
    """Which deliveries of these may be sent now; of an endpoint's the oldest first."""
    granted = _take(Counter(debt.endpoint_id for debt in limited))
    allowed = set()
    for debt in sorted(limited, key=lambda debt: debt.delivery_id):
        if granted.get(debt.endpoint_id, 0) > 0:
            granted[debt.endpoint_id] -= 1
            allowed.add(debt.delivery_id)
    return allowed


def _take(wanted: Counter[UUID]) -> dict[UUID, int]:
    rows = [{"id": id_, "number": number} for id_, number in wanted.items()]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"rows": orjson.dumps(rows).decode()})
        return dict(cursor.fetchall())
