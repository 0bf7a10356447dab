"""A lane at work: claims while there is room, calls concurrently, records answers as they come in.

The database is used from this thread, the network from the transport's. A provider that is slow fills its own account's share of the
room and no more, so the others' messages are claimed, called and recorded past it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Collection
from queue import Empty, SimpleQueue
from uuid import UUID, uuid4

from messaging import calling, handoff, outcomes
from messaging.calling import Answered, Ready
from routing import credentials, tally
from routing.credentials import Account
from routing.transport import Transport, shared

logger = logging.getLogger(__name__)

ROOM = 600
"""Calls in flight in one lane of one worker process."""
BATCH = 200
"""Attempts that one transaction begins, or finishes."""
SCARCE = 0.25
"""The share of its room that must be free before more is claimed: many small transactions cost more than a short wait."""
LINGER = 0.15
"""Seconds that an idle lane stays awake: what comes by then needs no bell."""
_TICK = 0.02
_NAP = 0.25
"""Seconds that a lane sleeps at most while work waits for a token: others may become due meanwhile."""
_MOMENT = 0.01
"""Seconds for which answers gather to be recorded together."""
_STEP = 0.002
"""Seconds between two looks at them: woken by every answer, this thread would fight the network's for the interpreter."""


class Lane:
    """One run of one lane in this process."""

    def __init__(self, name: str, *, serves: Callable[[], Collection[Account]] = credentials.called) -> None:
        """`serves`: whose attempts it hands off; by default every account's that needs no connection of its own."""
        self._name = name
        self._serves = serves
        self._lease = uuid4()
        self._transport: Transport = shared()
        self._answers: SimpleQueue[Answered] = SimpleQueue()
        self._in_flight: Counter[UUID] = Counter()
        self._calls: dict[UUID, UUID] = {}
        """Messages whose call is being made, each with its account."""

    def run(self, *, seconds: float) -> bool:
        """Work until nothing is due or the time is over, then finish what is in flight. Returns whether more may be due."""
        stop = time.monotonic() + seconds
        try:
            return self._work(stop)
        finally:
            tally.settle(now=True)

    def _work(self, stop: float) -> bool:
        idle_at: float | None = None
        while (now := time.monotonic()) < stop:
            if self._start_more() or self._in_flight.total():
                idle_at = None
            elif idle_at is None:
                idle_at = now + LINGER
            elif now >= idle_at and not self._wait_for_token(stop - now):
                return False
            self._finish_some()
        self._come_to_an_end()
        return True

    def _come_to_an_end(self) -> None:
        """Finish what is in flight. While some of it hangs, other accounts are served as ever: nobody waits for their time-outs."""
        hanging = dict(self._calls)
        while hanging:
            self._start_more(without=set(hanging.values()))
            self._finish_some()
            hanging = {id_: account for id_, account in hanging.items() if id_ in self._calls}
        while self._in_flight.total():
            self._finish_some()

    def _wait_for_token(self, seconds: float) -> bool:
        """Sleep until an account that limits its rate takes another call, if work waits for that; whether it does within the time."""
        wait = handoff.next_token(self._name, account_ids=[account.id for account in self._serves()])
        if wait is None or wait >= seconds:
            return False
        time.sleep(min(wait, _NAP))
        return True

    def _start_more(self, *, without: Collection[UUID] = ()) -> bool:
        if ROOM - self._in_flight.total() < SCARCE * ROOM:
            return False
        rooms = {id_: room for id_, room in self._rooms().items() if id_ not in without}
        claimed, ready = handoff.begin(self._name, rooms=rooms, lease=self._lease, limit=BATCH) if rooms else (0, [])
        for one in ready:
            self._in_flight[one.account_id] += 1
            self._calls[one.message_id] = one.account_id
        if ready:
            self._transport.start(self._call_all(ready))
        return claimed > 0

    def _rooms(self) -> dict[UUID, int]:
        """How many more calls each account may have, in no order that prefers anybody; without those that are nearly full."""
        accounts = list(self._serves())
        random.shuffle(accounts)
        rooms = {account.id: account.max_in_flight - self._in_flight[account.id] for account in accounts}
        return {account.id: rooms[account.id] for account in accounts if rooms[account.id] >= SCARCE * account.max_in_flight}

    async def _call_all(self, ready: list[Ready]) -> None:
        await asyncio.gather(*(self._call(one) for one in ready))

    async def _call(self, ready: Ready) -> None:
        self._answers.put(await calling.call(ready, self._transport))

    def _finish_some(self) -> None:
        answered = self._take()
        if not answered:
            return
        for each in answered:
            self._in_flight[each.ready.account_id] -= 1
            self._calls.pop(each.ready.message_id, None)
            tally.note(each.ready.account_id, each.outcome, took=each.took, is_probe=each.ready.is_probe)
        outcomes.finish(answered)
        tally.settle()

    def _take(self) -> list[Answered]:
        """Answers, as many as come by a moment after the first: nobody waits for a moment, and a transaction for each few costs more than
        what is in it. If none is left in flight, there is nothing to wait for."""
        answered: list[Answered] = []
        with contextlib.suppress(Empty):
            answered.append(self._answers.get(timeout=_TICK))
            until, enough = time.monotonic() + _MOMENT, min(BATCH, self._in_flight.total())
            while self._drain(answered) < enough and time.monotonic() < until:
                time.sleep(_STEP)
        return answered

    def _drain(self, answered: list[Answered]) -> int:
        """Take what is there, up to a batch; how many they are now."""
        with contextlib.suppress(Empty):
            while len(answered) < BATCH:
                answered.append(self._answers.get_nowait())
        return len(answered)
