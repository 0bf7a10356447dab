"""How many webhooks a lane may have under way: more for receivers that answer quickly, few for slow ones, none for one that rests.

Known to one process, from what it has seen itself; forgetting it costs a slow start and nothing else. Lanes that have not yet shown that
they are quick share one part of the room, so that a thousand of them fill that part and never the rest.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

ROOM = 600
"""Webhooks under way in one process."""
ROOM_OF_SLOW = ROOM // 2
"""The part of it for lanes that are slow, or not known yet."""
FIRST, LEAST, MOST = 16, 4, 256
"""Webhooks under way in one lane: at first, at the least, at the most."""
EASY, QUICK = 0.25, 2.0
"""Seconds: answers that soon make more room; up to the second, a receiver counts as quick and keeps what it has."""
_REMEMBERED = 5_000
_LONGEST_REST = 1.0
"""Seconds. The row of the endpoint knows for how long it rests, and may learn of a mended receiver before this process does."""


@dataclass(slots=True)
class _Manner:
    """What a lane has shown of itself."""

    window: float = FIRST
    is_quick: bool = False
    rests_until: float = 0.0
    most: int = MOST


class Pace:
    """The manners of lanes that this process has met."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._manners: dict[UUID, _Manner] = {}

    def is_quick(self, lane: UUID) -> bool:
        return lane in self._manners and self._manners[lane].is_quick

    def learn(self, lane: UUID, *, seconds: float, was_answered: bool) -> None:
        """A webhook has ended after that long, with an answer of whatever kind or without one."""
        manner = self._meet(lane)
        manner.is_quick = was_answered and seconds < QUICK
        if not manner.is_quick:
            manner.window = max(min(LEAST, manner.most), manner.window / 2)
        elif seconds < EASY:
            manner.window = min(manner.most, manner.window + 1)

    def rest(self, lane: UUID, *, seconds: float) -> None:
        """The lane's receiver asked to be left alone for so long; a little later the claim asks its row again."""
        self._meet(lane).rests_until = self._clock() + min(seconds, _LONGEST_REST)

    def limit(self, lane: UUID, *, most: int) -> None:
        """The lane takes no more than that many a second, so no more are under way at a time."""
        manner = self._meet(lane)
        manner.most = max(1, min(most, MOST))
        manner.window = min(manner.window, manner.most)

    def quick_rooms(self, under_way: Counter[UUID]) -> dict[UUID, int]:
        """The quick lanes that may take more, with how many."""
        return {lane: room for lane, room in self._rooms(under_way).items() if room > 0 and self.is_quick(lane)}

    def other_rooms(self, under_way: Counter[UUID]) -> dict[UUID, int]:
        """What lanes may take that are not `FIRST`, the room of a stranger; quick ones nothing, for they are asked for apart."""
        return {lane: 0 if self.is_quick(lane) else max(room, 0) for lane, room in self._rooms(under_way).items()}

    def slow_ones(self, under_way: Counter[UUID]) -> int:
        """How many are under way in lanes that are not quick."""
        return sum(number for lane, number in under_way.items() if not self.is_quick(lane))

    def _rooms(self, under_way: Counter[UUID]) -> dict[UUID, int]:
        now = self._clock()
        lanes = self._manners.keys() | under_way.keys()
        return {lane: self._room(self._manners.get(lane) or _Manner(), under_way[lane], now=now) for lane in lanes}

    def _room(self, manner: _Manner, under_way: int, *, now: float) -> int:
        return 0 if now < manner.rests_until else int(manner.window) - under_way

    def _meet(self, lane: UUID) -> _Manner:
        # The one longest known goes first: if it is still about, it starts again as a stranger.
        if lane not in self._manners and len(self._manners) >= _REMEMBERED:
            del self._manners[next(iter(self._manners))]
        return self._manners.setdefault(lane, _Manner())
