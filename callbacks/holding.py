"""Who holds which account: an advisory lock for each, on a connection that lives exactly as long as the locks."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection

_NAME = "qsura session"

# Whoever holds a lock says something every second. One that is frozen keeps its connection and its locks; so one that has said nothing for
# the time of a lease loses them, and lets go by itself when it wakes up.
_EVICT = """
SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = hashtext(%s)::oid
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND a.pid <> pg_backend_pid() AND a.state_change < clock_timestamp() - make_interval(secs => %s)
"""


class Holder:
    """The locks of one process. Its methods raise psycopg.Error when they are lost."""

    def __init__(self) -> None:
        self._line: psycopg.Connection[Any]
        self._mine: set[UUID] = set()

    def __enter__(self) -> Self:
        # Outside any pool, and of no other use.
        self._line = psycopg.connect(**connection.get_connection_params(), autocommit=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._line.close()

    def hold(self, wanted: Collection[UUID]) -> set[UUID]:
        """Which of these are ours now; of the others we let go."""
        self._line.execute("SELECT 1")
        for id_ in self._mine - set(wanted):
            self._line.execute("SELECT pg_advisory_unlock(hashtext(%s), hashtext(%s))", [_NAME, str(id_)])
            self._mine.discard(id_)
        missing = [id_ for id_ in wanted if id_ not in self._mine]
        if missing:
            self._line.execute(_EVICT, [_NAME, settings.QSURA_LEASE])
        for id_ in missing:
            row = self._line.execute("SELECT pg_try_advisory_lock(hashtext(%s), hashtext(%s))", [_NAME, str(id_)]).fetchone()
            if row and row[0]:
                self._mine.add(id_)
        return set(self._mine)
