"""What an endpoint's failures and successes make of it: failing, resting, disabled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from accounts import ids, news
from accounts.choices import BusinessEventType
from alerts import reporting
from alerts.kinds import Kind
from callbacks import debts
from callbacks.choices import CHALLENGE, Outcome
from callbacks.debts import Paid

PATIENCE = timedelta(days=5)
"""An endpoint that has only failed for so long is disabled."""
GONE = "It answered 410 Gone."
FAILED = "It has only failed for five days."
UNANSWERED = "Its receiver never answered the challenge."

TRIPS, SHORTEST, LONGEST = 10, 30, 600
"""Failures in a row after which it is left alone; seconds of the first such rest, doubled with every ten more, and of the longest."""

_UPDATE = """
WITH said AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS s(endpoint_id uuid, has_arrived bool, failed_at timestamptz, failures int,
        rests float8, is_gone bool, verified text, is_unanswered bool)
),
counted AS MATERIALIZED (
    SELECT e.*, s.has_arrived, s.failed_at, s.rests, s.is_gone, s.is_unanswered,
        -- The word was said by this very URL; another one that came in its place meanwhile has to say it itself.
        e.verified_at IS NULL AND s.verified IS NOT DISTINCT FROM e.url AS is_newly_verified,
        e.failures >= %(trips)s AND coalesce(e.resting_until > statement_timestamp(), false) AS is_tripped,
        -- What was under way when its rest began says nothing new, and hundreds that fail together are one reason, not many.
        CASE WHEN s.has_arrived THEN 0
             WHEN e.failures >= %(trips)s AND e.resting_until > statement_timestamp() THEN e.failures
             ELSE least(e.failures + s.failures, (e.failures / %(trips)s + 1) * %(trips)s) END AS in_a_row
    FROM callbacks_endpoint e JOIN said s ON s.endpoint_id = e.id WHERE e.is_enabled
    ORDER BY e.id FOR UPDATE OF e
),
judged AS MATERIALIZED (
    SELECT c.id, c.in_a_row, c.is_newly_verified,
        CASE WHEN c.has_arrived THEN NULL ELSE coalesce(c.failing_since, c.failed_at) END AS failing_since,
        greatest(
            -- What it asked for stands; a rest that only its failures gave it ends with the first success.
            CASE WHEN c.has_arrived AND c.failures >= %(trips)s THEN NULL ELSE c.resting_until END,
            statement_timestamp() + make_interval(secs => c.rests),
            CASE WHEN c.in_a_row >= %(trips)s AND NOT c.is_tripped THEN statement_timestamp()
                + make_interval(secs => least(%(longest)s, %(shortest)s * 2 ^ least(c.in_a_row / %(trips)s - 1, 10))) END) AS resting_until,
        CASE WHEN c.is_gone THEN %(gone)s
             WHEN c.is_unanswered AND c.verified_at IS NULL AND c.kind = 'registered' THEN %(unanswered)s
             WHEN NOT c.has_arrived AND c.failing_since <= c.failed_at - make_interval(days => %(patience)s) THEN %(failed)s END AS because
    FROM counted c
)
UPDATE callbacks_endpoint e SET failing_since = j.failing_since, resting_until = j.resting_until, failures = j.in_a_row,
    is_enabled = j.because IS NULL, verified_at = CASE WHEN j.is_newly_verified THEN statement_timestamp() ELSE e.verified_at END,
    disabled_because = coalesce(j.because, ''), disabled_at = CASE WHEN j.because IS NULL THEN NULL ELSE statement_timestamp() END
FROM judged j WHERE e.id = j.id AND (j.because IS NOT NULL OR j.is_newly_verified
    OR (j.failing_since, j.resting_until, j.in_a_row) IS DISTINCT FROM (e.failing_since, e.resting_until, e.failures))
RETURNING e.id, e.business_id, e.mode, e.lane, e.failing_since, e.disabled_at, j.because, j.is_newly_verified
"""
_ASKED: dict[str, Any] = {
    "gone": GONE,
    "failed": FAILED,
    "unanswered": UNANSWERED,
    "patience": PATIENCE.days,
    "trips": TRIPS,
    "shortest": SHORTEST,
    "longest": LONGEST,
}


def learn(paid: Iterable[Paid]) -> None:
    """Tell the endpoints what became of their webhooks, and whoever must know of those that are disabled by it."""
    by_endpoint: dict[UUID, list[Paid]] = defaultdict(list)
    for each in paid:
        by_endpoint[each.debt.endpoint_id].append(each)
    news_ = [_news(endpoint_id, tries) for endpoint_id, tries in by_endpoint.items() if any(is_news(each) for each in tries)]
    if not news_:
        return
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, {"rows": orjson.dumps(news_).decode(), **_ASKED})
        changed = cursor.fetchall()
    # In one order: reports of the same alert wait for each other.
    for endpoint_id, business_id, mode, lane, failing_since, disabled_at, because, is_newly_verified in sorted(changed):
        if because:
            _disabled(endpoint_id, business_id=business_id, mode=mode, because=because, since=failing_since, at=disabled_at)
        elif is_newly_verified:
            debts.hasten(endpoint_id, lane=lane)


def _disabled(endpoint_id: UUID, *, business_id: UUID, mode: str, because: str, since: datetime | None, at: datetime) -> None:
    """Its business hears of it at its other endpoints, staff by an alert: the same commit disables and tells."""
    id_ = ids.public("whe", endpoint_id)
    about = {"endpoint": id_, "because": because, "failing_since": since.astimezone(UTC).isoformat() if since else None, "mode": mode}
    news.tell(business_id, type=BusinessEventType.ENDPOINT_DISABLED, about=about, at=at)
    reporting.report(Kind.ENDPOINT_DISABLED, about=id_, because=because, business=business_id, at=at)


def is_news(paid: Paid) -> bool:
    """Whether it changes what is known of the endpoint: one that is well and goes on well costs nothing. Failures that go on are looked
    at each time, for they may have gone on for too long."""
    return paid.verdict.outcome is not Outcome.DELIVERED or paid.debt.is_failing or paid.debt.type == CHALLENGE


def _news(endpoint_id: UUID, tries: list[Paid]) -> dict[str, Any]:
    challenges = [each for each in tries if each.debt.type == CHALLENGE]
    rests = [each.verdict.rest for each in tries if each.verdict.rest is not None]
    return {
        "endpoint_id": endpoint_id,
        "has_arrived": any(each.verdict.outcome is Outcome.DELIVERED for each in tries),
        "failed_at": max(each.started_at for each in tries),
        "failures": len(tries),
        "rests": max(rests) / timedelta(seconds=1) if rests else None,
        "is_gone": any(each.verdict.is_gone for each in tries),
        "verified": next((each.debt.url for each in challenges if each.verdict.outcome is Outcome.DELIVERED), None),
        "is_unanswered": any(each.verdict.outcome is Outcome.EXHAUSTED for each in challenges),
    }
