"""Sending again, without ever queueing twice, and finding what an endpoint never heard of."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import ids, news
from accounts.models import Business
from accounts.refusals import NotFound
from callbacks import endpoints, replay, resending
from callbacks.endpoints import EndpointDisabled
from callbacks.models import Delivery, DeliveryDue, Endpoint, Replay
from callbacks.replay import ReplayRunning
from messaging import record as messaging_record
from messaging.models import Message
from messaging.signals import NewEvent
from tests.callbacks.receiver import Receiver, status
from tests.callbacks.webhooks import let_pass, listen, new_business, new_event, pay, record, tries, until

# What is sent again waits for the end of every transaction that was open when it was asked for: a test's own must not be one.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(transactional_db: None) -> Business:
    return new_business()


def whole_time() -> dict[str, Any]:
    return {"begin": timezone.now() - timedelta(days=1), "end": timezone.now() + timedelta(minutes=1), **asked()}


def asked() -> dict[str, Any]:
    return {"by": "tests", "at": timezone.now()}


def through(asked_for: Replay) -> Replay:
    """Work on it until it has ended, as the sweeps do; a receiver that is behind is given its webhooks."""

    def has_ended() -> bool:
        while resending.advance(at=timezone.now()):
            pass
        if DeliveryDue.objects.count() >= resending.BACKLOG:
            pay()
        asked_for.refresh_from_db()
        return asked_for.state not in replay.OPEN

    until(has_ended, within=60.0)
    return asked_for


def queued(asked_for: Replay) -> int:
    return through(asked_for).queued


def tell(business: Business, **fields: Any) -> NewEvent:
    """An event with its message, as messaging writes them."""
    event = new_event(business, **fields)
    now = timezone.now()
    Message.objects.bulk_create(
        [
            Message(
                id=event.message_id,
                business_id=business.id,
                mode=event.mode,
                api_key_id=ids.new(),
                channel="sms",
                lane="utility",
                template_version_id=ids.new(),
                template_name="order_shipped",
                template_number=1,
                language="en",
                content_hash=b"",
                recipient=b"",
                recipient_hash=b"",
                reference=event.reference,
                metadata=event.metadata,
                callback=event.callback,
                route_version_id=ids.new(),
                route_name="usual",
                route_number=1,
                plan=[],
                trace={},
                request_id="",
                created_at=now,
                expires_at=now,
            )
        ]
    )
    with transaction.atomic():
        messaging_record.tell([event])
    return event


def the_delivery() -> Delivery:
    found: Delivery = Delivery.objects.get()
    return found


def test_a_delivery_is_sent_again_with_the_same_id_and_bytes(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url())
    record(new_event(shop))
    pay()

    assert replay.one(the_delivery(), endpoint=endpoint, **asked()).queued == 1
    pay()

    first, second = receiver.got()
    assert (first.id, first.body) == (second.id, second.body)
    assert [(each.number, each.outcome) for each in tries()] == [(1, "delivered"), (2, "delivered")]


def test_what_was_given_up_goes_along_the_whole_schedule_once_more(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)))
    record(new_event(shop))
    for _ in range(8):
        pay()
        let_pass(hours=12)
    assert tries()[-1].outcome == "exhausted"

    replay.one(the_delivery(), endpoint=endpoint, **asked())
    pay()

    assert (tries()[-1].number, tries()[-1].outcome) == (9, "failed")
    assert DeliveryDue.objects.get().tries == 1


def test_what_waits_for_its_hour_is_sent_now(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)))
    record(new_event(shop))
    pay()

    replay.one(the_delivery(), endpoint=endpoint, **asked())

    assert pay() == 1
    assert [each.number for each in tries()] == [1, 2]


def test_asking_twice_queues_once(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url())
    record(*[new_event(shop) for _ in range(50)])
    pay()

    first, second = queued(replay.since(endpoint, **whole_time())), queued(replay.since(endpoint, **whole_time()))

    assert (first, second) == (50, 0)
    assert pay() == 50


def test_since_a_moment_means_from_that_moment_on(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url())
    record(new_event(shop))
    pay()
    moment = timezone.now()
    late = new_event(shop, id=ids.first_at(moment + timedelta(seconds=1)))
    record(late)
    pay()

    assert queued(replay.since(endpoint, begin=moment, end=moment + timedelta(minutes=1), **asked())) == 1
    pay()

    assert [each.id for each in receiver.got()].count(ids.public("evt", late.id)) == 2


def test_missing_is_what_was_never_delivered_and_does_not_wait(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(410)))
    record(new_event(shop))
    pay()
    Endpoint.objects.update(is_enabled=True)
    endpoint.refresh_from_db()
    receiver.at("/hooks", status(200))
    record(new_event(shop))
    pay()
    record(new_event(shop))

    # What it did not take, and that it was disabled, which it could not hear then.
    assert queued(replay.missing(endpoint, **whole_time())) == 2
    pay()

    assert queued(replay.missing(endpoint, **whole_time())) == 0
    assert [each.outcome for each in tries()].count("delivered") == 4


def test_missing_is_also_what_happened_before_the_endpoint_listened(shop: Business, receiver: Receiver) -> None:
    event = tell(shop, reference="order-17", metadata={"till": 3}, detail={"recovered": True})
    tell(shop, type="message.sent", status="sent")
    tell(new_business("stranger"))
    tell(shop, mode="live")
    endpoint = listen(shop, receiver.url(), event_types=["message.delivered"])

    assert queued(replay.missing(endpoint, **whole_time())) == 1
    assert queued(replay.missing(endpoint, **whole_time())) == 0
    pay()

    (received,) = receiver.got()
    assert received.id == ids.public("evt", event.id)
    assert b'"order-17"' in received.body
    assert b'"recovered":true' in received.body


def test_a_callback_misses_only_what_named_it(shop: Business, receiver: Receiver) -> None:
    record(new_event(shop, callback=receiver.url("/mine")))
    endpoint = Endpoint.objects.get()
    Endpoint.objects.update(is_enabled=False)
    event = tell(shop, callback=receiver.url("/mine"))
    tell(shop, callback=receiver.url("/other"))
    tell(shop)
    Endpoint.objects.update(is_enabled=True)
    endpoint.refresh_from_db()

    assert queued(replay.missing(endpoint, **whole_time())) == 1
    pay()

    assert ids.public("evt", event.id) in [each.id for each in receiver.got("/mine")]


def test_a_long_replay_goes_on_slice_by_slice(shop: Business, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resending, "AT_A_TIME", 2)
    endpoint = listen(shop, receiver.url(), event_types=["message.delivered", "template.approved"])
    record(*[new_event(shop) for _ in range(5)])
    pay()
    Endpoint.objects.update(is_enabled=False)
    for _ in range(5):
        tell(shop)
        news.tell(shop, type="template.approved", about={"template": "order_shipped"}, at=timezone.now())
    Endpoint.objects.update(is_enabled=True)
    endpoint.refresh_from_db()

    done = through(replay.since(endpoint, **whole_time()))

    assert (done.state, done.queued, done.looked_at, replay.progress(done)) == ("done", 15, 5 + 5 + 5, 100)
    assert pay() == 15
    assert len({each.id for each in receiver.got()}) == 15


def test_nothing_is_queued_while_the_endpoint_is_behind(shop: Business, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resending, "AT_A_TIME", 5)
    monkeypatch.setattr(resending, "BACKLOG", 5)
    endpoint = listen(shop, receiver.url())
    record(*[new_event(shop) for _ in range(20)])
    pay()

    asked_for = replay.since(endpoint, **whole_time())
    until(lambda: not resending.advance(at=timezone.now()) and DeliveryDue.objects.exists())

    asked_for.refresh_from_db()
    assert (asked_for.state, asked_for.queued, DeliveryDue.objects.count()) == ("running", 5, 5)
    assert 0 < replay.progress(asked_for) < 100
    assert queued(asked_for) == 20


def test_who_asks_for_the_same_again_is_shown_the_one_that_runs(shop: Business) -> None:
    endpoint, time_ = listen(shop), whole_time()

    first, second = replay.since(endpoint, **time_), replay.since(endpoint, **time_)

    assert first == second
    assert Replay.objects.count() == 1


def test_another_one_waits_until_the_first_has_ended(shop: Business) -> None:
    endpoint = listen(shop)
    first = replay.since(endpoint, **whole_time())

    with pytest.raises(ReplayRunning, match=ids.public("rpl", first.id)):
        replay.missing(endpoint, **whole_time())

    replay.cancel(first, at=timezone.now())
    assert through(replay.missing(endpoint, **whole_time())).state == "done"


def test_a_canceled_one_queues_no_more(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url())
    record(new_event(shop))
    pay()
    asked_for = replay.since(endpoint, **whole_time())

    canceled = replay.cancel(asked_for, at=timezone.now())

    assert not resending.advance(at=timezone.now())
    assert (canceled.state, canceled.because, canceled.queued) == ("canceled", "It was canceled.", 0)
    assert replay.cancel(canceled, at=timezone.now()).state == "canceled"
    assert not DeliveryDue.objects.exists()


def test_one_that_has_ended_cannot_be_canceled(shop: Business) -> None:
    done = through(replay.since(listen(shop), **whole_time()))

    assert replay.cancel(done, at=timezone.now()).state == "done"


def test_a_disabled_endpoint_ends_its_replay(shop: Business) -> None:
    endpoint = listen(shop)
    asked_for = replay.since(endpoint, **whole_time())
    Endpoint.objects.update(is_enabled=False)

    ended = through(asked_for)

    assert (ended.state, ended.because) == ("canceled", "Its endpoint was disabled.")


def test_missing_waits_for_whoever_may_still_add_to_it(shop: Business, receiver: Receiver) -> None:
    """A transaction that looked for listeners before the endpoint was enabled commits after the replay was asked for."""
    endpoint = listen(shop, receiver.url(), is_enabled=False)
    has_told, may_commit = threading.Event(), threading.Event()

    def slowly() -> None:
        try:
            with transaction.atomic():
                tell(shop)
                has_told.set()
                assert may_commit.wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(slowly)
        assert has_told.wait(20)
        back = endpoints.change(endpoint, changes={"is_enabled": True}, at=timezone.now())
        asked_for = replay.missing(back, **whole_time())
        while resending.advance(at=timezone.now()):
            pass
        asked_for.refresh_from_db()
        assert asked_for.state == "running"
        may_commit.set()
        running.result()

    assert queued(asked_for) == 1


def test_replays_that_race_are_one() -> None:
    shop = new_business()
    endpoint, time_ = listen(shop), whole_time()
    together = threading.Barrier(4)

    def race(_: int) -> UUID:
        try:
            connection.ensure_connection()
            together.wait()
            return replay.since(endpoint, **time_).id
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(race, range(4)))

    assert len(found) == 1


def test_thousands_asked_for_twice_are_queued_once(shop: Business, receiver: Receiver) -> None:
    """F50: what was given up is sent again; asked for twice, each has one place in the queue."""
    endpoint = listen(shop, receiver.at("/hooks", status(410)))
    for _ in range(10):
        record(*[new_event(shop) for _ in range(200)])
    while DeliveryDue.objects.exists():
        pay()
    back = endpoints.change(Endpoint.objects.get(id=endpoint.id), changes={"is_enabled": True}, at=timezone.now())
    receiver.at("/hooks", status(200))

    asked_for = replay.missing(back, **whole_time())
    while resending.advance(at=timezone.now()):
        pass
    again = replay.missing(back, begin=asked_for.begin, **asked())

    assert again == asked_for
    assert queued(asked_for) == 2_000 + 1  # and that it was disabled
    assert queued(replay.missing(back, **whole_time())) == 0
    while DeliveryDue.objects.exists():
        pay()
    assert [each.outcome for each in tries()].count("delivered") == 2_001


# The way back


def test_the_way_back_brings_what_was_missed(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(410)))
    record(new_event(shop))
    pay()
    missed = tell(shop)
    receiver.at("/hooks", status(200))
    endpoint.refresh_from_db()
    assert endpoint.is_enabled is False

    back, asked_for = replay.come_back(endpoint, **asked())
    assert asked_for is not None
    # What it did not take, what happened then, and that it was disabled.
    assert (back.is_enabled, queued(asked_for)) == (True, 3)
    pay()

    assert ids.public("evt", missed.id) in {each.id for each in receiver.got()}


def test_the_way_back_of_one_that_is_there_changes_nothing(shop: Business) -> None:
    endpoint = listen(shop)

    back, asked_for = replay.come_back(endpoint, **asked())

    assert (back.is_enabled, asked_for) == (True, None)


def test_nothing_is_sent_again_to_a_disabled_endpoint(shop: Business) -> None:
    endpoint = listen(shop, is_enabled=False)
    delivery = Delivery(id=ids.new(), endpoint_id=endpoint.id)

    with pytest.raises(EndpointDisabled):
        replay.one(delivery, endpoint=endpoint, **asked())
    with pytest.raises(EndpointDisabled):
        replay.since(endpoint, **whole_time())
    with pytest.raises(EndpointDisabled):
        replay.missing(endpoint, **whole_time())


def test_a_delivery_is_found_only_by_its_own_endpoint(shop: Business) -> None:
    endpoint, other = listen(shop), listen(shop, event_types=["message.read"])
    record(new_event(shop))
    public = ids.public("dlv", the_delivery().id)

    assert replay.find(public, endpoint=endpoint) == the_delivery()
    for wrong in (public, "dlv_" + "0" * 32, "whe_" + the_delivery().id.hex, "nonsense", ""):
        with pytest.raises(NotFound):
            replay.find(wrong, endpoint=other)


def test_replays_that_race_with_tries_never_use_a_number_twice(receiver: Receiver) -> None:
    shop = new_business()
    endpoint = listen(shop, receiver.url())
    record(*[new_event(shop) for _ in range(40)])
    deliveries = list(Delivery.objects.all())
    done = threading.Event()

    def replay_all() -> None:
        try:
            for _ in range(5):
                for delivery in deliveries:
                    replay.one(delivery, endpoint=endpoint, **asked())
        finally:
            done.set()
            connection.close()

    def pay_on() -> None:
        try:
            while not done.is_set():
                pay(seconds=0.2)
            pay()
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        for running in [pool.submit(replay_all), pool.submit(pay_on), pool.submit(pay_on)]:
            running.result()

    numbers: dict[UUID, list[int]] = {}
    for each in tries():
        numbers.setdefault(each.delivery_id, []).append(each.number)
    assert len(numbers) == 40
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert not DeliveryDue.objects.exists()
