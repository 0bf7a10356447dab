"""The table of moves: which decision takes a version from where to where. The database keeps the same table (migrations/0003)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from templates_app.choices import Decision, VersionStatus

_DRAFT, _IN_REVIEW, _CHANGES_REQUESTED = VersionStatus.DRAFT, VersionStatus.IN_REVIEW, VersionStatus.CHANGES_REQUESTED
_APPROVED, _REJECTED, _LIVE, _PAUSED, _RETIRED = (
    VersionStatus.APPROVED,
    VersionStatus.REJECTED,
    VersionStatus.LIVE,
    VersionStatus.PAUSED,
    VersionStatus.RETIRED,
)


@dataclass(frozen=True, slots=True)
class Move:
    """A decision's effect."""

    origins: tuple[VersionStatus, ...]
    to: VersionStatus


MOVES: Mapping[Decision, Move] = {
    Decision.SUBMITTED: Move((_DRAFT, _CHANGES_REQUESTED), _IN_REVIEW),
    Decision.APPROVED: Move((_IN_REVIEW,), _APPROVED),
    Decision.REJECTED: Move((_IN_REVIEW,), _REJECTED),
    Decision.CHANGES_REQUESTED: Move((_IN_REVIEW,), _CHANGES_REQUESTED),
    Decision.PUBLISHED: Move((_APPROVED,), _LIVE),
    Decision.PAUSED: Move((_LIVE,), _PAUSED),
    Decision.RESUMED: Move((_PAUSED,), _LIVE),
    Decision.RETIRED: Move((_APPROVED, _LIVE, _PAUSED), _RETIRED),
}

EDITABLE = (_DRAFT, _CHANGES_REQUESTED)
"""Where content may still change."""


def possible(status: str) -> list[Decision]:
    """The decisions that a version in that status can take."""
    return [decision for decision, move in MOVES.items() if status in move.origins]
