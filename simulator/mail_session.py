"""One client's talk with the mail server, a letter after the other."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
import uuid
from dataclasses import replace
from typing import Protocol

from simulator import faults
from simulator.bounces import REPLIES, Reply
from simulator.desk import LATE, NEVER, Desk
from simulator.faults import Ending
from simulator.message import Message, Teller
from simulator.postman import Postman

PATIENCE = 300.0
"""Seconds for a client to say something (RFC 5321, 4.5.3.2.7)."""
_LONGEST = 25 * 1024 * 1024
_HEADERS = 64 * 1024
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]*)>.*", re.IGNORECASE)
_OURS = re.compile(r"<(.+)\.qsura@[^<>]+>")
_MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*(<[^<>\s]+>)")
_UNSUBSCRIBE = re.compile(rb"(?im)^List-Unsubscribe:\s*<(https?://[^<>\s]+)>")


class Server(Teller, Protocol):
    """Whom the session belongs to."""

    desk: Desk
    postman: Postman

    @property
    def reports_to(self) -> str: ...

    def knows(self, credentials: bytes) -> bool: ...


class _Over(Exception):
    """Nothing more is said on this connection."""


class Session:
    """From the greeting to QUIT."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._is_known = False
        self._sender = ""
        self._message: Message | None = None

    def abort(self) -> None:
        self._writer.transport.abort()

    async def serve(self) -> None:
        try:
            await self._say("220 mail.simulator.example ESMTP")
            while True:
                await self._hear(await self._line())
        except (_Over, OSError, EOFError, ValueError):  # TimeoutError is an OSError
            pass
        finally:
            self._writer.close()

    async def _hear(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                await self._say("250-mail.simulator.example", "250-AUTH PLAIN LOGIN", "250-8BITMIME", "250 ENHANCEDSTATUSCODES")
            case "HELO":
                await self._say("250 mail.simulator.example")
            case "AUTH":
                await self._log_in(rest)
            case "MAIL":
                await self._begin(rest)
            case "RCPT":
                await self._address(rest)
            case "DATA":
                await self._read_letter()
            case "RSET" | "NOOP":
                self._message = None if verb.upper() == "RSET" else self._message
                await self._say("250 2.0.0 Ok")
            case "QUIT":
                await self._say("221 2.0.0 Bye")
                raise _Over
            case _:
                await self._say("502 5.5.1 Command not implemented")

    # A letter

    async def _log_in(self, rest: str) -> None:
        way, _, given = rest.partition(" ")
        if way.upper() == "PLAIN":
            credentials = _decoded(given or await self._ask(""))
        elif way.upper() == "LOGIN":
            user, password = _decoded(given or await self._ask("VXNlcm5hbWU6")), _decoded(await self._ask("UGFzc3dvcmQ6"))
            credentials = b"\0" + user + b"\0" + password
        else:
            await self._say("504 5.5.4 Unrecognized authentication type")
            return
        self._is_known = self._server.knows(credentials)
        await self._say("235 2.7.0 Authentication successful" if self._is_known else "535 5.7.8 Authentication credentials invalid")

    async def _ask(self, challenge: str) -> str:
        await self._say(f"334 {challenge}")
        return await self._line()

    async def _begin(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        self._message = None
        if not self._is_known:
            await self._say("530 5.7.0 Authentication required")
        elif path is None:
            await self._say("501 5.1.7 Bad sender address syntax")
        else:
            self._sender = path[1]
            await self._say("250 2.1.0 Ok")

    async def _address(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        if not self._is_known or self._message is not None:
            await self._say("503 5.5.1 Bad sequence of commands" if self._message is None else "452 4.5.3 Too many recipients")
            return
        if path is None or "@" not in path[1]:
            await self._say("501 5.1.3 Bad recipient address syntax")
            return
        message = self._new(path[1])
        if message.fault.cuts and self._server.desk.meets(message) <= message.fault.cuts:
            self._server.desk.note(self._server, message, "cut")
            self.abort()
            raise _Over
        reply = _reply(message)
        if reply is not None and not reply.is_behind_the_letter:
            await self._refuse(message, reply)
            return
        self._message = message
        await self._say("250 2.1.5 Ok")

    def _new(self, recipient: str) -> Message:
        return Message(
            id=f"<{uuid.uuid4()}@mail.simulator.example>",
            at=time.time(),
            reference="",
            recipient=recipient,
            sender=self._sender,
            channel="email",
            callback=self._server.reports_to,
            fault_code=faults.chosen_by(recipient.rpartition("@")[0], channel="email"),
        )

    async def _read_letter(self) -> None:
        if self._message is None:
            await self._say("503 5.5.1 Bad sequence of commands")
            return
        await self._say("354 End data with <CR><LF>.<CR><LF>")
        headers, size, is_reading = b"", 0, True
        while (line := await self._raw_line()) != b".\r\n":
            size += len(line)
            is_reading = is_reading and line != b"\r\n"
            if is_reading and len(headers) < _HEADERS:
                headers += line
        message, self._message = _known_by(self._message, headers), None
        if size > _LONGEST:
            await self._refuse(message, Reply(552, "5.3.4"))
            return
        reply = _reply(message)
        if reply is not None and self._server.desk.meets(message) <= message.fault.refusals:
            await self._refuse(message, reply)
            return
        await self._take(message)

    async def _take(self, message: Message) -> None:
        server, ending = self._server, message.fault.ending
        server.desk.note(server, message, "accepted")
        server.desk.remember(server, message)
        if ending is Ending.AFTER_RECEIPTS:
            await server.postman.deliver_now(server, message)
        else:
            server.postman.take(server, message)
        if ending is Ending.LATE:
            await asyncio.sleep(LATE * server.desk.pace)
        if ending is Ending.NEVER:
            await asyncio.sleep(NEVER)
        if ending in (Ending.NEVER, Ending.CUT):
            self.abort()
            raise _Over
        if ending is Ending.PAGE:
            await self._say("<!doctype html><title>OK</title><p>It works!")
        elif ending is Ending.HALF:
            await self._say("250-2.0.0 Ok:")
            raise _Over
        else:
            await self._say("250 2.0.0 Ok: queued")

    async def _refuse(self, message: Message, reply: Reply) -> None:
        self._server.desk.note(self._server, message, str(reply))
        title = message.fault.refusal.title if message.fault.refusal else "Letter is too long"
        await self._say(f"{reply} {title}")

    # Lines

    async def _line(self) -> str:
        return (await self._raw_line()).decode("utf-8", "replace").strip()

    async def _raw_line(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()


def _reply(message: Message) -> Reply | None:
    return REPLIES[message.fault.refusal] if message.fault.refusal else None


def _known_by(message: Message, headers: bytes) -> Message:
    """With what the letter's own headers say of it, folded or not."""
    whole = re.sub(rb"\r\n[ \t]+", b" ", headers)
    told, link = _MESSAGE_ID.search(whole), _UNSUBSCRIBE.search(whole)
    id_ = told[1].decode("ascii", "replace") if told else message.id
    ours = _OURS.fullmatch(id_)
    return replace(message, id=id_, reference=ours[1] if ours else "", unsubscribes=link[1].decode("ascii", "replace") if link else "")


def _decoded(text: str) -> bytes:
    """What base64 says; nothing where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
