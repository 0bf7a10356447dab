"""Paying what is owed: deliveries are claimed, sent, and settled as their answers come in.

The database is used from this thread and the network from the transport's, so no transaction is open while a receiver thinks. Whoever
dies on the way leaves leases behind that run out; the deliveries are then sent again, with the same id and the same bytes.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from callbacks import bodies, debts, delivery, health, pacing, throttle
from callbacks.debts import Debt, Paid
from callbacks.keyring import Holder
from routing.transport import Transport, shared

BATCH = 200
"""Deliveries that one statement claims, or settles."""
LINGER = 0.15
"""Seconds that an idle round stays awake: what comes by then needs no bell."""
_TICK, _LONG_TICK = 0.02, 0.1
_MARGIN = 5.0
"""Seconds before the end of a lease by which its last answer must be there."""
_FIRST_LANE = UUID(int=0)
_THROTTLING = frozenset({429, 502, 504})

_pace = pacing.Pace()
_pick = random.SystemRandom()


def pay(*, until: float) -> int:
    """Pay what is due until that moment of the monotonic clock, then finish what is under way. Returns how many were tried."""
    return _Round(shared()).go(until)


class _Round:
    """One round in this process."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lease = uuid4()
        self._under_way: Counter[UUID] = Counter()
        self._ended: SimpleQueue[tuple[Debt, Paid | None]] = SimpleQueue()
        self._sending: set[Future[None]] = set()
        self._after = _FIRST_LANE
        self._busy_at = time.monotonic()
        self._tried = 0

    def go(self, until: float) -> int:
        while (now := time.monotonic()) < until and (self._under_way.total() or now - self._busy_at < LINGER):
            has_claimed = self._claim_quick() + self._claim_others()
            if self._under_way.total() or not has_claimed:
                self._settle_some()
        # While the slow ones finish, the quick ones need not wait for them.
        while self._under_way.total():
            if time.monotonic() < until + settings.QSURA_WEBHOOK_TIMEOUT and _pace.slow_ones(self._under_way):
                self._claim_quick()
            self._settle_some()
        return self._tried

    def _claim_quick(self) -> int:
        rooms, limit = list(_pace.quick_rooms(self._under_way).items()), self._limit()
        if limit <= 0 or not rooms:
            return 0
        _pick.shuffle(rooms)  # or the first lanes would leave nothing for the last
        lease_ends = _lease_ends()
        return self._begin(debts.claim_of(dict(rooms), limit=limit, lease=self._lease), lease_ends)

    def _claim_others(self) -> int:
        limit = min(self._limit(), pacing.ROOM_OF_SLOW - _pace.slow_ones(self._under_way))
        if limit <= 0:
            return 0
        rooms, lease_ends = _pace.other_rooms(self._under_way), _lease_ends()
        claimed = debts.claim_next(rooms, after=self._after, room=pacing.FIRST, limit=limit, lease=self._lease)
        self._after = max(debt.lane for debt in claimed) if len(claimed) == limit else _FIRST_LANE
        return self._begin(claimed, lease_ends)

    def _limit(self) -> int:
        return min(BATCH, pacing.ROOM - self._under_way.total())

    def _begin(self, claimed: Sequence[Debt], lease_ends: float) -> int:
        if claimed:
            self._busy_at = time.monotonic()
            self._give_up([debt for debt in claimed if not debt.is_open])
            self._let_wait([debt for debt in claimed if debt.is_open and not debt.may_be_sent])
            self._send(self._slowed([debt for debt in claimed if debt.is_open and debt.may_be_sent]), lease_ends)
        return len(claimed)

    def _give_up(self, closed: Sequence[Debt]) -> None:
        if closed:
            debts.settle([delivery.give_up(debt) for debt in closed], lease=self._lease)

    def _let_wait(self, waiting: Sequence[Debt]) -> None:
        for debt in waiting:
            # A pending lane is not told to rest: its challenge may be answered in a moment.
            if debt.rests > 0:
                _pace.rest(debt.lane, seconds=debt.rests)
        if waiting:
            debts.put_back(waiting, lease=self._lease)

    def _slowed(self, wanted: Sequence[Debt]) -> Sequence[Debt]:
        """Those that their endpoints' own rates allow; the others keep their places, and their lanes rest for a moment."""
        limited = [debt for debt in wanted if debt.rate_limit]
        if not limited:
            return wanted
        allowed = throttle.allow(limited)
        held = [debt for debt in limited if debt.delivery_id not in allowed]
        for debt in limited:
            _pace.limit(debt.lane, most=debt.rate_limit or pacing.MOST)
        for debt in held:
            _pace.rest(debt.lane, seconds=1 / (debt.rate_limit or 1))
        if held:
            debts.release(held, lease=self._lease)
        return [debt for debt in wanted if not debt.rate_limit or debt.delivery_id in allowed]

    def _send(self, wanted: Sequence[Debt], lease_ends: float) -> None:
        if wanted:
            secrets, wanted = delivery.secrets_for(wanted), bodies.filled(wanted)
            self._under_way.update(debt.lane for debt in wanted)
            sending = self._transport.start(self._send_all(wanted, secrets, lease_ends))
            self._sending.add(sending)  # a loop knows its tasks only weakly
            sending.add_done_callback(self._sending.discard)

    async def _send_all(self, wanted: Sequence[Debt], secrets: dict[Holder, list[str]], lease_ends: float) -> None:
        await asyncio.gather(*(self._send_one(debt, secrets.get(delivery.holder(debt), []), lease_ends) for debt in wanted))

    async def _send_one(self, debt: Debt, secrets: Sequence[str], lease_ends: float) -> None:
        # Frozen past its lease, this process no longer knows whether somebody else has sent it: then it is not sent now.
        is_ours = time.monotonic() < lease_ends
        self._ended.put((debt, await delivery.send(debt, secrets=secrets, transport=self._transport) if is_ours else None))

    def _settle_some(self) -> None:
        ended = self._take()
        if not ended:
            return
        self._busy_at = time.monotonic()
        self._under_way.subtract(debt.lane for debt, _ in ended)
        paid = [each for _, each in ended if each is not None]
        self._tried += len(paid)
        for each in paid:
            _learn(each)
        if any(health.is_news(each) for each in paid):
            with transaction.atomic():
                held = debts.settle(paid, lease=self._lease)
                health.learn([each for each in paid if each.debt.delivery_id in held])
        else:
            debts.settle(paid, lease=self._lease)

    def _take(self) -> list[tuple[Debt, Paid | None]]:
        was_busy = time.monotonic() - self._busy_at < LINGER
        ended = []
        try:
            ended.append(self._ended.get(timeout=_TICK if was_busy else _LONG_TICK))
            while len(ended) < BATCH:
                ended.append(self._ended.get_nowait())
        except Empty:
            pass
        return ended


def _lease_ends() -> float:
    """By this machine's monotonic clock, which goes on while a process is frozen: from then on a claim made now is not sent any more."""
    return time.monotonic() + float(settings.QSURA_LEASE - settings.QSURA_WEBHOOK_TIMEOUT) - _MARGIN


def _learn(paid: Paid) -> None:
    lane, judged = paid.debt.lane, paid.verdict
    was_answered = judged.status_code is not None and judged.status_code not in _THROTTLING
    _pace.learn(lane, seconds=paid.seconds, was_answered=was_answered)
    if judged.rest is not None:
        _pace.rest(lane, seconds=judged.rest.total_seconds())
