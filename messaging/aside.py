"""Dead letters: a message on which a worker breaks is tried again a few times, alone, and then set aside, so that it holds up nobody.

What broke is a mistake of ours, so the message is kept as it is, and staff put it back once the mistake is mended.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connection, transaction

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from messaging import bell

logger = logging.getLogger(__name__)

T = TypeVar("T")

AWAY = (OperationalError, InterfaceError, InternalError, ProgrammingError)
"""The database's trouble and no message's, a schema that is older than the code included: whatever was due stays due."""
MOST = 3
"""Times that a worker may break on a message before it is set aside."""
PAUSE = 5
"""Seconds before the second try; the third waits twice as long."""

_STRIKE = """
INSERT INTO messaging_deadletter AS d (message_id, business_id, mode, lane, place, error, times, first_at, last_at)
SELECT id, business_id, mode, lane, %(place)s, %(error)s, 1, now(), now() FROM messaging_message WHERE id = %(id)s
ON CONFLICT (message_id) DO UPDATE SET times = d.times + 1, place = excluded.place, error = excluded.error, last_at = excluded.last_at
RETURNING times
"""
# `calling_at` stays: a call that was made must never look as if it had not been.
_POSTPONE = "UPDATE messaging_{} SET due_at = clock_timestamp() + make_interval(secs => %(seconds)s) WHERE message_id = %(id)s"
_SET_ASIDE = """
WITH queued AS (DELETE FROM messaging_due WHERE message_id = %(id)s RETURNING *),
timed AS (DELETE FROM messaging_timer WHERE message_id = %(id)s RETURNING due_at)
UPDATE messaging_deadletter SET set_aside_at = coalesce(set_aside_at, now()),
    due = coalesce((SELECT to_jsonb(queued) FROM queued), due), timer_at = coalesce((SELECT due_at FROM timed), timer_at)
WHERE message_id = %(id)s
"""
_PUT_BACK = """
WITH back AS (DELETE FROM messaging_deadletter WHERE message_id = ANY(%s::uuid[]) AND set_aside_at IS NOT NULL RETURNING *),
due AS (
    INSERT INTO messaging_due SELECT (jsonb_populate_record(NULL::messaging_due, due || jsonb_build_object('due_at', now()))).* FROM back
    WHERE due IS NOT NULL ON CONFLICT DO NOTHING
), timer AS (
    INSERT INTO messaging_timer (message_id, due_at) SELECT message_id, timer_at FROM back WHERE timer_at IS NOT NULL ON CONFLICT DO NOTHING
)
SELECT message_id, lane FROM back
"""


def each_alone(message_ids: Iterable[UUID], work: Callable[[list[UUID]], T], *, place: str) -> list[T]:
    """Do what a batch could not: each message in a transaction of its own. Those on which it breaks again are counted against."""
    done = []
    for id_ in message_ids:
        try:
            with transaction.atomic():
                done.append(work([id_]))
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one message brought about must not hold up the others
            strike(id_, error, place=place)
    return done


def strike(message_id: UUID, error: BaseException, *, place: str) -> None:
    """A worker broke on it: later once more, or, after `MOST` times, set aside and staff are told."""
    where = _where(error)
    # Never the error's own text: a recipient may stand in it.
    logger.error("A worker broke on %s at %s: %s.", ids.public("msg", message_id), place, where)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STRIKE, {"id": message_id, "place": place, "error": where})
        times = sum(row[0] for row in cursor.fetchall())
        if times < MOST:
            for table in ("due", "timer"):
                cursor.execute(_POSTPONE.format(table), {"id": message_id, "seconds": PAUSE * times})
        else:
            cursor.execute(_SET_ASIDE, {"id": message_id})
            _tell(where)


def put_back(message_ids: Collection[UUID]) -> int:
    """Let workers take them again, now; those that were put back already stay where they are. Returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PUT_BACK, [list(message_ids)])
        rows = cursor.fetchall()
        for lane in {lane for _, lane in rows}:
            transaction.on_commit(partial(bell.ring, bell.HAND_OFF[lane]))
        cursor.execute("SELECT NOT EXISTS (SELECT FROM messaging_deadletter WHERE set_aside_at IS NOT NULL), now()")
        is_empty, at = cursor.fetchone()
        if rows and is_empty:
            reporting.resolve(Kind.DEAD_LETTER, about="messages", at=at)
    return len(rows)


def _tell(where: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (at,) = cursor.fetchone()
    reporting.report(
        Kind.DEAD_LETTER, about="messages", because=f"A worker broke on a message {MOST} times: {where}.", business=None, at=at
    )


def _where(error: BaseException) -> str:
    """The error's type and the line of ours that it came from: what finds it in the code, without a word of what was in it."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(frame.filename)]
    if not ours:
        return type(error).__name__
    last = ours[-1]
    return f"{type(error).__name__} in {Path(last.filename).relative_to(settings.BASE_DIR)}:{last.lineno}, {last.name}"[:200]


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(settings.BASE_DIR) and ".venv" not in path.parts
