"""One statement per accept, and one commit for all that arrive together.

Whatever was read from a cache is checked again *inside* the statement, by id and state: the key, the template's version, the route's
version, the recipient's consent. So a key that was revoked, or a template that was retired, is refused from the next request on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from accounts import ids
from accounts.keys import Caller
from accounts.refusals import Refusal
from messaging import bell, counting, signals
from messaging.choices import EventType
from messaging.gather import Gather, each
from messaging.lifecycle import Status
from messaging.orders import Order, parameters, unpack
from messaging.preparing import Prepared
from messaging.signals import NewEvent


@dataclass(frozen=True, slots=True)
class Replay:
    """The key has been used before: the body's hash, and the very bytes that were answered."""

    body_hash: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """Committed."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Something it was prepared with no longer holds; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Over:
    """Some of its items go beyond a cap, by index; nothing was stored."""

    refused: Mapping[int, Refusal]


Outcome = Accepted | Replay | Stale | Over

_IDLE = 1.0
"""Seconds after which a connection may have been lost without anybody noticing."""

_ACCEPT = """
WITH asked AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(orders)s::json) AS o(number integer, business_id uuid, mode text, api_key_id uuid, key text,
        body_hash bytea, answer bytea, request_id text, created_at timestamptz)
), ground AS MATERIALIZED (
    SELECT g.*, EXISTS (SELECT FROM templates_app_templateversion v WHERE v.id = g.template_version_id AND v.status = 'live')
            AND EXISTS (SELECT FROM routing_routeversion r WHERE r.id = g.route_version_id AND r.status = 'published') AS holds
    FROM json_to_recordset(%(grounds)s::json) AS g(number integer, lane text, template_version_id uuid, template_name text,
        template_number integer, language text, content_hash bytea, route_version_id uuid, route_name text, route_number integer,
        plan jsonb, trace jsonb, channels text[], first_channel text, account_id uuid)
), item AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(items)s::json) AS i(of_order integer, on_ground integer, id uuid, event_id uuid,
        scheduled_event_id uuid, channel text, recipient bytea, recipient_hash bytea, variables bytea, reference text, metadata jsonb,
        callback text, segments smallint, timezone text, deferred jsonb,
        send_at timestamptz, expires_at timestamptz, due_at timestamptz, gives_up_at timestamptz)
), possible AS (
    SELECT * FROM asked o
    WHERE EXISTS (
        SELECT FROM accounts_apikey k JOIN accounts_business b ON b.id = k.business_id
        WHERE k.id = o.api_key_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND b.is_active
    ) AND o.number NOT IN (
        SELECT i.of_order FROM item i JOIN ground g ON g.number = i.on_ground JOIN asked a ON a.number = i.of_order
        WHERE NOT g.holds OR NOT EXISTS (
            SELECT FROM unnest(g.channels) c WHERE NOT EXISTS (
                SELECT FROM messaging_suppression s
                WHERE s.business_id = a.business_id AND s.recipient_hash = i.recipient_hash AND s.mode IN ('', a.mode)
                  AND s.channel IN ('', c) AND s.category IN ('', g.lane) AND s.lifted_at IS NULL
                  AND (s.expires_at IS NULL OR s.expires_at > now())
            )
        )
    )
), kept AS (
    INSERT INTO messaging_idempotencykey (business_id, mode, key, body_hash, answer, created_at)
    SELECT business_id, mode, key, body_hash, answer, created_at FROM possible WHERE key IS NOT NULL
    ORDER BY business_id, mode, key  -- the same order in every group, so that no two wait for each other
    ON CONFLICT DO NOTHING RETURNING business_id, mode, key
), fresh AS (
    SELECT * FROM possible o
    WHERE o.key IS NULL OR EXISTS (SELECT FROM kept k WHERE (k.business_id, k.mode, k.key) = (o.business_id, o.mode, o.key))
), accepted AS MATERIALIZED (
    SELECT i.id, f.business_id, f.mode, f.api_key_id, f.request_id, f.created_at, i.channel, i.recipient, i.recipient_hash, i.variables,
        i.reference, i.metadata, i.callback, i.segments, i.timezone, i.deferred, i.send_at,
        i.expires_at + wrong.by AS expires_at, i.due_at + wrong.by AS due_at,
        i.gives_up_at + wrong.by AS gives_up_at, i.event_id,
        i.scheduled_event_id, g.lane, g.template_version_id, g.template_name, g.template_number, g.language, g.content_hash,
        g.route_version_id, g.route_name, g.route_number, g.plan, g.trace, g.first_channel, g.account_id
    FROM item i JOIN fresh f ON f.number = i.of_order JOIN ground g ON g.number = i.on_ground
    -- A web's clock may be wrong by more than the seconds that a request takes: what is meant for now counts from the database's now.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN i.send_at IS NULL AND abs(extract(epoch FROM now() - f.created_at)) > 5
            THEN now() - f.created_at ELSE interval '0' END
    ) AS wrong(by)
), message AS (
    INSERT INTO messaging_message (id, business_id, mode, api_key_id, channel, lane, template_version_id, template_name, template_number,
        language, content_hash, recipient, recipient_hash, variables, reference, metadata, callback, route_version_id, route_name,
        route_number, plan, trace, segments, request_id, send_at, timezone, created_at, expires_at)
    SELECT id, business_id, mode, api_key_id, channel, lane, template_version_id, template_name, template_number,
        language, content_hash, recipient, recipient_hash, variables, reference, metadata, callback, route_version_id, route_name,
        route_number, plan, trace, segments, request_id, send_at, timezone, created_at, expires_at
    FROM accepted
), state AS (
    INSERT INTO messaging_state (message_id, status, opened, seq, step, attempts, expires_at)
    SELECT a.id, s.status, s.status, s.seq, 0, 0, a.expires_at FROM accepted a
    CROSS JOIN LATERAL (SELECT CASE WHEN send_at IS NULL THEN 'accepted' ELSE 'scheduled' END, CASE WHEN send_at IS NULL THEN 1 ELSE 2 END)
        AS s(status, seq)
), due AS (
    INSERT INTO messaging_due (message_id, business_id, lane, number, step, channel, account_id, due_at, gives_up_at, tries)
    SELECT id, business_id, lane, 1, 0, first_channel, account_id, due_at, gives_up_at, 0 FROM accepted
), event AS (
    INSERT INTO messaging_event
        (message_id, seq, id, business_id, mode, type, previous_status, status, final, occurred_at, recorded_at, channel, detail)
    SELECT id, 1, event_id, business_id, mode, 'message.accepted', NULL, 'accepted', false, created_at, created_at, first_channel, NULL
    FROM accepted
    UNION ALL
    SELECT id, 2, scheduled_event_id, business_id, mode, 'message.scheduled', 'accepted', 'scheduled', false, created_at, created_at,
        first_channel, deferred
    FROM accepted WHERE send_at IS NOT NULL
)
SELECT number FROM fresh
"""
_REPLAYS = """
SELECT k.business_id, k.mode, k.key, k.body_hash, k.answer FROM messaging_idempotencykey k
JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS asked(business_id, mode, key) USING (business_id, mode, key)
"""


def accept(orders: list[Order]) -> list[Outcome]:
    """Accept many orders in one transaction; an outcome for each, in their order. Rings for the lanes in which something is due now."""
    # A key that comes twice in one group is settled here: within one statement the second would not see the first.
    first = {order.scope: number for number, order in reversed(list(enumerate(orders))) if order.key}
    leading = {number: order for number, order in enumerate(orders) if not order.key or first[order.scope] == number}
    events = {number: [list(_events(item)) for item in order.items] for number, order in leading.items()}
    with transaction.atomic():
        over = counting.take({number: [item.claims for item in order.items] for number, order in leading.items()})
        fits = {number: order for number, order in leading.items() if number not in over}
        fresh = _accept(fits, events) if fits else set()
        counting.give_back([claim for number in fits if number not in fresh for item in fits[number].items for claim in item.claims])
        told = [event for number in leading if number in fresh for of_item in events[number] for event in of_item]
        if told:
            signals.recorded.send(sender=None, events=told)
    for lane in {item.entry.category for number in fresh for item in orders[number].items if item.send_at is None}:
        bell.ring(bell.HAND_OFF[lane])
    return list(_outcomes(orders, fresh, over))


class _Own(threading.local):
    used_at = 0.0


_own = _Own()


def freshen() -> None:
    """Look after this thread's connection as Django does at the beginning of a request: a writer's thread knows no requests."""
    if not connection.in_atomic_block and (connection.errors_occurred or time.monotonic() - _own.used_at > _IDLE):
        connection.close_if_unusable_or_obsolete()
    _own.used_at = time.monotonic()


def _accept_fresh(orders: list[Order]) -> list[Outcome]:
    freshen()
    return accept(orders)


def accept_each(orders: list[Order]) -> list[Outcome | Exception]:
    """Like `accept`, but an order that can't be written spoils no other: its outcome is the exception."""
    return each(_accept_fresh, orders) if orders else []


gathered: Gather[Order, Outcome] = Gather(_accept_fresh)
"""The web's way in: orders of many threads share a commit."""


def first_answer(caller: Caller, key: str | None) -> Replay | None:
    """What that key was answered with before, if it was used."""
    return _replays([(caller.business_id, caller.mode, key)]).get((caller.business_id, caller.mode, key)) if key else None


def _accept(orders: Mapping[int, Order], events: Mapping[int, Sequence[Sequence[NewEvent]]]) -> set[int]:
    """The numbers of those that are accepted."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPT, parameters(orders, events))
        return {number for (number,) in cursor.fetchall()}


def _outcomes(orders: Sequence[Order], fresh: set[int], over: Mapping[int, Mapping[int, Refusal]]) -> Iterator[Outcome]:
    others = [order for number, order in enumerate(orders) if number not in fresh]
    replays = _replays([order.scope for order in others if order.key])
    for number, order in enumerate(orders):
        instead = Over(over[number]) if number in over else Stale()
        # What was accepted once is answered so again, whatever is used up today.
        yield Accepted() if number in fresh else replays.get(order.scope, instead)


def _replays(scopes: Sequence[tuple[Any, str, str | None]]) -> dict[tuple[Any, str, str | None], Replay]:
    if not scopes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_REPLAYS, [list(column) for column in zip(*scopes, strict=True)])
        return {(row[0], row[1], row[2]): Replay(bytes(row[3]), unpack(bytes(row[4]))) for row in cursor.fetchall()}


def _events(item: Prepared) -> Iterator[NewEvent]:
    yield _event(item, EventType.ACCEPTED, seq=1, status=Status.ACCEPTED, before=None)
    if item.send_at:
        yield _event(item, EventType.SCHEDULED, seq=2, status=Status.SCHEDULED, before=Status.ACCEPTED)


def _event(item: Prepared, type_: EventType, *, seq: int, status: Status, before: Status | None) -> NewEvent:
    return NewEvent(
        id=ids.new(),
        message_id=item.id,
        seq=seq,
        business_id=item.caller.business_id,
        mode=item.caller.mode,
        type=type_,
        previous_status=before,
        status=status,
        final=False,
        occurred_at=item.at,
        recorded_at=item.at,
        channel=item.plan.steps[0].channel,
        detail=item.deferral.tell() if item.deferral and type_ is EventType.SCHEDULED else None,
        reference=item.wanted.reference,
        metadata=item.wanted.metadata,
        callback=item.wanted.callback,
    )
