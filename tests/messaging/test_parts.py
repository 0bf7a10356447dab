"""An attempt that went out in several parts: it has arrived when all have, and has failed when one has."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts import ids
from messaging import handoff, outcomes, parts, record, tracking
from messaging.calling import Answered
from messaging.lifecycle import AttemptStatus, Trouble
from messaging.models import Attempt, ProviderReference, State
from messaging.tracking import Said
from routing.providers import base
from tests import world
from tests.world import World

pytestmark = pytest.mark.django_db

P, U, S, D, F = (AttemptStatus(word) for word in ("pending", "submitted", "sent", "delivered", "failed"))


@pytest.mark.parametrize(
    "status, heard, whole",
    [
        (D, [D, D, D], D),
        (D, [D, P, P], S),
        (S, [S, P], S),
        (U, [U, P], U),
        (F, [F, D], F),
        (D, [F, D], None),
        (S, [F, S], None),
        (F, [D, D], None),
    ],
)
def test_what_is_said_of_a_part_says_this_of_the_whole(
    status: AttemptStatus, heard: list[AttemptStatus], whole: AttemptStatus | None
) -> None:
    assert parts.together(status, heard) is whole


@pytest.fixture
def attempt() -> Attempt:
    alice = world.make("alice")
    return _taken_in_parts(alice, "a1", "a2", "a3")


def _taken_in_parts(alice: World, *references: str) -> Attempt:
    id_ = ids.parse("msg", alice.accept(channel="sms").body["id"])
    _, [ready] = handoff.begin("utility", rooms=world.rooms(), lease=uuid4())
    outcomes.finish([Answered(ready, base.Handoff(reference=references[0], parts=references))])
    return Attempt.objects.get(message_id=id_)


def say(attempt: Attempt, reference: str, status: str, *, at: datetime | None = None) -> None:
    found = tracking.find(attempt.account_id, [reference])[reference]
    now = at or timezone.now()
    trouble = Trouble("unreachable", "unreachable", "UNDELIV 1") if status == "undeliverable" else None
    said = Said(found.message_id, found.attempt, attempt.account_id, AttemptStatus(status), now, now, status, trouble)
    said = Said(*(getattr(said, name) for name in Said.__slots__[:10]), provider_reference=reference, parts=found.parts)
    tracking.apply([said], at=record.clock())


def status(attempt: Attempt) -> str:
    return State.objects.get(message_id=attempt.message_id).status


def test_every_part_is_known_by_its_reference(attempt: Attempt) -> None:
    found = tracking.find(attempt.account_id, ["a1", "a2", "a3", "a4"])

    assert {each: (row.message_id, row.attempt, row.parts) for each, row in found.items()} == {
        name: (attempt.message_id, 1, ("a1", "a2", "a3")) for name in ("a1", "a2", "a3")
    }
    assert attempt.provider_reference == "a1"


@pytest.mark.parametrize("order", list(permutations(("a1", "a2", "a3"))))
def test_it_is_delivered_when_the_last_part_is(attempt: Attempt, order: tuple[str, ...]) -> None:
    for reference in order[:-1]:
        say(attempt, reference, "delivered")
        say(attempt, reference, "delivered")
    assert status(attempt) == "sent"

    say(attempt, order[-1], "delivered")
    assert status(attempt) == "delivered"


def test_one_lost_part_fails_it_and_its_late_arrival_mends_that(attempt: Attempt) -> None:
    say(attempt, "a1", "delivered")
    say(attempt, "a2", "undeliverable")
    assert Attempt.objects.get(message_id=attempt.message_id).status == "undeliverable"
    say(attempt, "a3", "delivered")
    assert status(attempt) == "failed"

    say(attempt, "a2", "delivered")
    assert status(attempt) == "delivered"


def test_what_is_taken_whole_has_no_parts() -> None:
    alice = world.make("alice")
    id_ = ids.parse("msg", alice.accept(channel="sms").body["id"])
    _, [ready] = handoff.begin("utility", rooms=world.rooms(), lease=uuid4())
    outcomes.finish([Answered(ready, base.Handoff(reference="whole"))])

    row = ProviderReference.objects.get(reference="whole")
    assert (row.message_id, row.parts, row.heard) == (UUID(str(id_)), None, None)
