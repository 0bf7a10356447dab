"""Carries receipts to the platform: at their time, a bounded number at once, and again if they are not answered 2xx."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import aiohttp
from aiohttp import web

from simulator.faults import Said
from simulator.log import Log, Receipt
from simulator.message import Message, Teller

logger = logging.getLogger(__name__)

RETRIES = (0.5, 1, 2, 4, 8, 16, 32)  # seconds between the tries; Meta goes on for days
AT_ONCE = 64
TIMEOUT = aiohttp.ClientTimeout(total=10)
MOST_WAITING = 500_000


@dataclass(frozen=True, slots=True)
class Letter:
    """One receipt to be carried."""

    door: Teller
    message: Message
    said: Said
    is_forged: bool = False
    tries: int = 0


class Postman:
    """One heap of what is due, and a few carriers. `pace` stretches or shrinks every wait."""

    def __init__(self, log: Log, *, pace: float, sends: bool) -> None:
        self._log = log
        self._pace = pace
        self._sends = sends
        self._due: list[tuple[float, int, Letter]] = []
        self._order = itertools.count()
        self._bell = asyncio.Event()
        # One lane a carrier, chosen by the message: what is said of one message arrives in the order of its saying.
        self._lanes: list[asyncio.Queue[Letter]] = [asyncio.Queue() for _ in range(AT_ONCE)]

    async def on_duty(self, app: web.Application) -> AsyncIterator[None]:
        """From the application's start to its end."""
        task = asyncio.create_task(self._work())
        task.add_done_callback(_tell)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _work(self) -> None:
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False) as session,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._watch())
            for lane in self._lanes:
                group.create_task(self._carry(session, lane))

    def take(self, door: Teller, message: Message) -> None:
        """Everything that will be said of the message, each at its time."""
        for letter in self._letters(door, message):
            self._put(letter, letter.said.after if letter.said.told is None else letter.said.told)

    async def deliver_now(self, door: Teller, message: Message) -> None:
        """Everything at once, and only then return; what is not answered 2xx is tried again later."""
        async with aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False) as session:
            for letter in self._letters(door, message):
                await self._post(session, letter)

    def forget(self) -> None:
        self._due.clear()

    def _letters(self, door: Teller, message: Message) -> Iterator[Letter]:
        if not self._sends or not message.callback:
            return
        for said in message.fault.receipts:
            if said.word in door.silent or (said.word == "read" and message.channel == "sms"):
                continue
            if message.fault.is_forged_first:
                yield Letter(door, message, said, is_forged=True)
            for _ in range(message.fault.copies):
                yield Letter(door, message, said)

    def _put(self, letter: Letter, after: float) -> None:
        if len(self._due) >= MOST_WAITING:
            self._note(letter, "dropped")
            return
        entry = (time.monotonic() + after * self._pace, next(self._order), letter)
        heapq.heappush(self._due, entry)
        if self._due[0] is entry:
            self._bell.set()

    async def _watch(self) -> None:
        while True:
            while self._due and self._due[0][0] <= time.monotonic():
                letter = heapq.heappop(self._due)[2]
                self._lanes[hash(letter.message.id) % AT_ONCE].put_nowait(letter)
            self._bell.clear()
            wait = self._due[0][0] - time.monotonic() if self._due else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), wait)

    async def _carry(self, session: aiohttp.ClientSession, lane: asyncio.Queue[Letter]) -> None:
        while True:
            await self._post(session, await lane.get())

    async def _post(self, session: aiohttp.ClientSession, letter: Letter) -> None:
        try:
            at = letter.message.at + letter.said.after * self._pace
            post = letter.door.receipt(letter.message, letter.said, at=at, is_forged=letter.is_forged)
            async with session.post(post.url, headers=post.headers, data=post.body, allow_redirects=False) as answer:
                status, is_taken = str(answer.status), 200 <= answer.status < 300
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            status, is_taken = type(error).__name__, False
        self._note(letter, status)
        if not is_taken and not letter.is_forged:
            self._try_again(letter)

    def _note(self, letter: Letter, answer: str) -> None:
        ring, message = self._log.receipts, letter.message
        word = f"{letter.said.word} (forged)" if letter.is_forged else letter.said.word
        ring.add(Receipt(ring.next_seq(), time.time(), letter.door.name, message.reference, message.id, word, letter.tries + 1, answer))

    def _try_again(self, letter: Letter) -> None:
        if letter.tries >= len(RETRIES):
            logger.warning("Gave up a receipt of %s after %d tries.", letter.door.name, letter.tries + 1)
            return
        self._put(replace(letter, tries=letter.tries + 1), RETRIES[letter.tries])


def _tell(task: asyncio.Task[None]) -> None:
    """A simulator that takes messages and never says another word about them must not be a riddle."""
    if not task.cancelled() and (error := task.exception()):
        logger.critical("No more receipts will be sent.", exc_info=error)
