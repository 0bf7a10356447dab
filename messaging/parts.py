"""Attempts that went out in several parts, of which the provider speaks one by one: what the parts together amount to.

The attempt has arrived when every part has, and has failed as soon as one has; a part that arrives after all mends that. It is called
under the lock of the message's story, so two receipts of one attempt never pass each other.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from messaging.lifecycle import ARRIVED, NEGATIVE, RANK, AttemptStatus

_HEARD = "SELECT reference, heard FROM messaging_providerreference WHERE account_id = %s AND reference = ANY(%s)"
_HEAR = "UPDATE messaging_providerreference SET heard = %s WHERE account_id = %s AND reference = %s"


def join(account_id: UUID, parts: Collection[str], *, reference: str, status: AttemptStatus | None) -> AttemptStatus | None:
    """Keep what is said of one part; returns what that says of the whole attempt, None for nothing new."""
    if status is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_HEARD, [account_id, list(parts)])
        heard = {name: AttemptStatus(word) if word else AttemptStatus.PENDING for name, word in cursor.fetchall()}
        if RANK[status] > RANK[heard.get(reference, AttemptStatus.PENDING)]:
            heard[reference] = status
            cursor.execute(_HEAR, [status, account_id, reference])
    return together(status, [heard.get(part, AttemptStatus.PENDING) for part in parts])


def together(status: AttemptStatus, heard: Collection[AttemptStatus]) -> AttemptStatus | None:
    """`status` was said of one part, and `heard` is the furthest that is known of each."""
    if status in NEGATIVE:
        # Of a part that has arrived all the same, a failure says as little as of a message that has.
        return status if any(each in NEGATIVE for each in heard) else None
    if all(each in ARRIVED for each in heard):
        return AttemptStatus.DELIVERED
    if any(each in NEGATIVE for each in heard):
        return None
    return AttemptStatus.SENT if status in ARRIVED else status
