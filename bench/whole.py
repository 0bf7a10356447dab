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


def lifecycle(world: World, *, seconds: float, told: str | None = None) -> dict[str, float]:
    """F: requests as fast as they are taken, and then until the last webhook is there; messages a second of the whole time.

    Each message's callback hears of its five events; with `told` only an endpoint does, and of that type alone (F1).
    """
    name = _fresh("whole")
    url = world.receiver(name)
    if told is not None:
        _listen(world, name, url, told)
    world.call("POST", "/v1/messages", orjson.loads(BODY))  # pgbench writes more of what it finds
    limit = limits.accepts(world.database, seconds=seconds)
    came = _Seen(world, name)
    began, first = time.perf_counter(), ids.new()
    load = world.load(_with(url) if told is None else BODY, seconds=seconds)
    rate_of(load)
    seen, owed = came.look(), _owed(first, told)
    events = _wait(came, first, told)
    took = time.perf_counter() - began - SETTLED
    accepted = int(load["statuses"]["202"])  # type: ignore[index]
    return {"rate": accepted / took, "limit": limit, "ratio": accepted / took / limit, "backlog": 1 - seen / max(owed, 1), "events": events}


def idle(world: World, *, messages: int) -> dict[str, float]:
    """G: one message at a time. How long until it knocks at the provider's door, and a receipt's webhook at the customer's."""
    name = _fresh("idle")
    url = world.receiver(name)
    at: dict[str, float] = {}
    first, came = ids.new(), _Seen(world, name)
    for _ in range(messages):
        sent_at = time.time()
        at[world.call("POST", "/v1/messages", orjson.loads(_with(url)))["id"].removeprefix("msg_")] = sent_at
        time.sleep(0.2)
    _wait(came, first)
    out = [call["at"] - at[digits] for call in world.log("calls") if (digits := call["reference"].removesuffix(".1")) in at]
    said = {(one["reference"].partition(".")[0], one["word"]): one["at"] for one in world.log("receipts")}
    back = [waited for event in came.events if (waited := _waited(event, said)) is not None]
    assert len(out) == messages, f"{len(out)} of {messages} calls"
    return {f"{name}_{which}_ms": 1000 * _share(values, of) for name, values in (("out", out), ("back", back)) for which, of in _SHARES}


_SHARES = (("p50", 0.5), ("p99", 0.99))


def _fresh(name: str) -> str:
    """A receiver's name that no round before has used."""
    return f"{name}-{ids.new().hex[-8:]}"


def _listen(world: World, name: str, url: str, told: str) -> None:
    """A registered endpoint for events of that type, its challenge answered, instead of those of the rounds before."""
    for other in world.ask("/v1/webhook-endpoints?kind=registered&limit=200")["items"]:
        world.call("DELETE", f"/v1/webhook-endpoints/{other['id']}", None)
    endpoint = world.call("POST", "/v1/webhook-endpoints", {"url": url, "event_types": [told]})
    world.receiver(name, secret=endpoint["secret"])
    stop = time.perf_counter() + PATIENCE
    while world.ask(f"/v1/webhook-endpoints/{endpoint['id']}")["verified_at"] is None:
        assert time.perf_counter() < stop, "the endpoint's challenge was not answered"
        time.sleep(0.1)


def _wait(came: _Seen, first: UUID, told: str | None = None) -> float:
    """Until every message has arrived and everything that was told of it has come, once and well signed. How many webhooks that were."""
    stop, quiet = time.perf_counter() + PATIENCE, 0
    while quiet < 2:
        time.sleep(SETTLED / 2)
        owed, open_ = _owed(first, told), _open(first)
        is_over = not open_ and came.look() == owed
        quiet = quiet + 1 if is_over else 0
        assert time.perf_counter() < stop, f"{owed} webhooks are owed; {open_} messages have not arrived"
    assert len({event["webhook_id"] for event in came.events}) == len(came.events) == owed, "a webhook came twice"
    assert all(event["verified"] for event in came.events), "a webhook's signature was wrong"
    return float(owed)


def _owed(first: UUID, told: str | None) -> int:
    """Events since then: each owes one webhook. By the key alone: what counts must not cost what is counted its cores."""
    return _count("SELECT count(*) FROM messaging_event WHERE message_id >= %s AND type = coalesce(%s, type)", first, told)


def _open(first: UUID) -> int:
    return _count("SELECT count(*) FROM messaging_state WHERE message_id >= %s AND status NOT IN ('delivered', 'read')", first)


def _count(sql: str, *parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.fetchone()[0])


def _share(values: list[float], of: float) -> float:
    return statistics.median(values) if of == 0.5 else sorted(values)[min(len(values) - 1, int(len(values) * of))]


def _waited(event: dict[str, Any], said: dict[tuple[str, str], float]) -> float | None:
    """Since the receipt that it tells of; None if it tells of none."""
    at = said.get((event["body"]["data"]["id"].removeprefix("msg_"), event["body"]["type"].removeprefix("message.")))
    return None if at is None else float(event["at"] - at)


class _Seen:
    """What a receiver got since this was made; each look reads on from the last one, so that waiting costs nothing of its own."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name, self._after = world, name, 0
        self.events: list[dict[str, Any]] = []
        self.look()
        self.events.clear()

    def look(self) -> int:
        """How many webhooks that are by now."""
        while page := self._world.simulator(f"/receiver/{self._name}/events?after={self._after}")["events"]:
            self._after = page[-1]["seq"]
            self.events += page
        return len(self.events)


def _with(url: str) -> str:
    return orjson.dumps({**orjson.loads(BODY), "callback": url}).decode()
