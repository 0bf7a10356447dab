"""Quiet hours: whether a recipient may be written to now, and if not, from when on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from accounts import zones as known
from routing import calendar, windows

QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True, slots=True)
class Deferral:
    """Put off until the first moment that is quiet in none of the zones."""

    until: datetime
    zones: tuple[str, ...]

    def tell(self) -> dict[str, Any]:
        """As an event's detail says it. Zones stay out of it: they tell where a recipient lives."""
        return {"deferred": {"because": QUIET_HOURS, "until": self.until.astimezone(UTC).isoformat().replace("+00:00", "Z")}}


def look(business_id: UUID, traffic_class: str, *, recipient: Callable[[], str], zone: str | None, at: datetime) -> Deferral | None:
    """Whether it has to wait; None if it may go. `zone` is the one that the request gave; `recipient` is only asked where it matters.

    A number that may live in several zones waits until it is quiet in none of them. Where the zones leave no such moment, or are not known,
    the business's own counts.
    """
    hours = calendar.hours(business_id, traffic_class, at=at)
    if hours is None:
        return None
    names = (zone,) if zone else zones_of(recipient())
    found = _zones(names)
    until = windows.release(hours.windows, zones=found, at=at) if found else None
    if until is None:
        names = (hours.zone.key,)
        until = windows.release(hours.windows, zones=[hours.zone], at=at)
    return Deferral(until, names) if until is not None and until > at else None


def zones_of(recipient: str) -> tuple[str, ...]:
    """Where a number may be, by the numbering plans (libphonenumber); nothing for what is no number, or a number of no place."""
    return _by_number(recipient) if recipient[:1] == "+" else ()


@lru_cache(maxsize=4096)
def _by_number(number: str) -> tuple[str, ...]:
    found = timezone.time_zones_for_number(phonenumbers.parse(number))
    return tuple(name for name in found if name in known.names() and name != timezone.UNKNOWN_TIMEZONE)


def _zones(names: Collection[str]) -> list[ZoneInfo]:
    return [ZoneInfo(name) for name in names]
