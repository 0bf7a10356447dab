"""Due attempts go to a real simulator over HTTP; what its answers mean is recorded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import ids
from messaging import calling, deadlines, handoff, outcomes, record, references, tracking
from messaging.lane import Lane
from messaging.lifecycle import AttemptStatus
from messaging.models import Attempt, Due, Event, ProviderReference, State, Suppression, Timer
from messaging.tracking import Said
from routing import health, vault
from routing.models import Gate
from routing.providers import base
from tests import world
from tests.messaging.conftest import Simulator
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db(transaction=True)

HAPPY, REVOKED, NO_SUCH, OPTED_OUT, TEMPLATE, UNREACHABLE = (f"+2010000000{code}" for code in ("00", "10", "11", "12", "13", "14"))
UNMAPPED, THROTTLED, BROKEN, SILENT, ONE_ID = (f"+2010000000{code}" for code in ("15", "30", "31", "41", "58"))


@pytest.fixture
def alice(simulator: Simulator) -> World:
    return world.make("alice")


def send(alice: World, recipient: str = HAPPY, **more: object) -> UUID:
    found = ids.parse("msg", alice.accept(recipient=recipient, **more).body["id"])
    assert found
    return found


def work(lane: str = "utility") -> None:
    Lane(lane).run(seconds=5)


def types(id_: UUID) -> list[str]:
    return [each.removeprefix("message.") for each in Event.objects.filter(message_id=id_).order_by("seq").values_list("type", flat=True)]


def make_due(id_: UUID) -> None:
    """As if the wait were over, the message's and the account's."""
    Gate.objects.update(not_before=None)
    Due.objects.filter(message_id=id_).update(due_at=timezone.now() - timedelta(seconds=1))


def test_what_a_provider_takes_is_submitted_under_its_reference(alice: World, simulator: Simulator) -> None:
    id_ = send(alice)

    work()

    attempt = Attempt.objects.get(message_id=id_)
    (call,) = simulator.taken()
    assert (attempt.status, attempt.channel, attempt.tries) == ("submitted", "whatsapp", 1)
    assert call["reference"] == references.write(id_, 1)
    assert attempt.provider_reference == call["id"]
    assert ProviderReference.objects.get(reference=call["id"]).message_id == id_
    assert (types(id_), Due.objects.count()) == (["accepted", "submitted"], 0)
    assert Timer.objects.get(message_id=id_).due_at == State.objects.get(message_id=id_).expires_at


def test_a_provider_is_told_the_validity_of_its_step(simulator: Simulator) -> None:
    (sms,) = world.whatsapp_then_sms()[1:]
    alice = world.make("alice", steps=[sms | {"validity": 90}])
    send(alice, channel="sms")

    _, (ready,) = handoff.begin("utility", rooms=world.rooms(), lease=uuid4())

    assert b"ValidityPeriod=90" in ready.call.body


@pytest.mark.parametrize("recipient", [UNREACHABLE, TEMPLATE])
def test_an_error_of_the_channel_leads_to_the_next_channel(alice: World, simulator: Simulator, recipient: str) -> None:
    id_ = send(alice, recipient)

    work()

    whatsapp = Attempt.objects.get(message_id=id_, number=1)
    assert (whatsapp.status, types(id_)[:2]) == ("rejected", ["accepted", "fallback"])
    assert Attempt.objects.get(message_id=id_, number=2).channel == "sms"


def test_an_opt_out_that_the_provider_knows_of_ends_the_message(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, OPTED_OUT)

    work()

    state = State.objects.get(message_id=id_)
    assert (state.status, state.error_class, simulator.taken()) == ("failed", "opted_out", [])


@pytest.mark.parametrize("recipient, error_class", [(THROTTLED, "throttled"), (BROKEN, "provider_fault")])
def test_trouble_that_passes_is_waited_out_with_the_same_attempt(
    alice: World, simulator: Simulator, recipient: str, error_class: str
) -> None:
    id_ = send(alice, recipient)

    for _ in range(3):
        make_due(id_)
        work()

    attempt = Attempt.objects.get(message_id=id_)
    assert (attempt.status, attempt.tries, len(simulator.taken())) == ("submitted", 3, 1)


class TestBetween:
    """A story is kept while its call is made, and gone on with only if nobody else has touched it."""

    def begun(self) -> calling.Ready:
        _, (ready,) = handoff.begin("utility", rooms=world.rooms(), lease=uuid4())
        return ready

    def taken(self, ready: calling.Ready) -> None:
        outcomes.finish([calling.Answered(ready, base.Handoff(reference="wamid.1"))])

    def said(self, ready: calling.Ready, status: AttemptStatus) -> None:
        now = timezone.now()
        tracking.apply([Said(ready.message_id, 1, ready.account_id, status, now, now, str(status))], at=now)

    def test_untouched_it_is_not_read_again(self, alice: World) -> None:
        id_ = send(alice)
        ready = self.begun()

        with CaptureQueriesContext(connection) as queries:
            self.taken(ready)

        assert not [query for query in queries if "FROM messaging_attempt" in query["sql"]]
        assert types(id_) == ["accepted", "submitted"]

    def test_a_receipt_that_overtakes_the_answer_is_not_forgotten(self, alice: World) -> None:
        id_ = send(alice)
        ready = self.begun()

        self.said(ready, AttemptStatus.DELIVERED)
        self.taken(ready)

        attempt = Attempt.objects.get(message_id=id_)
        assert (attempt.status, attempt.provider_reference, types(id_)) == ("delivered", "wamid.1", ["accepted", "delivered"])
        assert attempt.submitted_at is not None
        assert attempt.delivered_at is not None

    def test_an_answer_after_the_lease_finds_what_was_decided_without_it(self, alice: World) -> None:
        id_ = send(alice)
        ready = self.begun()
        Due.objects.filter(message_id=id_).update(due_at=timezone.now() - timedelta(seconds=1))
        deadlines.find_lost()

        self.taken(ready)

        assert (Attempt.objects.get(message_id=id_).status, Due.objects.count()) == ("submitted", 0)

    def test_one_that_was_kept_twice_is_read_the_second_time(self, alice: World) -> None:
        id_ = send(alice)
        ready = self.begun()

        self.taken(ready)
        self.taken(ready)

        assert types(id_) == ["accepted", "submitted"]

    def test_an_answer_that_breaks_the_batch_is_recorded_alone(self, alice: World) -> None:
        good, bad = send(alice), send(alice)
        _, readies = handoff.begin("utility", rooms=world.rooms(), lease=uuid4())
        references_ = {good: "wamid.1", bad: "a\0b"}

        outcomes.finish([calling.Answered(ready, base.Handoff(reference=references_[ready.message_id])) for ready in readies])

        assert State.objects.get(message_id=good).status == "submitted"
        assert (State.objects.get(message_id=bad).status, Due.objects.get().message_id) == ("accepted", bad)


def test_a_retry_after_is_respected(alice: World) -> None:
    id_ = send(alice, THROTTLED)
    before = record.clock()

    work()

    assert Due.objects.get(message_id=id_).due_at >= before + timedelta(seconds=1)


def test_an_answer_that_never_comes_leaves_the_outcome_unknown(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, SILENT)

    work()

    assert (Attempt.objects.get(message_id=id_).status, State.objects.get(message_id=id_).status) == ("unknown", "accepted")
    assert (Due.objects.count(), len(simulator.taken())) == (0, 1)
    assert Timer.objects.filter(message_id=id_).exists()


def test_an_unknown_outcome_is_tried_once_more_after_its_grace_and_then_fails(
    alice: World, simulator: Simulator, settings: Settings
) -> None:
    settings.QSURA_UNKNOWN_GRACE = 0
    id_ = send(alice, SILENT)

    for _ in range(3):
        work()
        deadlines.settle_timed()

    state = State.objects.get(message_id=id_)
    assert (state.status, state.error_code) == ("failed", "outcome_unknown")
    assert len(simulator.taken()) == 2


def test_a_refused_account_goes_out_of_service_and_its_messages_wait(simulator: Simulator) -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[:1])
    id_ = send(alice, REVOKED)

    work()

    account = world.stand_in("meta")
    assert not account.is_in_service
    assert (State.objects.get(message_id=id_).status, Due.objects.filter(message_id=id_).exists()) == ("accepted", True)

    health.back_in_service(account.pk, at=timezone.now())
    make_due(id_)
    work()
    assert Attempt.objects.get(message_id=id_).tries == 2


def test_an_account_out_of_service_gives_way_to_the_next_channel_uncalled(alice: World, simulator: Simulator) -> None:
    id_ = send(alice)
    health.out_of_service(world.stand_in("meta").pk, because="a test", at=timezone.now())

    work()

    whatsapp, sms = Attempt.objects.filter(message_id=id_).order_by("number")
    assert (whatsapp.status, whatsapp.tries, whatsapp.error_class) == ("rejected", 0, "account_fault")
    assert (sms.channel, sms.status) == ("sms", "submitted")


def test_consent_is_asked_again_before_every_attempt(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, NUMBER)
    Suppression.objects.create(business=alice.business, recipient_hash=vault.blind_index(NUMBER), reason="opted_out")

    work()

    assert (State.objects.get(message_id=id_).error_class, simulator.taken()) == ("opted_out", [])


def test_a_message_past_its_deadline_is_not_sent(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, expires_in=30)
    with connection.cursor() as cursor:
        # The message itself refuses every change; a test may take the clock's part.
        cursor.execute("ALTER TABLE messaging_message DISABLE TRIGGER history")
        cursor.execute("UPDATE messaging_message SET expires_at = now() WHERE id = %s", [id_])
        cursor.execute("ALTER TABLE messaging_message ENABLE TRIGGER history")

    work()

    assert (types(id_), simulator.taken()) == (["accepted", "expired"], [])


def test_a_template_that_was_altered_behind_the_platforms_back_is_not_sent(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, fallback=False)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE templates_app_templateversion DISABLE TRIGGER USER")
        cursor.execute("UPDATE templates_app_templateversion SET content = jsonb_set(content, '{sms,text}', '\"Call me\"')")
        cursor.execute("ALTER TABLE templates_app_templateversion ENABLE TRIGGER USER")
    world.forget()

    work()

    assert (State.objects.get(message_id=id_).error_class, simulator.taken()) == ("template_fault", [])


def test_the_same_provider_id_for_two_messages_confuses_nobody(alice: World, simulator: Simulator) -> None:
    one, two = send(alice, ONE_ID), send(alice, ONE_ID)

    work()

    assert types(one) == types(two) == ["accepted", "submitted"]
    assert ProviderReference.objects.count() == 1


def test_a_worker_that_dies_in_a_call_leaves_it_unknown_not_due(alice: World, simulator: Simulator) -> None:
    id_ = send(alice)
    handoff.begin("utility", rooms=world.rooms(), lease=uuid4())  # and nothing more is heard of that worker

    assert deadlines.find_lost() == 0
    make_due(id_)
    assert handoff.begin("utility", rooms=world.rooms(), lease=uuid4()) == (0, [])
    assert deadlines.find_lost() == 1
    assert Attempt.objects.get(message_id=id_).status == "unknown"


def test_a_late_answer_of_a_worker_that_lost_its_lease_is_a_fact_and_reschedules_nothing(alice: World, simulator: Simulator) -> None:
    id_ = send(alice)
    _, (ready,) = handoff.begin("utility", rooms=world.rooms(), lease=uuid4())
    make_due(id_)
    deadlines.find_lost()

    outcomes.finish([calling.Answered(ready, base.Handoff(reference="wamid.late"))])

    attempt = Attempt.objects.get(message_id=id_)
    assert (attempt.status, attempt.provider_reference, Due.objects.count()) == ("submitted", "wamid.late", 0)


def test_two_workers_never_take_the_same_attempt(alice: World, simulator: Simulator) -> None:
    for _ in range(60):
        send(alice)
    start = threading.Barrier(4)

    def claim(_: int) -> list[UUID]:
        start.wait()
        try:
            return [ready.message_id for _ in range(6) for ready in handoff.begin("utility", rooms=world.rooms(7), lease=uuid4())[1]]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        taken = [id_ for ids_ in threads.map(claim, range(4)) for id_ in ids_]

    assert len(taken) == len(set(taken)) == 60


def test_lanes_do_not_see_each_other(simulator: Simulator) -> None:
    alice = world.make("alice", category="marketing")
    id_ = send(alice)

    work("utility")
    assert types(id_) == ["accepted"]

    work("marketing")
    assert types(id_) == ["accepted", "submitted"]


def test_a_flood_of_one_business_leaves_room_for_another(alice: World) -> None:
    """They share an account and a lane, and the flood came first."""
    bella = world.make("bella")
    for _ in range(40):
        alice.accept()
    small = {ids.parse("msg", bella.accept().body["id"]) for _ in range(3)}

    _, ready = handoff.begin("utility", rooms=world.rooms(10), lease=uuid4())

    begun = {one.message_id for one in ready}
    assert small <= begun
    assert len(begun) <= 10


def test_a_business_alone_has_all_the_room(alice: World) -> None:
    for _ in range(12):
        alice.accept()

    _, ready = handoff.begin("utility", rooms=world.rooms(10), lease=uuid4())

    assert len(ready) == 10


def test_more_businesses_than_room_are_served_in_turn(alice: World) -> None:
    others = [world.make(name) for name in ("bella", "carla", "dora")]
    for each in (alice, *others):
        each.accept()

    begun = [handoff.begin("utility", rooms=world.rooms(2), lease=uuid4())[0] for _ in range(2)]

    assert begun == [2, 2]


def test_what_is_due_at_an_account_that_is_gone_goes_round_by_the_rescue(alice: World) -> None:
    """Nobody claims for an account that is not in the directory."""
    id_ = send(alice)
    stranger = uuid4()
    Due.objects.filter(message_id=id_).update(account_id=stranger, due_at=timezone.now() - timedelta(seconds=20))
    work()
    assert Due.objects.get(message_id=id_).account_id == stranger, "no lane looks at it"

    assert handoff.rescue() == 1

    assert Attempt.objects.get(message_id=id_, number=1).error_class == "account_fault"
    assert Due.objects.get(message_id=id_).number == 2


def test_the_rescue_leaves_alone_what_a_lane_will_claim(alice: World) -> None:
    id_ = send(alice)
    Due.objects.filter(message_id=id_).update(due_at=timezone.now() - timedelta(seconds=20))

    assert handoff.rescue() == 0


def test_an_idle_lane_ends_and_says_that_nothing_is_due(alice: World) -> None:
    assert Lane("utility").run(seconds=5) is False


def test_a_lane_whose_time_is_over_says_that_more_may_be_due(alice: World) -> None:
    send(alice)

    assert Lane("utility").run(seconds=0) is True
