"""One fault's story: what is injected is counted, and at its end everything is healed, settled and audited."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults import audit
from tests.faults.audit import Audit
from tests.faults.books import GOOD, Books, body
from tests.faults.rig import PATIENCE, Rig, wait_for
from tests.journeys.platform import Answer

LINES = pytest.StashKey["list[Line]"]()
ARRIVED = frozenset({"delivered", "read"})


@dataclass(frozen=True)
class Line:
    """A line of the table. Every number is counted."""

    fault: str
    injected: str
    messages: int
    survived: int
    repeated: str
    lost: int
    seconds: float
    is_well: bool


@dataclass
class Story:
    """What a test uses. Keys and references of its requests begin with the fault's id."""

    fault: str
    rig: Rig
    books: Books
    injected: Counter[str] = field(default_factory=Counter)
    poison: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    numbers: int = 0

    def __post_init__(self) -> None:
        self._replays = self.books.replays
        self._earlier = set(self.books.promises)

    # Asking

    def key(self, name: str = "") -> str:
        self.numbers += 1
        return f"{self.fault.lower()}-{name or self.numbers}-{time.time_ns():x}"

    def send(self, recipient: str = GOOD, *, business: str = "alice", **more: Any) -> str:
        """A message that is accepted, however often one must ask; its id."""
        key = self.key()
        (id_,) = self.books.insist(key, body(recipient, reference=key, **more), business=business)
        return id_

    def ask(self, key: str, asked: dict[str, Any], **more: Any) -> Answer | None:
        return self.books.ask(key, {"reference": key, **asked}, **more)

    def inject(self, what: str, times: int = 1) -> None:
        """Something was done to the platform; it is counted under that name."""
        self.injected[what] += times

    # Looking

    def message(self, id_: str, *, business: str = "alice") -> dict[str, Any]:
        answer = wait_for(lambda: self.rig.call("GET", f"/v1/messages/{id_}", business=business), lambda seen: seen is not None)
        assert answer.status == 200, answer
        return dict(answer.body)

    def status(self, id_: str) -> str:
        return str(self.rig.sql("SELECT status FROM messaging_state WHERE message_id = %s", [_uuid(id_)])[0][0])

    def statuses(self, ids: list[str]) -> Counter[str]:
        rows = self.rig.sql("SELECT status FROM messaging_state WHERE message_id = ANY(%s::uuid[])", [[_uuid(id_) for id_ in ids]])
        return Counter(row[0] for row in rows)

    def until(self, ids: list[str] | str, *statuses: str, seconds: float = PATIENCE) -> Counter[str]:
        """Waits until all of them have one of these statuses; without any named, until they have arrived."""
        ids = [ids] if isinstance(ids, str) else ids
        wanted = frozenset(statuses) or ARRIVED
        return wait_for(lambda: self.statuses(ids), lambda seen: set(seen) <= wanted and seen.total() == len(ids), seconds=seconds)

    def taken(self, id_: str) -> int:
        """How often a provider took the message, by the provider's own log."""
        return sum(call["outcome"] == "accepted" for call in self.calls(id_))

    def calls(self, id_: str) -> list[dict[str, Any]]:
        return [call for call in self.rig.log("calls") if call["reference"].startswith(_uuid(id_))]

    def until_taken(self, id_: str, times: int = 1) -> None:
        wait_for(lambda: self.taken(id_), lambda seen: seen >= times, seconds=PATIENCE)

    def attempts(self, id_: str) -> list[tuple[Any, ...]]:
        """(number, status, tries, channel) of each."""
        return self.rig.sql("SELECT number, status, tries, channel FROM messaging_attempt WHERE message_id = %s ORDER BY 1", [_uuid(id_)])

    # The end

    def close(self) -> Audit:
        """Heal, settle, audit."""
        self.rig.heal()
        audit.settle(self.rig)
        return Audit(self.rig, self.books, frozenset(self.poison)).run()

    def line(self, found: Audit | None, *, is_well: bool) -> Line:
        mine = [promise for key, promise in self.books.promises.items() if key not in self._earlier]
        ids = {id_ for promise in mine for id_ in promise.ids}
        lost = len(ids & found.lost) if found else 0
        return Line(
            self.fault,
            ", ".join(f"{what} x{times}" if times > 1 else what for what, times in self.injected.items()),
            len(ids),
            len(ids) - lost,
            self._repeated(found, ids),
            lost,
            time.monotonic() - self.began,
            is_well and not (found and found.wrong),
        )

    def _repeated(self, found: Audit | None, ids: set[str]) -> str:
        """Answers, hand-offs and webhooks that came more than once."""
        if found is None:
            return "?"
        handoffs = sum(len(numbers) - 1 for message_id, numbers in found.taken.items() if f"msg_{message_id.hex}" in ids)
        seen = [event for name in self.books.receivers if name.startswith(self.fault.lower()) for event in self.rig.seen(name)]
        webhooks = len(seen) - len({event["webhook_id"] for event in seen})
        told = {"answers": self.books.replays - self._replays, "hand-offs": handoffs, "webhooks": webhooks}
        return ", ".join(f"{number} {what}" for what, number in told.items() if number) or "0"


def _uuid(id_: str) -> str:
    return id_.removeprefix("msg_")
