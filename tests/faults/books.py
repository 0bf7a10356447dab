"""What customers were promised while things went wrong, kept outside of the platform: every 202, its key and its ids."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.faults.rig import WEBS, Rig, wait_for
from tests.journeys.platform import Answer

GOOD = "+201001234567"


def fault(code: str) -> str:
    """A number that meets that fault of the simulator (docs/simulator.md)."""
    return f"+2010000000{code}"


@dataclass(frozen=True)
class Promise:
    """A request that was answered 202."""

    business: str
    key: str
    ids: tuple[str, ...]


@dataclass
class Books:
    """Every promise, and how often a customer had to ask again."""

    rig: Rig
    promises: dict[str, Promise] = field(default_factory=dict)
    replays: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Items of batches that were answered with an error, by its code: nothing was promised for them."""
    receivers: dict[str, str] = field(default_factory=dict)
    """Name and business of each customer's endpoint."""

    def ask(self, key: str, body: dict[str, Any], *, business: str = "alice", web: int = 0, seconds: float = 30.0) -> Answer | None:
        """One request, as it is answered; a 202 is a promise, and the same key must never be promised two things."""
        path = "/v1/messages/batch" if "items" in body else "/v1/messages"
        answer = self.rig.call("POST", path, body, business=business, web=web, headers={"Idempotency-Key": key}, seconds=seconds)
        if answer is not None and answer.status == 202:
            self._promise(business, key, answer)
        return answer

    def _promise(self, business: str, key: str, answer: Answer) -> None:
        items = answer.body.get("items", [{"message": answer.body}])
        if key not in self.promises:
            self.refused.update(item["error"]["code"] for item in items if "error" in item)
        promise = Promise(business, key, tuple(item["message"]["id"] for item in items if "message" in item))
        assert self.promises.setdefault(key, promise) == promise, f"the key {key} was promised two things"
        self.replays += "idempotency-replayed" in answer.headers

    def insist(self, key: str, body: dict[str, Any], *, business: str = "alice", web: int = 0, is_faithful: bool = False) -> list[str]:
        """Ask with one key until it is promised, as a good customer does, of one web after the other or always of the same; the ids."""
        webs = itertools.repeat(web) if is_faithful else (number % WEBS for number in itertools.count(web))
        wait_for(
            lambda: self.ask(key, body, business=business, web=next(webs), seconds=10),
            lambda answer: answer is not None and answer.status == 202,
            seconds=60,
        )
        return list(self.promises[key].ids)

    def receiver(self, name: str, *, business: str = "alice", **habits: Any) -> str:
        """A customer's endpoint that verifies what it gets; its URL."""
        url = f"{self.rig.simulator}/receiver/{name}"
        made = self.rig.call("PUT", url, {"secret": self.rig.businesses[business]["secret"], **habits})
        assert made is not None
        assert made.status == 200, made
        self.receivers[name] = business
        return url


def well(number: int) -> str:
    """A number that is served well: its last four digits are not 00NN."""
    return f"+201001{number // 9_000 % 100:02}{1_000 + number % 9_000}"


def body(recipient: str = GOOD, **more: Any) -> dict[str, Any]:
    """A request to send."""
    usual = {"channel": "whatsapp", "template": "order_shipped", "recipient": recipient, "variables": {"order_id": "A-17"}}
    return {**usual, "fallback": False, **more}


def batch(number: int, *, recipient: str = "", **more: Any) -> dict[str, Any]:
    """A request for so many messages, to numbers that are served well."""
    items = [{"recipient": recipient or well(each), "variables": {"order_id": "A-17"}} for each in range(number)]
    return {"channel": "whatsapp", "template": "order_shipped", "fallback": False, "items": items, **more}
