"""Back-pressure: when more waits for a hand-off than the operator allows, new requests are asked to come later, and nothing is stored."""

from __future__ import annotations

import time
from math import inf
from threading import Lock

from django.conf import settings
from django.db import connection

from accounts.refusals import Refusal
from routing.choices import TrafficClass

LOOK = 5.0
"""Seconds for which a process believes what it counted."""
_COMES_BACK = 30
"""Seconds after which whoever was refused may ask again."""

_COUNT = """
SELECT coalesce(sum(waiting.number), 0) FROM unnest(%s::text[]) AS lane CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM (
        SELECT FROM messaging_due d WHERE d.lane = lane.lane AND d.due_at <= clock_timestamp() AND d.calling_at IS NULL LIMIT %s
    ) q
) waiting
"""


class QueueFull(Refusal):
    """More is due than QSURA_QUEUE_LIMIT; nothing was stored."""

    status = 503
    code = "queue_full"
    title = "Too many messages wait to be sent."


class _Gauge:
    """What this process counted last."""

    looked_at = -inf
    is_full = False
    looking = Lock()


def check() -> None:
    """Raises QueueFull while more is due than the limit; scheduled messages count from their moment on.

    Counts every five seconds, by each lane's index and no further than the limit.
    """
    if time.monotonic() - _Gauge.looked_at > LOOK and _Gauge.looking.acquire(blocking=False):
        try:
            _Gauge.is_full = waiting(at_most=settings.QSURA_QUEUE_LIMIT + 1) > settings.QSURA_QUEUE_LIMIT
            _Gauge.looked_at = time.monotonic()
        finally:
            _Gauge.looking.release()
    if _Gauge.is_full:
        raise QueueFull("Send the request again later, with the same Idempotency-Key. Nothing was accepted.", retry_after=_COMES_BACK)


def waiting(*, at_most: int) -> int:
    """How many attempts are due in all lanes; counts no further than that in each."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [TrafficClass.values, at_most])
        return int(cursor.fetchone()[0])


def forget() -> None:
    """Count afresh the next time."""
    _Gauge.looked_at = -inf
