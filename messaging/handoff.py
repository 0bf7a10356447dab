"""Handing due attempts to providers: claim and begin a batch in one transaction (here), call without one (messaging.calling), record all
answers in another (messaging.outcomes).

An attempt is written down, with `calling_at`, before its call is made. So a crash before that loses nothing (the row is due again), and a
crash after it leaves an outcome that is unknown, never one that is forgotten (docs/lifecycle.md).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import orjson
from django.conf import settings
from django.db import connection, transaction

from messaging import aside, consent, deferral, record, references
from messaging.calling import Ready
from messaging.consent import InForce
from messaging.course import OUT_OF_SERVICE_WAIT
from messaging.deferral import Deferral
from messaging.lifecycle import Trouble
from messaging.story import Story
from messaging.suppressions import unsubscribing
from routing import credentials, gates, vault
from routing.choices import Channel, TrafficClass
from routing.providers import base
from routing.providers.base import ErrorClass
from templates_app import catalogue, rendering, standing

logger = logging.getLogger(__name__)

_MARGIN = 2.0
"""Seconds that a lease outlasts the last call that is begun under it, for recording what became of it."""


class _Row(NamedTuple):
    """A row of the queue that was claimed."""

    message_id: UUID
    at: datetime
    account_id: UUID
    is_limited: bool
    """Whether the account's gate must be asked."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What of a message only its hand-off needs."""

    recipient: bytes
    recipient_hash: bytes
    variables: bytes | None
    version_id: UUID
    content_hash: bytes
    timezone: str | None


_CLAIM = f"""
SELECT d.message_id, clock_timestamp(), a.account_id, a.is_limited
FROM unnest(%(accounts)s::uuid[], %(rooms)s::integer[]) AS u(account_id, room)
LEFT JOIN LATERAL (
    -- OFFSET 0 keeps it a look-up by key: joined otherwise, accounts would be served in the tables' order.
    SELECT {gates.ALLOWED} AS allowed FROM routing_provideraccount p LEFT JOIN routing_gate g ON g.account_id = p.id
    WHERE p.id = u.account_id OFFSET 0
) gate ON true
CROSS JOIN LATERAL (SELECT u.account_id, least(u.room, gate.allowed) AS room, gate.allowed IS NOT NULL AS is_limited) a
CROSS JOIN LATERAL (
    WITH RECURSIVE step AS (
        (SELECT business_id FROM messaging_due WHERE lane = %(lane)s AND account_id = a.account_id ORDER BY business_id LIMIT 1)
        UNION ALL
        SELECT (SELECT n.business_id FROM messaging_due n WHERE n.lane = %(lane)s AND n.account_id = a.account_id
            AND n.business_id > s.business_id ORDER BY n.business_id LIMIT 1)
        FROM step s WHERE s.business_id IS NOT NULL
    ), waiting AS MATERIALIZED (
        -- ORDER BY ... LIMIT 1 keeps the planner from joining whole backlogs, as it would for EXISTS.
        SELECT s.business_id FROM step s WHERE (SELECT true FROM messaging_due q WHERE q.lane = %(lane)s AND q.account_id = a.account_id
            AND q.business_id = s.business_id AND q.due_at <= statement_timestamp() AND q.calling_at IS NULL
            ORDER BY q.due_at LIMIT 1)
        ORDER BY random()
    )
    SELECT own.message_id FROM waiting w CROSS JOIN LATERAL (
        SELECT message_id FROM messaging_due
        WHERE lane = %(lane)s AND account_id = a.account_id AND business_id = w.business_id
            AND due_at <= statement_timestamp() AND calling_at IS NULL
        ORDER BY due_at LIMIT greatest(1, a.room / (SELECT count(*) FROM waiting)) FOR UPDATE SKIP LOCKED
    ) own LIMIT a.room
) d LIMIT %(limit)s
"""  # noqa: S608 - of constants alone
"""An account's room is shared out among the businesses that wait for it, so that nobody waits behind somebody else's hundred thousand. It
steps from business to business by the index; what one of them leaves is claimed the next time, a moment later. What an account's gate does
not let through stays due."""
_CLAIM_AGAIN = """
SELECT message_id, clock_timestamp(), account_id, true FROM messaging_due
WHERE message_id = ANY(%(ids)s::uuid[]) AND due_at <= clock_timestamp() AND calling_at IS NULL FOR UPDATE SKIP LOCKED
"""
_SAID = """
SELECT id, recipient, recipient_hash, variables, template_version_id, content_hash, timezone
FROM messaging_message WHERE id = ANY(%s::uuid[])
"""


def begin(lane: str, *, rooms: Mapping[UUID, int], lease: UUID, limit: int = 200) -> tuple[int, list[Ready]]:
    """Claim what is due in a lane and write its attempts down. Returns how many rows were claimed, and the calls that are to be made now.

    `rooms`: how many calls each account may be given, in the order in which accounts are served; never more than `limit` in all.
    """
    lease_ends = time.monotonic() + settings.QSURA_LEASE - settings.QSURA_PROVIDER_TIMEOUT - _MARGIN
    rows: list[_Row] = []
    asked = {"accounts": list(rooms), "rooms": list(rooms.values()), "lane": lane, "limit": limit, **gates.asked(lane)}
    try:
        with transaction.atomic():
            rows, held = _let_through(_claim(_CLAIM, asked), lane=lane)
            return len(rows), _begin_all(rows, held=held, lease=lease, lease_ends=lease_ends)
    except aside.AWAY:
        raise
    except Exception:
        if not rows:
            raise
        # One message broke the batch: each is begun alone, and the one that breaks again is counted against.
        alone = partial(_begin_alone, lane=lane, lease=lease, lease_ends=lease_ends)
        ready = aside.each_alone([row.message_id for row in rows], alone, place="hand-off")
        return len(rows), [one for some in ready for one in some]


def _claim(sql: str, parameters: dict[str, Any]) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [_Row(*row) for row in cursor.fetchall()]


def _let_through(rows: list[_Row], *, lane: str) -> tuple[list[_Row], dict[UUID, gates.Pass]]:
    """Those rows that their accounts' gates let through, and the gates, held until the transaction ends; the others stay due."""
    limited = {row.account_id for row in rows if row.is_limited}
    if not limited:
        return rows, {}
    held = gates.hold(limited, lane=lane)
    left = {account_id: len(rows) if gate.allowed is None else gate.allowed for account_id, gate in held.items()}
    through = []
    for row in rows:
        if row.is_limited and left.get(row.account_id, 0) <= 0:
            continue
        if row.is_limited:
            left[row.account_id] -= 1
        through.append(row)
    return through, held


def _begin_alone(message_ids: list[UUID], *, lane: str, lease: UUID, lease_ends: float) -> list[Ready]:
    rows, held = _let_through(_claim(_CLAIM_AGAIN, {"ids": message_ids}), lane=lane)
    return _begin_all(rows, held=held, lease=lease, lease_ends=lease_ends)


def _begin_all(rows: list[_Row], *, held: Mapping[UUID, gates.Pass], lease: UUID, lease_ends: float) -> list[Ready]:
    if not rows:
        return []
    at = rows[0].at
    # A story that somebody else holds stays due, and is claimed the next time.
    stories = record.load([row.message_id for row in rows], skip_locked=True)
    said = _said(stories)
    standing.warm({each.version_id for each in said.values()}, at=at)
    suppressed = consent.suppressed(
        {each.recipient_hash for each in said.values()}, business_ids={story.subject.business_id for story in stories.values()}, at=at
    )
    ready = []
    for story in stories.values():
        if (one := _begin(story, said[story.subject.id], suppressed, lease=lease, lease_ends=lease_ends, at=at)) is not None:
            ready.append(one)
    record.save(stories.values())
    gates.spend(Counter(one.account_id for one in ready if one.account_id in held), held=held, at=at)
    kept = record.keep([stories[one.message_id] for one in ready])
    probing = {account_id for account_id, gate in held.items() if gate.is_probe}
    return [replace(one, kept=kept[one.message_id], is_probe=one.account_id in probing) for one in ready]


def _said(stories: Iterable[UUID]) -> dict[UUID, _Said]:
    with connection.cursor() as cursor:
        cursor.execute(_SAID, [list(stories)])
        return {row[0]: _Said(bytes(row[1]), bytes(row[2]), row[3], row[4], bytes(row[5]), row[6]) for row in cursor.fetchall()}


def _begin(story: Story, said: _Said, suppressed: set[InForce], *, lease: UUID, lease_ends: float, at: datetime) -> Ready | None:
    """One attempt's last questions: is it in time, wanted, and by a usable account? Then it is written down as begun."""
    story.move_on(at=at)
    waiting, subject = story.waiting, story.subject
    if waiting is None or waiting.due_at > at:
        return None
    if consent.forbids(
        suppressed,
        business_id=subject.business_id,
        recipient_hash=said.recipient_hash,
        mode=subject.mode,
        channel=waiting.channel,
        category=subject.lane,
    ):
        story.skip(Trouble(ErrorClass.OPTED_OUT, "suppressed"), at=at)
        return None
    if (put_off := _quiet(story, said, at=at)) is not None:
        story.put_off(put_off, at=at)
        return None
    account = _account(waiting.account_id)
    if account is None:
        _go_round(story, at=at)
        return None
    registered = _registered(waiting.channel, said.version_id, waiting.account_id, at=at)
    if registered is not None and registered.obstacle:
        # It was fine when the plan was made. Its provider would only refuse it.
        story.skip(Trouble(ErrorClass.TEMPLATE_FAULT, "template_not_usable", registered.obstacle[:128]), at=at)
        return None
    try:
        outbound = _outbound(story, said, registered, at=at)
        call = account.adapter.submit(account.opened, outbound)
    except base.Unsendable as refusal:
        story.skip(Trouble(refusal.error_class, "unsendable", str(refusal)[:128]), at=at)
        return None
    except (ContentChanged, catalogue.TemplateAltered):
        logger.error("A version's content is not what was approved: %s", references.write(subject.id, waiting.number))  # noqa: TRY400
        story.skip(Trouble(ErrorClass.TEMPLATE_FAULT, "content_changed"), at=at)
        return None
    story.begin(at=at)
    waiting.lease, waiting.due_at = lease, at + timedelta(seconds=settings.QSURA_LEASE)
    return Ready(subject.id, waiting.number, waiting.account_id, lease, lease_ends, account.adapter, account.opened, call, said.version_id)


def _quiet(story: Story, said: _Said, *, at: datetime) -> Deferral | None:
    """Whether the recipient's clock shows quiet hours, which may have begun since it was accepted."""
    subject = story.subject
    return deferral.look(subject.business_id, subject.lane, recipient=lambda: _recipient(subject.id, said), zone=said.timezone, at=at)


def _recipient(message_id: UUID, said: _Said) -> str:
    return vault.unseal(said.recipient, bound_to=f"message:{message_id}").decode()


def _account(account_id: UUID) -> credentials.Account | None:
    """The account, if it can be used right now."""
    try:
        account = credentials.by_id(account_id)
    except credentials.Unusable:
        return None
    return account if account.is_in_service else None


def _go_round(story: Story, *, at: datetime) -> None:
    """The account is out of service: by another one if there is any; else the message waits for it, as long as its deadline allows."""
    trouble = Trouble(ErrorClass.ACCOUNT_FAULT, "out_of_service")
    if story.has_way_out(trouble):
        story.skip(trouble, at=at)
    elif story.waiting is not None:
        story.postponed(story.waiting.number, trouble, until=at + OUT_OF_SERVICE_WAIT, at=at)


def _registered(channel: str, version_id: UUID, account_id: UUID, *, at: datetime) -> standing.Registered | None:
    """How the account's provider knows the template; None where it need not, and for what was accepted before it had to."""
    return standing.board(version_id, at=at).registered.get(account_id) if channel == Channel.WHATSAPP else None


def _outbound(story: Story, said: _Said, registered: standing.Registered | None, *, at: datetime) -> base.Outbound:
    waiting, subject = story.due, story.subject
    entry = catalogue.entry(said.version_id)
    if entry.content_hash != said.content_hash:
        raise ContentChanged
    place = f"message:{subject.id}"
    variables = orjson.loads(vault.unseal(said.variables, bound_to=place)) if said.variables else {}
    content = rendering.render(entry, variables, channel=waiting.channel)
    if registered is not None and isinstance(content, base.WhatsAppTemplate):
        content = registered.dress(content)
    return base.Outbound(
        reference=references.write(subject.id, waiting.number),
        channel=waiting.channel,
        recipient=_recipient(subject.id, said),
        content=content,
        validity_seconds=_validity(story, waiting.step, at=at),
        unsubscribe_url=_unsubscribe_url(story, waiting.channel),
        at=at,
    )


def _unsubscribe_url(story: Story, channel: str) -> str:
    is_offered = channel == Channel.EMAIL and story.subject.lane in unsubscribing.OFFERED
    return unsubscribing.url(story.subject.id) if is_offered else ""


class ContentChanged(Exception):
    """The version's content is not what was approved when the message was accepted."""


def _validity(story: Story, step: int, *, at: datetime) -> int:
    """How long the provider may keep trying: as its step says, no longer than the step waits for it, nor beyond the deadline."""
    left = (story.subject.expires_at - at).total_seconds()
    said = story.subject.plan[step]
    return max(1, int(min(said.get("validity") or left, said.get("within") or left, left)))


_LIMITED = """
SELECT p.id FROM routing_provideraccount p WHERE p.id = ANY(%(ids)s::uuid[]) AND p.rate IS NOT NULL AND EXISTS (
    SELECT FROM messaging_due d
    WHERE d.lane = %(lane)s AND d.account_id = p.id AND d.due_at <= statement_timestamp() AND d.calling_at IS NULL)
"""


def next_token(lane: str, *, account_ids: Collection[UUID]) -> float | None:
    """Seconds until one of these accounts that limits its rate takes another call of this lane; None if nothing waits for that."""
    with connection.cursor() as cursor:
        cursor.execute(_LIMITED, {"lane": lane, "ids": list(account_ids)})
        waiting = [account_id for (account_id,) in cursor.fetchall()]
    return gates.next_token(waiting, lane=lane)


_LANES_DUE = """
SELECT lane FROM unnest(%s::text[]) AS l(lane) WHERE EXISTS (
    SELECT FROM messaging_due d WHERE d.lane = l.lane AND d.account_id = ANY(%s::uuid[]) AND d.due_at <= clock_timestamp()
        AND d.calling_at IS NULL)
"""


def lanes_due(account_ids: Sequence[UUID]) -> list[str]:
    """The lanes in which something is due at one of these accounts."""
    with connection.cursor() as cursor:
        cursor.execute(_LANES_DUE, [list(TrafficClass), list(account_ids)])
        return [lane for (lane,) in cursor.fetchall()]


_STRANDED = """
SELECT DISTINCT lane, account_id FROM messaging_due
WHERE due_at <= clock_timestamp() - interval '15 seconds' AND calling_at IS NULL AND NOT account_id = ANY(%s::uuid[])
"""


def rescue() -> int:
    """Attempts due at accounts that can't be used any more (removed, or unreadable credentials) go round, wait or expire like those of
    accounts out of service; nobody else would look at them. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_STRANDED, [list(credentials.directory())])
        stranded = cursor.fetchall()
    return sum(begin(lane, rooms={account_id: 200}, lease=uuid4())[0] for lane, account_id in stranded)
