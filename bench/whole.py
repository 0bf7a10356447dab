"""F and G: the whole platform with its workers, from a request to the last signed webhook."""

from __future__ import annotations

import statistics
import time
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from accounts import ids
from bench import limits
from bench.scenarios import BODY, rate_of
from bench.world import World

SETTLED = 1.0
"""Seconds of silence after which nothing more is expected; not counted."""
PATIENCE = 180.0
"""Seconds for the last webhook after the last request."""


def lifecycle(world: World, *, seconds: float) -> dict[str, float]:
    """F: requests as fast as they are taken, and then until the last webhook is there; messages a second of the whole time."""
    url, _ = world.receiver("whole")
    world.call("POST", "/v1/messages", orjson.loads(BODY))  # pgbench writes more of what it finds
    limit = limits.accepts(world.database, seconds=seconds)
    began, first = time.perf_counter(), ids.new()
    load = world.load(_with(url), seconds=seconds)
    rate_of(load)
    seen, owed = len(_received(world, "whole")), _owed(first)
    events = _wait(world, "whole", first)
    took = time.perf_counter() - began - SETTLED
    accepted = int(load["statuses"]["202"])  # type: ignore[index]
    return {"rate": accepted / took, "limit": limit, "ratio": accepted / took / limit, "backlog": 1 - seen / max(owed, 1), "events": events}


def idle(world: World, *, messages: int) -> dict[str, float]:
    """G: one message at a time. How long until it knocks at the provider's door, and a receipt's webhook at the customer's."""
    url, _ = world.receiver("idle")
    at: dict[str, float] = {}
    first = ids.new()
    for _ in range(messages):
        sent_at = time.time()
        at[world.call("POST", "/v1/messages", orjson.loads(_with(url)))["id"].removeprefix("msg_")] = sent_at
        time.sleep(0.2)
    _wait(world, "idle", first)
    events = _received(world, "idle")
    out = [call["at"] - at[digits] for call in world.log("calls") if (digits := call["reference"].removesuffix(".1")) in at]
    said = {(one["reference"].partition(".")[0], one["word"]): one["at"] for one in world.log("receipts")}
    back = [waited for event in events if (waited := _waited(event, said)) is not None]
    assert len(out) == messages, f"{len(out)} of {messages} calls"
    return {f"{name}_{which}_ms": 1000 * _share(values, of) for name, values in (("out", out), ("back", back)) for which, of in _SHARES}


_SHARES = (("p50", 0.5), ("p99", 0.99))


def _wait(world: World, name: str, first: UUID) -> float:
    """Until every message has arrived and everything that was told of it has come, once and well signed. How many webhooks that were."""
    stop, quiet, events = time.perf_counter() + PATIENCE, 0, _received(world, name)
    while quiet < 2:
        time.sleep(SETTLED / 2)
        owed, open_ = _owed(first), _open(first)
        is_over = not open_ and len(_received(world, name, events)) == owed
        quiet = quiet + 1 if is_over else 0
        assert time.perf_counter() < stop, f"{owed} webhooks are owed; {open_} messages have not arrived"
    assert len({event["webhook_id"] for event in events}) == len(events) == owed, "a webhook came twice"
    assert all(event["verified"] for event in events), "a webhook's signature was wrong"
    return float(owed)


def _owed(first: UUID) -> int:
    """Events since then: each owes one webhook. By the key alone: what counts must not cost what is counted its cores."""
    return _count("SELECT count(*) FROM messaging_event WHERE message_id >= %s", first)


def _open(first: UUID) -> int:
    return _count("SELECT count(*) FROM messaging_state WHERE message_id >= %s AND status NOT IN ('delivered', 'read')", first)


def _count(sql: str, first: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, [first])
        return int(cursor.fetchone()[0])


def _share(values: list[float], of: float) -> float:
    return statistics.median(values) if of == 0.5 else sorted(values)[min(len(values) - 1, int(len(values) * of))]


def _waited(event: dict[str, Any], said: dict[tuple[str, str], float]) -> float | None:
    """Since the receipt that it tells of; None if it tells of none."""
    at = said.get((event["body"]["data"]["id"].removeprefix("msg_"), event["body"]["type"].removeprefix("message.")))
    return None if at is None else float(event["at"] - at)


def _received(world: World, name: str, known: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """All that the receiver got; `known` is what was read of it before, so that waiting does not read everything again."""
    found = known if known is not None else []
    while page := world.simulator(f"/receiver/{name}/events?after={found[-1]['seq'] if found else 0}")["events"]:
        found += page
    return found


def _with(url: str) -> str:
    return orjson.dumps({**orjson.loads(BODY), "callback": url}).decode()
