"""What an account lets through now: its breaker and its token bucket, in one row that all workers share (docs/routes.md).

The claim asks in passing (`ALLOWED`), which costs an ordinary account one look-up and no lock. What it takes for an account that is limited
is settled by `hold` and `spend` in the claim's own transaction: N workers together never take more than the row has, and none waits for
another, because a row that somebody holds lets nothing through for that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from routing import changes
from routing.choices import Breaker, Change, TrafficClass

PROBES = 3
"""Calls that a half-open breaker lets through; so many must be answered well before it closes."""
RESERVED = {TrafficClass.AUTHENTICATION.value: 0.0, TrafficClass.UTILITY.value: 0.1, TrafficClass.MARKETING.value: 0.3}
"""The part of a bucket that a lane leaves to those before it: a flood of marketing never keeps a code waiting for a token."""
NEAR = 0.8
"""The part of a daily cap at which staff are told."""
REST = 2.0
"""Seconds: what must wait for longer than that looks for another way."""

_BURST = "coalesce(p.burst, greatest(1, ceil(p.rate)))::double precision"
_TOKENS = f"""least({_BURST}, coalesce(g.tokens, {_BURST})
    + coalesce(extract(epoch FROM statement_timestamp() - g.filled_at)::double precision * p.rate::double precision, 0))"""
_STALE = "(g.breaker = 'half_open' AND g.since <= statement_timestamp() - make_interval(secs => %(lease)s))"
"""Probes whose workers are gone: others may go."""

_TODAY = "(statement_timestamp() AT TIME ZONE 'UTC')::date"
_CALLED = f"CASE WHEN g.day = {_TODAY} THEN g.called ELSE 0 END"
"""Calls of today, of an account with a daily cap."""

ALLOWED = f"""CASE
    WHEN g.not_before > statement_timestamp() THEN 0
    WHEN g.breaker = 'open' AND g.next_probe_at > statement_timestamp() THEN 0
    WHEN p.rate IS NULL AND p.daily_cap IS NULL AND coalesce(g.breaker, 'closed') = 'closed' THEN NULL
    ELSE least(
        CASE WHEN g.breaker = 'open' OR {_STALE} THEN {PROBES} WHEN g.breaker = 'half_open' THEN greatest({PROBES} - g.probes, 0) END,
        CASE WHEN p.rate IS NOT NULL
            THEN greatest(floor({_TOKENS} - least({_BURST} * %(reserved)s, {_BURST} - 1) + 1e-6), 0) END,
        CASE WHEN p.daily_cap IS NOT NULL THEN greatest(p.daily_cap - {_CALLED}, 0) END
    )::integer END"""
"""SQL: how many calls may be taken of account `p` (routing_provideraccount) with gate `g` (routing_gate) now; NULL: as many as there are.
Its parameters are `asked(lane)`."""

_MAKE = "INSERT INTO routing_gate (account_id) SELECT unnest(%(ids)s::uuid[]) ON CONFLICT DO NOTHING"
_HOLD = f"""
SELECT g.account_id, {ALLOWED}, g.breaker FROM routing_gate g JOIN routing_provideraccount p ON p.id = g.account_id
WHERE g.account_id = ANY(%(ids)s::uuid[]) ORDER BY g.account_id FOR UPDATE OF g SKIP LOCKED
"""  # noqa: S608 - of constants alone
_SPEND = f"""
UPDATE routing_gate g SET
    tokens = CASE WHEN p.rate IS NOT NULL THEN {_TOKENS} - u.number END,
    filled_at = CASE WHEN p.rate IS NOT NULL THEN statement_timestamp() END,
    breaker = CASE WHEN g.breaker = 'open' THEN 'half_open' ELSE g.breaker END,
    since = CASE WHEN g.breaker = 'open' OR {_STALE} THEN statement_timestamp() ELSE g.since END,
    probes = CASE WHEN g.breaker = 'open' OR {_STALE} THEN u.number WHEN g.breaker = 'half_open' THEN g.probes + u.number ELSE g.probes END,
    probed = CASE WHEN g.breaker = 'open' THEN 0 ELSE g.probed END,
    day = CASE WHEN p.daily_cap IS NOT NULL THEN {_TODAY} END,
    called = CASE WHEN p.daily_cap IS NOT NULL THEN {_CALLED} + u.number ELSE 0 END
FROM unnest(%(ids)s::uuid[], %(numbers)s::integer[]) AS u(account_id, number) JOIN routing_provideraccount p ON p.id = u.account_id
WHERE g.account_id = u.account_id
RETURNING g.account_id, p.business_id, u.number, g.called, p.daily_cap
"""  # noqa: S608 - of constants alone
_REST = """
INSERT INTO routing_gate AS g (account_id, not_before, tokens, filled_at)
SELECT r.account_id, statement_timestamp() + make_interval(secs => r.seconds), 0, statement_timestamp() + make_interval(secs => r.seconds)
FROM unnest(%(ids)s::uuid[], %(seconds)s::double precision[]) AS r(account_id, seconds) ORDER BY r.account_id
ON CONFLICT (account_id) DO UPDATE SET not_before = greatest(g.not_before, excluded.not_before), tokens = 0,
    filled_at = greatest(g.not_before, excluded.filled_at)
"""
_SHUT = f"""
SELECT s.* FROM (
    SELECT g.account_id, greatest(
        g.not_before,
        CASE WHEN g.breaker = 'open' THEN g.next_probe_at END,
        CASE WHEN {_CALLED} >= p.daily_cap THEN ({_TODAY} + 1)::timestamp AT TIME ZONE 'UTC' END
    ) AS until, statement_timestamp() AS now FROM routing_gate g JOIN routing_provideraccount p ON p.id = g.account_id
) s WHERE s.until > s.now + make_interval(secs => %(rest)s)
"""  # noqa: S608 - of constants alone
_NEXT = f"""
SELECT min(greatest(
    extract(epoch FROM g.not_before - statement_timestamp()),
    (least({_BURST} * %(reserved)s, {_BURST} - 1) + 1 - {_TOKENS}) / p.rate::double precision))
FROM routing_provideraccount p JOIN routing_gate g ON g.account_id = p.id
WHERE p.id = ANY(%(ids)s::uuid[]) AND p.rate IS NOT NULL AND g.breaker = 'closed' AND ({_CALLED} < p.daily_cap) IS NOT FALSE
"""  # noqa: S608 - of constants alone


@dataclass(frozen=True, slots=True)
class Pass:
    """What an account lets through in this transaction."""

    allowed: int | None
    """None: as many as there are."""
    breaker: str

    @property
    def is_probe(self) -> bool:
        return self.breaker != Breaker.CLOSED


def asked(lane: str) -> dict[str, Any]:
    """The parameters of ALLOWED."""
    return {"reserved": RESERVED[lane], "lease": settings.QSURA_LEASE}


def hold(account_ids: Collection[UUID], *, lane: str) -> dict[UUID, Pass]:
    """Lock these accounts' gates until the transaction ends. One that somebody else holds is left out: it lets nothing through now."""
    parameters = {"ids": sorted(account_ids), **asked(lane)}
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, parameters)
        cursor.execute(_HOLD, parameters)
        return {account_id: Pass(allowed, breaker) for account_id, allowed, breaker in cursor.fetchall()}


def spend(used: Mapping[UUID, int], *, held: Mapping[UUID, Pass], at: datetime) -> None:
    """Take the tokens and the probes of calls that are about to be made, by gates that are held."""
    if not used:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SPEND, {"ids": list(used), "numbers": list(used.values()), "lease": settings.QSURA_LEASE})
        rows = [row for row in cursor.fetchall() if row[4] is not None]
    if rows:
        transaction.on_commit(lambda: _tell_of_caps(rows, at=at), robust=True)
    for account_id in used:
        if held[account_id].breaker == Breaker.OPEN:
            changes.note(account_id, Change.PROBING, because=f"Up to {PROBES} calls are let through to see whether it works again.", at=at)


def _tell_of_caps(rows: Sequence[tuple[UUID, UUID | None, int, int, int]], *, at: datetime) -> None:
    """Staff hear of a daily cap when four fifths of it are used, and when it is reached."""
    for account_id, business_id, number, called, cap in rows:
        if any(called - number < share * cap <= called for share in (NEAR, 1)):
            because = f"{called} of {cap} calls of the day (UTC) are used. Beyond, messages wait until midnight or take another way."
            reporting.report(Kind.CAP_NEAR, about=ids.public("pac", account_id), because=because, business=business_id, at=at)


def rest(seconds: Mapping[UUID, float]) -> None:
    """The provider asked for a rest: nobody calls the account before that, and then it begins with an empty bucket."""
    ids = sorted(seconds)
    with connection.cursor() as cursor:
        cursor.execute(_REST, {"ids": ids, "seconds": [seconds[id_] for id_ in ids]})


def shut() -> dict[UUID, tuple[datetime, datetime]]:
    """Accounts that let nothing through for longer than a moment: until when, and what time it is."""
    with connection.cursor() as cursor:
        cursor.execute(_SHUT, {"rest": REST})
        return {account_id: (until, now) for account_id, until, now in cursor.fetchall()}


def next_token(account_ids: Collection[UUID], *, lane: str) -> float | None:
    """Seconds until the first of these accounts has a token for the lane; None where none of them has a bucket."""
    if not account_ids:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, {"ids": list(account_ids), **asked(lane)})
        (seconds,) = cursor.fetchone()
    return None if seconds is None else max(float(seconds), 0.0)
