"""How many requests a key, and a business with all its keys, may make in a minute.

The count of a minute is one row in PostgreSQL. Every process takes slices of what is left (a thirtieth at once) and spends them by itself,
so that a key costs some thirty statements a minute and process at most, and never one for each request. What a process has not spent at
the minute's end is lost, never carried over: together they let through at most the quota. Minutes are the database's, by its clock.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection

from accounts.keys import Caller
from accounts.refusals import Refusal

WINDOW = 60
"""Seconds."""
_SLICES = 30
_MOST = 20_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of one quota, as far as this process knows."""

    name: str
    quota: int
    left: int
    resets_in: int
    """Whole seconds."""


class RateLimited(Refusal):
    """Too many in this minute; nothing was done."""

    status = 429
    code = "rate_limited"
    title = "Too many requests."

    def __init__(self, standings: tuple[Standing, ...], *, retry_after: int | None = None) -> None:
        self.standings = standings
        wait = retry_after or max((each.resets_in for each in standings if each.left == 0), default=1)
        super().__init__(f"Wait {wait} s, then send the same request again. Nothing was done.", retry_after=wait)


@dataclass(slots=True)
class _Lease:
    """Of one row: what this process may still spend in this minute."""

    quota: int
    ends_at: float
    """On the monotonic clock."""
    own: int = 0
    others: int = 0
    """Left for anybody, when it was asked last."""
    is_spent: bool = False


# One row for each scope, taken over by the next minute. `granted` is there for RETURNING, which knows no old values.
_TAKE = """
INSERT INTO accounts_allowance AS a (scope_id, minute, taken, granted)
VALUES (%(scope)s, date_trunc('minute', statement_timestamp()), least(%(ask)s, %(quota)s), least(%(ask)s, %(quota)s))
ON CONFLICT (scope_id) DO UPDATE SET
    minute = excluded.minute,
    granted = CASE WHEN a.minute = excluded.minute THEN greatest(least(%(ask)s, %(quota)s - a.taken), 0) ELSE excluded.granted END,
    taken = CASE WHEN a.minute = excluded.minute THEN greatest(least(a.taken + %(ask)s, %(quota)s), a.taken) ELSE excluded.taken END
RETURNING granted, taken, extract(epoch FROM minute + interval '1 minute' - statement_timestamp())::double precision
"""

_leases: dict[UUID, _Lease] = {}
_lock = threading.Lock()


def take(caller: Caller, *, units: int = 1) -> tuple[Standing, ...]:
    """Count so many requests (a batch's items; never more than a whole quota). Returns what is left; raises RateLimited."""
    scopes = _scopes(caller)
    if not scopes:
        return ()
    with _lock:
        if len(_leases) > _MOST:
            _leases.clear()
        try:
            leases = [_lease(scope, quota, units) for _, scope, quota in scopes]
        except DatabaseError as error:
            # Open while it can't count: what rests on the database is refused by the deed itself.
            _log.warning("Requests are not counted: %s", type(error).__name__)
            return ()
        fits = all(lease.own >= _cost(units, lease.quota) for lease in leases)
        for lease in leases if fits else ():
            lease.own -= _cost(units, lease.quota)
        standings = tuple(
            _standing(name, lease, is_over=not fits and lease.own < _cost(units, lease.quota))
            for (name, _, _), lease in zip(scopes, leases, strict=True)
        )
    if not fits:
        raise RateLimited(standings)
    return standings


def give_back(caller: Caller, *, units: int = 1) -> None:
    """It was counted here, and will be counted again by another door."""
    with _lock:
        for _, scope, _ in _scopes(caller):
            if (lease := _leases.get(scope)) is not None and time.monotonic() < lease.ends_at:
                lease.own += units


def fields(standings: tuple[Standing, ...]) -> dict[str, str]:
    """The RateLimit fields (draft-ietf-httpapi-ratelimit-headers-11)."""
    if not standings:
        return {}
    return {
        "RateLimit-Policy": ", ".join(f'"{each.name}";q={each.quota};w={WINDOW}' for each in standings),
        "RateLimit": ", ".join(f'"{each.name}";r={each.left};t={each.resets_in}' for each in standings),
    }


def forget() -> None:
    """Give up every lease of this process."""
    with _lock:
        _leases.clear()


def _scopes(caller: Caller) -> list[tuple[str, UUID, int]]:
    own = settings.QSURA_RATE_LIMIT if caller.requests_per_minute is None else caller.requests_per_minute
    every = caller.business_requests_per_minute
    found = [("key", caller.key_id, own)] if own else []
    return [*found, ("business", caller.business_id, every)] if every else found


def _cost(units: int, quota: int) -> int:
    """A batch that is larger than the quota costs all of it, and must not be refused for ever: its request has counted as one before."""
    return units if units <= 1 else max(1, min(units, quota - 1))


def _lease(scope: UUID, quota: int, units: int) -> _Lease:
    """This process's lease of that row, with as much in it as is asked for, if it can be had."""
    now, lease = time.monotonic(), _leases.get(scope)
    if lease is None or lease.ends_at <= now or lease.quota != quota:
        lease = _leases[scope] = _Lease(quota, math.inf)
    missing = _cost(units, quota) - lease.own
    if missing > 0 and not lease.is_spent:
        ask = max(missing, quota // _SLICES)
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, {"scope": scope, "ask": ask, "quota": quota})
            granted, taken, seconds = cursor.fetchone()
        lease.own += granted
        lease.others, lease.is_spent, lease.ends_at = quota - taken, granted < ask, now + seconds
    return lease


def _standing(name: str, lease: _Lease, *, is_over: bool) -> Standing:
    left = 0 if is_over else lease.own + max(lease.others, 0)
    return Standing(name, lease.quota, left, max(1, math.ceil(lease.ends_at - time.monotonic())))
