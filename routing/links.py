"""One connection to an SMSC, from its bind to its end. It runs in the transport's loop, and tells truthfully what is known of a question:
its answer, `NotSent` (it was not written) or `NoAnswer` (it may have been taken).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from routing import addresses, guard
from routing.providers import smpp_errors, smpp_pdu
from routing.providers.smpp_pdu import Pdu
from routing.providers.smpp_settings import Line
from routing.transport import NoAnswer, NotSent

ENQUIRED = 10.0
"""Seconds for an enquire_link to be answered; then the connection is taken for dead."""
_LEAVING = 2.0
_AT_ONCE = 500
"""Deliveries that may wait to be kept; while there are more, nothing further is read."""
_REMEMBERED = 10_000
_LAST_SEQUENCE = 0x7FFF_FFFF

Hear = Callable[[Pdu, str], Awaitable[bool]]
"""Keeps what was brought, or (with our reference) an answer that came too late; whether it is kept for good."""


class Refused(Exception):
    """The SMSC did not let us bind; `status` is its command_status."""

    def __init__(self, status: int) -> None:
        super().__init__(smpp_errors.name(status))
        self.status = status


class Link:
    """A connection that is bound in one way."""

    def __init__(self, line: Line, *, hear: Hear) -> None:
        self._line = line
        self._hear = hear
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._sequences = itertools.cycle(range(1, _LAST_SEQUENCE))
        self._waiting: dict[int, asyncio.Future[Pdu]] = {}
        self._given_up: OrderedDict[int, str] = OrderedDict()
        self._taking: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._heard_at = 0.0
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why, once it has ended."""

    async def open(self, command: int, *, password: str, trust: ssl.SSLContext | None = None) -> None:
        """Connect and bind. Raises NotSent, NoAnswer or Refused."""
        self._reader, self._writer = await _connect(self._line, trust)
        self._tasks = [asyncio.create_task(self._read())]
        body = smpp_pdu.bind(system_id=self._line.system_id, password=password, system_type=self._line.system_type)
        try:
            answer = await self.ask(Pdu(command, body=body), timeout=ENQUIRED)
        except BaseException:
            self.abort("no_answer_to_bind")
            raise
        if answer.status != smpp_errors.OK:
            self.abort("refused")
            raise Refused(answer.status)
        self._tasks.append(asyncio.create_task(self._keep_alive()))

    async def ask(self, question: Pdu, *, timeout: float, reference: str = "") -> Pdu:
        """The answer. Raises NotSent or NoAnswer. With our `reference` an answer that comes too late is still told."""
        if self.ended.done():
            raise NotSent("not_bound")
        sequence = next(self._sequences)
        answered: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = answered
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(question.numbered(sequence).encode())
                await self._writer.drain()
                return await answered
        except TimeoutError:
            if reference:
                self._give_up(sequence, reference)
            raise NoAnswer("timed_out") from None
        except OSError:
            raise NoAnswer("connection_lost") from None
        finally:
            self._waiting.pop(sequence, None)

    async def close(self) -> None:
        """Unbind, as far as the SMSC cares, and hang up."""
        if not self.ended.done():
            with contextlib.suppress(NotSent, NoAnswer):
                await self.ask(Pdu(smpp_pdu.UNBIND), timeout=_LEAVING)
        self.abort("closed")

    def abort(self, because: str) -> None:
        """Hang up. Whoever waits for an answer will never know."""
        if not self.ended.done():
            self.ended.set_result(because)
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(NoAnswer("connection_lost"))
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        self._writer.transport.abort()

    # What comes in

    async def _read(self) -> None:
        because = "connection_lost"
        try:
            while not self.ended.done():
                head = await self._reader.readexactly(4)
                rest = await self._reader.readexactly(smpp_pdu.length(head) - 4)
                self._heard_at = asyncio.get_running_loop().time()
                await self._take(smpp_pdu.decode(head + rest))
        except smpp_pdu.Broken:
            because = "broken_answer"
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.abort(because)

    async def _take(self, pdu: Pdu) -> None:
        if pdu.is_answer:
            self._settle(pdu)
        elif pdu.command in (smpp_pdu.DELIVER_SM, smpp_pdu.DATA_SM):
            await self._slots.acquire()
            task = asyncio.create_task(self._keep(pdu))
            self._taking.add(task)
            task.add_done_callback(self._kept)
        elif pdu.command in (smpp_pdu.ENQUIRE_LINK, smpp_pdu.UNBIND):
            self._writer.write(pdu.answer().encode())
            if pdu.command == smpp_pdu.UNBIND:
                await self._writer.drain()
                self.abort("unbound")
        elif pdu.command != smpp_pdu.ALERT_NOTIFICATION:
            self._writer.write(Pdu(smpp_pdu.GENERIC_NACK, smpp_errors.NO_SUCH_COMMAND, pdu.sequence).encode())

    def _settle(self, pdu: Pdu) -> None:
        answered = self._waiting.pop(pdu.sequence, None)
        if answered is not None and not answered.done():
            answered.set_result(pdu)
        elif reference := self._given_up.pop(pdu.sequence, ""):
            task = asyncio.create_task(self._hear_late(pdu, reference))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)

    async def _hear_late(self, pdu: Pdu, reference: str) -> None:
        await self._hear(pdu, reference)

    async def _keep(self, pdu: Pdu) -> None:
        """Acknowledged only when it is kept for good; else the SMSC brings it again."""
        is_kept = await self._hear(pdu, "")
        status = smpp_errors.OK if is_kept else smpp_errors.TRY_AGAIN
        if not self.ended.done():
            self._writer.write(pdu.answer(status=status, body=smpp_pdu.text("")).encode())

    def _kept(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        self._slots.release()

    def _give_up(self, sequence: int, reference: str) -> None:
        self._given_up[sequence] = reference
        if len(self._given_up) > _REMEMBERED:
            self._given_up.popitem(last=False)

    async def _keep_alive(self) -> None:
        loop, every = asyncio.get_running_loop(), self._line.enquire_every
        while True:
            await asyncio.sleep(max(0.1, self._heard_at + every - loop.time()))
            if loop.time() - self._heard_at < every:
                continue
            try:
                await self.ask(Pdu(smpp_pdu.ENQUIRE_LINK), timeout=ENQUIRED)
            except (NotSent, NoAnswer):
                self.abort("silent")
                return


async def _connect(line: Line, trust: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """By the first of the host's addresses that the guard lets pass and that answers; raises NotSent."""
    loop = asyncio.get_running_loop()
    try:
        rows = await loop.getaddrinfo(line.host, line.port, type=socket.SOCK_STREAM)
    except OSError:
        raise NotSent("dns_failed") from None
    allowed = [row for row in rows if _may(row, line)]
    if not allowed:
        raise NotSent("address_refused")
    for row in allowed:
        with contextlib.suppress(OSError):
            return await _open(row, line, trust)
    raise NotSent("connect_failed")


def _may(row: tuple[Any, ...], line: Line) -> bool:
    address = addresses.read(str(row[4][0]))
    return address is not None and guard.may_keep(address, line.port, is_tls=line.is_tls)


async def _open(row: tuple[Any, ...], line: Line, trust: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to that very address; raises OSError, or NotSent where there is no trust."""
    family, kind, protocol, _, where = row
    plug = socket.socket(family, kind, protocol)
    try:
        plug.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plug, where)
        context = (trust or _trust()) if line.is_tls else None
        return await asyncio.open_connection(sock=plug, ssl=context, server_hostname=line.host if context else None)
    except ssl.SSLError:
        plug.close()
        raise NotSent("tls_failed") from None
    except BaseException:
        plug.close()
        raise


def _trust() -> ssl.SSLContext:
    trust = ssl.create_default_context()
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    return trust
