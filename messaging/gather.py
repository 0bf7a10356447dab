"""Group commit: what arrives together is written together, and each is answered only after its own commit.

Whoever finds nobody writing leads and writes for all that wait; then the first of those that gathered meanwhile leads. Under no load a
group is one. A server may `serve` a gather by a thread of its own: then one connection to the database writes for all its threads. A group
that fails is written again one by one, so that a poisoned item fails alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Place(Generic[Item, Result]):
    __slots__ = ("call", "error", "is_done", "item", "result")

    def __init__(self, item: Item) -> None:
        self.item = item
        # Each waits on a lock of its own. With one for all, the finished would queue for it with the waiting, and groups stay at two.
        self.call = threading.Lock()
        self.call.acquire()
        self.is_done = False
        self.result: Result
        self.error: Exception | None = None


class Gather(Generic[Item, Result]):
    """Gathers the items of many threads for `write`, which takes a list and returns as many results in the same order."""

    def __init__(self, write: Callable[[list[Item]], Sequence[Result]], *, at_most: int = 200) -> None:
        self._write = write
        self._at_most = at_most
        self._waiting: deque[_Place[Item, Result]] = deque()
        self._lock = threading.Lock()
        self._is_led = False
        self._is_served = False
        self._bell: SimpleQueue[None] = SimpleQueue()

    def serve(self) -> None:
        """From now on a thread of its own writes for all that this process puts. For a server's process, once, after its last fork."""
        with self._lock:
            if self._is_served:
                return
            self._is_served = True
        threading.Thread(target=self._serve, name="gather", daemon=True).start()

    def put(self, item: Item) -> Result:
        """Have the item written, alone or in company; raises what writing it raised."""
        place = _Place[Item, Result](item)
        with self._lock:
            self._waiting.append(place)
            leads, self._is_led = not self._is_led, True
            is_served = self._is_served
        if leads and is_served:
            self._bell.put(None)
        if not leads or is_served:
            place.call.acquire()  # called when it is done, or when it is the next to lead
        if not place.is_done:
            self._lead()
        if place.error is not None:
            raise place.error
        return place.result

    def _serve(self) -> None:
        while True:
            self._bell.get()  # rung for each group, by its first
            self._lead()

    def _lead(self) -> None:
        """Write for all that wait; the leader is the first of them."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._at_most))]
        try:
            self._write_group(group)
        finally:
            self._dismiss(group)

    def _dismiss(self, group: list[_Place[Item, Result]]) -> None:
        with self._lock:
            successor = self._waiting[0] if self._waiting else None
            self._is_led = successor is not None
        for place in group:
            place.is_done = True
            place.call.release()
        if successor is not None and self._is_served:
            self._bell.put(None)
        elif successor is not None:
            successor.call.release()

    def _write_group(self, group: list[_Place[Item, Result]]) -> None:
        for place, result in zip(group, each(self._write, [place.item for place in group]), strict=True):
            if isinstance(result, Exception):
                place.error = result
            else:
                place.result = result


def each(write: Callable[[list[Item]], Sequence[Result]], items: list[Item]) -> list[Result | Exception]:
    """What became of each: all are written together, and if that fails one by one, so that only the poisoned ones fail."""
    try:
        return [result for _, result in zip(items, write(items), strict=True)]
    except Exception as error:  # noqa: BLE001 - it is handed to whoever waits for this very item
        if len(items) == 1:
            return [error]
        return [result for item in items for result in each(write, [item])]
