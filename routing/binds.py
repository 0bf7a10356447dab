"""How SMPP accounts are bound: written down by the process that holds them, told to staff, and watched by the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts import ids
from accounts.choices import Mode
from alerts import reporting
from alerts.kinds import Kind
from routing.choices import BindState
from routing.models import Bind, ProviderAccount
from routing.providers import registry

WRITTEN_EVERY = 5.0
"""Seconds between two signs of life, where nothing changes."""
SILENT_AFTER = timedelta(seconds=30)
"""Without a sign of life for so long, no process holds the account."""
LOST_FOR = timedelta(minutes=1)
"""An SMSC may restart within that without anybody being called."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is to be written down of one account."""

    account_id: UUID
    state: BindState
    because: str
    since: datetime


def note(seen: Sequence[Seen], *, process: str, at: datetime) -> None:
    """Write it down, all in one statement."""
    Bind.objects.bulk_create(
        [
            Bind(
                account_id=each.account_id, state=each.state, because=each.because[:64], since=each.since, seen_at=at, process=process[:100]
            )
            for each in seen
        ],
        update_conflicts=True,
        unique_fields=["account"],
        update_fields=["state", "because", "since", "seen_at", "process"],
    )


def tell(row: ProviderAccount, *, at: datetime) -> str:
    """How it stands, in words for staff."""
    bind = Bind.objects.filter(account=row).first()
    if bind is None or _is_silent(bind, at=at):
        since = f" since {bind.seen_at:%d %B %H:%M:%S} UTC" if bind else ""
        return f"held by no process{since}: run manage.py smpp"
    because = f" ({bind.because})" if bind.because else ""
    return f"{bind.state}{because} since {bind.since:%d %B %H:%M:%S} UTC, by {bind.process}"


def watch(*, at: datetime) -> None:
    """Open an alert for each live account in service that has not been bound for a while, and resolve those that are over."""
    for row in ProviderAccount.objects.filter(provider__in=registry.IN_SESSIONS, mode=Mode.LIVE).select_related("bind").order_by("pk"):
        about = ids.public("pac", row.pk)
        because = _trouble(row, at=at) if row.is_in_service else ""
        if because:
            reporting.report(Kind.BIND_LOST, about=about, because=f"{row.name}: {because}", business=row.business_id, at=at)
        elif because is not None:
            reporting.resolve(Kind.BIND_LOST, about=about, at=at)


def _trouble(row: ProviderAccount, *, at: datetime) -> str | None:
    """Why nothing can be sent by it; empty where all is well, None where that can't be said yet."""
    bind = getattr(row, "bind", None)
    if bind is None or _is_silent(bind, at=at):
        is_new = at - max(row.created_at, bind.seen_at if bind else row.created_at) < LOST_FOR
        return None if is_new else "no process holds its connections."
    if bind.state == BindState.BOUND:
        return ""
    return f"its connections are {bind.state} ({bind.because})." if at - bind.since >= LOST_FOR else None


def _is_silent(bind: Bind, *, at: datetime) -> bool:
    return at - bind.seen_at > SILENT_AFTER
