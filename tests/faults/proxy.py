"""A door in front of PostgreSQL, the broker or the providers that can be shut, cut, frozen, or made to fail at the moment of a COMMIT.

Every process has a door of its own, so that a fault can hit one of them and leave the others alone. Bytes pass unread but for two words:
the statement that a trap waits for, and the `COMMIT` that follows it on the same connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

_CHUNK = 65_536
_COMMIT = b"COMMIT\0"
_PREPARED = re.compile(rb"P....(_pg3_\d+)\0([^\0]*)\0", re.DOTALL)
"""PostgreSQL's Parse message, as psycopg names its statements (frontend protocol 3.0, 55.7)."""


class Moment(Enum):
    """Where a COMMIT is held up."""

    BEFORE = "the server never hears of it"
    AFTER = "the server has committed, and nobody hears of that"


@dataclass
class Trap:
    """Waits for a transaction that contains a statement, and stops it at its COMMIT."""

    statement: bytes
    moment: Moment
    caught: threading.Event = field(default_factory=threading.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)


Place = Path | int
"""A Unix socket, or a port of 127.0.0.1."""


class Proxies:
    """One thread with one loop for all doors."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True).start()

    def door(self, place: Place, *, leads_to: Place) -> Proxy:
        proxy = Proxy(self._loop, place, leads_to=leads_to)
        proxy.open()
        return proxy


class Proxy:
    """One door: a socket that leads to another."""

    def __init__(self, loop: asyncio.AbstractEventLoop, place: Place, *, leads_to: Place) -> None:
        self.leads_to = leads_to
        self.is_shut = False
        self.says: bytes | None = None
        """What everybody who asks by HTTP gets as answer, instead of being let through."""
        self.trap: Trap | None = None
        self.flow = asyncio.Event()
        self.flow.set()
        self._loop = loop
        self._place = place
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None

    def open(self) -> None:
        """Listen."""
        if self._server is None:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    async def _open(self) -> None:
        if isinstance(self._place, int):
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._place)
            return
        self._place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._place)

    def close(self) -> None:
        """Nobody listens any more: whoever knocks is refused by the kernel, before a byte is sent."""
        server, self._server = self._server, None
        if server is not None:
            self._call(server.close)
            self.cut()

    def cut(self) -> None:
        """Every connection breaks now; new ones may come."""
        self._call(self._cut)

    def shut(self) -> None:
        """Every connection breaks, and no new one gets through."""
        self.is_shut = True
        self.cut()

    def freeze(self) -> None:
        """Connections stand, and nothing moves on them."""
        self._call(self.flow.clear)

    def heal(self) -> None:
        """As if nothing had been."""
        self.is_shut, self.trap, self.says = False, None, None
        self._call(self.flow.set)
        self.open()

    def catch(self, statement: str, moment: Moment) -> Trap:
        """Hold up the next transaction that contains that statement, at its COMMIT."""
        self.trap = Trap(statement.encode(), moment)
        return self.trap

    def let_go(self, trap: Trap) -> None:
        """What was held up at its COMMIT goes on."""
        self._call(trap.let_go.set)

    def _call(self, work: Callable[[], None]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (work(), done.set()))
        assert done.wait(10), "the proxies' loop is stuck"

    def _cut(self) -> None:
        for pair in list(self._pairs):
            pair.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_shut:
            writer.transport.abort()
            return
        if self.says is not None:
            await _answer(reader, writer, self.says)
            return
        try:
            there = await _connect(self.leads_to)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(self, writer, there[1])
        self._pairs.add(pair)
        try:
            pair.tasks = [asyncio.create_task(pair.ask(reader)), asyncio.create_task(pair.answer(there[0]))]
            await asyncio.wait(pair.tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pairs.discard(pair)
            pair.cut()


async def _connect(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(place, int):
        return await asyncio.open_connection("127.0.0.1", place)
    return await asyncio.open_unix_connection(place)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    """One HTTP request, read whole and answered so."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        writer.write(answer)
        await writer.drain()
    writer.close()


class _Pair:
    """One connection through the door."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._proxy = proxy
        self._client = client
        self._server = server
        self._is_watched = False
        self._prepared: dict[bytes, bytes] = {}
        self._holds: Trap | None = None

    def cut(self) -> None:
        for task in self.tasks:
            task.cancel()
        self._client.transport.abort()
        self._server.transport.abort()

    async def ask(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._proxy.flow.wait()
                await self._look(chunk)
                self._server.write(chunk)
                await self._server.drain()

    async def answer(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._proxy.flow.wait()
                if self._holds is not None:
                    await self._hold(self._holds)
                    self._holds = None
                self._client.write(chunk)
                await self._client.drain()

    async def _look(self, chunk: bytes) -> None:
        for name, statement in _PREPARED.findall(chunk):
            self._prepared[name] = statement
        trap = self._proxy.trap
        if trap is None:
            return
        self._is_watched = self._is_watched or trap.statement in chunk or any(name in chunk for name in self._known(trap))
        if self._is_watched and _COMMIT in chunk:
            self._proxy.trap = None
            if trap.moment is Moment.BEFORE:
                await self._hold(trap)
            else:
                self._holds = trap

    def _known(self, trap: Trap) -> list[bytes]:
        """The names under which this connection has prepared the statement: from then on only these travel."""
        return [b"\0" + name + b"\0" for name, statement in self._prepared.items() if trap.statement in statement]

    async def _hold(self, trap: Trap) -> None:
        trap.caught.set()
        await trap.let_go.wait()  # or until the connection is cut
