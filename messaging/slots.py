"""How many may run the same loop at once, over all worker processes: a slot is an advisory lock, and goes with its holder's connection.

A holder that is frozen keeps its connection and its lock. So one whose session has said nothing for the time of a lease counts no more:
a further slot opens beside its own. Should it wake up, two are at work for a moment, which claims and leases allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper


@contextmanager
def held(name: str, *, of: int = 1) -> Iterator[bool]:
    """Whether one of that many slots was free; it is held until the block ends. Never waits."""
    with connection.cursor() as cursor:
        slot = _first(cursor, name, range(of))
        if slot is None and (silent := _silent(cursor, name)):
            slot = _first(cursor, name, range(of, of + silent))
    try:
        yield slot is not None
    finally:
        if slot is not None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s), %s)", [name, slot])


# A session that works on a long statement is `active`, and no loop that has a slot pauses for as long as a lease.
_SILENT = """
SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = hashtext(%s)::oid
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND a.state <> 'active' AND a.state_change < clock_timestamp() - make_interval(secs => %s)
"""


def _silent(cursor: CursorWrapper, name: str) -> int:
    cursor.execute(_SILENT, [name, settings.QSURA_LEASE])
    return int(cursor.fetchone()[0])


def _first(cursor: CursorWrapper, name: str, numbers: range) -> int | None:
    return next((number for number in numbers if _try(cursor, name, number)), None)


def _try(cursor: CursorWrapper, name: str, slot: int) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s), %s)", [name, slot])
    return bool(cursor.fetchone()[0])
