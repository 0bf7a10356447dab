"""How messages are doing now, for the admin's first page.

Every count starts from an index and ends at a limit, so it costs the same on tables of any size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.urls import reverse

from accounts import ids
from accounts.cards import MOST, Card, Figure
from messaging import phrases
from messaging.lifecycle import Status
from routing.choices import TrafficClass
from routing.models import ProviderAccount

DAY = timedelta(hours=24)
SLOW = timedelta(seconds=30)
"""Waiting longer than this is worth a look."""

_NEWEST = """
SELECT status, error_class, message_id FROM messaging_state WHERE message_id >= %(first)s ORDER BY message_id DESC LIMIT %(most)s
"""
# By each mode, because the index of a business's messages begins with both.
_NEWEST_OF_BUSINESS = """
SELECT s.status, s.error_class, s.message_id FROM (VALUES ('live'), ('test')) AS world(mode)
CROSS JOIN LATERAL (
    SELECT id FROM messaging_message m WHERE m.business_id = %(business)s AND m.mode = world.mode AND m.id >= %(first)s
    ORDER BY m.id DESC LIMIT %(most)s
) newest
JOIN messaging_state s ON s.message_id = newest.id AND s.message_id >= %(first)s
"""
_WAITING = """
SELECT lane, count(*), min(due_at) FROM unnest(%(lanes)s::text[]) AS lane CROSS JOIN LATERAL (
    SELECT d.due_at, d.business_id FROM messaging_due d
    WHERE d.lane = lane.lane AND d.due_at <= %(at)s AND d.calling_at IS NULL ORDER BY d.due_at LIMIT %(most)s
) waiting
WHERE %(business)s::uuid IS NULL OR business_id = %(business)s
GROUP BY lane
"""
# An unknown outcome is settled after its grace, so its timer is among those that end within it.
_UNKNOWN = """
SELECT count(DISTINCT a.message_id)
FROM (SELECT message_id FROM messaging_timer WHERE due_at <= %(until)s ORDER BY due_at LIMIT %(most)s) timer
JOIN messaging_attempt a ON a.message_id = timer.message_id AND a.status = 'unknown'
JOIN messaging_message m ON m.id = timer.message_id
WHERE %(business)s::uuid IS NULL OR m.business_id = %(business)s
"""


def cards(business_id: Any, at: datetime) -> Sequence[Card]:
    """Of one business, or of all."""
    newest = _newest(business_id, at)
    return [_messages(newest), Card("Waiting for a hand-off", list(_waiting(business_id, at))), _trouble(newest, business_id, at)]


def statuses(since: datetime) -> list[str]:
    """Of the newest messages accepted from then on, MOST of them at the most."""
    return [status for status, _, _ in _read(_NEWEST, first=ids.first_at(since))]


def _read(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"most": MOST, **parameters})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _newest(business_id: Any, at: datetime) -> list[tuple[Any, ...]]:
    first = ids.first_at(at - DAY)
    if business_id is None:
        return _read(_NEWEST, first=first)
    return sorted(_read(_NEWEST_OF_BUSINESS, first=first, business=business_id), key=lambda row: row[2], reverse=True)[:MOST]


def _messages(newest: Sequence[tuple[Any, ...]]) -> Card:
    numbers = Counter(status for status, _, _ in newest)
    figures = [
        Figure(
            status, numbers[status], phrases.TONES[status], link=_list(status=status, when="day"), share=100 * numbers[status] / len(newest)
        )
        for status in Status
        if numbers[status]
    ]
    if len(newest) < MOST:
        return Card("Messages in 24 hours", figures, f"{len(newest):,} in all." if newest else "None yet.", is_shares=True)
    return Card(f"The newest {MOST:,} messages", figures, f"All since {ids.made_at(newest[-1][2]):%H:%M:%S}.", is_shares=True)


def _waiting(business_id: Any, at: datetime) -> Iterator[Figure]:
    rows = _read(_WAITING, lanes=TrafficClass.values, at=at, business=business_id)
    found: Mapping[str, tuple[int, datetime]] = {lane: (number, oldest) for lane, number, oldest in rows}
    for lane in TrafficClass.values:
        number, oldest = found.get(lane, (0, at))
        age = at - oldest
        tone = "plain" if not number else "care" if age > SLOW else "moving"
        yield Figure(lane, number, tone, note=f"oldest for {phrases.span(age)}" if number else "")


def _trouble(newest: Sequence[tuple[Any, ...]], business_id: Any, at: datetime) -> Card:
    until = at + timedelta(seconds=settings.QSURA_UNKNOWN_GRACE)
    open_ = _read(_UNKNOWN, until=until, business=business_id)[0][0]
    ended = sum(error_class == "outcome_unknown" for _, error_class, _ in newest)
    accounts = ProviderAccount.objects.filter(is_in_service=False)
    away = (accounts if business_id is None else accounts.filter(business=business_id)).count()
    return Card(
        "Needs a look",
        [
            Figure("unknown outcomes", open_, "care" if open_ else "plain", note="open; settled after their grace"),
            Figure("ended unknown", ended, "bad" if ended else "plain", note="failed in 24 hours", link=_list(status="failed", when="day")),
            Figure("accounts out of service", away, "bad" if away else "plain", note="of providers"),
        ],
    )


def _list(**wanted: str) -> str:
    return f"{reverse('admin:messaging_message_changelist')}?{urlencode(wanted)}"
