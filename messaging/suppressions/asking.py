"""What a request or a file's line asks for, as a suppression to be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.refusals import FieldError, Refusal
from messaging import recipients
from messaging.choices import SuppressionReason
from messaging.suppressions import keeping
from messaging.suppressions.keeping import Kept, Wanted


class AlreadyOver(Refusal):
    """A suppression that ends before it begins."""

    code = "already_over"
    title = "The time at which it is to end has passed."


def wanted(said: Mapping[str, Any], *, business_id: UUID, mode: str, origin: str, source: str, at: datetime) -> Wanted:
    """Raises InvalidRecipient or AlreadyOver."""
    channel, expires_at = said.get("channel") or "", said.get("expires_at")
    recipient = recipients.read(said["recipient"], channel=channel or "auto")
    if expires_at is not None and expires_at <= at:
        message = "Give a time to come, or none for ever."
        raise AlreadyOver(message, errors=[FieldError("expires_at", "already_over", message)])
    return Wanted(
        business_id=business_id,
        recipient_hash=recipients.hash_of(recipient.text),
        recipient=recipient.text,
        mode=mode,
        channel=channel,
        category=said.get("category") or "",
        reason=said.get("reason") or SuppressionReason.OPTED_OUT,
        origin=origin,
        source=said.get("source") or source,
        evidence=said.get("evidence") or None,
        expires_at=expires_at,
    )


def add_each(items: Sequence[Wanted | Refusal], *, at: datetime) -> list[Kept | Refusal]:
    """Keep the good ones together; what is a Refusal already stays one, in its place."""
    kept = iter(keeping.add([item for item in items if isinstance(item, Wanted)], at=at))
    return [next(kept) if isinstance(item, Wanted) else item for item in items]
