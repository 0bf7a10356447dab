"""What time decides: hand-offs whose worker is gone, steps that stayed silent, unknowns whose grace is over, deadlines."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import connection, transaction

from messaging import aside, record

BATCH = 500

_LOST = """
SELECT message_id FROM messaging_due WHERE calling_at IS NOT NULL AND due_at <= clock_timestamp()
ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_TIMED = "SELECT message_id FROM messaging_timer WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED"


# The oldest of each lane alone: who waits for an account's rate is past its deadline only after a long time in the queue.
_WAITED = """
SELECT s.message_id FROM unnest(ARRAY['authentication', 'utility', 'marketing']) AS lane CROSS JOIN LATERAL (
    SELECT message_id FROM messaging_due d WHERE d.lane = lane.lane AND d.due_at <= clock_timestamp() AND d.calling_at IS NULL
    ORDER BY d.due_at LIMIT 10000) due
JOIN messaging_state s ON s.message_id = due.message_id WHERE s.expires_at <= clock_timestamp() LIMIT %s
"""


def find_lost() -> int:
    """Hand-offs whose lease ran out in mid-call become `unknown`: nobody can say whether the provider took them. Returns how many."""
    return _for_those(_LOST, _lose)


def _lose(message_ids: list[UUID]) -> int:
    stories = record.load(message_ids, skip_locked=True)
    at = record.clock()
    for story in stories.values():
        if story.waiting is not None and story.waiting.calling_at is not None and story.waiting.due_at <= at:
            story.lost_sight(story.waiting.number, at=at)
    record.save(stories.values())
    return len(stories)


def settle_timed() -> int:
    """Messages whose next moment has come move on. Returns how many."""
    return _for_those(_TIMED, _move_on)


def expire_waiting() -> int:
    """Messages that are due, and past their deadline before anybody could take them: an account lets only so many through. Returns how
    many."""
    return _for_those(_WAITED, _move_on)


def _move_on(message_ids: list[UUID]) -> int:
    stories = record.load(message_ids, skip_locked=True)
    at = record.clock()
    for story in stories.values():
        story.move_on(at=at)
        story.moved = True
    record.save(stories.values())
    return len(stories)


def _for_those(sql: str, work: Callable[[list[UUID]], int]) -> int:
    """A batch in one transaction; if one message breaks it, each in its own."""
    found: list[UUID] = []
    try:
        with transaction.atomic():
            found = _pick(sql)
            return work(found)
    except aside.AWAY:
        raise
    except Exception:
        if not found:
            raise
        return sum(aside.each_alone(found, work, place="time"))


def _pick(sql: str) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [BATCH])
        return [row[0] for row in cursor.fetchall()]
