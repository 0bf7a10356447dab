"""A mail server on loopback, real sockets and all, that says what a test tells it to."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

NEVER, CUT = "never", "cut"
"""Instead of an answer."""


@dataclass
class Received:
    sender: str
    recipient: str
    content: bytes
    is_safe: bool
    """Whether it came through TLS."""
    user: str


@dataclass
class PostOffice:
    """`says`: by verb (CONNECT, EHLO, AUTH, MAIL, RCPT, DATA, DOT, RSET), what it answers instead of the usual."""

    tls: ssl.SSLContext | None = None
    is_tls_at_once: bool = False
    offers: tuple[str, ...] = ("AUTH PLAIN LOGIN", "8BITMIME")
    says: dict[str, str] = field(default_factory=dict)
    port: int = 0
    connections: int = 0
    letters: list[Received] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)


async def _serve(  # noqa: C901, PLR0912 - a talk reads from top to bottom
    office: PostOffice, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    office.connections += 1
    user = sender = recipient = ""
    is_safe = office.is_tls_at_once

    async def say(verb: str, usual: str) -> bool:
        said = office.says.get(verb, usual)
        if said == NEVER:
            await asyncio.sleep(3600)
        if said == CUT:
            writer.transport.abort()
            raise ConnectionError
        writer.write(said.replace("\n", "\r\n").encode() + b"\r\n")
        await writer.drain()
        return said[0] in "23"

    await say("CONNECT", "220 post.example ESMTP")
    while line := await reader.readline():
        text = line.decode().strip()
        verb = text.split()[0].upper() if text.split() else ""
        office.heard.append(text)
        match verb:
            case "EHLO":
                starttls = ["STARTTLS"] if office.tls and not is_safe else []
                lines = ["post.example", *starttls, *office.offers]
                await say("EHLO", "\n".join(f"250{'-' if each is not lines[-1] else ' '}{each}" for each in lines))
            case "STARTTLS":
                if await say("STARTTLS", "220 Go on") and office.tls:
                    await writer.start_tls(office.tls)
                    is_safe = True
            case "AUTH" if "PLAIN" in text:
                user = base64.b64decode(text.split()[2]).decode().replace("\0", "|")
                await say("AUTH", "235 2.7.0 Welcome")
            case "AUTH":
                words = []
                for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                    await say("PROMPT", f"334 {prompt}")
                    words.append(base64.b64decode(await reader.readline()).decode())
                user = "|".join(["", *words])
                await say("AUTH", "235 2.7.0 Welcome")
            case "MAIL":
                sender = text.partition("<")[2].rstrip(">")
                await say("MAIL", "250 2.1.0 Ok")
            case "RCPT":
                recipient = text.partition("<")[2].rstrip(">")
                await say("RCPT", "250 2.1.5 Ok")
            case "DATA":
                if await say("DATA", "354 End with a dot"):
                    content = await reader.readuntil(b"\r\n.\r\n")
                    taken = content[:-3].replace(b"\r\n..", b"\r\n.").removeprefix(b".")
                    if office.says.get("DOT", "250")[0] == "2":
                        office.letters.append(Received(sender, recipient, taken, is_safe, user))
                    await say("DOT", "250 2.0.0 Queued")
            case "RSET":
                await say("RSET", "250 2.0.0 Ok")
            case "QUIT":
                await say("QUIT", "221 2.0.0 Bye")
                return
            case _:
                await say("OTHER", "502 5.5.2 What?")


@contextlib.contextmanager
def opened(office: PostOffice) -> Iterator[PostOffice]:
    """In a thread of its own."""
    ready, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            await _serve(office, reader, writer)
        writer.transport.abort()

    async def work() -> None:
        loops.append(asyncio.get_running_loop())
        tls = office.tls if office.is_tls_at_once else None
        async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls) as server:
            office.port = server.sockets[0].getsockname()[1]
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield office
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(10)
