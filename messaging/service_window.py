"""WhatsApp's service window: whether a person has written to a business within the last day. Looked up only where a rule asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from routing.fields import CLOSED, OPEN
from routing.providers.inbound import InboundKind

LASTS = timedelta(hours=24)
"""From what the person wrote last (Meta's customer service window)."""
MARGIN = timedelta(minutes=5)
"""What is taken off for the way to the provider, and for clocks that differ."""
_NOBODY_WROTE = [InboundKind.OPT_OUT, InboundKind.OPT_IN, InboundKind.UNKNOWN]
"""A will that a provider tells, and what nobody has understood, open nothing."""


@dataclass(frozen=True, slots=True)
class Look:
    """One question: known at `at`, for a message that goes at `due_at`."""

    business_id: UUID
    mode: str
    recipient_hash: bytes = field(repr=False)
    at: datetime
    due_at: datetime


# LATERAL with LIMIT keeps it to one look into messaging_inbound_sender for each, however large the table is. A provider's clock that is
# ahead must not make the window longer, so ours has a say.
_OPEN = """
SELECT l.place
FROM unnest(%(businesses)s::uuid[], %(modes)s::text[], %(hashes)s::bytea[], %(at)s::timestamptz[], %(since)s::timestamptz[])
    WITH ORDINALITY AS l(business_id, mode, hash, at, since, place)
CROSS JOIN LATERAL (
    SELECT FROM messaging_inbound i
    WHERE i.sender_hash = l.hash AND i.business_id = l.business_id AND i.mode = l.mode AND i.channel = 'whatsapp'
        AND i.kind <> ALL(%(nobody)s) AND i.occurred_at > l.since AND i.received_at > l.since AND i.received_at <= l.at
    LIMIT 1
) heard
"""


def look(looks: Sequence[Look]) -> list[str]:
    """`open` or `closed` for each, in one query; in none for none."""
    if not looks:
        return []
    asked: dict[str, Any] = {
        "businesses": [each.business_id for each in looks],
        "modes": [each.mode for each in looks],
        "hashes": [each.recipient_hash for each in looks],
        "at": [each.at for each in looks],
        "since": [each.due_at - LASTS + MARGIN for each in looks],
        "nobody": [str(kind) for kind in _NOBODY_WROTE],
    }
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, asked)
        places = {place for (place,) in cursor.fetchall()}
    return [OPEN if place in places else CLOSED for place, _ in enumerate(looks, start=1)]
