"""A customer's webhook endpoint: verifies with the public library, keeps what it saw, and misbehaves when told to.

    PUT  /receiver/{name}                  {"secret": "whsec_...", "answers": [500, "hang", 200], "delay": 0.5, "location": "http://..."}
    POST /receiver/{name}                  what the platform calls
    GET  /receiver/{name}/events           what it saw: ?after=<seq>, ?wait=<seconds> for ?count=<at least so many>

A challenge is answered with its word. `answers` are used
up one a call, then it is 200 again: an HTTP status, `hang` (never answers) or `reset` (cuts the connection).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

from simulator import query
from simulator.log import Ring

EVENTS = 20_000
RECEIVERS = 1_000
HANG = 300.0
SPECIAL = ("hang", "reset")


@dataclass(frozen=True, slots=True)
class Event:
    """One call as the customer saw it. `verified` by any of the secrets; `digest` of the raw bytes, so that repeats can be compared."""

    seq: int
    at: float
    webhook_id: str
    webhook_timestamp: str
    verified: bool
    answer: str
    digest: str
    body: Any


@dataclass(slots=True)
class Receiver:
    """One endpoint and its habits."""

    secrets: list[str] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    events: Ring[Event] = field(default_factory=lambda: Ring(EVENTS))


class Unknown(web.HTTPNotFound):
    """Nobody has made this receiver."""

    def __init__(self, name: str) -> None:
        super().__init__(text=f"no receiver is called {name}: PUT /receiver/{name} makes one\n")


class Receivers:
    """Every endpoint by its name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Receiver] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.put("/receiver/{name}", self.configure),
            web.post("/receiver/{name}", self.receive),
            web.get("/receiver/{name}/events", self.events),
        ]

    async def configure(self, request: web.Request) -> web.Response:
        """Makes the receiver, or changes what is named; what it saw stays."""
        try:
            wish = orjson.loads(await request.read() or b"{}")
            habits = _habits(wish)
        except (ValueError, TypeError, EmptyWebhookSecretError) as error:
            return web.json_response({"error": f"not understood: {error}"}, status=422)
        name = request.match_info["name"]
        if name not in self._by_name and len(self._by_name) >= RECEIVERS:
            return web.json_response({"error": f"{RECEIVERS} receivers are enough"}, status=409)
        receiver = self._by_name.setdefault(name, Receiver())
        for habit, value in habits.items():
            setattr(receiver, habit, value)
        return web.json_response({"name": name, "secrets": len(receiver.secrets), "answers": receiver.answers, "delay": receiver.delay})

    async def receive(self, request: web.Request) -> web.StreamResponse:
        receiver = self._find(request)
        body = await request.read()
        answer = receiver.answers.pop(0) if receiver.answers else 200
        receiver.events.add(_event(receiver, request.headers, body, answer=answer))
        if receiver.delay:
            await asyncio.sleep(receiver.delay)
        if answer == 200 and (word := _challenge(body)):
            return web.json_response({"challenge": word})
        if isinstance(answer, int):
            return web.json_response({"received": 200 <= answer < 300}, status=answer, headers=receiver.headers)
        if answer == "hang":
            await asyncio.sleep(HANG)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def events(self, request: web.Request) -> web.Response:
        return await query.answer(request, self._find(request).events, "events")

    def clear(self) -> None:
        self._by_name.clear()

    def _find(self, request: web.Request) -> Receiver:
        name = request.match_info["name"]
        if name not in self._by_name:
            raise Unknown(name)
        return self._by_name[name]


def _habits(wish: Any) -> dict[str, Any]:
    """What of the receiver is to change; raises ValueError or TypeError."""
    if not isinstance(wish, dict):
        raise TypeError("an object is needed")
    habits: dict[str, Any] = {}
    if "secret" in wish or "secrets" in wish:
        habits["secrets"] = [str(secret) for secret in [*wish.get("secrets", []), *([wish["secret"]] if "secret" in wish else [])]]
        for secret in habits["secrets"]:
            Webhook(secret)
    if "answers" in wish:
        habits["answers"] = [answer if answer in SPECIAL else _status(answer) for answer in wish["answers"]]
    if "delay" in wish:
        habits["delay"] = float(wish["delay"])
    if "location" in wish or "retry_after" in wish:
        named = {"Location": wish.get("location"), "Retry-After": wish.get("retry_after")}
        habits["headers"] = {name: str(value) for name, value in named.items() if value is not None}
    return habits


def _status(answer: object) -> int:
    if not isinstance(answer, int) or not 200 <= answer <= 599:
        raise ValueError(f"{answer!r} is no HTTP status, hang or reset")
    return answer


def _event(receiver: Receiver, headers: Mapping[str, str], body: bytes, *, answer: int | str) -> Event:
    return Event(
        seq=receiver.events.next_seq(),
        at=time.time(),
        webhook_id=headers.get("webhook-id", ""),
        webhook_timestamp=headers.get("webhook-timestamp", ""),
        verified=any(_is_verified(secret, headers, body) for secret in receiver.secrets),
        answer=str(answer),
        digest=base64.b64encode(hashlib.sha256(body).digest()).decode(),
        body=_readable(body),
    )


def _challenge(body: bytes) -> str | None:
    """The word that a challenge wants back; a customer who takes care verifies the signature first."""
    said = _readable(body)
    if not isinstance(said, dict) or said.get("type") != "endpoint.challenge":
        return None
    return str(said["data"]["challenge"])


def _is_verified(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False  # the library lets ValueError through for headers and bodies that nobody signs
    return True


def _readable(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
