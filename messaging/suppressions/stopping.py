"""Whoever says STOP is not written to any more: what still waits for them is canceled in the same transaction, and its story says so.

A hand-off that holds a story asks for suppressions after it has locked it, and we lock stories after we have written the suppression: so
either it sees what we wrote, or its call had begun before and the message was sent first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from accounts import ids
from messaging import consent, record
from messaging.consent import InForce
from messaging.lifecycle import Trouble
from routing.providers.base import ErrorClass

LONGEST_WAIT = timedelta(days=42)
"""No message waits longer: 35 days to its `send_at`, and seven of `expires_in`."""
AT_A_TIME = 500

SUPPRESSED = Trouble(ErrorClass.OPTED_OUT, "suppressed")


class Stopped(NamedTuple):
    """What a new suppression covers; empty: every one."""

    business_id: UUID
    recipient_hash: bytes
    mode: str
    channel: str
    category: str


_WAITING = """
SELECT d.message_id, m.recipient_hash
FROM json_to_recordset(%(rows)s::json) AS r(business_id uuid, recipient_hash bytea, mode text, channel text, category text)
JOIN messaging_message m ON m.recipient_hash = r.recipient_hash AND m.business_id = r.business_id AND m.id >= %(since)s
    AND (r.mode = '' OR m.mode = r.mode) AND (r.category = '' OR m.lane = r.category)
JOIN messaging_due d ON d.message_id = m.id AND d.calling_at IS NULL AND (r.channel = '' OR d.channel = r.channel)
"""


def stop(stopped: Sequence[Stopped], *, holds_stories: bool = False) -> int:
    """Cancel what waits for these recipients; returns how many messages. What a provider has, or is being given, goes its way.

    `holds_stories`: what others have under lock is passed over, for they may wait for ours. Its hand-off will ask, and refuse.
    """
    if not stopped:
        return 0
    rows = {InForce(*each) for each in stopped}
    with transaction.atomic():
        waiting = _waiting(stopped)
        found = sorted(waiting)
        return sum(_cancel(found[i : i + AT_A_TIME], waiting, rows, skip_locked=holds_stories) for i in range(0, len(found), AT_A_TIME))


def _waiting(stopped: Sequence[Stopped]) -> dict[UUID, bytes]:
    rows = [{**each._asdict(), "recipient_hash": f"\\x{each.recipient_hash.hex()}"} for each in stopped]
    since = ids.first_at(record.clock() - LONGEST_WAIT)
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"rows": orjson.dumps(rows).decode(), "since": since})
        return {message_id: bytes(hash_) for message_id, hash_ in cursor.fetchall()}


def _cancel(message_ids: Sequence[UUID], hashes: dict[UUID, bytes], rows: set[InForce], *, skip_locked: bool) -> int:
    stories = record.load(message_ids, skip_locked=skip_locked)
    at, canceled = record.clock(), 0
    for story in stories.values():
        waiting, subject = story.waiting, story.subject
        # By now it may have moved on to another channel, or into a provider's hands.
        if waiting is None or story.ended is not None or story.is_in_hands():
            continue
        if consent.forbids(
            rows,
            business_id=subject.business_id,
            recipient_hash=hashes[subject.id],
            mode=subject.mode,
            channel=waiting.channel,
            category=subject.lane,
        ):
            story.cancel(SUPPRESSED, at=at)
            canceled += 1
    record.save(stories.values())
    return canceled
