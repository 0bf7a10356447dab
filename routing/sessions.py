"""An SMPP account's session: bound as long as it can be, bound again by backoff, and the way out for the account's messages.

Sessions live in the transport's loop of the one process that holds the account (`manage.py smpp`); in every other process there are none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from routing.choices import BindState
from routing.links import Hear, Link, Refused
from routing.providers import smpp_errors, smpp_pdu
from routing.providers.base import Answer
from routing.providers.smpp import Submission
from routing.providers.smpp_pdu import Pdu
from routing.providers.smpp_settings import Line
from routing.transport import NoAnswer, NotSent, Transport

logger = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds between two tries to bind, at most."""
LONGEST_REST = 30.0
"""Seconds that an SMSC is left alone which says that it has enough, at most."""
CONNECTING = 20.0
STEADY = 10.0
"""Seconds that a bind must have lasted, or the next try waits as if it had never stood."""
REFUSALS = 3
"""ESME_RBINDFAIL in a row that are believed: a connection of ours that the SMSC has not missed yet brings it too, and passes."""
_FINISHING = 5.0
_FROZEN = 1.0
"""Seconds by which a wait may be longer than was meant; beyond that this process was frozen, and somebody else may have the attempt."""
_WANTS_ROOM = 0.8
"""The part of a call's time that may be spent waiting for its turn."""
_FINAL = frozenset({0x0E, 0x0F, 0x53})
"""Wrong password, system_id or system_type: no further try would help."""
_FULL = frozenset({smpp_errors.THROTTLED, smpp_errors.QUEUE_FULL})


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, why, and since when by the monotonic clock."""

    state: BindState
    because: str
    since: float


class Session:
    """One account's. Made and used in the loop alone."""

    def __init__(
        self, line: Line, *, password: str, hear: Hear, refused: Callable[[int], None], trust: ssl.SSLContext | None = None
    ) -> None:
        """`refused` is told when the SMSC refuses the account itself; the session is over then."""
        self._line = line
        self._password = password
        self._hear = hear
        self._refused = refused
        self._trust = trust
        self._out: Link | None = None
        self._bound = asyncio.Event()
        self._window = asyncio.Semaphore(line.window)
        self._next_at = 0.0
        self._rest = 0.0
        self._rests_until = 0.0
        self._in_flight = 0
        self._task: asyncio.Task[None] | None = None
        self.unbound_since = time.monotonic()
        """Since when it is not bound, while it is not."""
        self.standing = Standing(BindState.CONNECTING, "", time.monotonic())

    @property
    def is_bound(self) -> bool:
        return self._bound.is_set()

    @property
    def rests(self) -> bool:
        """Whether the SMSC has said that it has enough for now."""
        return time.monotonic() < self._rests_until

    @property
    def room(self) -> int:
        """How many messages it may be given at once: what is under way, and what is next."""
        return min(2 * self._line.window, max(1, 2 * self._line.parts_per_second))

    @property
    def is_over(self) -> bool:
        """Whether it will not bind any more."""
        return self._task is not None and self._task.done()

    def start(self) -> None:
        """From now on it is bound as long as it can be."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(_tell)

    async def end(self) -> None:
        """Take nothing more, finish what is in flight, unbind."""
        self._bound.clear()
        await self._finish()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Bind, stay bound, bind again; until cancelled, or refused for good."""
        failures = refusals = 0
        while True:
            links: list[Link] = []
            began = time.monotonic()
            try:
                async with asyncio.timeout(CONNECTING):
                    await self._open(links)
                await self._stay(links)
                refusals = 0
            except Refused as refusal:
                refusals += 1
                self._stand(BindState.REFUSED, smpp_errors.name(refusal.status))
                if refusal.status in _FINAL or (refusal.status == smpp_errors.BIND_FAILED and refusals >= REFUSALS):
                    self._refused(refusal.status)
                    return
            except (NotSent, NoAnswer) as failure:
                self._stand(BindState.LOST, failure.reason)
            except TimeoutError:
                self._stand(BindState.LOST, "connect_timed_out")
            finally:
                await self._leave(links)
            failures = 0 if time.monotonic() - began > STEADY else failures + 1
            await asyncio.sleep(_backoff(failures))

    async def _open(self, links: list[Link]) -> None:
        ways = (smpp_pdu.BIND_RECEIVER, smpp_pdu.BIND_TRANSMITTER) if self._line.is_pair else (smpp_pdu.BIND_TRANSCEIVER,)
        for way in ways:
            link = Link(self._line, hear=self._hear)
            await link.open(way, password=self._password, trust=self._trust)
            links.append(link)

    async def _stay(self, links: list[Link]) -> None:
        """Until one of them has ended. The one that can still be answered is given a moment for what is under way."""
        self._out = links[-1]
        self._bound.set()
        self._stand(BindState.BOUND, "")
        ended = await asyncio.wait([link.ended for link in links], return_when=asyncio.FIRST_COMPLETED)
        self._bound.clear()
        self.unbound_since = time.monotonic()
        self._stand(BindState.LOST, next(iter(ended[0])).result())
        await self._finish()

    async def _finish(self) -> None:
        """Answers that are under way may still come, as long as there is somebody to bring them."""
        until = time.monotonic() + _FINISHING
        while self._in_flight and self._out is not None and not self._out.ended.done() and time.monotonic() < until:
            await asyncio.sleep(0.02)

    async def _leave(self, links: list[Link]) -> None:
        self._bound.clear()
        self._out = None
        for link in links:
            await link.close()

    def _stand(self, state: BindState, because: str) -> None:
        self.standing = Standing(state, because, time.monotonic())

    # Out

    async def submit(self, submission: Submission, *, timeout: float) -> Answer:
        """Every part in order; the first that is refused ends it. Seconds in all. Raises NotSent or NoAnswer.

        If a later part can't be sent, the whole is sent again some time: its parts bear the same number then, so that a phone which has the
        first ones shows the text once.
        """
        until = time.monotonic() + timeout
        parts = list(smpp_pdu.split(submission.body))
        reference = submission.reference if len(parts) == 1 else ""
        answers: list[Pdu] = []
        for part in parts:
            answer = await self._ask(part, until=until, wants_room_until=until - (1 - _WANTS_ROOM) * timeout, reference=reference)
            while answers and answer.status in _FULL:
                answer = await self._ask(part, until=until, wants_room_until=until - (1 - _WANTS_ROOM) * timeout, reference=reference)
            answers.append(answer)
            if answer.status != smpp_errors.OK:
                break
        return Answer(0, {}, b"".join(each.encode() for each in answers))

    async def _ask(self, part: Pdu, *, until: float, wants_room_until: float, reference: str) -> Pdu:
        try:
            async with asyncio.timeout(wants_room_until - time.monotonic()):
                await self._window.acquire()
        except TimeoutError:
            raise NotSent("window_full") from None
        self._in_flight += 1
        try:
            await self._turn(wants_room_until)
            if self._out is None or not self.is_bound:
                raise NotSent("not_bound")
            answer = await self._out.ask(part, timeout=max(0.1, until - time.monotonic()), reference=reference)
        finally:
            self._in_flight -= 1
            self._window.release()
        self._learn(answer)
        return answer

    async def _turn(self, until: float) -> None:
        """Wait for this part's place in the rate, and for a bind that is about to stand. Raises NotSent."""
        now = time.monotonic()
        if self.standing.state is BindState.CONNECTING:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bound.wait(), max(0.0, until - now))
        place = max(time.monotonic(), self._next_at, self._rests_until)
        if place > until:
            raise NotSent("throttled" if self.rests else "rate_reached")
        self._next_at = place + 1 / self._line.parts_per_second
        await asyncio.sleep(place - time.monotonic())
        if time.monotonic() > until + _FROZEN:
            raise NotSent("lease_lost")

    def _learn(self, answer: Pdu) -> None:
        """An SMSC that has enough is left alone, the longer the oftener it says so."""
        if answer.status in _FULL:
            if not self.rests:
                self._rest = min(LONGEST_REST, max(0.5, self._rest * 2))
                self._rests_until = time.monotonic() + self._rest * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, not a secret
        elif answer.status == smpp_errors.OK and not self.rests:
            self._rest = 0.0


def _tell(task: asyncio.Task[None]) -> None:
    """A session that broke is made anew by whoever looks after it, and must not be a riddle."""
    if not task.cancelled() and (error := task.exception()):
        logger.error("An SMPP session broke: %s", type(error).__name__)


def _backoff(failures: int) -> float:
    return max(0.2, min(LONGEST_WAIT, 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


OPEN: dict[str, Session] = {}
"""The sessions of this process, by the account's id."""


async def carry(submission: Submission, _: Transport, timeout: float) -> Answer:
    """Take it to its account's session. Raises NotSent or NoAnswer."""
    session = OPEN.get(submission.account_id)
    if session is None:
        raise NotSent("not_bound")
    return await session.submit(submission, timeout=timeout)
