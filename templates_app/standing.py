"""Where versions stand at the provider accounts, as this process read it at most five seconds ago.

The way of every message passes here: one query for a version (or for many at once) in five seconds, none for a message.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from routing.providers.base import WhatsAppTemplate
from templates_app.models import Registration

KEPT_FOR = timedelta(seconds=5)
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Registered:
    """What sending needs to know of a registration."""

    provider: str
    name: str
    language: str
    provider_id: str
    obstacle: str
    """Why it can't be sent there now; empty if it can."""

    def dress(self, content: WhatsAppTemplate) -> WhatsAppTemplate:
        """The rendered template under the name and id that this account's provider knows it by."""
        ids = {**content.provider_ids, self.provider: self.provider_id} if self.provider_id else content.provider_ids
        return replace(content, name=self.name, language=self.language, provider_ids=ids)


@dataclass(frozen=True, slots=True)
class Board:
    """One version's registrations, by the account's id."""

    registered: Mapping[UUID, Registered]
    obstacles: frozenset[tuple[str, str]]
    """Each account's id with its obstacle; hashable, so that equal wishes can share a plan."""
    read_at: datetime


_boards: dict[UUID, Board] = {}


def board(version_id: UUID, *, at: datetime) -> Board:
    """That version's."""
    kept = _boards.get(version_id)
    if kept is None or not kept.read_at <= at < kept.read_at + KEPT_FOR:
        kept = _read([version_id], at=at)[version_id]
    return kept


def warm(version_ids: Collection[UUID], *, at: datetime) -> None:
    """Read those of them that are not fresh, in one query."""
    stale = [each for each in version_ids if each not in _boards or not _boards[each].read_at <= at < _boards[each].read_at + KEPT_FOR]
    if stale:
        _read(stale, at=at)


def forget() -> None:
    """Read afresh next time."""
    _boards.clear()


def _read(version_ids: Collection[UUID], *, at: datetime) -> Mapping[UUID, Board]:
    found: dict[UUID, dict[UUID, Registered]] = {each: {} for each in version_ids}
    for row in Registration.objects.filter(version_id__in=version_ids).select_related("account"):
        obstacle = row.known().obstacle
        found[row.version_id][row.account_id] = Registered(row.account.provider, row.name, row.language, row.provider_id, obstacle)
    if len(_boards) + len(found) > _MANY:
        _boards.clear()
    made = {version_id: _board(registered, at=at) for version_id, registered in found.items()}
    _boards.update(made)
    return made


def _board(registered: Mapping[UUID, Registered], *, at: datetime) -> Board:
    return Board(registered, frozenset((str(account_id), each.obstacle) for account_id, each in registered.items()), at)
