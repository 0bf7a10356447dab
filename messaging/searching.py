"""What a person means who types one thing into the search: a message's id, a recipient, or a reference. Exact, always."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts import ids
from messaging import recipients


@dataclass(frozen=True, slots=True)
class Found:
    """One of the three; none of them where the text is empty."""

    message_id: UUID | None = None
    recipient_hash: bytes | None = None
    reference: str | None = None


def read(text: str, *, among: QuerySet[Any]) -> Found:
    """What the text is, among messages that the person may see. A reference may look like a recipient: whichever exists wins."""
    text = text.replace("\0", "").strip()
    if (message_id := _id(text)) is not None and among.filter(id=message_id).exists():
        return Found(message_id=message_id)
    hashed = hash_of(text)
    if hashed is not None and (among.filter(recipient_hash=hashed).exists() or not among.filter(reference=text).exists()):
        return Found(recipient_hash=hashed)
    return Found(reference=text[:255]) if text else Found()


def hash_of(text: str) -> bytes | None:
    """The keyed hash of a recipient in any spelling that intake takes; None if it can't be one."""
    try:
        return recipients.hash_of(recipients.read(text.strip(), channel="auto").text)
    except recipients.InvalidRecipient:
        return None


def _id(text: str) -> UUID | None:
    """Public (`msg_...`), or as the database writes it."""
    try:
        return ids.parse("msg", text) or UUID(text)
    except ValueError:
        return None
