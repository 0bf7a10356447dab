"""Quiet hours by the clock on a wall: when a window holds, and when it is open again in every zone. Pure.

A moment is quiet in a zone if the clock there shows a time within a window. So daylight saving time needs no rule of its own: an hour that
comes twice is quiet twice, one that is left out is never quiet, and a window ends when the clock jumps past its end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(1, 8))
"""ISO: Monday is 1."""
_FURTHEST = timedelta(days=9)
"""What is not open within a week and a change of the clocks never is."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """From `begins` until just before `ends`, on the next day if that is earlier; `days` are those on which it begins."""

    begins: time
    ends: time
    days: frozenset[int] = EVERY_DAY

    def end_of(self, wall: datetime) -> datetime | None:
        """When the stretch ends in which the clock shows that time; None if it lies in none. Without zones."""
        return next((end for day in (wall.date(), wall.date() - timedelta(days=1)) if (end := self._end_from(day, wall))), None)

    def _end_from(self, day: date, wall: datetime) -> datetime | None:
        if day.isoweekday() not in self.days:
            return None
        end = datetime.combine(day + timedelta(days=self.ends <= self.begins), self.ends)
        return end if datetime.combine(day, self.begins) <= wall < end else None


def is_quiet(windows: Collection[Window], *, zones: Iterable[ZoneInfo], at: datetime) -> bool:
    """Whether that moment is quiet in any of the zones."""
    return any(window.end_of(_wall(at, zone)) for zone in zones for window in windows)


def release(windows: Collection[Window], *, zones: Collection[ZoneInfo], at: datetime) -> datetime | None:
    """The first moment from then on that is quiet in none of the zones; None if there is no such moment."""
    moment = at.astimezone(UTC)  # where a second later is a second later
    while moment <= at + _FURTHEST:
        later = max((_after(windows, zone, moment) for zone in zones), default=moment)
        if later == moment:
            return moment
        moment = later
    return None


def always(windows: Collection[Window]) -> bool:
    """Whether they leave no moment of the week open."""
    return release(windows, zones=[ZoneInfo("UTC")], at=datetime(2026, 1, 5, tzinfo=UTC)) is None


def _after(windows: Iterable[Window], zone: ZoneInfo, moment: datetime) -> datetime:
    """A later moment, up to which the zone is quiet all the while; the same if it is not quiet then."""
    wall = _wall(moment, zone)
    ends = [end for window in windows if (end := window.end_of(wall))]
    if not ends:
        return moment
    end = moment + (max(ends) - wall)
    return _change(zone, moment, end) or end


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _change(zone: ZoneInfo, begin: datetime, end: datetime) -> datetime | None:
    """When the zone's clock is put forward or back for the first time after `begin` and until `end`, to the second."""
    before, moment = _offset(begin, zone), begin
    while moment < end:
        later = min(moment + _HOUR, end)
        if _offset(later, zone) != before:
            return _narrow(zone, moment, later)
        moment = later
    return None


def _narrow(zone: ZoneInfo, early: datetime, late: datetime) -> datetime:
    before, low, high = _offset(early, zone), int(early.timestamp()), -int(-late.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
