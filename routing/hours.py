"""Hours of the week on a wall's clock: `mon-fri 09:00-17:00`, `22:00-06:00`, `sat-sun`. Pure.

Wall clocks are compared, so a change to summer time needs no care: an hour that is skipped never comes, one that comes twice holds twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HINT = "days and hours such as mon-fri 09:00-17:00, sat 10:00-14:00, 22:00-06:00 (until the next morning) or sat-sun"

_DAY = "|".join(DAYS)
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_SHAPE = re.compile(rf"(?:({_DAY})(?:-({_DAY}))?)?(?:(?:^|(?<=[a-z]) ){_CLOCK}-(?:{_CLOCK}|24:00))?", re.ASCII)
_DAY_LONG = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of the day from `begins` on, before `ends`; where they end first, they end the day after."""

    days: frozenset[int]
    """Monday is 0: those on which they begin."""
    begins: int
    ends: int

    def hold(self, moment: datetime) -> bool:
        """Whether the wall's clock of `moment` is within them."""
        day, minute = moment.weekday(), moment.hour * 60 + moment.minute
        if self.begins < self.ends:
            return day in self.days and self.begins <= minute < self.ends
        return (day in self.days and minute >= self.begins) or ((day - 1) % 7 in self.days and minute < self.ends)


@lru_cache(maxsize=10_000)
def read(text: str) -> Hours | None:
    """What the text says; None if it says no hours."""
    found = _SHAPE.fullmatch(text)
    if not text or found is None:
        return None
    first, last, *clock = found.groups()
    begins, ends = (0, _DAY_LONG) if clock[0] is None else (_minutes(*clock[:2]), _minutes(*clock[2:]))
    return Hours(_days(first, last or first), begins, ends) if begins != ends else None


def _minutes(hour: str | None, minute: str | None) -> int:
    return _DAY_LONG if hour is None or minute is None else int(hour) * 60 + int(minute)


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None or last is None:
        return frozenset(range(7))
    begin, end = DAYS.index(first), DAYS.index(last)
    return frozenset((begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1))


def is_zone(name: str) -> bool:
    return name in available_timezones()


def is_within(texts: frozenset[str], *, zone: str, at: datetime) -> bool:
    """Whether one of these hours holds in that zone at that moment."""
    moment = at.astimezone(ZoneInfo(zone))
    return any(hours.hold(moment) for text in texts if (hours := read(text)))
