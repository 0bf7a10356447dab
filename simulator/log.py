"""What happened here, to be compared with what the platform believes. Bounded, in memory, without numbers or texts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

ENTRIES = 200_000


class Entry(Protocol):
    """What a ring keeps: numbered in the order of its coming."""

    @property
    def seq(self) -> int: ...


E = TypeVar("E", bound=Entry)


class Ring(Generic[E]):
    """The last so many entries, in order, with a way to wait for the next one."""

    def __init__(self, size: int) -> None:
        self._entries: deque[E] = deque(maxlen=size)
        self._seqs = itertools.count(1)
        self._news = asyncio.Event()

    def next_seq(self) -> int:
        return next(self._seqs)

    def add(self, entry: E) -> None:
        self._entries.append(entry)
        self._news.set()

    def find(self, is_wanted: Callable[[E], bool], *, after: int) -> list[E]:
        """What is wanted of what came after number `after`."""
        return [entry for entry in itertools.islice(self._entries, self._passed(after), None) if is_wanted(entry)]

    async def wait(self, is_wanted: Callable[[E], bool], *, after: int, at_least: int, seconds: float) -> list[E]:
        """The same, as soon as there are so many of them, or when the seconds have passed."""
        deadline = time.monotonic() + seconds
        while len(found := self.find(is_wanted, after=after)) < at_least and (left := deadline - time.monotonic()) > 0:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        return found

    def clear(self) -> None:
        self._entries.clear()

    def _passed(self, seq: int) -> int:
        return max(0, seq - self._entries[0].seq + 1) if self._entries else 0


@dataclass(frozen=True, slots=True)
class Call:
    """One hand-off as it ended here. `outcome` is `accepted` (then it has an id), the code of a refusal, or `cut`."""

    seq: int
    at: float
    provider: str
    reference: str
    id: str
    fault: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One try to deliver a receipt. `answer` is the HTTP status, the error's name, or `dropped`."""

    seq: int
    at: float
    provider: str
    reference: str
    id: str
    word: str
    tries: int
    answer: str


class Log:
    """Calls that came in, and receipts that went out."""

    def __init__(self, size: int = ENTRIES) -> None:
        self.calls: Ring[Call] = Ring(size)
        self.receipts: Ring[Receipt] = Ring(size)

    def clear(self) -> None:
        self.calls.clear()
        self.receipts.clear()
