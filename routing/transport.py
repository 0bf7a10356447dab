"""The one way out of the house by HTTP: one thread with one event loop per process, made on first use, after every fork.

It says truthfully what is known of a call: an answer, `NotSent` (nothing of it can have reached the far end) or `NoAnswer` (it may have).
One deadline covers everything, memory is bounded by `cap`, redirects, cookies and proxies don't exist, and every socket passes the guard.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import socket
import ssl
import sys
import threading
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import aiohttp
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from routing import guard
from routing.providers.base import Answer, Call

T = TypeVar("T")

_HEADERS = {"User-Agent": "Qsura/1", "Accept-Encoding": "identity"}
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_IDLE = 4.0  # seconds; Node's servers close an idle connection after 5, and a POST on a closing connection ends as NoAnswer
_CONNECTIONS = 800  # below the usual limit of 1,024 open files
_CONNECTIONS_PER_HOST = 300
_RESOLVERS = 32
_SWITCH = 0.0005  # seconds; by default a thread back from the database waits ten times as long for the interpreter, while this one is busy
# Connecting may take this part of the time-out, so that whatever ends by the whole of it had a connection.
_CONNECTING = 0.8


class NotSent(Exception):
    """Nothing of the call can have reached the far end; `reason` is a stable code: `dns_failed`, `connect_failed`, `connect_timed_out`,
    `tls_failed`, `address_refused`, `bad_call`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoAnswer(Exception):
    """The far end may have had the call; `reason` is a stable code: `timed_out`, `connection_lost`, `broken_answer`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transport:
    """A loop in a daemon thread, and the two guarded sessions in it: HTTPS to the public, and HTTP to what the operator named."""

    def __init__(self, *, resolver: AbstractResolver | None = None, trust: ssl.SSLContext | None = None) -> None:
        """`resolver` and `trust` (certificate authorities) default to the system's."""
        sys.setswitchinterval(min(_SWITCH, sys.getswitchinterval()))
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="transport", daemon=True)
        self._thread.start()
        self._endings: list[Callable[[], Awaitable[None]]] = []
        self.trust = trust or _system_trust()
        """For what is carried otherwise than by HTTP."""
        self.run(self._open(resolver, trust or _for_http(_system_trust())))

    async def _open(self, resolver: AbstractResolver | None, trust: ssl.SSLContext) -> None:
        self._resolver = resolver or _Resolver()
        self._tls = self._session(guard.tls_socket, trust)
        self._plain = self._session(guard.plain_socket, trust)

    def _session(self, socket_factory: aiohttp.SocketFactoryType, trust: ssl.SSLContext) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=trust,
                resolver=self._resolver,
                socket_factory=socket_factory,
                limit=_CONNECTIONS,
                limit_per_host=_CONNECTIONS_PER_HOST,
                keepalive_timeout=_IDLE,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            skip_auto_headers=_AUTOMATIC,
            auto_decompress=False,
            trust_env=False,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop from another thread, and wait for it; if the wait is interrupted, the work is cancelled."""
        future = self.start(work)
        try:
            return future.result()
        finally:
            future.cancel()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine in the loop from another thread, without waiting for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def send(self, call: Call, *, timeout: float, cap: int = 1_000_000) -> Answer:
        """One HTTP call, awaited in this transport's loop. Seconds; bytes.

        A body longer than `cap` is cut there, compressed or not. Raises NotSent or NoAnswer.
        """
        _check(call)
        session = self._tls if call.url[:8].lower() == "https://" else self._plain
        limits = aiohttp.ClientTimeout(total=timeout, connect=timeout * _CONNECTING)
        try:
            async with session.request(
                call.method, call.url, data=call.body or None, headers=call.headers, timeout=limits, allow_redirects=False
            ) as response:
                body = await _read(response, cap)
                return Answer(status=response.status, headers=_lower(response.headers), body=body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise NotSent(_why_not_sent(error)) from None
        except TimeoutError:
            raise NoAnswer("timed_out") from None
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError):
            raise NoAnswer("broken_answer") from None
        except (aiohttp.ClientError, OSError):
            raise NoAnswer("connection_lost") from None

    async def look_up(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """The name's addresses as getaddrinfo tells them, for other carriers than HTTP; raises NotSent."""
        try:
            found = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        except OSError:
            raise NotSent("dns_failed") from None
        return [(each["family"], socket.SOCK_STREAM, each["proto"], "", (each["host"], port)) for each in found]

    def close(self) -> None:
        """End the sessions and the thread. Calls under way end as cancelled."""
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def at_the_end(self, ending: Callable[[], Awaitable[None]]) -> None:
        """Await this in the loop before it stops: what other carriers keep open."""
        self._endings.append(ending)

    async def _close(self) -> None:
        for ending in self._endings:
            await ending()
        await self._tls.close()
        await self._plain.close()
        await self._resolver.close()


def _check(call: Call) -> None:
    """aiohttp notices a line end in a header only when the connection stands; nothing may be half-sent by then."""
    text = "".join((call.method, call.url, *call.headers, *call.headers.values()))
    if "\r" in text or "\n" in text or "\0" in text or not _is_encodable(text):
        raise NotSent("bad_call")


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _why_not_sent(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "dns_failed"
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls_failed"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "connect_timed_out"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "address_refused" if isinstance(error.os_error, guard.AddressRefused) else "connect_failed"
    return "bad_call"


async def _read(response: aiohttp.ClientResponse, cap: int) -> bytes:
    """The body, inflated where it is gzip or deflate (asked not to be, but some insist), cut at `cap`."""
    inflate = zlib.decompressobj(wbits=47) if response.headers.get("Content-Encoding", "").lower() in ("gzip", "deflate") else None
    body = bytearray()
    # What can't be inflated further ends the body where it is: the status is the answer all the same.
    with contextlib.suppress(zlib.error):
        async for piece in response.content.iter_any():
            body += inflate.decompress(piece, cap - len(body)) if inflate else piece
            if len(body) >= cap:
                break
    return bytes(body[:cap])


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _system_trust() -> ssl.SSLContext:
    trust = ssl.create_default_context()
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    return trust


def _for_http(trust: ssl.SSLContext) -> ssl.SSLContext:
    trust.set_alpn_protocols(["http/1.1"])  # nobody else may hear it: some mail servers hang up
    return trust


class _Resolver(AbstractResolver):
    """The system's resolver in threads of its own: in the loop's few, a handful of slow names would hold up everybody's."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=_RESOLVERS, thread_name_prefix="resolver")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        return [
            ResolveResult(hostname=host, host=str(where[0]), port=int(where[1]), family=kind, proto=protocol, flags=socket.AI_NUMERICHOST)
            for kind, _, protocol, _, where in rows
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[Any]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class _Process:
    """What this process has of it."""

    transport: Transport | None = None
    lock = threading.Lock()
    of_the_parent: list[Transport] = []


def shared() -> Transport:
    """This process's transport."""
    with _Process.lock:
        if _Process.transport is None:
            _Process.transport = Transport()
        return _Process.transport


def _leave_behind() -> None:
    """In a fork's child: forget the parent's transport without ever collecting it, for closing it would take the parent's sockets
    out of the selector that both share. The lock may have been held by a thread that this process does not have."""
    _Process.lock = threading.Lock()
    if _Process.transport is not None:
        _Process.of_the_parent.append(_Process.transport)
        _Process.transport = None


def _close_shared() -> None:
    if _Process.transport is not None:
        with contextlib.suppress(RuntimeError):  # the interpreter may be past running anything
            _Process.transport.close()


os.register_at_fork(after_in_child=_leave_behind)
atexit.register(_close_shared)
