"""What providers say, in any order, batch and repetition, on real PostgreSQL."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts import ids
from messaging import calling, handoff, lifecycle, outcomes, tracking
from messaging.lifecycle import AttemptStatus, Known, Status, Trouble
from messaging.models import Attempt, Due, Event, Receipt, State, Timer
from messaging.tracking import Said
from routing.providers.base import Handoff
from tests import world
from tests.world import World

STATUSES = [status for status in AttemptStatus if status not in (AttemptStatus.PENDING, AttemptStatus.UNKNOWN)]
ORDER = list(Status)


def submitted(alice: World, reference: str) -> tuple[UUID, UUID]:
    """A message that its provider has taken: its id and the account's."""
    id_ = ids.parse("msg", alice.accept().body["id"])
    assert id_
    _, ready = handoff.begin("utility", rooms=world.rooms(), lease=uuid4())
    (mine,) = [each for each in ready if each.message_id == id_]
    outcomes.finish([calling.Answered(mine, Handoff(reference=reference))])
    return id_, mine.account_id


def said(id_: UUID, account: UUID, status: AttemptStatus | None, at: datetime, *, attempt: int = 1, code: str = "131026") -> Said:
    trouble = Trouble("unreachable", "unreachable", code) if status in lifecycle.NEGATIVE else None
    return Said(id_, attempt, account, status, at, at, raw_status=str(status), trouble=trouble, raw_code=code if trouble else None)


@pytest.mark.django_db
class TestApply:
    @pytest.fixture
    def alice(self) -> World:
        return world.make("alice", steps=world.whatsapp_then_sms()[:1])

    def test_a_batch_moves_many_messages_in_one_transaction(self, alice: World) -> None:
        sent = [submitted(alice, f"wamid.{number}") for number in range(5)]
        now = timezone.now()

        events = tracking.apply([said(id_, account, AttemptStatus.DELIVERED, now) for id_, account in sent], at=now)

        assert {event.message_id for event in events} == {id_ for id_, _ in sent}
        assert set(State.objects.values_list("status", flat=True)) == {"delivered"}

    def test_what_changes_nothing_is_kept_in_the_receipts_history(self, alice: World) -> None:
        id_, account = submitted(alice, "wamid.1")
        now = timezone.now()
        for status in (AttemptStatus.READ, AttemptStatus.SENT, None):
            tracking.apply([said(id_, account, status, now)], at=now)

        assert sorted(Receipt.objects.values_list("status", flat=True)) == ["read", "sent", "unmapped"]
        assert State.objects.get(message_id=id_).status == "read"

    def test_an_account_cannot_speak_about_anothers_message(self, alice: World) -> None:
        id_, _ = submitted(alice, "wamid.1")
        now = timezone.now()

        assert tracking.apply([said(id_, uuid4(), AttemptStatus.READ, now)], at=now) == []
        assert State.objects.get(message_id=id_).status == "submitted"

    def test_what_names_no_attempt_is_left_out(self, alice: World) -> None:
        id_, account = submitted(alice, "wamid.1")
        now = timezone.now()

        assert tracking.apply([said(id_, account, AttemptStatus.READ, now, attempt=9)], at=now) == []
        assert tracking.apply([said(ids.new(), account, AttemptStatus.READ, now)], at=now) == []

    def test_references_lead_back_to_attempts(self, alice: World) -> None:
        id_, account = submitted(alice, "wamid.1")

        assert tracking.find(account, ["wamid.1", "wamid.2"]) == {"wamid.1": (id_, 1, ())}
        assert tracking.find(uuid4(), ["wamid.1"]) == {}

    def test_a_delivery_after_the_fallback_takes_back_what_is_due(self, alice: World) -> None:
        bob = world.make("bob")
        id_, account = submitted(bob, "wamid.1")
        now = timezone.now()
        tracking.apply([said(id_, account, AttemptStatus.FAILED, now)], at=now)
        assert Due.objects.filter(message_id=id_, channel="sms").exists()

        tracking.apply([said(id_, account, AttemptStatus.DELIVERED, now)], at=now)

        assert not Due.objects.filter(message_id=id_).exists()
        assert Event.objects.filter(message_id=id_).latest("seq").detail == {"recovered": True}


class Life(RuleBasedStateMachine):
    """One message under whatever its provider may say, against the join as the model."""

    alice: World

    @initialize()
    def begin(self) -> None:
        self.start = timezone.now()
        self.id, self.account = submitted(self.alice, f"wamid.{uuid4()}")
        self.model = lifecycle.fact(AttemptStatus.SUBMITTED, Attempt.objects.get(message_id=self.id).submitted_at or self.start)
        self.told: list[Said] = []
        self.seen = Status.SUBMITTED

    @rule(facts=st.lists(st.tuples(st.sampled_from(STATUSES), st.integers(0, 9), st.sampled_from("ab")), min_size=1, max_size=4))
    def the_provider_speaks(self, facts: list[tuple[AttemptStatus, int, str]]) -> None:
        batch = [said(self.id, self.account, status, self.start + timedelta(seconds=s), code=code) for status, s, code in facts]
        self.told += batch
        self.hear(batch)

    @rule(data=st.data())
    def the_provider_repeats_itself(self, data: st.DataObject) -> None:
        if self.told:
            self.hear(data.draw(st.lists(st.sampled_from(self.told), max_size=5)))

    def hear(self, batch: list[Said]) -> None:
        for each in batch:
            assert each.status
            assert each.occurred_at
            self.model = lifecycle.join(self.model, lifecycle.fact(each.status, each.occurred_at, each.trouble))
        tracking.apply(batch, at=timezone.now())

    @invariant()
    def the_row_is_the_join_of_all_that_was_said(self) -> None:
        row = Attempt.objects.get(message_id=self.id, number=1)
        trouble = Trouble(row.error_class, row.error_code or "", row.raw_code or "") if row.error_class else None
        times = (row.submitted_at, row.sent_at, row.ended_at, row.delivered_at, row.read_at)
        assert Known(AttemptStatus(row.status), *times, trouble, AttemptStatus(row.weight)) == self.model

    @invariant()
    def no_status_goes_back(self) -> None:
        status = Status(State.objects.get(message_id=self.id).status)
        assert ORDER.index(status) >= ORDER.index(self.seen)
        self.seen = status

    @invariant()
    def the_events_tell_one_story_without_gaps(self) -> None:
        events = list(Event.objects.filter(message_id=self.id).order_by("seq"))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert events[-1].status == State.objects.get(message_id=self.id).status
        for before, after in itertools.pairwise(events):
            assert after.previous_status == before.status
        changes = [event.status for event in events if event.status != event.previous_status]
        assert len(changes) == len(set(changes))

    @invariant()
    def what_is_final_waits_for_nothing(self) -> None:
        if Event.objects.filter(message_id=self.id).latest("seq").final:
            assert not Due.objects.filter(message_id=self.id).exists()
            assert not Timer.objects.filter(message_id=self.id).exists()


@pytest.mark.django_db
def test_a_message_lives_by_the_join_whatever_its_provider_says() -> None:
    Life.alice = world.make("alice", steps=world.whatsapp_then_sms()[:1])
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(Life, settings=settings(max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=checks))


@pytest.mark.django_db(transaction=True)
def test_receipts_of_one_message_that_come_at_once_all_count() -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[:1])
    id_, account = submitted(alice, "wamid.1")
    now, start = timezone.now(), threading.Barrier(12)

    def speak(number: int) -> None:
        start.wait()
        try:
            status = (AttemptStatus.SENT, AttemptStatus.DELIVERED, AttemptStatus.READ)[number % 3]
            tracking.apply([said(id_, account, status, now)], at=now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(speak, range(12)))

    seqs = list(Event.objects.filter(message_id=id_).order_by("seq").values_list("seq", flat=True))
    assert State.objects.get(message_id=id_).status == "read"
    assert seqs == list(range(1, len(seqs) + 1))
    assert Receipt.objects.filter(message_id=id_).count() == 12
