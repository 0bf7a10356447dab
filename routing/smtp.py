"""Carries letters: SMTP over guarded sockets, in the transport's loop, with a few connections kept for whoever writes next.

Until the dot that ends a letter is sent, the server has taken nothing; from then on only its answer tells (RFC 5321, 4.2.5 and 6.1).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import re
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from routing import guard
from routing.providers.base import Answer
from routing.providers.smtp import PLAIN, STARTTLS, TLS, Letter
from routing.transport import NoAnswer, NotSent, Transport

_IDLE = 20.0  # seconds that a connection is kept; most servers keep one for minutes, busy ones for less
_MOST_KEPT = 8  # for each account
_LETTERS = 100  # by one connection; some servers count
_LONGEST_LINE = 4_096
_MOST_LINES = 100
_REPLY = re.compile(rb"([2-5][0-9]{2})([ -]?)(.*)", re.DOTALL)
_BARE_LINE_END = re.compile(rb"\r\n|\r|\n")


class _Refused(Exception):
    """The server said no. The connection is of no further use, unless it was about the letter."""

    def __init__(self, stage: str, code: int, text: bytes) -> None:
        super().__init__(stage)
        self.answer = Answer(code, {"stage": stage}, text)


class _Connection:
    """One talk with a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._letters = 0
        self.kept_at = 0.0
        self.may_have_it = False
        """Whether the letter's last dot is out, and its answer is not in."""

    async def greet(self, letter: Letter, trust: ssl.SSLContext) -> None:
        """Until the server listens to letters; raises _Refused."""
        await self._expect("connect", 220)
        extensions = await self._ehlo()
        if letter.security == STARTTLS:
            if "STARTTLS" not in extensions:
                raise NotSent("tls_failed")
            await self._say("starttls", "STARTTLS", 220)
            # What came before the handshake in the clear must not be read as if it had come after it (CVE-2021-44142's kind).
            if self._reader._buffer:  # type: ignore[attr-defined]  # the one way to see it
                raise NotSent("tls_failed")
            await self._writer.start_tls(trust, server_hostname=letter.host)
            extensions = await self._ehlo()
        if letter.user:
            await self._log_in(letter, extensions)

    async def _ehlo(self) -> dict[str, str]:
        lines = await self._say("ehlo", f"EHLO {_own_name()}", 250)
        words = [line.decode("ascii", "replace").upper().partition(" ") for line in lines[1:]]
        return {name: rest for name, _, rest in words}

    async def _log_in(self, letter: Letter, extensions: dict[str, str]) -> None:
        if "PLAIN" in extensions.get("AUTH", "PLAIN").split():
            await self._say("auth", "AUTH PLAIN " + _encoded(f"\0{letter.user}\0{letter.password}"), 235)
            return
        await self._say("auth", "AUTH LOGIN", 334)
        await self._say("auth", _encoded(letter.user), 334)
        await self._say("auth", _encoded(letter.password), 235)

    async def carry(self, letter: Letter) -> Answer:
        """One letter; raises _Refused, OSError or EOFError."""
        self._letters += 1
        await self._say("mail", f"MAIL FROM:<{letter.sender}>", 250)
        await self._say("rcpt", f"RCPT TO:<{letter.recipient}>", 250, 251)
        await self._say("data", "DATA", 354)
        self._writer.write(_stuffed(letter.content))
        await self._writer.drain()
        self.may_have_it = True
        self._writer.write(b".\r\n")
        await self._writer.drain()
        lines = await self._expect("data", 250)
        self.may_have_it = False
        return Answer(250, {"stage": "data", "message-id": letter.message_id}, b" ".join(lines))

    async def reset(self) -> bool:
        """Make ready for another letter; whether it is."""
        if self._letters >= _LETTERS or self.may_have_it:
            return False
        try:
            await self._say("rset", "RSET", 250)
        except (_Refused, OSError, EOFError, ValueError):
            return False
        return True

    async def _say(self, stage: str, line: str, *expected: int) -> list[bytes]:
        self._writer.write(line.encode("ascii") + b"\r\n")
        await self._writer.drain()
        return await self._expect(stage, *expected)

    async def _expect(self, stage: str, *expected: int) -> list[bytes]:
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = await self._reader.readline()
            reply = _REPLY.fullmatch(line.rstrip(b"\r\n"))
            if not line.endswith(b"\n"):
                raise EOFError
            if reply is None:
                raise ValueError("no reply of a mail server")
            lines.append(reply[3])
            if reply[2] != b"-":
                code = int(reply[1])
                if code not in expected:
                    self.may_have_it = False
                    raise _Refused(stage, code, b" ".join(lines))
                return lines
        raise ValueError("an endless reply")

    def close(self) -> None:
        """Say good-bye, and wait for nobody: a server that has gone silent would keep the socket for ever."""
        with contextlib.suppress(OSError, RuntimeError):
            if not self.may_have_it:
                self._writer.write(b"QUIT\r\n")
        self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()


class _Post:
    """One loop's kept connections, by server and credentials."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Any, ...], list[_Connection]] = defaultdict(list)

    async def connection(self, letter: Letter, transport: Transport) -> _Connection:
        """A kept one that still listens, or a new one."""
        kept, now = self.kept[_key(letter)], time.monotonic()
        while kept:
            connection = kept.pop()
            if now - connection.kept_at < _IDLE and await connection.reset():
                return connection
            connection.close()
        return await _connect(letter, transport)

    def keep(self, letter: Letter, connection: _Connection) -> None:
        kept = self.kept[_key(letter)]
        if len(kept) >= _MOST_KEPT:
            connection.close()
            return
        connection.kept_at = time.monotonic()
        kept.append(connection)
        asyncio.get_running_loop().call_later(_IDLE, self._clear, _key(letter))

    async def close(self) -> None:
        for connection in itertools.chain.from_iterable(self.kept.values()):
            connection.abort()
        self.kept.clear()
        await asyncio.sleep(0)  # the loop takes its leave of them

    def _clear(self, key: tuple[Any, ...]) -> None:
        """Nobody's server shall wait for us longer than we wait for it."""
        old = [each for each in self.kept[key] if time.monotonic() - each.kept_at >= _IDLE]
        self.kept[key] = [each for each in self.kept[key] if each not in old]
        for each in old:
            each.close()
        if not self.kept[key]:
            self.kept.pop(key)


_posts: WeakKeyDictionary[Transport, _Post] = WeakKeyDictionary()


async def carry(letter: Letter, transport: Transport, timeout: float) -> Answer:
    """Hand a letter over, awaited in the transport's loop. A refusal is an answer; raises NotSent or NoAnswer."""
    post = _post(transport)
    connection: _Connection | None = None
    try:
        async with asyncio.timeout(timeout):
            connection = await post.connection(letter, transport)
            answer = await connection.carry(letter)
    except _Refused as refused:
        answer = Answer(refused.answer.status, refused.answer.headers, refused.answer.body)
        if connection is None or answer.status == 421:
            _close(connection)
            return answer
    except (OSError, EOFError, ValueError) as failure:  # TimeoutError is an OSError
        _close(connection)
        raise _what_is_known(connection, failure) from None
    except BaseException:
        _close(connection)
        raise
    post.keep(letter, connection)
    return answer


def _post(transport: Transport) -> _Post:
    post = _posts.get(transport)
    if post is None:
        post = _posts[transport] = _Post()
        transport.at_the_end(post.close)
    return post


def _what_is_known(connection: _Connection | None, failure: Exception) -> NotSent | NoAnswer:
    if connection is not None and connection.may_have_it:
        return NoAnswer("timed_out" if isinstance(failure, TimeoutError) else "connection_lost")
    if isinstance(failure, guard.AddressRefused):
        return NotSent("address_refused")
    if isinstance(failure, ssl.SSLError):
        return NotSent("tls_failed")
    return NotSent("connect_timed_out" if isinstance(failure, TimeoutError) else "connect_failed")


def _close(connection: _Connection | None) -> None:
    if connection is not None:
        connection.close()


async def _connect(letter: Letter, transport: Transport) -> _Connection:
    loop, trust = asyncio.get_running_loop(), transport.trust
    failure: OSError = ConnectionError("no address")
    for row in await transport.look_up(letter.host, letter.port):
        try:
            with _closed_if_it_fails(guard.mail_socket(row, is_tls=letter.security != PLAIN)) as keep:
                await loop.sock_connect(keep.socket, row[4])
                tls = trust if letter.security == TLS else None
                streams = await asyncio.open_connection(
                    sock=keep.socket, ssl=tls, server_hostname=letter.host if tls else None, limit=_LONGEST_LINE
                )
                keep.done()
        except OSError as error:
            failure = error
            continue
        connection = _Connection(*streams)
        try:
            await connection.greet(letter, trust)
        except BaseException:
            connection.close()
            raise
        return connection
    raise failure


class _closed_if_it_fails:  # noqa: N801 - it reads as a sentence
    """Closes the socket unless somebody else has it now."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.socket.setblocking(False)
        self._close: Callable[[], None] = opened.close

    def done(self) -> None:
        self._close = lambda: None

    def __enter__(self) -> _closed_if_it_fails:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


def _key(letter: Letter) -> tuple[Any, ...]:
    return letter.host, letter.port, letter.security, letter.user, letter.password


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _own_name() -> str:
    """Of this machine; RFC 5321 wants a name, and a literal where there is none."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _stuffed(content: bytes) -> bytes:
    """With CRLF for every kind of line end, so that no server sees the letter end before we do, and dots doubled (RFC 5321, 4.5.2)."""
    whole = _BARE_LINE_END.sub(b"\r\n", content)
    whole = whole if whole.endswith(b"\r\n") else whole + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", whole)
