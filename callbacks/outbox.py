"""What is owed: each recorded event becomes a delivery for every endpoint that asked for it, in the very transaction of the event.

No model is imported here, for apps.py connects `owe` and `owe_news` before models are ready. One statement serves any number of messages'
events. A delivery's id is made of its event's and its endpoint's, so that an event is owed to an endpoint once, however often somebody
says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from accounts import ids
from accounts.signals import News
from callbacks import address
from messaging import bell
from messaging.signals import NewEvent

BELL = "callbacks.tasks.deliver"

_OWE = """
WITH said AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(events)s::json) AS s(event_id uuid, message_id uuid, business_id uuid, mode text, type text,
        body text, created_at timestamptz, callback text, callback_id uuid, callback_lane uuid)
),
made AS (
    -- A callback URL that is named for the first time.
    INSERT INTO callbacks_endpoint
        (id, business_id, mode, kind, url, lane, description, event_types, is_enabled, disabled_because, created_at)
    SELECT DISTINCT ON (s.business_id, s.mode, s.callback)
        s.callback_id, s.business_id, s.mode, 'callback', s.callback, s.callback_lane, '', '{}', true, '', statement_timestamp()
    FROM said s WHERE s.callback IS NOT NULL AND NOT EXISTS (
        SELECT FROM callbacks_endpoint e WHERE e.kind = 'callback'
            AND e.business_id = s.business_id AND e.mode = s.mode AND md5(e.url) = md5(s.callback) AND e.url = s.callback)
    ORDER BY s.business_id, s.mode, s.callback
    ON CONFLICT (business_id, mode, md5(url)) WHERE kind = 'callback' DO NOTHING
    RETURNING id, business_id, mode, url, lane
),
woken AS (
    -- About to be cleared (clearing): taken back under its lock, so that what is owed to it now is owed to somebody.
    UPDATE callbacks_endpoint e SET unused_since = NULL FROM (SELECT DISTINCT business_id, mode, callback FROM said) s
    WHERE e.kind = 'callback' AND e.unused_since IS NOT NULL
        AND e.business_id = s.business_id AND e.mode = s.mode AND md5(e.url) = md5(s.callback) AND e.url = s.callback
    RETURNING e.id, e.business_id, e.mode, e.url, e.lane, e.is_enabled
),
named AS MATERIALIZED (
    SELECT s.event_id, e.id, e.lane, e.is_enabled
    FROM said s JOIN callbacks_endpoint e ON e.kind = 'callback' AND e.unused_since IS NULL
        AND e.business_id = s.business_id AND e.mode = s.mode AND md5(e.url) = md5(s.callback) AND e.url = s.callback
    UNION ALL
    SELECT s.event_id, w.id, w.lane, w.is_enabled
    FROM said s JOIN woken w ON w.business_id = s.business_id AND w.mode = s.mode AND w.url = s.callback
    UNION ALL
    SELECT s.event_id, m.id, m.lane, true
    FROM said s JOIN made m ON m.business_id = s.business_id AND m.mode = s.mode AND m.url = s.callback
),
listening AS (
    SELECT s.event_id, e.id, e.lane
    FROM said s JOIN callbacks_endpoint e ON e.kind = 'registered' AND e.is_enabled AND e.removed_at IS NULL
        AND e.business_id = s.business_id AND e.mode = s.mode AND (e.event_types = '{}' OR s.type = ANY(e.event_types))
    WHERE %(registered)s
),
owed AS MATERIALIZED (
    SELECT qsura_delivery_id(event_id, id) AS delivery_id, event_id, id AS endpoint_id, lane FROM listening
    UNION ALL
    SELECT qsura_delivery_id(event_id, id), event_id, id, lane FROM named WHERE is_enabled
),
delivery AS (
    INSERT INTO callbacks_delivery (id, business_id, mode, endpoint_id, event_id, message_id, type, body, created_at)
    SELECT o.delivery_id, s.business_id, s.mode, o.endpoint_id, s.event_id, s.message_id, s.type, s.body, s.created_at
    FROM owed o JOIN said s USING (event_id)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
),
due AS (
    INSERT INTO callbacks_deliverydue (delivery_id, endpoint_id, lane, due_at, tries, tried_before)
    SELECT o.delivery_id, o.endpoint_id, o.lane, statement_timestamp(), 0, 0 FROM owed o JOIN delivery d ON d.id = o.delivery_id
    RETURNING delivery_id
)
SELECT (SELECT count(*) FROM due),
       ARRAY(SELECT event_id FROM said WHERE callback IS NOT NULL EXCEPT SELECT event_id FROM named)
"""
_OWE_NEWS = """
WITH owed AS MATERIALIZED (
    SELECT qsura_delivery_id(%(event_id)s::uuid, e.id) AS delivery_id, e.id AS endpoint_id, e.lane, e.mode
    FROM callbacks_endpoint e
    WHERE e.kind = 'registered' AND e.is_enabled AND e.removed_at IS NULL AND e.business_id = %(business_id)s
        AND (%(mode)s::text IS NULL OR e.mode = %(mode)s) AND (e.event_types = '{}' OR %(type)s = ANY(e.event_types))
),
delivery AS (
    INSERT INTO callbacks_delivery (id, business_id, mode, endpoint_id, event_id, message_id, type, body, created_at)
    SELECT delivery_id, %(business_id)s, mode, endpoint_id, %(event_id)s, NULL, %(type)s, %(body)s, %(created_at)s FROM owed
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO callbacks_deliverydue (delivery_id, endpoint_id, lane, due_at, tries, tried_before)
SELECT o.delivery_id, o.endpoint_id, o.lane, statement_timestamp(), 0, 0 FROM owed o JOIN delivery d ON d.id = o.delivery_id
"""
_OWE_TO = """
WITH said AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(events)s::json) AS s(event_id uuid, message_id uuid, business_id uuid, mode text, type text,
        body text, created_at timestamptz)
),
delivery AS (
    INSERT INTO callbacks_delivery (id, business_id, mode, endpoint_id, event_id, message_id, type, body, created_at)
    SELECT qsura_delivery_id(event_id, %(endpoint)s), business_id, mode, %(endpoint)s, event_id, message_id, type, body, created_at
    FROM said
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO callbacks_deliverydue (delivery_id, endpoint_id, lane, due_at, tries, tried_before)
SELECT id, %(endpoint)s, %(lane)s, statement_timestamp(), 0, 0 FROM delivery
RETURNING delivery_id
"""


def owe(*, events: Sequence[NewEvent], **_: Any) -> int:
    """Receiver of messaging.signals.recorded. Writes what the events owe, and rings when the transaction has committed."""
    rows = {event.id: row(event) for event in _heard(events)}
    if not rows:
        return 0
    owed, unsettled = _write(list(rows.values()), registered=True)
    if unsettled:
        # Another transaction was making the same callback's endpoint. It has committed by now, for our insert waited for it.
        owed += _write([rows[event_id] for event_id in unsettled], registered=False)[0]
    if owed:
        transaction.on_commit(ring)
    return owed


_LISTENERS = """
SELECT DISTINCT business_id, mode FROM callbacks_endpoint
WHERE business_id = ANY(%s::uuid[]) AND kind = 'registered' AND is_enabled AND removed_at IS NULL
"""


def _heard(events: Sequence[NewEvent]) -> list[NewEvent]:
    """Those that anybody may want to hear: for the others no body is written, and no statement is asked."""
    if all(event.callback is not None for event in events):
        return list(events)
    with connection.cursor() as cursor:
        cursor.execute(_LISTENERS, [list({event.business_id for event in events})])
        listeners = set(cursor.fetchall())
    return [event for event in events if event.callback is not None or (event.business_id, event.mode) in listeners]


def owe_news(*, news: News, **_: Any) -> int:
    """Receiver of accounts.signals.told: an event of the business itself, which no request's callback hears of."""
    with connection.cursor() as cursor:
        cursor.execute(_OWE_NEWS, news_row(news))
        owed = int(cursor.rowcount)
    if owed:
        transaction.on_commit(ring)
    return owed


def _write(rows: Sequence[dict[str, Any]], *, registered: bool) -> tuple[int, Collection[UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(_OWE, {"events": orjson.dumps(rows).decode(), "registered": registered})
        owed, unsettled = cursor.fetchone()
    return owed, unsettled


def owe_to(endpoint_id: UUID, *, lane: UUID, rows: Sequence[dict[str, Any]]) -> list[UUID]:
    """Owe these (of `row`) to one endpoint, whether it asked for them or not; returns the deliveries that are new."""
    with connection.cursor() as cursor:
        cursor.execute(_OWE_TO, {"events": orjson.dumps(rows).decode(), "endpoint": endpoint_id, "lane": lane})
        owed = [delivery_id for (delivery_id,) in cursor.fetchall()]
    if owed:
        transaction.on_commit(ring)
    return owed


def ring() -> None:
    """Wake whoever pays."""
    bell.ring(BELL)


def row(event: NewEvent) -> dict[str, Any]:
    """What the statement takes of an event; the columns of `said`."""
    return {
        "event_id": event.id,
        "message_id": event.message_id,
        "business_id": event.business_id,
        "mode": event.mode,
        "type": event.type,
        "body": body(event).decode(),
        "created_at": event.recorded_at,
        "callback": address.normal(event.callback) if event.callback else None,
        "callback_id": ids.new() if event.callback else None,
        "callback_lane": _lane(event) if event.callback else None,
    }


def news_row(news: News) -> dict[str, Any]:
    """The same of an event that is no message's. Its mode is None where both worlds hear of it."""
    return {
        "event_id": news.id,
        "message_id": None,
        "business_id": news.business_id,
        "mode": news.mode,
        "type": news.type,
        "body": body_of_news(news).decode(),
        "created_at": news.occurred_at,
    }


def _lane(event: NewEvent) -> UUID:
    """One for all callbacks of a business to one origin: a thousand URLs on a slow host wait in one queue, not in a thousand."""
    name = f"{event.business_id.hex} {event.mode} {address.origin(event.callback or '')}"
    return UUID(bytes=hashlib.sha256(name.encode(errors="surrogatepass")).digest()[:16])


def body(event: NewEvent) -> bytes:
    """The webhook, thin: no recipient, no content (docs/webhooks.md). Serialised here, once, and signed and sent as stored."""
    detail = event.detail or {}
    data = {
        "id": ids.public("msg", event.message_id),
        "seq": event.seq,
        "previous_status": event.previous_status,
        "status": event.status,
        "final": event.final,
        "channel": event.channel,
        "reference": event.reference,
        "metadata": event.metadata or {},
        "error": _error(event),
        "fallback": detail.get("fallback"),
        **{name: detail[name] for name in ("recovered", "late", "deferred", "reply") if detail.get(name)},
    }
    return orjson.dumps({"type": event.type, "timestamp": event.occurred_at, "data": data}, option=orjson.OPT_UTC_Z)


def body_of_news(news: News) -> bytes:
    """Its webhook: what it is about, and nothing more."""
    return orjson.dumps({"type": news.type, "timestamp": news.occurred_at, "data": news.about}, option=orjson.OPT_UTC_Z)


def _error(event: NewEvent) -> dict[str, str | None] | None:
    if event.error_class is None:
        return None
    return {"class": event.error_class, "code": event.error_code, "provider_code": event.raw_code or None}
