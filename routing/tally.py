"""What became of calls, added up in this process and written once a second: one row for each account and ten seconds, never one a message.

A crash loses a second's counts, which decide nothing alone. A provider that asks for a rest is heard at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

import orjson
from django.db import connection

from routing import breaker, gates
from routing.breaker import Probed
from routing.providers.base import ErrorClass, Handoff

logger = logging.getLogger(__name__)

GAP = 1.0
"""Seconds between two writings."""
SLOW = 3.0
"""Seconds: a call that was answered later than that was slow."""
LATE = 300.0
"""Seconds: what was delivered later than that after its call was late."""
LEASE_LOST = "lease_lost"
"""The code of a call that this side did not make in time."""

_WRITE = """
INSERT INTO routing_outcome AS o (account_id, at, taken, failed, unanswered, throttled, refused, slow, delivered, late)
SELECT r.account_id, date_bin('10 seconds', clock_timestamp(), timestamptz '2000-01-01'), r.taken, r.failed, r.unanswered, r.throttled,
    r.refused, r.slow, r.delivered, r.late
FROM json_to_recordset(%s::json) AS r(account_id uuid, taken integer, failed integer, unanswered integer, throttled integer,
    refused integer, slow integer, delivered integer, late integer)
ORDER BY r.account_id
ON CONFLICT (account_id, at) DO UPDATE SET taken = o.taken + excluded.taken, failed = o.failed + excluded.failed,
    unanswered = o.unanswered + excluded.unanswered, throttled = o.throttled + excluded.throttled, refused = o.refused + excluded.refused,
    slow = o.slow + excluded.slow, delivered = o.delivered + excluded.delivered, late = o.late + excluded.late
"""
_COLUMNS = ("taken", "failed", "unanswered", "throttled", "refused", "slow", "delivered", "late")
_FORGET = "DELETE FROM routing_outcome WHERE at < statement_timestamp() - interval '2 days'"


class _Book:
    """This process's counts since the last writing."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.written_at = 0.0
        self.empty()

    def empty(self) -> None:
        self.counts: dict[UUID, Counter[str]] = defaultdict(Counter)
        self.probes: dict[UUID, Counter[str]] = defaultdict(Counter)
        self.rests: dict[UUID, float] = {}


_kept = _Book()


def note(account_id: UUID, outcome: Handoff, *, took: float, is_probe: bool) -> None:
    """Count one call. `took`: seconds."""
    word = _word(outcome)
    if word is None:
        return
    with _kept.lock:
        count = _kept.counts[account_id]
        count[word] += 1
        count["slow"] += word == "taken" and took > SLOW
        if is_probe:
            _kept.probes[account_id]["bad" if word in ("failed", "unanswered") else "good"] += 1
        if word == "throttled" and outcome.fault is not None and outcome.fault.retry_after:
            _kept.rests[account_id] = max(outcome.fault.retry_after, _kept.rests.get(account_id, 0.0))


def note_delivered(took: Iterable[tuple[UUID, float]]) -> None:
    """Count what has arrived: by account, seconds after its call."""
    with _kept.lock:
        for account_id, seconds in took:
            count = _kept.counts[account_id]
            count["delivered"] += 1
            count["late"] += seconds > LATE


def _word(outcome: Handoff) -> str | None:
    """The column that it counts in; None for what says nothing about the provider."""
    if outcome.reference:
        return "taken"
    if outcome.fault is None:
        return "unanswered"
    match outcome.fault.error_class:
        case ErrorClass.THROTTLED:
            return "throttled"
        case ErrorClass.PROVIDER_FAULT:
            return None if outcome.fault.raw_code == LEASE_LOST else "failed"
        case ErrorClass.ACCOUNT_FAULT:  # out of service at once, by its own way
            return None
        case _:
            return "refused"


def settle(*, now: bool = False) -> None:
    """Write what was counted, once a second or `now`, and let breakers and buckets hear of it. Never raises: it is bookkeeping."""
    with _kept.lock:
        is_time = now or time.monotonic() - _kept.written_at >= GAP or bool(_kept.rests)
        if not is_time or not (_kept.counts or _kept.probes):
            return
        counts, probes, rests = _kept.counts, _kept.probes, _kept.rests
        _kept.empty()
        _kept.written_at = time.monotonic()
    try:
        _write(counts, probes, rests)
    except Exception:  # answers that are still in flight must not be lost for the sake of figures
        logger.exception("What became of calls could not be counted.")


def _write(counts: Mapping[UUID, Counter[str]], probes: Mapping[UUID, Counter[str]], rests: Mapping[UUID, float]) -> None:
    if rests:
        gates.rest(rests)
    rows = [{"account_id": id_, **{name: count[name] for name in _COLUMNS}} for id_, count in counts.items()]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [orjson.dumps(rows).decode()])
    if probes:
        breaker.hear({id_: Probed(good=count["good"], bad=count["bad"]) for id_, count in probes.items()})
    failing = [id_ for id_, count in counts.items() if count["failed"] or count["unanswered"]]
    if failing:
        breaker.judge(failing)


def forget() -> None:
    """Remove what is too old to be looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
