"""What this room tells those above it, who listen inside the transaction that it happens in, so that fact and debt commit together.

Receivers only write rows, and an exception of theirs undoes the whole transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class News:
    """A business's event as it is being written; messaging.signals has those of messages."""

    id: UUID
    business_id: UUID
    mode: str | None
    """None: it concerns both worlds."""
    type: str
    about: dict[str, Any]
    occurred_at: datetime


told = Signal()
"""A business's own event was written: `news: News`."""
key_exposed = Signal()
"""A key arrived from a browser: `key_id`, `business_id`, `mode`, `at`."""
