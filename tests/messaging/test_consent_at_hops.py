"""Consent is asked at every hop, learned from providers, and wins or loses a race cleanly: sent first, or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.utils import timezone

from accounts import ids
from accounts.models import BusinessEvent
from messaging import handoff, tracking
from messaging.intake import RecipientSuppressed
from messaging.lane import Lane
from messaging.lifecycle import AttemptStatus, Trouble
from messaging.models import Attempt, Due, Event, State, Suppression
from messaging.suppressions import keeping
from messaging.suppressions.keeping import Wanted
from messaging.tracking import Said
from routing import vault
from tests import world
from tests.messaging.conftest import Simulator
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db(transaction=True)

OPTED_OUT, HAPPY, UNREACHABLE = "+201000000012", "+201000000000", "+201000000014"


@pytest.fixture
def alice(simulator: Simulator) -> World:
    return world.make("alice")


def send(alice: World, recipient: str = HAPPY, **more: object) -> UUID:
    found = ids.parse("msg", alice.accept(recipient=recipient, **more).body["id"])
    assert found
    return found


def work(lane: str = "utility") -> None:
    Lane(lane).run(seconds=5)


def suppress(alice: World, recipient: str = HAPPY, *, channel: str = "") -> None:
    wanted = Wanted(alice.business.pk, vault.blind_index(recipient), "test", channel, "", "opted_out", "keyword")
    keeping.add([wanted], at=timezone.now())


def write(alice: World, recipient: str = HAPPY, *, channel: str = "") -> None:
    """A suppression that nobody has told what waits: as if the two had met on the way."""
    Suppression.objects.create(
        business=alice.business, recipient_hash=vault.blind_index(recipient), channel=channel, reason="opted_out", origin="keyword"
    )


def test_the_first_attempt_asks(alice: World, simulator: Simulator) -> None:
    id_ = send(alice)
    write(alice)

    work()

    state = State.objects.get(message_id=id_)
    assert (state.status, state.error_code, simulator.taken()) == ("failed", "suppressed", [])


def test_the_release_from_a_schedule_asks(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, send_at=timezone.now() + timedelta(days=1))
    write(alice)
    Due.objects.filter(message_id=id_).update(due_at=timezone.now() - timedelta(seconds=1))

    work()

    assert (State.objects.get(message_id=id_).error_code, simulator.taken()) == ("suppressed", [])


def test_a_further_try_of_the_same_attempt_asks(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, "+201000000033")  # broken for ever
    work()
    assert Attempt.objects.get(message_id=id_).tries == 1

    write(alice, "+201000000033")
    Due.objects.filter(message_id=id_).update(due_at=timezone.now() - timedelta(seconds=1))
    work()

    assert (State.objects.get(message_id=id_).error_code, Attempt.objects.get(message_id=id_).tries) == ("suppressed", 1)


def test_a_fallback_asks(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, UNREACHABLE)
    write(alice, UNREACHABLE, channel="sms")

    work()

    made = {attempt.channel: attempt.error_code for attempt in Attempt.objects.filter(message_id=id_)}
    assert made == {"whatsapp": "unreachable", "sms": "suppressed"}
    assert State.objects.get(message_id=id_).status == "failed"


def test_a_provider_that_knows_of_an_opt_out_is_believed_from_then_on(alice: World, simulator: Simulator) -> None:
    id_ = send(alice, OPTED_OUT, channel="sms")

    work()

    learned = Suppression.objects.get()
    assert (learned.channel, learned.category, learned.reason, learned.origin) == ("sms", "", "opted_out", "provider")
    assert learned.evidence == {"provider": "twilio", "code": "21610", "message": ids.public("msg", id_)}
    assert BusinessEvent.objects.get(type="recipient.opted_out").about["message"] == ids.public("msg", id_)
    with pytest.raises(RecipientSuppressed):
        send(alice, OPTED_OUT, channel="sms", fallback=False)


def test_meta_knows_of_advertising_alone(alice: World, simulator: Simulator) -> None:
    send(alice, OPTED_OUT)

    work()

    learned = Suppression.objects.get()
    assert (learned.channel, learned.category, learned.source) == ("whatsapp", "marketing", "meta 131050")


def test_a_receipt_teaches_as_well_and_only_once(alice: World, simulator: Simulator) -> None:
    id_ = send(alice)
    work()
    account = Attempt.objects.get(message_id=id_).account_id
    trouble, at = Trouble("opted_out", "opted_out", "131050"), timezone.now()
    said = Said(id_, 1, account, AttemptStatus.FAILED, at, at, "failed", trouble=trouble, raw_code="131050")

    tracking.apply([said, said], at=at)
    tracking.apply([said], at=at)

    assert (Suppression.objects.count(), BusinessEvent.objects.filter(type="recipient.opted_out").count()) == (1, 1)


def test_what_is_learned_stops_what_waits(alice: World, simulator: Simulator) -> None:
    send(alice, OPTED_OUT, channel="sms")
    later = send(alice, OPTED_OUT, channel="sms", send_at=timezone.now() + timedelta(days=1))

    work()

    assert State.objects.get(message_id=later).status == "canceled"


def test_stop_and_the_hand_off_race_and_one_of_them_wins(alice: World) -> None:
    """Whoever comes first: a message is canceled and never called, or called and never canceled."""
    found = [send(alice) for _ in range(40)]
    gate = threading.Barrier(2)

    def hand_over() -> set[UUID]:
        try:
            gate.wait()
            called: set[UUID] = set()
            for _ in range(8):
                _, ready = handoff.begin("utility", rooms=world.rooms(), lease=uuid4(), limit=5)
                called |= {one.message_id for one in ready}
            return called
        finally:
            connections.close_all()

    def stop() -> None:
        try:
            gate.wait()
            suppress(alice)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        handing, stopping = pool.submit(hand_over), pool.submit(stop)
        stopping.result(timeout=30)
        called = handing.result(timeout=30)

    statuses = dict(State.objects.filter(message_id__in=found).values_list("message_id", "status"))
    ended = {id_ for id_, status in statuses.items() if status in {"canceled", "failed"}}
    assert called.isdisjoint(ended)
    assert called | ended == set(found)
    assert Event.objects.filter(type="message.canceled").count() == sum(status == "canceled" for status in statuses.values())


def test_two_who_suppress_the_same_many_wait_for_nobody(alice: World) -> None:
    hashes = [vault.blind_index(f"+2010012345{number:02d}") for number in range(60)]
    gate = threading.Barrier(2)

    def add(order: int) -> int:
        try:
            gate.wait()
            many = [Wanted(alice.business.pk, hash_, "test", "", "", "opted_out", "api") for hash_ in hashes[::order]]
            return sum(kept.is_new for kept in keeping.add(many, at=timezone.now()))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        new = list(pool.map(add, (1, -1), timeout=30))

    assert (sum(new), Suppression.objects.count()) == (60, 60)


def test_the_number_of_nobody_is_written_to_no_log(alice: World, simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    send(alice, OPTED_OUT, channel="sms")
    send(alice, NUMBER)

    work()

    assert OPTED_OUT[1:] not in caplog.text
