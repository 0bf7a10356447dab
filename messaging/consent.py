"""May this recipient be written to? Asked at accept, at release from a schedule, at every attempt."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection

_IN_FORCE = """
SELECT business_id, recipient_hash, channel, category FROM messaging_suppression
WHERE business_id = ANY(%s::uuid[]) AND recipient_hash = ANY(%s::bytea[]) AND (expires_at IS NULL OR expires_at > %s)
"""


def suppressed(hashes: Collection[bytes], *, business_ids: Collection[UUID], at: datetime) -> set[tuple[UUID, bytes, str, str]]:
    """The suppressions in force on any of those recipients: (business, recipient's hash, channel or "", category or "")."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE, [list(business_ids), list(hashes), at])
        return {(business_id, bytes(hash_), channel, category) for business_id, hash_, channel, category in cursor.fetchall()}


def forbids(rows: set[tuple[UUID, bytes, str, str]], *, business_id: UUID, recipient_hash: bytes, channel: str, category: str) -> bool:
    """Whether one of the suppressions covers that channel and category."""
    return any((business_id, recipient_hash, c, k) in rows for c in ("", channel) for k in ("", category))
