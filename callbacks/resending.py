"""Working through replays: a slice at a time, and only while the endpoint keeps up with what it is sent.

First come the deliveries of that time, then the messages' events that were never owed to the endpoint, then the business's own. Each slice
is one transaction that queues what it found and writes down how far it has come, so that a crash repeats nothing; and a delivery has one
place in the queue, so that even two replays of the same time queue it once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from accounts import ids
from accounts.signals import News
from callbacks import address, outbox
from callbacks.choices import EndpointKind, ReplayKind, ReplayState
from callbacks.models import Endpoint, Replay
from messaging.signals import NewEvent

AT_A_TIME = 1_000
"""Deliveries or events that one slice looks at."""
BACKLOG = 1_000
"""While so much is due to the endpoint, nothing is added: what happens now must not wait behind what is sent again."""
PHASES = 3
_DISABLED = "Its endpoint was disabled."
_FIRST = UUID(int=0)


def advance(*, at: datetime) -> bool:
    """One slice of each open replay; tells whether any could go on at once."""
    open_ = Replay.objects.filter(state__in=[ReplayState.WAITING, ReplayState.RUNNING]).order_by("created_at").values_list("id", flat=True)
    # Each of them: a list, not a generator, or the first that can go on would be the last to be looked at.
    return any([_go_on(id_, at=at) for id_ in list(open_)])


def are_open() -> bool:
    """Whether any replay waits for its next slice."""
    return bool(Replay.objects.filter(state__in=[ReplayState.WAITING, ReplayState.RUNNING]).exists())


def _go_on(replay_id: UUID, *, at: datetime) -> bool:
    with transaction.atomic():
        replay = Replay.objects.select_for_update(skip_locked=True, of=("self",)).select_related("endpoint").filter(id=replay_id).first()
        if replay is None or replay.state not in {ReplayState.WAITING, ReplayState.RUNNING}:
            return False
        if not replay.endpoint.is_enabled or replay.endpoint.removed_at is not None:
            _end(replay, ReplayState.CANCELED, at=at, because=_DISABLED)
        elif replay.horizon is None:
            _start(replay, at=at)
        elif _is_behind(replay.endpoint) or not _is_settled(replay.horizon):
            return False
        else:
            _slice(replay, at=at)
        replay.save()
    return True


def _start(replay: Replay, *, at: datetime) -> None:
    """What runs now may have looked for listeners before the endpoint was one: only when all of it has ended, nothing more is added."""
    replay.state, replay.started_at = ReplayState.RUNNING, at
    replay.horizon = int(_one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


def _is_settled(horizon: int) -> bool:
    return int(_one("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) >= horizon


def _is_behind(endpoint: Endpoint) -> bool:
    sql = """
    SELECT count(*) FROM (SELECT FROM callbacks_deliverydue
        WHERE lane = %s AND due_at <= statement_timestamp() AND endpoint_id = %s LIMIT %s) due
    """
    return int(_one(sql, [endpoint.lane, endpoint.id, BACKLOG])) >= BACKLOG


def _slice(replay: Replay, *, at: datetime) -> None:
    phase = (_deliveries, _events, _news)[replay.phase]
    looked_at, queued = phase(replay)
    replay.looked_at, replay.queued = replay.looked_at + looked_at, replay.queued + queued
    if looked_at < AT_A_TIME:
        replay.phase, replay.place, replay.place_transaction = replay.phase + 1, _FIRST, 0
    if replay.phase >= PHASES:
        replay.phase, replay.place = PHASES - 1, None
        _end(replay, ReplayState.DONE, at=at)


def _end(replay: Replay, state: ReplayState, *, at: datetime, because: str = "") -> None:
    replay.state, replay.ended_at, replay.because = state, at, because


# What was owed in that time. Samples and challenges are nothing that anybody misses.
_OWED = """
SELECT d.id, d.type <> 'endpoint.challenge' AND (%(all)s OR (
    NOT EXISTS (SELECT FROM callbacks_deliverydue q WHERE q.delivery_id = d.id)
    AND NOT EXISTS (SELECT FROM callbacks_deliverytry t WHERE t.delivery_id = d.id AND t.outcome = 'delivered')))
FROM (SELECT id, type FROM callbacks_delivery
    WHERE endpoint_id = %(endpoint)s AND id > %(place)s AND id >= %(first)s AND id < %(last)s ORDER BY id LIMIT %(most)s) d
ORDER BY d.id
"""


def _deliveries(replay: Replay) -> tuple[int, int]:
    found = _all(_OWED, {**_where(replay), "all": replay.kind == ReplayKind.SINCE, "place": replay.place or _FIRST})
    if found:
        replay.place = found[-1][0]
    return len(found), queue([id_ for id_, is_wanted in found if is_wanted])


_HAPPENED = """
SELECT e.transaction::text::bigint, e.id, e.message_id, e.seq, m.callback,
    NOT EXISTS (SELECT FROM callbacks_delivery d WHERE d.id = qsura_delivery_id(e.id, %(endpoint)s))
FROM (SELECT transaction, id, message_id, seq FROM messaging_event
    WHERE business_id = %(business)s AND mode = %(mode)s AND (transaction, id) > (%(transaction)s::text::xid8, %(place)s::uuid)
        AND id >= %(first)s AND id < %(last)s AND (%(types)s::text[] = '{}' OR type = ANY(%(types)s::text[]))
    ORDER BY transaction, id LIMIT %(most)s) e
LEFT JOIN messaging_message m ON m.id = e.message_id
ORDER BY e.transaction, e.id
"""
_EVENTS = """
SELECT e.id, e.message_id, e.seq, e.business_id, e.mode, e.type, e.previous_status, e.status, e.final, e.occurred_at, e.recorded_at,
    e.attempt, e.channel, e.account_id, e.error_class, e.error_code, e.raw_code, e.detail, m.reference, m.metadata
FROM messaging_event e JOIN messaging_message m ON m.id = e.message_id
WHERE e.message_id = ANY(%(messages)s::uuid[]) AND m.id = ANY(%(messages)s::uuid[]) AND e.id = ANY(%(events)s::uuid[])
"""


def _events(replay: Replay) -> tuple[int, int]:
    """Those that were never owed to it: it did not exist yet, was disabled, or had not asked for the type."""
    found = _all(_HAPPENED, _where_in_feed(replay))
    if found:
        replay.place_transaction, replay.place = found[-1][0], found[-1][1]
    wanted = [row for row in found if row[5] and _is_for(replay.endpoint, callback=row[4])]
    return len(found), _owe(replay.endpoint, _read(wanted))


def _is_for(endpoint: Endpoint, *, callback: str | None) -> bool:
    if endpoint.kind == EndpointKind.REGISTERED:
        return True
    return callback is not None and address.normal(callback) == endpoint.url


def _read(wanted: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, {"messages": [row[2] for row in wanted], "events": [row[1] for row in wanted]})
        names = [column.name for column in cursor.description or ()]
        return [outbox.row(_event(dict(zip(names, row, strict=True)))) for row in cursor.fetchall()]


def _event(row: dict[str, Any]) -> NewEvent:
    # Django leaves jsonb of raw statements as text.
    return NewEvent(**row | {name: orjson.loads(row[name]) for name in ("detail", "metadata") if row[name] is not None})


_NEWS = """
SELECT e.transaction::text::bigint, e.id, e.type, e.about, e.occurred_at,
    NOT EXISTS (SELECT FROM callbacks_delivery d WHERE d.id = qsura_delivery_id(e.id, %(endpoint)s))
FROM accounts_businessevent e
WHERE e.business_id = %(business)s AND (e.mode IS NULL OR e.mode = %(mode)s)
    AND (e.transaction, e.id) > (%(transaction)s::text::xid8, %(place)s::uuid) AND e.id >= %(first)s AND e.id < %(last)s
    AND (%(types)s::text[] = '{}' OR e.type = ANY(%(types)s::text[]))
ORDER BY e.transaction, e.id LIMIT %(most)s
"""


def _news(replay: Replay) -> tuple[int, int]:
    """The same of the business's own events, which no request's callback hears of."""
    endpoint = replay.endpoint
    if endpoint.kind == EndpointKind.CALLBACK:
        return 0, 0
    found = _all(_NEWS, _where_in_feed(replay))
    if found:
        replay.place_transaction, replay.place = found[-1][0], found[-1][1]
    told = [
        News(id_, endpoint.business_id, endpoint.mode, type_, orjson.loads(about), occurred_at)
        for _, id_, type_, about, occurred_at, is_wanted in found
        if is_wanted
    ]
    return len(found), _owe(endpoint, [outbox.news_row(each) for each in told])


def _owe(endpoint: Endpoint, rows: Sequence[dict[str, Any]]) -> int:
    return len(outbox.owe_to(endpoint.id, lane=endpoint.lane, rows=rows)) if rows else 0


def _where(replay: Replay) -> dict[str, Any]:
    if replay.begin is None or replay.end is None:
        raise ValueError("a replay of a time has both its ends")
    return {"endpoint": replay.endpoint_id, "first": ids.first_at(replay.begin), "last": ids.first_at(replay.end), "most": AT_A_TIME}


def _where_in_feed(replay: Replay) -> dict[str, Any]:
    owner = replay.endpoint
    place = {"place": replay.place or _FIRST, "transaction": str(replay.place_transaction)}
    return {**_where(replay), **place, "business": owner.business_id, "mode": owner.mode, "types": owner.event_types}


# Whoever is trying one just now is waited for: the number of its try must be known before the next one is given out.
_LOCK = "SELECT FROM callbacks_deliverydue WHERE delivery_id = ANY(%s::uuid[]) ORDER BY delivery_id FOR UPDATE"
_QUEUE = """
INSERT INTO callbacks_deliverydue AS q (delivery_id, endpoint_id, lane, due_at, tries, tried_before)
SELECT d.id, d.endpoint_id, e.lane, statement_timestamp(), 0,
    (SELECT coalesce(max(t.number), 0) FROM callbacks_deliverytry t WHERE t.delivery_id = d.id)
FROM callbacks_delivery d JOIN callbacks_endpoint e ON e.id = d.endpoint_id
WHERE d.id = ANY(%s::uuid[])
ON CONFLICT (delivery_id) DO UPDATE SET due_at = excluded.due_at
WHERE q.due_at > excluded.due_at AND (q.lease_until IS NULL OR q.lease_until <= statement_timestamp())
"""


def queue(deliveries: Collection[UUID]) -> int:
    """Make them due; returns how many were not about to be sent anyway."""
    if not deliveries:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(deliveries)])
        cursor.execute(_QUEUE, [list(deliveries)])
        queued: int = cursor.rowcount
        transaction.on_commit(outbox.ring)
    return queued


def _all(sql: str, where: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, where)
        return list(cursor.fetchall())


def _one(sql: str, parameters: Sequence[Any] = ()) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]
