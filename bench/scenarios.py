"""The scenarios, each with its limit beside it."""

from __future__ import annotations

import importlib
import time
from typing import Any
from uuid import uuid4

import orjson
from django.db import connection
from django.utils import timezone

from accounts import keys
from accounts.keys import Caller
from bench import limits
from bench.world import World
from messaging import handoff, intake
from messaging.lane import Lane
from messaging.preparing import Wanted
from routing import credentials

LANE = "utility"
NUMBER = "+201001234567"
BODY = orjson.dumps(
    {
        "channel": "whatsapp",
        "template": "order_shipped",
        "recipient": NUMBER,
        "variables": {"name": "Sara", "order_id": "A-17"},
        "reference": "order-17",
    }
).decode()


def accepts(world: World, *, seconds: float) -> dict[str, float]:
    """A: single accepts over 32 connections, each answered after its commit, against pgbench of the same rows in one statement."""
    world.load(BODY, seconds=1.0)
    limit = limits.accepts(world.database, seconds=seconds)
    load = world.load(BODY, seconds=seconds)
    rate = rate_of(load)
    empty()
    return {"rate": rate, "limit": limit, "ratio": rate / limit, "p50_ms": 1000 * float(load["p50"]), "p99_ms": 1000 * float(load["p99"])}  # type: ignore[arg-type]


def latency(world: World, *, seconds: float, at_most: float) -> dict[str, float]:
    """A2: the latency of an accept at 60 % of the highest rate."""
    load = world.load(BODY, seconds=seconds, rate=0.6 * at_most)
    empty()
    return {"rate": rate_of(load), "p50_ms": 1000 * float(load["p50"]), "p99_ms": 1000 * float(load["p99"])}  # type: ignore[arg-type]


def batches(world: World, *, seconds: float, limit: float) -> dict[str, float]:
    """B: batches of 100 over 4 connections, in messages a second, against the limit of A."""
    body = orjson.loads(BODY)
    recipient = {"recipient": body.pop("recipient")}
    load = world.load(
        orjson.dumps({**body, "items": [recipient] * 100}).decode(), path="/v1/messages/batch", seconds=seconds, connections=4
    )
    rate = 100 * rate_of(load)
    empty()
    return {"rate": rate, "limit": limit, "ratio": rate / limit}


def handoffs(world: World, *, messages: int) -> dict[str, float]:
    """C: claim, call the simulator, record with events, against a bare aiohttp loop that makes the same calls."""
    caller = keys.recognise(world.key, address="127.0.0.1", at=timezone.now())
    fill(caller, messages=200)
    _, ready = handoff.begin(LANE, rooms={account: 200 for account in credentials.directory()}, lease=uuid4())
    empty()
    limit = limits.calls([one.call for one in ready] * (messages // len(ready)))
    fill(caller, messages=messages)
    began = time.perf_counter()
    Lane(LANE).run(seconds=600.0)
    rate = _submitted(messages) / (time.perf_counter() - began)
    empty()
    return {"rate": rate, "limit": limit, "ratio": rate / limit}


def rate_of(load: dict[str, Any]) -> float:
    others = {status: count for status, count in load["statuses"].items() if status != "202"}
    assert not others, f"not every request was accepted: {others}"
    return float(load["statuses"]["202"] / load["seconds"])


def naive(world: World, *, messages: int, handed_off: float) -> dict[str, float]:
    """C2: how many times as fast as one Celery task for each message (bench/naive.py), by the rate of C."""
    caller = keys.recognise(world.key, address="127.0.0.1", at=timezone.now())
    fill(caller, messages=messages)
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id::text FROM messaging_due")
        waiting = [row[0] for row in cursor.fetchall()]
    task = importlib.import_module("bench.naive").send
    for message_id in waiting:
        task.delay(message_id)
    with world.process("-m", "celery", "-q", "-A", "bench.naive", "worker", "-Q", "naive", "-c", "2", "-l", "error", "--without-mingle"):
        while (left := _left()) == messages:
            time.sleep(0.01)
        began = time.perf_counter()
        while _left():
            time.sleep(0.02)
        rate = left / (time.perf_counter() - began)
    empty()
    return {"rate": handed_off, "limit": rate, "times": handed_off / rate}


def _left() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_due")
        return int(cursor.fetchone()[0])


def fill(caller: Caller, *, messages: int, callback: str | None = None) -> None:
    """Accept so many."""
    wanted = Wanted("whatsapp", "order_shipped", NUMBER, callback=callback, variables={"name": "Sara", "order_id": "A-17"})
    for _ in range(0, messages, 200):
        intake.accept_batch([wanted] * 200, caller=caller, key=None, same=b"", request_id="bench", at=timezone.now())


def _submitted(messages: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_state WHERE status = 'submitted'")
        found = int(cursor.fetchone()[0])
    assert found >= messages, f"{found} of {messages} were handed off"
    return messages


def empty() -> None:
    """Every scenario begins with empty queues and the same tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE messaging_due, messaging_timer, messaging_state, messaging_attempt, messaging_event,"
            " messaging_idempotencykey, messaging_providerreference"
        )
        cursor.execute("CHECKPOINT")
