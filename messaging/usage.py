"""Who sends which template with which variables: counted by the hour from the messages as stored, never while one is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from accounts import ids
from routing import vault
from templates_app import uses
from templates_app.uses import Count

HOUR = timedelta(hours=1)

# By id, which is a UUIDv7: the partition of that hour and a range of its key, never the whole table.
_COUNTED = """
WITH counted AS (
    SELECT api_key_id, template_version_id, count(*) AS messages, count(segments) AS sms, coalesce(sum(segments), 0) AS segments,
           max(id::text)::uuid AS last_id
    FROM messaging_message
    WHERE id >= %(first)s AND id < %(next)s
    GROUP BY api_key_id, template_version_id
)
SELECT c.api_key_id, c.template_version_id, c.messages, c.sms, c.segments, c.last_id, m.variables
FROM counted c JOIN messaging_message m ON m.id = c.last_id
WHERE EXISTS (SELECT FROM accounts_apikey k WHERE k.id = c.api_key_id)
  AND EXISTS (SELECT FROM templates_app_templateversion v WHERE v.id = c.template_version_id)
"""


def count(*, at: datetime) -> int:
    """Count every hour since the last counted one, that one and the one before it anew; returns how many rows were kept.

    An hour is counted again while it may still grow: a request that began in it may be committed in the next. What the platform did not
    run for is counted when it runs again, 30 days back at most.
    """
    known, kept = uses.last_hour(), 0
    hour = _next_hour(max(known - HOUR, at - uses.LOOKED_BACK) if known else at - uses.LOOKED_BACK)
    while hour is not None:
        counts = list(_counts(hour))
        uses.keep(counts)
        kept, hour = kept + len(counts), _next_hour(hour + HOUR)
    return kept


def _next_hour(since: datetime) -> datetime | None:
    """The hour of the first message from that hour on: hours without any are passed over."""
    begin = since.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM messaging_message WHERE id >= %s ORDER BY id LIMIT 1", [ids.first_at(begin)])
        row = cursor.fetchone()
    return ids.made_at(row[0]).replace(minute=0, second=0, microsecond=0) if row else None


def _counts(hour: datetime) -> Iterator[Count]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"first": ids.first_at(hour), "next": ids.first_at(hour + HOUR)})
        rows = cursor.fetchall()
    for key, version, messages, sms, segments, last_id, sealed in rows:
        yield Count(hour, key, version, messages, sms, segments, tuple(sorted(_names(last_id, sealed))))


def _names(message_id: UUID, sealed: Any) -> list[str]:
    """The names of the variables that a message was given; their values are not looked at."""
    if sealed is None:
        return []
    try:
        given = orjson.loads(vault.unseal(bytes(sealed), bound_to=f"message:{message_id}"))
    except vault.CannotOpen:
        # Sealed with a key that is gone: the hour is counted all the same.
        return []
    return [name for name, value in given.items() if value is not None]
