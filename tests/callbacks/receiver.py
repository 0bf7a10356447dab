"""A customer's receiver, and all the ways in which one can misbehave: a real server on the loopback."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

import orjson
from aiohttp import web
from standardwebhooks import Webhook

Answerer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    """One webhook as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(orjson.loads(self.body)["type"])

    @property
    def is_challenge(self) -> bool:
        return b'"endpoint.challenge"' in self.body

    def verify(self, secret: str) -> None:
        """As a customer would, by the specification's library."""
        Webhook(secret).verify(self.body, self.headers, json_parse=False)


@dataclass
class Receiver:
    """Answers 200 at every path that was told nothing else."""

    received: list[Received] = field(default_factory=list)
    _answers: dict[str, Answerer] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def url(self, path: str = "/hooks") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str, answer: Answerer) -> str:
        """Have that path answer so; returns its URL."""
        self._answers[path] = answer
        return self.url(path)

    def got(self, path: str = "/hooks") -> list[Received]:
        """What came there, without the challenges."""
        return [each for each in self.received if each.path == path and not each.is_challenge]

    def challenged(self, path: str = "/hooks") -> list[Received]:
        return [each for each in self.received if each.path == path and each.is_challenge]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.path, headers, await request.read(), time.monotonic())
        self.received.append(received)
        answer = self._answers.get(request.path)
        if received.is_challenge and answer is None:
            return web.json_response({"challenge": orjson.loads(received.body)["data"]["challenge"]})
        return await answer(request) if answer else web.Response(text="thank you")


def status(code: int, **headers: str) -> Answerer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=code, text=f"I say {code}", headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def after(seconds: float, code: int = 200) -> Answerer:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.Response(status=code)

    return answer


async def hang(_: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


async def reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    """100 MB, as fast as they are taken."""
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    for _ in range(1_600):
        await response.write(b"x" * 65_536)
    return response


async def dripping(request: web.Request) -> web.StreamResponse:
    """A status at once, and then a byte now and then, for ever."""
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    for _ in range(600):
        await response.write(b".")
        await asyncio.sleep(0.1)
    return response


async def bomb(_: web.Request) -> web.Response:
    """A megabyte that unfolds into a thousand."""
    return web.Response(body=gzip.compress(b"\0" * 50_000_000, compresslevel=9), headers={"Content-Encoding": "gzip"})
