"""May this recipient be written to? Asked at accept, at release from a schedule, at every attempt."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection


class InForce(NamedTuple):
    """A suppression that holds; an empty mode, channel or category means every one."""

    business_id: UUID
    recipient_hash: bytes
    mode: str
    channel: str
    category: str


_IN_FORCE = """
SELECT business_id, recipient_hash, mode, channel, category FROM messaging_suppression
WHERE business_id = ANY(%s::uuid[]) AND recipient_hash = ANY(%s::bytea[]) AND lifted_at IS NULL
    AND (expires_at IS NULL OR expires_at > %s)
"""


def suppressed(hashes: Collection[bytes], *, business_ids: Collection[UUID], at: datetime) -> set[InForce]:
    """The suppressions in force on any of those recipients."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE, [list(business_ids), list(hashes), at])
        return {InForce(business_id, bytes(hash_), *words) for business_id, hash_, *words in cursor.fetchall()}


def forbids(rows: Collection[InForce], *, business_id: UUID, recipient_hash: bytes, mode: str, channel: str, category: str) -> bool:
    """Whether one of the suppressions covers that world, channel and category."""
    return any(InForce(business_id, recipient_hash, m, c, k) in rows for m in ("", mode) for c in ("", channel) for k in ("", category))
