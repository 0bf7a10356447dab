"""Where hand-offs end: taken, refused or left in doubt, as the recipient's number asks."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from aiohttp import web

from simulator.faults import Ending, Trouble
from simulator.log import Call, Log
from simulator.message import Door, Message, Teller
from simulator.postman import Postman

MOST_REMEMBERED = 100_000
LATE = 2.0
NEVER = 300.0


class Desk:
    """Both doors bring their messages here."""

    def __init__(self, log: Log, postman: Postman, *, pace: float) -> None:
        self._log = log
        self._postman = postman
        self.pace = pace
        self._met: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.last: OrderedDict[tuple[str, str], tuple[str, Message]] = OrderedDict()
        """What was last taken for a number on a channel, and at which door: whoever answers answers that."""

    async def serve(self, request: web.Request, door: Door, message: Message) -> web.Response:
        fault = message.fault
        if fault.cuts and self.meets(message) <= fault.cuts:
            self.note(door, message, "cut")
            return _cut(request)
        if fault.refusal and self.meets(message) <= fault.refusals:
            self.note(door, message, str(door.codes[fault.refusal]))
            return _refuse(door, fault.refusal)
        return await self._take(request, door, message)

    def forget(self) -> None:
        self._met.clear()
        self.last.clear()
        self._postman.forget()
        self._log.clear()

    async def _take(self, request: web.Request, door: Door, message: Message) -> web.Response:
        self.note(door, message, "accepted")
        self.remember(door, message)
        ending = message.fault.ending
        if ending is Ending.AFTER_RECEIPTS:
            await self._postman.deliver_now(door, message)
        else:
            self._postman.take(door, message)
        if ending in (Ending.ANSWER, Ending.AFTER_RECEIPTS):
            return door.taken(message)
        return await self._end_badly(request, ending, door.taken(message))

    async def _end_badly(self, request: web.Request, ending: Ending, answer: web.Response) -> web.Response:
        if ending is Ending.PAGE:
            return web.Response(text="<!doctype html><title>OK</title><p>It works!", content_type="text/html")
        if ending is Ending.HALF:
            whole = answer.body if isinstance(answer.body, bytes) else b""
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        if ending is Ending.LATE:
            await asyncio.sleep(LATE * self.pace)
            return answer
        if ending is Ending.NEVER:
            await asyncio.sleep(NEVER)
        return _cut(request)

    def remember(self, door: Teller, message: Message) -> None:
        key = (message.recipient.lstrip("+"), message.channel)
        self.last.pop(key, None)
        self.last[key] = (door.name, message)
        if len(self.last) > MOST_REMEMBERED:
            self.last.popitem(last=False)

    def meets(self, message: Message) -> int:
        """How often this very message (or, without a reference, this number) has come by now."""
        key = (message.fault_code, message.reference or message.recipient)
        times = self._met[key] = self._met.pop(key, 0) + 1
        if len(self._met) > MOST_REMEMBERED:
            self._met.popitem(last=False)
        return times

    def note(self, door: Teller, message: Message, outcome: str) -> None:
        calls, id_ = self._log.calls, message.id if outcome == "accepted" else ""
        calls.add(Call(calls.next_seq(), time.time(), door.name, message.reference, id_, message.fault_code, outcome))


def _refuse(door: Door, trouble: Trouble) -> web.Response:
    answer = door.refused(trouble)
    if trouble.retry_after is not None:
        answer.headers["Retry-After"] = str(trouble.retry_after)
    return answer


def _cut(request: web.Request) -> web.Response:
    """Nothing of what is returned reaches anybody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
