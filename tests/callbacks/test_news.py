"""A business's own events: written once, owed to whoever asked for them, and in one order with its messages' events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import ids, news
from accounts.history import HistoryIsReadOnly
from accounts.models import Business, BusinessEvent
from accounts.signals import News
from callbacks.models import Delivery, DeliveryDue, Endpoint
from messaging import history
from tests import world
from tests.callbacks.receiver import Receiver
from tests.callbacks.webhooks import listen, new_business, new_event, pay, record, secret_of, settle
from tests.world import World

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def tell(business: Business, **more: Any) -> News:
    given: dict[str, Any] = {"type": "template.approved", "about": {"template": "order_shipped", "version": 3}, "at": AT}
    return news.tell(business, **(given | more))


def owed_to(endpoint: Endpoint) -> list[Any]:
    return sorted(Delivery.objects.filter(endpoint_id=endpoint.id).values_list("event_id", flat=True))


def test_it_is_told_in_both_worlds_to_whoever_asked_for_its_type(shop: Business) -> None:
    test, live = listen(shop), listen(shop, mode="live", event_types=["template.approved"])
    others = [listen(shop, event_types=["template.rejected"]), listen(shop, is_enabled=False), listen(new_business("stranger"))]

    told = tell(shop)

    assert owed_to(test) == owed_to(live) == [told.id]
    assert [owed_to(other) for other in others] == [[], [], []]
    assert set(Delivery.objects.values_list("mode", flat=True)) == {"test", "live"}


def test_one_that_names_a_mode_stays_in_that_world(shop: Business) -> None:
    test, live = listen(shop), listen(shop, mode="live")

    told = tell(shop, type="provider.degraded", about={"provider": "meta", "mode": "live"})

    assert (owed_to(test), owed_to(live)) == ([], [told.id])


def test_a_requests_callback_hears_of_none(shop: Business) -> None:
    record(new_event(shop, callback="https://shop.example/hooks"))

    tell(shop)

    assert Delivery.objects.count() == 1


def test_it_arrives_signed_like_any_webhook(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url())

    told = tell(shop)
    pay()

    (received,) = receiver.got()
    received.verify(secret_of(endpoint))
    assert received.id == ids.public("evt", told.id)
    assert orjson.loads(received.body) == {
        "type": "template.approved",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {"template": "order_shipped", "version": 3},
    }


def test_event_and_debt_are_undone_together(shop: Business) -> None:
    listen(shop)

    with transaction.atomic():
        tell(shop)
        transaction.set_rollback(True)

    assert not BusinessEvent.objects.exists()
    assert not DeliveryDue.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "template.painted"},
        {"about": {"recipient": "+201001234567"}},
        {"about": {"text": "hello"}},
        {"about": {"nested": {"a": 1}}},
        {"about": {"long": "x" * 3_000}},
        {"about": {"mode": "both"}},
    ],
)
def test_what_no_event_may_say_is_never_written(shop: Business, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"an event|is not a valid"):
        tell(shop, **wrong)

    assert not BusinessEvent.objects.exists()


def test_the_model_refuses_to_change_it(shop: Business) -> None:
    tell(shop)

    with pytest.raises(HistoryIsReadOnly):
        BusinessEvent.objects.update(type="template.rejected")
    with pytest.raises(HistoryIsReadOnly):
        BusinessEvent.objects.all().delete()


@pytest.mark.parametrize("sql", ["UPDATE accounts_businessevent SET type = 'template.rejected'", "DELETE FROM accounts_businessevent"])
def test_the_database_refuses_to_change_it(shop: Business, sql: str) -> None:
    tell(shop)

    with pytest.raises(IntegrityError, match="history is read-only"), connection.cursor() as cursor:
        cursor.execute(sql)


def test_it_lies_in_the_partition_of_its_week(shop: Business) -> None:
    tell(shop)

    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM accounts_businessevent")
        assert cursor.fetchone()[0] == f"accounts_businessevent_{timezone.now().astimezone(UTC):%Gw%V}"


# One order with the messages' events


def feed(alice: World, *, is_settled: bool = True, **query: str) -> dict[str, Any]:
    if is_settled:
        settle()
    return history.feed(query, caller=alice.caller)


@pytest.mark.django_db(transaction=True)
def test_the_feed_shows_both_kinds_in_the_order_of_their_transactions() -> None:
    alice = world.make("alice")
    before = [item["type"] for item in feed(alice)["items"]]
    tell(alice.business)
    accepted = alice.accept().body["id"]
    tell(alice.business, type="endpoint.disabled", about={"endpoint": "whe_1", "mode": "test"})
    tell(alice.business, type="endpoint.disabled", about={"endpoint": "whe_2", "mode": "live"})
    tell(new_business("stranger"))

    items = feed(alice)["items"][len(before) :]

    assert [item["type"] for item in items] == ["template.approved", "message.accepted", "endpoint.disabled"]
    assert [item["message"] for item in items] == [None, accepted, None]
    assert [item["about"] for item in items] == [
        {"template": "order_shipped", "version": 3},
        None,
        {"endpoint": "whe_1", "mode": "test"},
    ]


@pytest.mark.django_db(transaction=True)
def test_pages_of_the_feed_cut_nowhere() -> None:
    alice = world.make("alice")
    for _ in range(4):
        tell(alice.business)
        alice.accept()
    whole = [item["id"] for item in feed(alice)["items"]]

    found, after = [], ""
    while items := (page := feed(alice, after=after, limit="3"))["items"]:
        found, after = found + [item["id"] for item in items], page["next_cursor"]

    assert found == whole
    assert len(whole) >= 8


@pytest.mark.django_db(transaction=True)
def test_a_message_and_news_of_one_transaction_are_ordered_by_their_ids() -> None:
    alice = world.make("alice")

    with transaction.atomic():
        alice.accept()
        tell(alice.business)

    assert [item["type"] for item in feed(alice)["items"]][-2:] == ["message.accepted", "template.approved"]


@pytest.mark.django_db(transaction=True)
def test_a_reader_never_passes_news_that_commits_late() -> None:
    alice = world.make("alice")
    start = feed(alice)["next_cursor"] or ""
    slow = connection.copy()
    try:
        slow.ensure_connection()
        with slow.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "INSERT INTO accounts_businessevent (id, business_id, type, about, occurred_at, recorded_at)"
                " VALUES (%s, %s, 'template.paused', '{}', now(), now())",
                [ids.new(), alice.business.pk],
            )
        tell(alice.business)
        assert feed(alice, is_settled=False, after=start)["items"] == []
        with slow.cursor() as cursor:
            cursor.execute("COMMIT")
    finally:
        slow.close()

    assert [item["type"] for item in feed(alice, after=start)["items"]] == ["template.paused", "template.approved"]


@pytest.mark.django_db(transaction=True)
def test_the_feed_can_be_narrowed_to_a_type_of_either_kind() -> None:
    alice = world.make("alice")
    tell(alice.business)
    alice.accept()

    types = {item["type"] for item in feed(alice, type="message.accepted,template.approved")["items"]}

    assert types == {"message.accepted", "template.approved"}
