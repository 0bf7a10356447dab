"""Celery beat, one at a time: a second one stands by until the first is gone. Two would send every wake-up twice."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import psycopg
from celery import current_app
from celery.apps.beat import Beat
from celery.beat import ScheduleEntry, Scheduler, Service
from django.core.management.base import BaseCommand
from django.db import connection

from messaging import bell

logger = logging.getLogger(__name__)

LOCK = "qsura beat"
_PATIENCE = 2.0
"""Seconds between two looks: whether the other beat is gone, and whether our own lock still stands."""


class Command(BaseCommand):
    help = "Run the clock that rings for periodic work. May run on several machines: one works, the others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        is_over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: is_over.set())
        while not is_over.is_set():
            try:
                # A connection of its own, outside any pool: it lives exactly as long as the lock.
                with psycopg.connect(**connection.get_connection_params(), autocommit=True) as holder:
                    _work(holder, is_over)
            except psycopg.Error as error:
                logger.warning("The database is away (%s); beat waits for it.", type(error).__name__)
            is_over.wait(_PATIENCE)


def _work(holder: psycopg.Connection[Any], is_over: threading.Event) -> None:
    """Stand by, then ring until it is over or the lock is gone. Raises psycopg.Error."""
    while not _is_ours(holder):
        if is_over.wait(_PATIENCE):
            return
    beat = _Beat(app=current_app, loglevel="WARNING", schedule=None, quiet=True, scheduler_cls=cast("Any", Clock))
    beat.watch = lambda service: _watch(holder, service, is_over)
    beat.run()


class Clock(Scheduler):
    """Rings by the monotonic clock, and keeps nothing: no jump of the wall clock, now or remembered from before, stops the sweeps.

    Everything is due once at the start.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._due_at: dict[str, float] = {}
        super().__init__(*args, **kwargs)

    def tick(self, *_args: Any, **_kwargs: Any) -> float:
        """Ring for what is due; the seconds until the next."""
        now = time.monotonic()
        for name, entry in self.schedule.items():
            if self._due_at.get(name, now) <= now:
                self._due_at[name] = now + float(cast("Any", entry.schedule).run_every.total_seconds())
                self.apply_entry(entry, producer=self.producer)
        return max(0.0, min(self._due_at.values()) - time.monotonic())

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        if bell.is_crowded(entry.task or ""):
            return None
        entry.options = {**(entry.options or {}), "expires": bell.LAPSES}
        return super().apply_async(entry, producer=producer, advance=False, **kwargs)


class _Beat(Beat):
    """Ends between two wake-ups. Celery's own raises SystemExit wherever it is, also in the middle of a send, which then logs an error."""

    watch: Callable[[Service], None]

    def install_sync_handler(self, service: Service) -> None:
        threading.Thread(target=self.watch, args=(service,), daemon=True).start()


def _is_ours(holder: psycopg.Connection[Any]) -> bool:
    row = holder.execute("SELECT pg_try_advisory_lock(hashtext(%s), 0)", [LOCK]).fetchone()
    return bool(row and row[0])


def _watch(holder: psycopg.Connection[Any], service: Service, is_over: threading.Event) -> None:
    """Without the connection there is no lock, and another beat may be at work: stop ringing."""
    with contextlib.suppress(psycopg.Error):
        while not is_over.wait(_PATIENCE):
            holder.execute("SELECT 1")
    service.stop()
