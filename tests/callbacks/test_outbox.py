"""Fact and debt commit together: each event is owed once to each endpoint that asked for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import ids
from accounts.models import Business
from callbacks import outbox
from callbacks.models import Delivery, DeliveryDue, Endpoint
from messaging import signals
from tests.callbacks.webhooks import AT, listen, new_business, new_event, record

URL = "https://shop.example/hooks"


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def owed_to(endpoint: Endpoint) -> list[UUID]:
    return sorted(Delivery.objects.filter(endpoint_id=endpoint.id).values_list("event_id", flat=True))


def test_an_event_is_owed_to_every_endpoint_that_asked_for_its_type(shop: Business) -> None:
    every, some, others = listen(shop), listen(shop, event_types=["message.delivered"]), listen(shop, event_types=["message.read"])

    events = record(new_event(shop), new_event(shop, type="message.sent"))

    assert owed_to(every) == sorted(events)
    assert owed_to(some) == events[:1]
    assert owed_to(others) == []


def test_what_is_owed_waits_in_the_queue_from_the_same_commit_on(shop: Business) -> None:
    endpoint = listen(shop)

    record(new_event(shop))

    due = DeliveryDue.objects.get()
    assert due.delivery_id == Delivery.objects.get().id
    assert (due.endpoint_id, due.lane, due.tries, due.lease) == (endpoint.id, endpoint.lane, 0, None)
    assert due.due_at <= timezone.now()


@pytest.mark.parametrize("fields", [{"is_enabled": False}, {"removed_at": AT}, {"mode": "live"}])
def test_nothing_is_owed_to_an_endpoint_that_does_not_listen(shop: Business, fields: dict[str, Any]) -> None:
    endpoint = listen(shop, **fields)

    record(new_event(shop))

    assert owed_to(endpoint) == []


def test_nobody_hears_of_another_business(shop: Business) -> None:
    stranger = listen(new_business("stranger"))

    record(new_event(shop))

    assert owed_to(stranger) == []


def test_a_callback_is_an_endpoint_of_its_own_for_the_messages_that_name_it(shop: Business) -> None:
    named, silent = new_event(shop, callback=URL), new_event(shop)

    record(named, silent)

    endpoint = Endpoint.objects.get(kind="callback")
    assert (endpoint.business_id, endpoint.mode, endpoint.url) == (shop.id, "test", URL)
    assert owed_to(endpoint) == [named.id]


def test_a_callback_hears_of_every_type(shop: Business) -> None:
    events = record(*[new_event(shop, callback=URL, type=f"message.{word}") for word in ("accepted", "submitted", "fallback", "failed")])

    assert owed_to(Endpoint.objects.get()) == sorted(events)


def test_messages_that_name_the_same_callback_share_its_row(shop: Business) -> None:
    record(new_event(shop, callback=URL), new_event(shop, callback=URL))
    record(new_event(shop, callback=URL))

    assert len(owed_to(Endpoint.objects.get())) == 3


def test_the_same_callback_of_another_business_or_mode_is_another_endpoint(shop: Business) -> None:
    record(new_event(shop, callback=URL), new_event(shop, callback=URL, mode="live"), new_event(new_business("stranger"), callback=URL))

    assert Endpoint.objects.count() == 3


def test_callbacks_of_one_business_to_one_origin_share_a_lane(shop: Business) -> None:
    record(
        new_event(shop, callback=URL + "?order=1"), new_event(shop, callback="https://SHOP.example/other"), new_event(shop, callback=URL)
    )
    record(new_event(shop, callback="https://shop.example:8443/hooks"), new_event(new_business("stranger"), callback=URL))

    assert Endpoint.objects.count() == 5
    assert len(set(Endpoint.objects.values_list("lane", flat=True))) == 3


def test_the_longest_callback_that_the_api_takes_fits(shop: Business) -> None:
    url = "https://shop.example/" + "".join(chr(0x4E00 + number) for number in range(1_979))

    record(new_event(shop, callback=url))
    record(new_event(shop, callback=url))

    assert len(owed_to(Endpoint.objects.get(url=url))) == 2


def test_a_callback_that_is_registered_too_hears_once_by_each_road(shop: Business) -> None:
    registered = listen(shop)

    (event,) = record(new_event(shop, callback=URL))

    assert owed_to(registered) == owed_to(Endpoint.objects.get(kind="callback")) == [event]


def test_a_disabled_callback_is_left_alone(shop: Business) -> None:
    record(new_event(shop, callback=URL))
    Endpoint.objects.update(is_enabled=False)

    record(new_event(shop, callback=URL))

    assert Delivery.objects.count() == 1


def test_the_same_event_is_never_owed_twice(shop: Business) -> None:
    listen(shop)
    event = new_event(shop, callback=URL)

    record(event)
    record(event)

    assert Delivery.objects.count() == DeliveryDue.objects.count() == 2


def test_a_delivery_falls_into_the_time_of_its_event(shop: Business) -> None:
    listen(shop)
    (event,) = record(new_event(shop))

    delivery = Delivery.objects.get()

    assert ids.made_at(delivery.id) == ids.made_at(event)
    assert delivery.id.version == 7


def test_what_is_rolled_back_owes_nothing(shop: Business) -> None:
    listen(shop)

    with transaction.atomic():
        signals.recorded.send(sender=None, events=[new_event(shop, callback=URL)])
        transaction.set_rollback(True)

    assert not Delivery.objects.exists()
    assert not Endpoint.objects.filter(kind="callback").exists()


def test_events_by_the_hundred_take_one_statement(shop: Business, django_assert_num_queries: Any) -> None:
    listen(shop)
    events = [new_event(shop, callback=f"{URL}/{number % 7}") for number in range(300)]

    with transaction.atomic(), django_assert_num_queries(1):
        signals.recorded.send(sender=None, events=events)

    assert Delivery.objects.count() == DeliveryDue.objects.count() == 600


def test_the_body_is_thin_and_exactly_as_documented(shop: Business) -> None:
    listen(shop)
    event = new_event(
        shop,
        reference="order-17",
        metadata={"till": 3},
        detail={"fallback": {"from": "whatsapp", "because": "unreachable"}},
        occurred_at=datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC),
    )

    record(event)

    assert orjson.loads(Delivery.objects.get().body) == {
        "type": "message.delivered",
        "timestamp": "2026-03-01T12:00:00.500000Z",
        "data": {
            "id": ids.public("msg", event.message_id),
            "seq": 4,
            "previous_status": "sent",
            "status": "delivered",
            "final": True,
            "channel": "sms",
            "reference": "order-17",
            "metadata": {"till": 3},
            "error": None,
            "fallback": {"from": "whatsapp", "because": "unreachable"},
        },
    }


def test_an_error_is_told_in_our_words_and_the_providers(shop: Business) -> None:
    event = new_event(shop, type="message.failed", error_class="unreachable", error_code="unreachable", raw_code="131026")

    data = orjson.loads(outbox.body(event))["data"]

    assert data["error"] == {"class": "unreachable", "code": "unreachable", "provider_code": "131026"}


@pytest.mark.parametrize("word", ["recovered", "late"])
def test_an_odd_course_is_said_where_it_happened_and_only_there(shop: Business, word: str) -> None:
    odd, plain = (orjson.loads(outbox.body(new_event(shop, detail=detail)))["data"] for detail in ({word: True}, None))

    assert odd[word] is True
    assert word not in plain


def test_any_text_of_the_customers_is_kept_to_the_letter(shop: Business) -> None:
    listen(shop)
    event = new_event(shop, reference="\"\\u0000' \u2028 🦉", metadata={"ключ": "%s {} \\"})

    record(event)

    assert Delivery.objects.get().body.encode() == outbox.body(event)


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_that_name_a_new_callback_make_one_row_and_lose_nothing() -> None:
    shop = new_business()
    together = threading.Barrier(20)

    def accept(_: int) -> None:
        try:
            with transaction.atomic():
                connection.ensure_connection()
                together.wait()
                signals.recorded.send(sender=None, events=[new_event(shop, callback=URL)])
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(accept, range(20)))

    assert len(owed_to(Endpoint.objects.get())) == 20
    assert DeliveryDue.objects.count() == 20


def test_where_nobody_listens_one_small_question_is_all(shop: Business, django_assert_num_queries: Any) -> None:
    with transaction.atomic(), django_assert_num_queries(1):
        signals.recorded.send(sender=None, events=[new_event(shop) for _ in range(300)])

    assert Delivery.objects.count() == 0


def test_an_event_that_names_nobody_is_still_heard_beside_one_that_does(shop: Business) -> None:
    listen(shop)
    with transaction.atomic():
        signals.recorded.send(sender=None, events=[new_event(shop), new_event(shop, callback=f"{URL}/own")])

    assert Delivery.objects.count() == DeliveryDue.objects.count() == 3
