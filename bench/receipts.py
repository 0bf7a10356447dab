"""D: a storm of receipts, each a signed call of its own, a quarter of them repeated and a tenth out of order; kept, read and joined."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.db import connection
from django.utils import timezone

from accounts import keys
from bench import storm
from bench.scenarios import LANE, fill
from bench.world import World
from callbacks import calls, reading
from messaging import handoff, outcomes, references
from messaging.calling import Answered
from qsura_platform.local.environment import ROOT
from routing import credentials
from routing.credentials import Account
from routing.providers.base import Handoff

WORDS = ("sent", "delivered", "read")
REPEATED, OUT_OF_ORDER = 0.25, 0.10


def receipts(world: World, *, messages: int, limit: float) -> dict[str, float]:
    """D: from the first call to the last receipt joined into its message, with its events; in receipts a second, against the limit of A."""
    requests, taken = _prepared(world, messages=messages)
    began = time.perf_counter()
    seen = _rain(world, requests)
    seconds = time.perf_counter() - began
    _check(taken)
    return _figures(seen) | {"rate": len(requests) / seconds, "limit": limit, "ratio": len(requests) / seconds / limit}


def latency(world: World, *, messages: int, outgoing: float) -> dict[str, float]:
    """D2: how soon a provider is answered while receipts come at three times the rate of C, and are read at the same time."""
    requests, taken = _prepared(world, messages=messages)
    seen = _rain(world, requests, rate=3 * outgoing)
    _check(taken)
    return _figures(seen) | {"rate": len(requests) / float(seen["seconds"])}


def _figures(seen: dict[str, Any]) -> dict[str, float]:
    others = {status: count for status, count in seen["statuses"].items() if status != "200"}
    assert not others, f"not every call was answered 200: {others}"
    return {"p50_ms": 1000 * float(seen["p50"]), "p99_ms": 1000 * float(seen["p99"])}


def _rain(world: World, requests: Sequence[bytes], *, rate: float = 0.0) -> dict[str, Any]:
    """Post them all from a process of its own, and read beside it until nothing waits, as a worker does."""
    command = [sys.executable, "-m", "bench.storm", "--port", str(world.port), "--rate", str(rate)]
    with subprocess.Popen(command, cwd=ROOT, env=world.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(storm.pack(list(requests)))
        process.stdin.close()
        while process.poll() is None or calls.are_waiting():
            if not reading.read(at=timezone.now()):
                time.sleep(0.01)
        return dict(json.loads(process.stdout.read()))


def _prepared(world: World, *, messages: int) -> tuple[list[bytes], int]:
    """At least so many messages that their provider has taken, and everything that it will say of them, as requests in the order in which
    they come; and how many messages there are."""
    _empty()
    account, taken = _hand_off(world, messages=messages)
    pick = random.Random(17)
    said = [(message_id, word) for word in WORDS for message_id in pick.sample(taken, len(taken))]
    said += pick.sample(said, int(REPEATED * len(said)))
    for place in pick.sample(range(len(said)), int(OUT_OF_ORDER * len(said))):
        other = pick.randrange(len(said))
        said[place], said[other] = said[other], said[place]
    return [_request(account, message_id, word) for message_id, word in said], len(taken)


def _hand_off(world: World, *, messages: int) -> tuple[Account, list[UUID]]:
    fill(keys.recognise(world.key, address="127.0.0.1", at=timezone.now()), messages=messages)
    taken: list[UUID] = []
    account_id: UUID | None = None
    while len(taken) < messages:
        _, ready = handoff.begin(LANE, rooms=dict.fromkeys(credentials.directory(), 200), lease=uuid4())
        outcomes.finish([Answered(one, Handoff(reference=_wamid(one.message_id))) for one in ready])
        taken += [one.message_id for one in ready]
        account_id = ready[0].account_id
    assert account_id is not None
    return credentials.by_id(account_id), taken


def _wamid(message_id: UUID) -> str:
    return f"wamid.HBgM{message_id.hex}"


def _request(account: Account, message_id: UUID, word: str) -> bytes:
    status = {
        "id": _wamid(message_id),
        "status": word,
        "timestamp": str(int(time.time())),
        "recipient_id": "201001234567",
        "biz_opaque_callback_data": references.write(message_id, 1),
    }
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}, "statuses": [status]}
    entry = {"id": "2", "changes": [{"field": "messages", "value": value}]}
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
    signature = hmac.digest(account.opened.credentials["app_secret"].encode(), body, hashlib.sha256).hex()
    head = (
        f"POST /v1/providers/{account.token}/callbacks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _check(messages: int) -> None:
    """None lost: everything that was said has been joined."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_state WHERE status = 'read'")
        found = int(cursor.fetchone()[0])
    assert found == messages, f"{found} of {messages} were read"


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE messaging_due, messaging_timer, messaging_state, messaging_attempt, messaging_event, messaging_receipt,"
            " messaging_idempotencykey, messaging_providerreference, callbacks_providercall, callbacks_parkedreceipt,"
            " callbacks_delivery, callbacks_deliverydue"
        )
        cursor.execute("CHECKPOINT")
