"""What the room below tells: an API key that arrived from a browser is its owner's alert.

No model is imported here, for apps.py connects this before models are ready.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind


def key_exposed(*, key_id: UUID, business_id: UUID, mode: str, at: datetime, **_: Any) -> None:
    """A listener of accounts.signals.key_exposed."""
    reporting.report(
        Kind.KEY_IN_BROWSER,
        about=ids.public("key", key_id),
        because=f"A request with this {mode} key came with headers that only browsers send.",
        business=business_id,
        at=at,
    )
