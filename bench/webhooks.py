"""E: webhooks out, owed, signed, sent through the guard, and logged."""

from __future__ import annotations

import time

from django.db import connection
from django.utils import timezone

from accounts import ids, keys
from accounts.models import Business
from bench import limits
from bench.scenarios import empty, fill
from bench.world import World
from callbacks import keyring, rounds, signing
from callbacks.keyring import Holder
from routing.providers.base import Call


def webhooks(world: World, *, messages: int) -> dict[str, float]:
    """E: from owed to paid, against a bare aiohttp loop that posts the same bytes, signed, to the same receiver."""
    url, secret = world.receiver("bench"), world.secret()
    caller = keys.recognise(world.key, address="127.0.0.1", at=timezone.now())
    keyring.ensure(Holder(Business.objects.get(slug="demo").pk, "test"))
    _clear()
    fill(caller, messages=messages, callback=url)
    limit = limits.calls([_signed(url, secret)] * messages)
    began = time.perf_counter()
    paid = rounds.pay(until=time.monotonic() + 600)
    rate = paid / (time.perf_counter() - began)
    assert paid >= messages, f"{paid} of {messages} were paid"
    _clear()
    return {"rate": rate, "limit": limit, "ratio": rate / limit}


def _signed(url: str, secret: str) -> Call:
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM callbacks_delivery LIMIT 1")
        body = cursor.fetchone()[0].encode()
    headers = signing.sign(ids.public("evt", ids.new()), at=timezone.now(), body=body, secrets=[secret])
    return Call("POST", url, {"Content-Type": "application/json", **headers}, body)


def _clear() -> None:
    empty()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE callbacks_delivery, callbacks_deliverydue, callbacks_deliverytry")
