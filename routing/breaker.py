"""An account's breaker: opened by the rate of its failures, tried again after a while, closed by calls that are answered well.

It counts what the provider or the way to it did wrong (faults, no answer, not reached), never what a message did, nor a throttle, nor what
is our own doing. Whoever finds the figures bad may open it; the row lets one succeed.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts import ids, news
from accounts.choices import BusinessEventType
from accounts.models import Person
from alerts import reporting
from alerts.kinds import Kind
from routing import book, changes, gates
from routing.choices import Change, RouteStatus
from routing.models import ProviderAccount, RouteVersion

WINDOW = timedelta(seconds=60)
LEAST = 10
"""Calls in the window below which nothing is judged."""
SHARE = 0.5
"""Of them, so many must have failed."""
LONGEST = 20
"""An open breaker waits at most so many times its first wait: 10 minutes for 30 seconds."""

_FIGURES = """
SELECT o.account_id, sum(o.failed + o.unanswered)::integer, sum(o.taken + o.refused + o.failed + o.unanswered)::integer,
    statement_timestamp()
FROM routing_outcome o LEFT JOIN routing_gate g ON g.account_id = o.account_id
WHERE o.account_id = ANY(%(ids)s::uuid[]) AND o.at > statement_timestamp() - make_interval(secs => %(seconds)s)
    AND coalesce(g.breaker, 'closed') = 'closed' AND (g.since IS NULL OR o.at >= g.since)
GROUP BY o.account_id ORDER BY o.account_id
"""
_OPEN = """
INSERT INTO routing_gate AS g (account_id, breaker, since, next_probe_at, openings)
VALUES (%(id)s, 'open', %(at)s, %(until)s, 1)
ON CONFLICT (account_id) DO UPDATE SET breaker = 'open', since = excluded.since, next_probe_at = excluded.next_probe_at,
    openings = 1, probes = 0, probed = 0
WHERE g.breaker = 'closed' RETURNING true
"""
_HALF_OPEN = "SELECT openings, probed, clock_timestamp() FROM routing_gate WHERE account_id = %s AND breaker = 'half_open' FOR UPDATE"
_REOPEN = """
UPDATE routing_gate SET breaker = 'open', since = %(at)s, next_probe_at = %(until)s, openings = %(openings)s, probes = 0, probed = 0
WHERE account_id = %(id)s
"""
_CLOSE = """
UPDATE routing_gate SET breaker = 'closed', since = %(at)s, next_probe_at = NULL, openings = 0, probes = 0, probed = 0
WHERE account_id = %(id)s AND breaker <> 'closed' RETURNING true
"""
_RESET = """
UPDATE routing_gate SET not_before = NULL, filled_at = NULL, tokens = NULL, lost = 0, lost_at = %(at)s WHERE account_id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class Probed:
    """What became of calls that a half-open breaker let through."""

    good: int
    bad: int


def judge(account_ids: Collection[UUID]) -> list[UUID]:
    """Open the breakers of those accounts whose latest calls have failed; returns which were opened by this."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"ids": list(account_ids), "seconds": WINDOW.total_seconds()})
        rows = cursor.fetchall()
    return [
        account_id
        for account_id, failed, calls, at in rows
        if calls >= LEAST and failed >= SHARE * calls and _open(account_id, failed=failed, calls=calls, at=at)
    ]


def _open(account_id: UUID, *, failed: int, calls: int, at: datetime) -> bool:
    """Whether it was this that opened it."""
    wait = _wait(1)
    because = f"{failed:,} of {calls:,} calls failed within a minute."
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, {"id": account_id, "at": at, "until": at + wait})
            if cursor.fetchone() is None:
                return False
        figures = {"failed": failed, "calls": calls, "probe_in": round(wait.total_seconds())}
        changes.note(account_id, Change.OPENED, because=because, figures=figures, at=at)
        account = ProviderAccount.objects.select_related("business").get(pk=account_id)
        _tell(account, BusinessEventType.PROVIDER_DEGRADED, at=at, because=because)
        told = f"{account.name}: {because} Nothing is sent by it until a probe works."
        reporting.report(Kind.BREAKER_OPEN, about=ids.public("pac", account_id), because=told, business=account.business, at=at)
    book.forget()
    return True


def _wait(openings: int) -> timedelta:
    """Doubled each time, a tenth more or less, so that breakers don't probe in step."""
    first = settings.QSURA_BREAKER_WAIT
    return timedelta(seconds=min(first * 2.0 ** (openings - 1), first * LONGEST) * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret


def hear(probed: Mapping[UUID, Probed]) -> None:
    """What became of probes: one that failed opens the breaker again for longer; enough good ones close it."""
    for account_id, outcome in sorted(probed.items()):
        with transaction.atomic():
            _hear(account_id, outcome)


def _hear(account_id: UUID, outcome: Probed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_HALF_OPEN, [account_id])
        row = cursor.fetchone()
        if row is None:  # somebody else's probe has decided
            return
        openings, good, at = row[0], row[1] + outcome.good, row[2]
        if outcome.bad:
            openings, wait = openings + 1, _wait(openings + 1)
            cursor.execute(_REOPEN, {"id": account_id, "at": at, "until": at + wait, "openings": openings})
            because = f"A probe failed; the next is in {wait.total_seconds():.0f} s."
            changes.note(account_id, Change.OPENED, because=because, figures={"openings": openings}, at=at)
        elif good < gates.PROBES:
            cursor.execute("UPDATE routing_gate SET probed = %s WHERE account_id = %s", [good, account_id])
        else:
            _close(account_id, Change.CLOSED, because=f"{good} probes were answered well.", by=None, at=at)


def reset(account_id: UUID, *, because: str, by: Person | None, at: datetime) -> bool:
    """By hand: the breaker is closed, a rest is over, and the share is whole; whether the breaker was open. What fails again is judged
    again."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_RESET, {"id": account_id, "at": at})
        reporting.resolve(Kind.SHARE_LOWERED, about=ids.public("pac", account_id), at=at)
        return _close(account_id, Change.RESET, because=because, by=by, at=at)


def _close(account_id: UUID, change: Change, *, because: str, by: Person | None, at: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, {"id": account_id, "at": at})
        was_open = cursor.fetchone() is not None
    if was_open or change is Change.RESET:
        changes.note(account_id, change, because=because, by=by, at=at)
    if was_open:
        account = ProviderAccount.objects.get(pk=account_id)
        _tell(account, BusinessEventType.PROVIDER_RECOVERED, at=at, because=because)
        reporting.resolve(Kind.BREAKER_OPEN, about=ids.public("pac", account_id), at=at)
    transaction.on_commit(book.forget)
    return was_open


def _tell(account: ProviderAccount, type_: BusinessEventType, *, at: datetime, because: str) -> None:
    about = {"account": account.name, "provider": account.provider, "mode": account.mode, "because": because}
    for business_id in users_of(account):
        news.tell(business_id, type=type_, about=about, at=at)


def users_of(account: ProviderAccount) -> list[UUID]:
    """Whose published routes name the account, its own business always among them."""
    named: list[Any] = [{"steps": [{"accounts": [{"account": str(account.pk)}]}]}]
    routes = RouteVersion.objects.filter(status=RouteStatus.PUBLISHED, rules__contains=named)
    found = set(routes.values_list("route__business_id", flat=True))
    return sorted(found | ({account.business_id} if account.business_id else set()))
