"""What else stands in a provider's call: besides receipts it may bring inbound messages, or news of templates.

Each reader is offered every call that opens, in the very transaction that reads it, so that what it writes commits with the call's mark.
A reader takes what it knows and leaves the rest; it must bear to be offered the same call again (history is read again, batches are
split). What it raises sets the call aside as unreadable, and spoils neither its receipts nor its companions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from routing.providers.base import Incoming


@dataclass(frozen=True, slots=True)
class Offered:
    """One authentic call, opened. Its headers are gone: they served to authenticate it."""

    id: UUID
    account_id: UUID
    provider: str
    received_at: datetime
    incoming: Incoming = field(repr=False)


Reader = Callable[[Sequence[Offered], datetime], None]

readers: list[Reader] = []
"""Whoever reads more than receipts adds itself here once, in its app's `ready`."""


def offer(calls: Sequence[Offered], *, at: datetime) -> None:
    """Show them to every reader, inside the caller's transaction."""
    if calls:
        for reader in readers:
            reader(calls, at)
