"""The invariants that can be checked from outside: the platform's tables on one side; on the other what customers were answered, what the
providers' own log says, and what customers' receivers saw. Everything since the rig's start is compared, after every story again.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any
from uuid import UUID

from accounts import ids
from messaging import references
from messaging.lifecycle import Status
from tests.faults.books import Books
from tests.faults.rig import PATIENCE, Rig, wait_for

RANK = {status.value: rank for rank, status in enumerate(Status)}
GRACE = "15 seconds"
QUIET = 1.0
"""Seconds."""

_UNSETTLED = """
SELECT (SELECT count(*) FROM messaging_due WHERE due_at < now() + interval '3 seconds' OR calling_at IS NOT NULL),
       (SELECT count(*) FROM messaging_timer WHERE due_at < now() + interval '3 seconds'),
       (SELECT count(*) FROM callbacks_providercall WHERE state = 'pending'),
       (SELECT count(*) FROM callbacks_deliverydue WHERE due_at < now() + interval '10 seconds' OR lease_until > now())
"""


def settle(rig: Rig, *, seconds: float = PATIENCE) -> None:
    """Until nothing is due, under way, unread or owed, but for what waits for a moment far ahead; and stays so for longer than
    the simulator's receipts are apart."""
    busy_at = time.monotonic()

    def look() -> tuple[Any, ...]:
        nonlocal busy_at
        left = rig.sql(_UNSETTLED)[0]
        if any(left):
            busy_at = time.monotonic()
        return (*left, round(time.monotonic() - busy_at, 1))

    wait_for(look, lambda seen: seen[-1] >= QUIET, seconds=seconds)


@dataclass
class Audit:
    """One comparison. `wrong` has a line for each broken promise; the numbers go into the table."""

    rig: Rig
    books: Books
    poison: frozenset[str] = frozenset()
    wrong: list[str] = field(default_factory=list)

    def run(self) -> Audit:
        for check in (
            self.every_promise_is_kept,
            self.no_key_made_two,
            self.providers_took_each_once,
            self.no_call_without_an_attempt,
            self.each_status_has_one_event,
            self.receivers_saw_what_was_owed,
            self.no_status_went_back,
            self.every_receipt_is_kept,
            self.nothing_is_stuck,
            self.no_key_is_stuck,
            self.every_message_ends_by_its_deadline,
        ):
            check()
        return self

    # What both sides say

    @cached_property
    def promised(self) -> dict[str, str]:
        """Every id that was answered 202, and its key."""
        return {id_: promise.key for promise in self.books.promises.values() for id_ in promise.ids}

    @cached_property
    def calls(self) -> list[dict[str, Any]]:
        return self.rig.log("calls")

    @cached_property
    def attempts(self) -> dict[tuple[UUID, int], dict[str, Any]]:
        names = ("message_id", "number", "step", "account_id", "tries", "submitted_at", "provider_reference", "lane")
        rows = self.rig.sql(
            "SELECT a.message_id, a.number, a.step, a.account_id, a.tries, a.submitted_at, a.provider_reference, m.lane"
            " FROM messaging_attempt a JOIN messaging_message m ON m.id = a.message_id"
        )
        return {(row[0], row[1]): dict(zip(names, row, strict=True)) for row in rows}

    @cached_property
    def taken(self) -> dict[UUID, list[int]]:
        """The attempts of each message that a provider took, by the provider's own log."""
        found: dict[UUID, list[int]] = defaultdict(list)
        for call in self.calls:
            if call["outcome"] == "accepted" and (read := references.read(call["reference"])):
                found[read[0]].append(read[1])
        return found

    @cached_property
    def lost(self) -> set[str]:
        """Promised, and not in the database."""
        there = {ids.public("msg", row[0]) for row in self.rig.sql("SELECT message_id FROM messaging_state")}
        return set(self.promised) - there

    @property
    def repeated_handoffs(self) -> int:
        return sum(len(numbers) - 1 for numbers in self.taken.values())

    # 1

    def every_promise_is_kept(self) -> None:
        self._must_be_none("was answered 202 and is not in the database", self.lost)
        known = {ids.public("msg", row[0]) for row in self.rig.sql("SELECT id FROM messaging_message")}
        self._must_be_none("has a state and no message", (set(self.promised) & known) ^ (set(self.promised) - self.lost))

    def no_key_made_two(self) -> None:
        """Requests of the stories bear their key as reference, too."""
        made = dict(self.rig.sql("SELECT reference, count(*) FROM messaging_message WHERE reference IS NOT NULL GROUP BY reference"))
        for key, promise in self.books.promises.items():
            if made.get(key, len(promise.ids)) != len(promise.ids):
                self.wrong.append(f"the key {key} made {made[key]} messages and was promised {len(promise.ids)}")

    # 2

    def providers_took_each_once(self) -> None:
        for message_id, numbers in self.taken.items():
            doubled = [number for number, times in Counter(numbers).items() if times > 1]
            self._must_be_none("was taken twice as one and the same attempt", [(message_id, number) for number in doubled])
            rows = [self.attempts[message_id, number] for number in sorted(set(numbers)) if (message_id, number) in self.attempts]
            for one, other in pairwise(rows):
                if not _may_follow(one, other):
                    self.wrong.append(f"{message_id} was handed over again by {other} after {one}")
            if len(rows) > 2:
                self.wrong.append(f"{message_id} was taken {len(rows)} times")

    # 3

    def no_call_without_an_attempt(self) -> None:
        made = Counter(references.read(call["reference"]) for call in self.calls)
        for read, times in made.items():
            if read is None or read not in self.attempts:
                self.wrong.append(f"a provider was called for {read}, of which the database has no attempt")
            elif times > self.attempts[read]["tries"]:
                self.wrong.append(f"a provider was called {times} times for {read}; the database says {self.attempts[read]['tries']}")
        given = {(call["provider"], call["id"]) for call in self.calls if call["outcome"] == "accepted"}
        known = {row["provider_reference"] for row in self.attempts.values() if row["provider_reference"]}
        self._must_be_none("is a provider's id that no provider gave", known - {id_ for _, id_ in given})

    # 4

    def each_status_has_one_event(self) -> None:
        twice = self.rig.sql(
            "SELECT message_id, type, status, count(*) FROM messaging_event WHERE type = 'message.' || status AND detail->>'late' IS NULL"
            " GROUP BY 1, 2, 3 HAVING count(*) > 1"
        )
        self._must_be_none("has two events of one status", twice)

    def receivers_saw_what_was_owed(self) -> None:
        for name in self.books.receivers:
            url = f"{self.rig.simulator}/receiver/{name}"
            owed = {
                ids.public("evt", row[0])
                for row in self.rig.sql(
                    "SELECT e.id FROM messaging_event e JOIN messaging_message m ON m.id = e.message_id WHERE m.callback = %s", [url]
                )
            }
            digests: dict[str, set[str]] = defaultdict(set)
            for event in self.rig.seen(name):
                digests[event["webhook_id"]].add(event["digest"])
                if not event["verified"]:
                    self.wrong.append(f"{name} got {event['webhook_id']} with a signature that does not fit")
            self._must_be_none(f"was owed to {name} and never came", owed - set(digests))
            self._must_be_none(f"came to {name} and was not owed", set(digests) - owed)
            self._must_be_none(f"came to {name} with other bytes", [id_ for id_, seen in digests.items() if len(seen) > 1])

    # 5

    def no_status_went_back(self) -> None:
        rows = self.rig.sql(
            "SELECT e.message_id, e.seq, e.previous_status, e.status, e.detail, s.seq, s.status"
            " FROM messaging_event e JOIN messaging_state s USING (message_id) ORDER BY e.message_id, e.seq"
        )
        stories: dict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
        for message_id, *event in rows:
            stories[message_id].append(tuple(event))
        for message_id, story in stories.items():
            if [event[0] for event in story] != list(range(1, story[0][4] + 1)):
                self.wrong.append(f"the story of {message_id} has gaps: {[event[0] for event in story]}")
            if story[-1][2] != story[0][5]:
                self.wrong.append(f"{message_id} is {story[0][5]}, and its last event says {story[-1][2]}")
            for one, other in pairwise(story):
                has_gone_back = RANK[other[2]] < RANK[one[2]] and not (other[3] or {}).get("recovered")
                if has_gone_back or other[1] != one[2]:
                    self.wrong.append(f"{message_id} went from {one[2]} to {other[2]} (it says, from {other[1]})")

    def every_receipt_is_kept(self) -> None:
        told = self.rig.log("receipts", answer=200, provider="meta")
        settle(self.rig)  # what was told while the log was read is still to be applied
        kept = {(row[0], row[1], row[2]) for row in self.rig.sql("SELECT message_id, attempt, raw_status FROM messaging_receipt")}
        for receipt in told:
            read = references.read(receipt["reference"])
            if read in self.attempts and not receipt["word"].endswith("(forged)") and (*read, receipt["word"]) not in kept:
                self.wrong.append(f"the receipt {receipt['word']} of {read} was answered 200 and is not in the history")

    # 6

    def nothing_is_stuck(self) -> None:
        stuck = {
            "attempts claimed past their lease": "messaging_due WHERE calling_at IS NOT NULL AND due_at < now() - interval '5 seconds'",
            "attempts due and left lying": "messaging_due WHERE calling_at IS NULL AND due_at < now() - interval '5 seconds'",
            "moments that have passed unnoticed": "messaging_timer WHERE due_at < now() - interval '5 seconds'",
            "webhooks due and left lying": "callbacks_deliverydue WHERE due_at < now() - interval '5 seconds'",
            "dead letters": "messaging_deadletter WHERE set_aside_at IS NOT NULL",
            "provider's calls unread": "callbacks_providercall WHERE state = 'pending'",
            "provider's calls unreadable": "callbacks_providercall WHERE state = 'unreadable'",
        }
        for what, where in stuck.items():
            (count,) = self.rig.sql(f"SELECT count(*) FROM {where}")[0]
            if count:
                self.wrong.append(f"{count} {what}")

    def no_key_is_stuck(self) -> None:
        """A key that is kept has a message, whether or not anybody heard the answer; requests here bear their key as reference, too."""
        kept = {row[0] for row in self.rig.sql("SELECT key FROM messaging_idempotencykey")}
        made = {row[0] for row in self.rig.sql("SELECT DISTINCT reference FROM messaging_message")}
        self._must_be_none("is a key that is kept for no message", kept - made - set(self.books.promises))

    # 8

    def every_message_ends_by_its_deadline(self) -> None:
        """Arrived, or ended; one final status, and no event after it that says another."""
        late = self.rig.sql(
            f"SELECT message_id, status FROM messaging_state WHERE expires_at < now() - interval '{GRACE}'"
            " AND status NOT IN ('read', 'delivered', 'failed', 'expired', 'canceled')"
        )
        self._must_be_none("is past its deadline without a final status", late)
        twice = self.rig.sql(
            "SELECT message_id, array_agg(status ORDER BY seq) FROM messaging_event WHERE final AND detail->>'late' IS NULL"
            " AND type = 'message.' || status GROUP BY 1 HAVING count(*) > 1"
        )
        recovered = {row[0] for row in self.rig.sql("SELECT message_id FROM messaging_event WHERE detail->>'recovered' = 'true'")}
        self._must_be_none("has two final statuses", [row for row in twice if row[0] not in recovered])

    def _must_be_none(self, what: str, found: Iterable[Any]) -> None:
        some = sorted(map(str, found))
        if some:
            self.wrong.append(f"{len(some)} times: {what}: {', '.join(some[:3])}")


def _may_follow(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the policy lets the other attempt be handed over although a provider had taken the first.

    Only where nobody could know that: its answer never came (it was settled later, by a receipt, or not at all). Then `utility` is sent
    once more, `authentication` by another account, `marketing` never. Or the plan went on to another channel.
    """
    if other["step"] != one["step"]:
        return True
    was_in_doubt = one["submitted_at"] is None
    by_another = other["account_id"] != one["account_id"]
    return was_in_doubt and {"utility": True, "authentication": by_another, "marketing": False}[one["lane"]]
