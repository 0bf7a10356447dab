"""A mail server: takes letters by SMTP (RFC 5321) from whoever logs in (RFC 4954), in the clear, for it stays on loopback.

The fault is chosen by the end of the address's local part: `sara0020@example.com`. Of a letter nothing is kept but what its envelope and
two of its headers say: the Message-ID, and the link that unsubscribes.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import web

from simulator import bounces
from simulator.desk import Desk
from simulator.faults import Said
from simulator.identity import Identity
from simulator.mail_session import Session
from simulator.message import Message, Post
from simulator.postman import Postman
from simulator.subscriptions import Subscriptions

USER = "qsura"
_PLACE = "smtp"


class MailServer:
    """The door, with one beside it by HTTP where its bounces are told to go."""

    name = "smtp"
    silent = bounces.SILENT

    def __init__(self, who: Identity, desk: Desk, postman: Postman, subscriptions: Subscriptions) -> None:
        self._password = who.smtp_password
        self._report_secret = who.smtp_report_secret
        self._subscriptions = subscriptions
        self._sessions: set[Session] = set()
        self.desk, self.postman = desk, postman

    def routes(self) -> list[web.RouteDef]:
        return [web.put("/smtp/reports", self.reports)]

    async def reports(self, request: web.Request) -> web.Response:
        """`{"url": "..."}`: where bounces are posted, as the script behind the return path does of one's own server."""
        said: Any = None
        with contextlib.suppress(orjson.JSONDecodeError):
            said = orjson.loads(await request.read())
        url = said.get("url") if isinstance(said, dict) else None
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            return web.json_response({"error": "say the url of an account's callbacks"}, status=422)
        self._subscriptions.put(_PLACE, url)
        return web.json_response({"url": url})

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """The port that is listened on. Raises OSError."""
        server = await asyncio.start_server(self._meet, host, port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for session in self._sessions:
                session.abort()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self._sessions.add(session)
        try:
            await session.serve()
        finally:
            self._sessions.discard(session)

    @property
    def reports_to(self) -> str:
        """Where bounces go; empty for nowhere."""
        return self._subscriptions.get(_PLACE)

    def knows(self, credentials: bytes) -> bool:
        """Whether these are ours: as AUTH PLAIN has them, decoded."""
        _, _, told = credentials.partition(b"\0")
        return hmac.compare_digest(told, f"{USER}\0{self._password}".encode())

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        secret = "forged" if is_forged else self._report_secret
        authorization = "Basic " + base64.b64encode(f"{USER}:{secret}".encode()).decode()
        return Post(
            message.callback, {"Content-Type": "message/rfc822", "Authorization": authorization}, bounces.write(message, said, at=at)
        )
