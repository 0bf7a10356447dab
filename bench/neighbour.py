"""J: a storm on one account. How long a neighbour's messages wait for their hand-off while account A is in trouble, beside alone."""

from __future__ import annotations

import statistics
import time
from uuid import UUID

import orjson
from django.db import connection

from accounts import ids
from bench.scenarios import BODY, rate_of
from bench.world import World

RATE = 20.0
"""Messages a second of the neighbour's."""
STORM = 300
"""Messages of account A that all meet the same trouble."""
IN_FLIGHT = 20
"""Calls that A may have at once: what it takes slowly is then 10 a second, so that it's the waiting that is measured and not two cores."""
TROUBLES = {"silent": "+201000000041", "broken": "+201000000033", "slow": "+201000000034"}
"""By recipient (docs/simulator.md): taken and never answered; 500 for ever; answered after two seconds."""
PATIENCE = 60.0

_WAITED = """
SELECT extract(epoch FROM a.submitted_at - m.created_at)::double precision FROM messaging_message m
JOIN messaging_attempt a ON a.message_id = m.id AND a.number = 1 AND a.channel = 'sms'
WHERE m.id >= %s AND a.submitted_at IS NOT NULL
"""


def neighbour(world: World, *, seconds: float) -> dict[str, float]:
    """Its p50 and p99 from acceptance to the provider's answer, alone and beside each storm; the worst p99 in times alone."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE routing_provideraccount SET max_in_flight = %s WHERE name = 'Simulated Meta'", [IN_FLIGHT])
    measure(world, seconds=6.0)  # and every process has heard of it
    found = {"alone": measure(world, seconds=seconds)}
    for name, recipient in TROUBLES.items():
        _storm(world, recipient)
        found[name] = measure(world, seconds=seconds)
        _calm()
    row = {f"{name}_{which}_ms": 1000 * value for name, pair in found.items() for which, value in zip(("p50", "p99"), pair, strict=True)}
    worst = max(found[name][1] for name in TROUBLES)
    return {**row, "times": worst / found["alone"][1], "typical": max(found[name][0] for name in TROUBLES) / found["alone"][0]}


def measure(world: World, *, seconds: float) -> tuple[float, float]:
    """Its p50 and p99, in seconds."""
    first = ids.new()
    body = orjson.loads(BODY) | {"channel": "sms", "fallback": False}
    load = world.load(orjson.dumps(body).decode(), seconds=seconds, connections=4, rate=RATE)
    rate_of(load)
    waited = _until_all(first, int(load["statuses"]["202"]))  # type: ignore[index]
    return statistics.median(waited), sorted(waited)[min(len(waited) - 1, int(len(waited) * 0.99))]


def _storm(world: World, recipient: str) -> None:
    """Account A has that many to hand off, and none of them goes well."""
    body = orjson.loads(BODY) | {"channel": "whatsapp", "fallback": False}
    variables = {"variables": body.pop("variables"), "recipient": recipient}
    body.pop("recipient")
    for _ in range(STORM // 100):
        world.call("POST", "/v1/messages/batch", body | {"items": [variables] * 100})


def _calm() -> None:
    """What is left of a storm is gone, and nobody remembers it."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM messaging_due")
        cursor.execute("DELETE FROM routing_outcome")
        cursor.execute("DELETE FROM routing_gate")
    time.sleep(12.0)  # what is in flight ends by its own time-out


def _until_all(first: UUID, number: int) -> list[float]:
    stop = time.monotonic() + PATIENCE
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_WAITED, [first])
            waited = [row[0] for row in cursor.fetchall()]
        if len(waited) >= number:
            return waited
        assert time.monotonic() < stop, f"{len(waited)} of {number} were handed off"
        time.sleep(0.2)
