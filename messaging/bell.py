"""Wake-ups: "there is work". Nothing depends on one: what a bell misses, the sweeps find a second later.

Rings are coalesced and made by a thread of their own, so that neither a busy nor an absent broker delays whoever rings.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from celery import current_app
from kombu.exceptions import KombuError, OperationalError

logger = logging.getLogger(__name__)

HAND_OFF = {
    "authentication": "messaging.tasks.hand_off_authentication",
    "utility": "messaging.tasks.hand_off_utility",
    "marketing": "messaging.tasks.hand_off_marketing",
}
"""What to ring for when something is due in a lane."""
GAP = 0.05
"""Seconds between two rings of one process: what comes closer together rings once."""
LAPSES = 2 * 3600
"""Seconds after which a ring that nobody heard is forgotten: by the worker's clock, so more than two machines' clocks may differ."""
ENOUGH = 100
"""Rings that hang in a queue at most: whoever answers those finds all that is due, so further ones would only fill the broker."""


class _Ringer:
    """One daemon thread per process; made again after a fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._wanted: dict[str, None] = {}
        self._changed = threading.Condition()
        self._is_away = False
        threading.Thread(target=self._ring_forever, name="bell", daemon=True).start()

    def want(self, task: str) -> None:
        with self._changed:
            self._wanted[task] = None
            self._changed.notify()

    def _ring_forever(self) -> None:
        while True:
            with self._changed:
                while not self._wanted:
                    self._changed.wait()
                wanted, self._wanted = self._wanted, {}
            for task in wanted:
                self._ring(task)
            time.sleep(GAP)

    def _ring(self, task: str) -> None:
        try:
            if not is_crowded(task):
                current_app.send_task(task, expires=LAPSES, retry=False)
        except (OperationalError, KombuError, OSError):
            if not self._is_away:
                logger.warning("The broker is away; the sweeps will find the work when it is back.")
            self._is_away = True
        else:
            self._is_away = False


def is_crowded(task: str) -> bool:
    """Whether enough rings for it hang in its queue already. Raises what the broker's absence raises."""
    queue = (current_app.conf.task_routes or {}).get(task, {}).get("queue", current_app.conf.task_default_queue)
    pool: Any = current_app.pool
    with pool.acquire(block=True) as line:
        try:
            return int(line.default_channel.queue_declare(queue=queue, passive=True).message_count) >= ENOUGH
        except line.channel_errors:  # no such queue yet, or (Redis) an empty one
            return False


class _Process:
    """What this process has of it."""

    ringer: _Ringer | None = None
    making = threading.Lock()


def ring(task: str) -> None:
    """Ask for a run of the named task, soon. Returns at once and never raises."""
    ringer = _Process.ringer
    if ringer is None or ringer.pid != os.getpid():
        ringer = _make()
    ringer.want(task)


def _make() -> _Ringer:
    with _Process.making:
        if _Process.ringer is None or _Process.ringer.pid != os.getpid():
            _Process.ringer = _Ringer()
        return _Process.ringer
