"""When a delivery is tried again: the schedule, its jitter, and what the receiver asked for."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DELAYS = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
"""Seconds before each try: the first at once, the eighth some 28 hours after it."""
JITTER = 0.2
"""A wait is up to this part longer, so that what failed together does not come back together."""
LONGEST_REST = timedelta(hours=24)
"""The most that a receiver's Retry-After can ask for."""


def wait_after(tries: int, *, rest: timedelta | None, pick: random.Random) -> timedelta | None:
    """How long to wait after that many tries have failed; None if that was the last. `rest` is what the receiver asked for."""
    if tries >= len(DELAYS):
        return None
    wait = timedelta(seconds=DELAYS[tries] * (1 + JITTER * pick.random()))
    return max(wait, rest or timedelta())


def asked_rest(header: str | None, *, at: datetime) -> timedelta | None:
    """What a Retry-After asks for, in seconds or as a date (RFC 9110, 10.2.3), capped; None if it can't be read or lies behind us."""
    if not header:
        return None
    wait = _seconds(header) if header.isascii() and header.isdigit() else _until(header, at=at)
    return min(wait, LONGEST_REST) if wait and wait > timedelta() else None


def _seconds(digits: str) -> timedelta:
    # Python refuses to read some thousand digits; so does nobody's clock need more than nine.
    return timedelta(seconds=int(digits)) if len(digits) <= 9 else LONGEST_REST


def _until(date: str, *, at: datetime) -> timedelta | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at
