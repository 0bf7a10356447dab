"""Keeping what comes over connections as calls: what arrives together is committed together, and each is acknowledged after it."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections, connection

from callbacks import calls, taking
from callbacks.calls import Authentic
from messaging import bell, gather

logger = logging.getLogger(__name__)

_AT_MOST = 200


class Keeper:
    """For one loop; the database is used from a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "keeper")
        self._waiting: list[tuple[Authentic, asyncio.Future[bool]]] = []
        self._work: asyncio.Task[None] | None = None

    async def keep(self, call: Authentic) -> bool:
        """Whether it is kept and committed; if it is not, whoever brought it has to bring it again."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((call, kept))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._keep_all())
        return bool(await kept)

    def close(self) -> None:
        """After the loop's last call; from another thread."""
        self._thread.submit(_hang_up).result()
        self._thread.shutdown()

    async def _keep_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_AT_MOST], self._waiting[_AT_MOST:]
            are_kept = await asyncio.get_running_loop().run_in_executor(self._thread, _keep, [call for call, _ in group])
            for (_, future), is_kept in zip(group, are_kept, strict=True):
                if not future.done():
                    future.set_result(is_kept)


def _keep(group: list[Authentic]) -> list[bool]:
    close_old_connections()
    results = gather.each(calls.keep, group)
    errors = [each for each in results if isinstance(each, Exception)]
    if errors:
        logger.error("%d calls could not be kept (%s); they have to come again.", len(errors), type(errors[0]).__name__)
    if any(each is True for each in results):
        bell.ring(taking.READ)
    return [not isinstance(each, Exception) for each in results]


def _hang_up() -> None:
    """The thread's own connection to the database."""
    connection.close()
