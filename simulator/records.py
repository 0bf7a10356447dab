"""The log's door: what an auditor or a test compares with the platform's own tables."""

from __future__ import annotations

from aiohttp import web

from simulator import query
from simulator.desk import Desk
from simulator.log import Log
from simulator.smsc import Smsc


class Records:
    """Hand-offs as they ended, receipts as they were answered."""

    def __init__(self, log: Log, desk: Desk, smsc: Smsc) -> None:
        self._log = log
        self._desk = desk
        self._smsc = smsc

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/log/calls", self.calls),
            web.get("/log/receipts", self.receipts),
            web.delete("/log", self.forget),
        ]

    async def calls(self, request: web.Request) -> web.Response:
        return await query.answer(request, self._log.calls, "calls")

    async def receipts(self, request: web.Request) -> web.Response:
        return await query.answer(request, self._log.receipts, "receipts")

    async def forget(self, request: web.Request) -> web.Response:
        self._desk.forget()
        self._smsc.forget()
        return web.Response(status=204)
