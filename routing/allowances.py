"""How much each business may send, as read at most fifteen seconds ago."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from routing.models import Limits, Release

_KEPT = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class _Known:
    read_at: datetime
    limits: Mapping[UUID, Limits]
    releases: frozenset[tuple[UUID, str]]


_kept: list[_Known] = []
_DEFAULT = Limits()


def of(business_id: UUID, *, at: datetime) -> Limits:
    """Its limits; the default ones where nobody has set any. Two queries for all businesses, in fifteen seconds and process."""
    return _known(at).limits.get(business_id, _DEFAULT)


def is_released(business_id: UUID, block: str, *, at: datetime) -> bool:
    """Whether staff have vouched for this block of numbers."""
    return (business_id, block) in _known(at).releases


def forget() -> None:
    """Read afresh next time (after a change in this very process)."""
    _kept.clear()


def _known(at: datetime) -> _Known:
    if not _kept or not _kept[0].read_at <= at < _kept[0].read_at + _KEPT:
        limits = {row.business_id: row for row in Limits.objects.all()}
        releases = frozenset(Release.objects.filter(ends_at__gt=at).values_list("business_id", "block"))
        _kept[:] = [_Known(at, limits, releases)]
    return _kept[0]
