"""Shares that follow health: an account that fails or is slow more than the others of its steps loses points, and gets them back.

Looked at once a minute, over the sums of ten seconds that every process writes (routing.tally); the published routes are read only while an
account is bad. Nothing is taken from an account whose neighbours are no better, so traffic is never driven from one trouble into another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from accounts import ids
from accounts.models import Person
from alerts import reporting
from alerts.kinds import Kind
from routing import book, changes, rules, shares
from routing.choices import Breaker, Change, RouteStatus
from routing.models import Gate, ProviderAccount, RouteVersion

POINTS = 10
"""Of 100, lost or regained at a time."""
FAILED, FAILURES = 0.1, 10
"""Failing: this share of the calls of the last minute, and so many."""
SLOWNESS, ENOUGH = 0.15, 20
"""Slow: this share of at least so many, in a quarter of an hour."""
LOOK_BACK = timedelta(minutes=15)
AFTER_FAILURES = timedelta(minutes=1)
AFTER_SLOWNESS = timedelta(minutes=5)
"""How long it stays as it is after a change."""
DRIFT = timedelta(minutes=15)
"""How long it must be well to regain points."""

_FIGURES = """
SELECT account_id,
    coalesce(sum(failed + unanswered) FILTER (WHERE at > %(minute)s), 0)::integer,
    coalesce(sum(taken + refused + failed + unanswered) FILTER (WHERE at > %(minute)s), 0)::integer,
    sum(taken)::integer, sum(slow)::integer, sum(delivered)::integer, sum(late)::integer
FROM routing_outcome WHERE at > %(since)s GROUP BY account_id
"""
_SET = """
INSERT INTO routing_gate AS g (account_id, lost, lost_at) VALUES (%(id)s, %(lost)s, %(at)s)
ON CONFLICT (account_id) DO UPDATE SET lost = excluded.lost, lost_at = excluded.lost_at
WHERE g.lost = %(before)s AND g.held_because = '' RETURNING true
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of an account's calls: failures of a minute, slowness of a quarter of an hour."""

    failed: int
    calls: int
    taken: int
    slow: int
    delivered: int
    late: int

    @property
    def fails(self) -> bool:
        return self.failed >= FAILURES and self.failed >= FAILED * self.calls

    @property
    def complaint(self) -> str:
        """What is wrong with it, or nothing."""
        if self.fails:
            return f"{self.failed:,} of {self.calls:,} calls failed within a minute."
        if self.taken >= ENOUGH and self.slow >= SLOWNESS * self.taken:
            return f"{self.slow:,} of {self.taken:,} calls in 15 minutes were answered after 3 seconds or more."
        if self.delivered >= ENOUGH and self.late >= SLOWNESS * self.delivered:
            return f"{self.late:,} of {self.delivered:,} messages in 15 minutes arrived after 5 minutes or more."
        return ""


def rebalance(*, at: datetime) -> None:
    """Take points from who is worse than the others, and give back to who is well again; once a minute."""
    found = _figures(at=at)
    bad = {account_id: figures for account_id, figures in found.items() if figures.complaint}
    gates = {gate.account_id: gate for gate in Gate.objects.filter(lost__gt=0) | Gate.objects.filter(account_id__in=bad)}
    for account_id, figures in sorted(bad.items()):
        _lower(account_id, figures, gates.get(account_id), bad=bad, at=at)
    for account_id, gate in sorted(gates.items()):
        if account_id not in bad and gate.lost and gate.lost_at is not None and at - gate.lost_at >= DRIFT:
            _raise(gate, at=at)


def _figures(*, at: datetime) -> dict[UUID, Figures]:
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"minute": at - timedelta(minutes=1), "since": at - LOOK_BACK})
        return {account_id: Figures(*figures) for account_id, *figures in cursor.fetchall()}


def _lower(account_id: UUID, figures: Figures, gate: Gate | None, *, bad: Mapping[UUID, Figures], at: datetime) -> None:
    lost = gate.lost if gate else 0
    rest = AFTER_FAILURES if figures.fails else AFTER_SLOWNESS
    most = _most(account_id, bad=bad)
    if lost >= most or (gate is not None and gate.lost_at is not None and at - gate.lost_at < rest):
        return
    _change(account_id, Change.LOWERED, before=lost, lost=min(lost + POINTS, 100), because=figures.complaint, at=at)


def _raise(gate: Gate, *, at: datetime) -> None:
    because = "It has been well for 15 minutes."
    _change(gate.account_id, Change.RAISED, before=gate.lost, lost=max(gate.lost - POINTS, 0), because=because, at=at)


def _change(account_id: UUID, change: Change, *, before: int, lost: int, because: str, at: datetime) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_SET, {"id": account_id, "before": before, "lost": lost, "at": at})
            if cursor.fetchone() is None:  # staff hold it, or have changed it just now
                return
        changes.note(account_id, change, because=because, figures={"before": before, "lost": lost}, at=at)
        about = ids.public("pac", account_id)
        if change is Change.LOWERED:
            account = ProviderAccount.objects.select_related("business").get(pk=account_id)
            told = f"{account.name} has {lost} points less of its steps: {because}"
            reporting.report(Kind.SHARE_LOWERED, about=about, because=told, business=account.business, at=at)
        elif not lost:
            reporting.resolve(Kind.SHARE_LOWERED, about=about, at=at)
    book.forget()


def _most(account_id: UUID, *, bad: Mapping[UUID, Figures]) -> float:
    """The points that it can lose: of its largest share of a step where another account is better; 0 where none is."""
    able = set(ProviderAccount.objects.filter(is_in_service=True).exclude(gate__breaker=Breaker.OPEN).values_list("pk", flat=True))
    most = 0.0
    for step in steps_of(account_id):
        others = {UUID(share.account) for share in step.accounts if share.weight} - {account_id}
        if (others & able) - bad.keys():
            own = sum(share.weight for share in step.accounts if share.account == str(account_id))
            most = max(most, 100 * own / sum(share.weight for share in step.accounts) - shares.FLOOR)
    return most


def steps_of(account_id: UUID) -> Iterator[rules.Step]:
    """Every published step that names the account."""
    named = [{"steps": [{"accounts": [{"account": str(account_id)}]}]}]
    for version in RouteVersion.objects.filter(status=RouteStatus.PUBLISHED, rules__contains=named):
        for rule in rules.read(version.rules):
            yield from (step for step in rule.steps if any(share.account == str(account_id) for share in step.accounts))


def hold(account_id: UUID, *, because: str, by: Person | None, at: datetime) -> None:
    """Keep the account's share as it is, until it is released."""
    with transaction.atomic():
        Gate.objects.update_or_create(account_id=account_id, defaults={"held_because": because[:200]})
        changes.note(account_id, Change.HELD, because=because, by=by, at=at)


def release(account_id: UUID, *, because: str, by: Person | None, at: datetime) -> None:
    """Let its share follow its health again."""
    with transaction.atomic():
        Gate.objects.filter(account_id=account_id).update(held_because="")
        changes.note(account_id, Change.RELEASED, because=because, by=by, at=at)
