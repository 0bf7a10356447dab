"""What is watched over messages: that lanes are not behind, that no message outlives its deadline, and which fallbacks saved the day.

Each look starts from an index and ends at a limit, so it costs the same on tables of any size; `forgotten` alone reads them whole, once a
day. What is seen is reported and what is over is resolved; between the threshold and half of it nothing changes, so that nothing flaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from messaging import phrases
from messaging.lifecycle import Status
from routing.choices import TrafficClass
from routing.models import ProviderAccount
from routing.providers.base import ErrorClass

MOST = 10_000
"""How far anything is counted."""
RECENT = timedelta(minutes=2)
"""Of fallbacks: a few looks long, so that none falls between two."""
KEPT = timedelta(days=35)
"""How old a message may be that `forgotten` finds: the longest way to a deadline (`send_at`, then a week), and then some."""
OPEN = [status.value for status in (Status.ACCEPTED, Status.SCHEDULED, Status.SUBMITTED, Status.SENT)]
"""Statuses in which no message may outlive its deadline; one that was delivered may wait for its reader."""
STUBBORN, MANY = 3, 5
"""An account is degraded while so many attempts wait for another try after so many tries that failed."""
AHEAD = timedelta(minutes=5)
"""How far ahead attempts are looked for that wait for another try: longer than their own waits, for a provider may ask for more."""
OURS = [
    *(ErrorClass.THROTTLED.value, ErrorClass.PROVIDER_FAULT.value, ErrorClass.ACCOUNT_FAULT.value),
    *(ErrorClass.TEMPLATE_FAULT.value, ErrorClass.UNMAPPED.value, "unknown"),
]
"""Reasons of a fallback that staff can do something about; that a recipient has no WhatsApp is nobody's trouble."""

_OLDEST = """
SELECT lane, d.due_at FROM unnest(%(lanes)s::text[]) AS lane CROSS JOIN LATERAL (
    SELECT due_at FROM messaging_due d WHERE d.lane = lane.lane AND d.due_at <= %(at)s AND d.calling_at IS NULL ORDER BY d.due_at LIMIT 1
) d
"""
# Whatever waits for a decision has a row in one of the two queues; a sweep that stands still leaves old ones there.
_OVERDUE = """
SELECT count(*), min(s.expires_at) FROM (
    (SELECT message_id FROM messaging_timer WHERE due_at <= %(late)s ORDER BY due_at LIMIT %(most)s)
    UNION
    (SELECT d.message_id FROM unnest(%(lanes)s::text[]) AS lane CROSS JOIN LATERAL (
        SELECT message_id FROM messaging_due d WHERE d.lane = lane.lane AND d.due_at <= %(late)s ORDER BY d.due_at LIMIT %(most)s) d)
) waiting
JOIN messaging_state s ON s.message_id = waiting.message_id
WHERE s.expires_at <= %(late)s AND s.status = ANY(%(open)s) AND s.ended IS NULL
"""
_FORGOTTEN = """
SELECT count(*), min(expires_at) FROM messaging_state
WHERE message_id >= %(first)s AND expires_at <= %(late)s AND status = ANY(%(open)s) AND ended IS NULL
"""
_FALLBACKS = """
SELECT account_id, detail->'fallback'->>'from', detail->'fallback'->>'to', detail->'fallback'->>'because', count(*) FROM (
    SELECT account_id, detail FROM messaging_event
    WHERE type = 'message.fallback' AND id >= %(first)s AND mode = 'live' ORDER BY id DESC LIMIT %(most)s
) recent
WHERE detail->'fallback'->>'because' = ANY(%(ours)s)
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC
"""


# Newest first: whoever waits for another try is due in a moment, and stands behind everybody who is due already.
_FAILING = """
SELECT account_id, count(*) FROM unnest(%(lanes)s::text[]) AS lane CROSS JOIN LATERAL (
    SELECT account_id, tries FROM messaging_due d WHERE d.lane = lane.lane AND d.due_at <= %(soon)s ORDER BY d.due_at DESC LIMIT %(most)s
) d
WHERE tries >= %(stubborn)s GROUP BY account_id
"""


@dataclass(frozen=True, slots=True)
class Overdue:
    """Messages past their deadline without a final status; the promise is that there are none."""

    count: int
    since: datetime | None


def look(*, at: datetime) -> None:
    """What can be seen at a glance; every half minute."""
    _watch_lanes(at=at)
    _watch_promise("messages:overdue", overdue(at=at), at=at)
    _watch_fallbacks(at=at)
    _watch_accounts(at=at)


def prove(*, at: datetime) -> None:
    """What only a look at every message can tell; once a day."""
    _watch_promise("messages:forgotten", forgotten(at=at), at=at)


def ages(*, at: datetime) -> dict[str, timedelta]:
    """How long the oldest due attempt of each lane has waited for its hand-off."""
    oldest = dict(_read(_OLDEST, at=at))
    return {lane: at - oldest.get(lane, at) for lane in TrafficClass.values}


def overdue(*, at: datetime) -> Overdue:
    """Those that wait in a queue all the same."""
    return Overdue(*_read(_OVERDUE, late=at - _grace(), open=OPEN)[0])


def forgotten(*, at: datetime) -> Overdue:
    """All of them, in a queue or in none."""
    return Overdue(*_read(_FORGOTTEN, first=ids.first_at(at - KEPT), late=at - _grace(), open=OPEN)[0])


def _grace() -> timedelta:
    """A call under way when the deadline passes may take its whole lease before anybody decides; and a sweep its turn."""
    return timedelta(seconds=settings.QSURA_LEASE + 60)


def _read(sql: str, **asked: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"lanes": list(TrafficClass.values), "most": MOST, **asked})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _watch_lanes(*, at: datetime) -> None:
    for lane, age in ages(at=at).items():
        because = f"The oldest attempt of the lane {lane} has been due for {phrases.span(age)}."
        watch_age(f"handoff:{lane}", age, limit=settings.ALERT_QUEUE_AGE, because=because, at=at)


def watch_age(about: str, age: timedelta, *, limit: int, because: str, at: datetime) -> None:
    """Report a queue whose oldest row is older than the limit (seconds); resolve it below half of that."""
    if age > timedelta(seconds=limit):
        reporting.report(Kind.QUEUE_AGE, about=about, because=because, business=None, at=at)
    elif age < timedelta(seconds=limit) / 2:
        reporting.resolve(Kind.QUEUE_AGE, about=about, at=at)


def _watch_promise(about: str, found: Overdue, *, at: datetime) -> None:
    if not found.count or found.since is None:
        reporting.resolve(Kind.DEADLINE_BROKEN, about=about, at=at)
        return
    number = f"{found.count:,}{' or more' if found.count >= MOST else ''}"
    because = f"{number} past their deadline without a final status; the oldest deadline passed {phrases.span(at - found.since)} ago."
    reporting.report(Kind.DEADLINE_BROKEN, about=about, because=because, business=None, at=at)


def _watch_fallbacks(*, at: datetime) -> None:
    """One alert for each account that others stood in for; it fades by itself (alerts.fading)."""
    by_account: dict[UUID, list[Sequence[Any]]] = defaultdict(list)
    for account_id, *fallback in _read(_FALLBACKS, first=ids.first_at(at - RECENT), ours=OURS):
        by_account[account_id].append(fallback)
    for account in ProviderAccount.objects.filter(pk__in=by_account).select_related("business").order_by("pk"):
        ways = [f"{number:,} from {before} to {after} ({because})" for before, after, because, number in by_account[account.pk]]
        because = f"Messages of {account.name} went on in the last {phrases.span(RECENT)}: {', '.join(ways)}."
        reporting.report(Kind.FALLBACK_USED, about=ids.public("pac", account.pk), because=because, business=account.business, at=at)


def _watch_accounts(*, at: datetime) -> None:
    """An account that fails again and again; one that is out of service is known already, and is no provider's fault."""
    failing: dict[UUID, int] = dict(_read(_FAILING, soon=at + AHEAD, stubborn=STUBBORN))
    degraded = [account_id for account_id, number in failing.items() if number >= MANY]
    for account in ProviderAccount.objects.filter(pk__in=degraded, is_in_service=True).select_related("business").order_by("pk"):
        because = f"{failing[account.pk]:,} attempts by {account.name} wait for another try after {STUBBORN} or more that failed."
        reporting.report(Kind.PROVIDER_DEGRADED, about=ids.public("pac", account.pk), because=because, business=account.business, at=at)
    still = {ids.public("pac", account_id) for account_id in failing}
    for about in sorted(set(reporting.open_of(Kind.PROVIDER_DEGRADED)) - still):
        reporting.resolve(Kind.PROVIDER_DEGRADED, about=about, at=at)
