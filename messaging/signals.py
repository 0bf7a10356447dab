"""The one upward wish: recorded events owe webhooks, and whoever pays them listens here.

`recorded` is sent once with all the events of a transaction, inside it, so that fact and debt commit together. Receivers get
`events: list[NewEvent]`; they only write rows, and an exception of theirs undoes the whole transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as it is being written, with what a webhook echoes of its message and the event itself does not store."""

    id: UUID
    message_id: UUID
    seq: int
    business_id: UUID
    mode: str
    type: str
    previous_status: str | None
    status: str
    final: bool
    occurred_at: datetime
    recorded_at: datetime
    attempt: int | None = None
    channel: str | None = None
    account_id: UUID | None = None
    error_class: str | None = None
    error_code: str | None = None
    raw_code: str | None = None
    detail: dict[str, Any] | None = None
    """`fallback` {from, to, because}, `recovered` true, `late` true, `deferred` {because, until}."""
    reference: str | None = None
    metadata: dict[str, Any] | None = None
    callback: str | None = None


recorded = Signal()
