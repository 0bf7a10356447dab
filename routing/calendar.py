"""The quiet hours of every business, as read at most fifteen seconds ago."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from routing.models import QuietHours
from routing.windows import Window

_KEPT = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Hours:
    """When a business does not write to people, for one traffic class. `zone` is its own, where the recipient's is not known."""

    windows: tuple[Window, ...]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class _Calendar:
    read_at: datetime
    hours: Mapping[tuple[UUID, str], Hours]


_kept: list[_Calendar] = []


def hours(business_id: UUID, traffic_class: str, *, at: datetime) -> Hours | None:
    """None: it may write at any time. One query for all businesses, in fifteen seconds and process."""
    if not _kept or not _kept[0].read_at <= at < _kept[0].read_at + _KEPT:
        _kept[:] = [_read(at)]
    return _kept[0].hours.get((business_id, traffic_class))


def forget() -> None:
    """Read afresh next time (after a change in this very process)."""
    _kept.clear()


def _read(at: datetime) -> _Calendar:
    windows, zones = defaultdict(list), {}
    for row in QuietHours.objects.filter(is_active=True).select_related("business"):
        windows[row.business_id, row.traffic_class].append(row.window)
        zones[row.business_id] = ZoneInfo(row.business.timezone)
    return _Calendar(at, {key: Hours(tuple(found), zones[key[0]]) for key, found in windows.items()})
