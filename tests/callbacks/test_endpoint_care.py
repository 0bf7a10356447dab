"""What an endpoint may ask for: headers, a rate, full bodies; and how it is cared for when it fails or nobody names it any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts import ids
from accounts.models import Business, BusinessEvent
from alerts.models import Alert
from callbacks import address, bodies, clearing, endpoints, health, history
from callbacks.headers import HeaderRefused
from callbacks.models import Delivery, DeliveryDue, DeliveryTry, Endpoint, FullBody
from tests import world
from tests.callbacks.receiver import Receiver, status
from tests.callbacks.webhooks import let_pass, listen, new_business, new_event, pay, record, tries, until
from tests.world import NUMBER


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def register(business: Business, **fields: Any) -> Endpoint:
    given = {"mode": "test", "url": "https://shop.example/hooks", "at": timezone.now()}
    return endpoints.register(business.id, **(given | fields))[0]


def change(endpoint: Endpoint, **changes: Any) -> Endpoint:
    return endpoints.change(endpoint, changes=changes, at=timezone.now())


# One spelling


@pytest.mark.parametrize(
    "variant, normal",
    [
        ("HTTPS://Shop.Example:443", "https://shop.example/"),
        ("https://shop.example:443/A?b=C%7e", "https://shop.example/A?b=C%7e"),
        ("https://shop.example:8443/", "https://shop.example:8443/"),
        ("https://[2606:4700::ABCD]:443/x", "https://[2606:4700::abcd]/x"),
        ("https://shop.example?order=1", "https://shop.example/?order=1"),
        ("http://shop.example:80/x", "http://shop.example/x"),
        ("http://shop.example:443/x", "http://shop.example:443/x"),
    ],
)
def test_a_url_has_one_spelling(variant: str, normal: str) -> None:
    assert address.normal(variant) == normal
    assert address.normal(normal) == normal


def test_spellings_of_a_callback_are_one_endpoint(shop: Business) -> None:
    record(new_event(shop, callback="https://shop.example/hooks"), new_event(shop, callback="https://SHOP.example:443/hooks"))

    endpoint = Endpoint.objects.get()
    assert Delivery.objects.filter(endpoint_id=endpoint.id).count() == 2


def test_types_are_kept_once(shop: Business) -> None:
    endpoint = register(shop, event_types=["message.read", "message.read", "message.sent"])

    assert endpoint.event_types == ["message.read", "message.sent"]
    assert change(endpoint, event_types=["message.sent"] * 3).event_types == ["message.sent"]


# Headers of its own


def test_own_headers_go_with_each_webhook_and_never_over_ours(shop: Business, receiver: Receiver) -> None:
    register(shop, url=receiver.url(), headers={"Authorization": "Bearer canary-4711", "X-Tenant": "shop"})
    record(new_event(shop))

    pay()
    pay()

    (received,) = receiver.got()
    assert (received.headers["authorization"], received.headers["x-tenant"]) == ("Bearer canary-4711", "shop")
    assert received.headers["content-type"] == "application/json"


def test_own_headers_are_sealed_and_only_named(shop: Business) -> None:
    endpoint = register(shop, headers={"Authorization": "Bearer canary-4711"})

    assert b"canary" not in bytes(endpoint.headers or b"")
    told = history.tell(endpoint)
    assert told["header_names"] == ["Authorization"]
    assert "canary" not in str(told)
    assert history.tell(change(endpoint, headers={}))["header_names"] == []


@pytest.mark.parametrize(
    "name, value",
    [
        ("Host", "elsewhere"),
        ("content-type", "text/plain"),
        ("Webhook-Signature", "v1,x"),
        ("Transfer-Encoding", "chunked"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("bad name", "x"),
        ("", "x"),
        ("X-A", ""),
        ("X-A", "a\r\nX-B: b"),
        ("X-A", "é"),
        ("X-A", " x"),
        ("X-A", "x" * 1_001),
        ("X-Ünder", "x"),
    ],
)
def test_a_header_that_is_ours_or_unsafe_is_refused_by_name_without_its_value(shop: Business, name: str, value: str) -> None:
    with pytest.raises(HeaderRefused) as refused:
        register(shop, headers={name: value})

    assert refused.value.errors[0].field == f"headers.{name}"
    assert not Endpoint.objects.exists()


def test_too_many_headers_or_one_twice_are_refused(shop: Business) -> None:
    with pytest.raises(HeaderRefused):
        register(shop, headers={f"X-{number}": "x" for number in range(21)})
    with pytest.raises(HeaderRefused):
        register(shop, headers={"X-A": "1", "x-a": "2"})


# A rate


def test_a_rate_lets_through_so_many_and_keeps_the_others_in_their_places(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.url(), rate_limit=3, tokens=3, tokens_at=timezone.now() + timedelta(hours=1))
    record(*[new_event(shop) for _ in range(10)])
    order = list(DeliveryDue.objects.order_by("delivery_id").values_list("delivery_id", "due_at"))

    pay(seconds=0.2)

    assert len(receiver.got()) == 3
    assert list(DeliveryDue.objects.order_by("delivery_id").values_list("delivery_id", "due_at")) == order[3:]
    assert not DeliveryDue.objects.exclude(lease=None).exists()


def test_time_fills_the_bucket_again_and_no_further_than_a_second_s_worth(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url(), rate_limit=3, tokens=0, tokens_at=timezone.now() - timedelta(hours=1))
    record(*[new_event(shop) for _ in range(10)])

    pay(seconds=0.1)
    # The clock that fills it is the database's; an hour ahead, it fills nothing for now.
    assert len(receiver.got()) == 3
    Endpoint.objects.filter(id=endpoint.id).update(tokens=0, tokens_at=timezone.now() + timedelta(hours=1))
    pay(seconds=0.1)
    assert len(receiver.got()) == 3


def test_a_slowed_endpoint_slows_nobody_else(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.url("/slow"), rate_limit=1, tokens=0, tokens_at=timezone.now() + timedelta(hours=1))
    listen(shop, receiver.url("/fast"))
    record(*[new_event(shop) for _ in range(40)])

    pay(seconds=0.5)

    assert (len(receiver.got("/slow")), len(receiver.got("/fast"))) == (0, 40)


def test_the_database_refuses_a_rate_of_nothing(shop: Business) -> None:
    with pytest.raises(IntegrityError):
        listen(shop, rate_limit=0)


# The breaker


def test_ten_failures_in_a_row_give_it_a_rest_and_one_success_ends_it(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)))
    record(*[new_event(shop) for _ in range(10)])
    pay()
    endpoint.refresh_from_db()
    assert endpoint.failures == health.TRIPS
    assert endpoint.resting_until is not None

    record(new_event(shop))
    assert pay() == 0
    assert len(tries()) == 10

    receiver.at("/hooks", status(200))
    let_pass(minutes=20)
    until(lambda: pay() and not DeliveryDue.objects.exists())  # for a second this process still believes that it rests

    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.resting_until) == (0, None, None)
    assert len(receiver.got()) == 21


def test_a_rest_grows_with_the_failures_up_to_ten_minutes(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)), failures=10_000)
    record(new_event(shop))

    pay()

    endpoint.refresh_from_db()
    assert endpoint.resting_until is not None
    assert timedelta(seconds=health.LONGEST - 60) < endpoint.resting_until - timezone.now() <= timedelta(seconds=health.LONGEST)


def test_nine_failures_are_no_reason(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)))
    record(*[new_event(shop) for _ in range(9)])

    pay()

    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.resting_until) == (9, None)


# Disabled, and told


@pytest.mark.parametrize("code, failing_since, because", [(410, None, health.GONE), (500, timedelta(days=5, minutes=1), health.FAILED)])
def test_who_is_disabled_is_told_of_at_the_others_and_staff_are_alerted(
    shop: Business, receiver: Receiver, code: int, failing_since: timedelta | None, because: str
) -> None:
    endpoint = listen(
        shop,
        receiver.at("/gone", status(code)),
        event_types=["message.delivered"],
        failing_since=failing_since and timezone.now() - failing_since,
    )
    listen(shop, receiver.url(), event_types=["endpoint.disabled"])
    record(new_event(shop))

    pay()
    pay()

    (told,) = receiver.got()
    data = orjson.loads(told.body)["data"]
    assert (data["endpoint"], data["because"], data["mode"]) == (history.tell(endpoint)["id"], because, "test")
    alert = Alert.objects.get()
    assert (alert.kind, alert.about, alert.resolved_at) == ("endpoint_disabled", data["endpoint"], None)

    endpoint.refresh_from_db()
    change(endpoint, is_enabled=True)
    alert.refresh_from_db()
    assert alert.resolved_at is not None


def test_switching_off_by_hand_alerts_nobody(shop: Business) -> None:
    change(listen(shop), is_enabled=False)

    assert not Alert.objects.exists()
    assert not BusinessEvent.objects.exists()


# Full bodies


def bodies_at(receiver: Receiver, path: str = "/hooks") -> list[dict[str, Any]]:
    return [orjson.loads(each.body) for each in receiver.got(path)]


@pytest.fixture
def alice(db: None) -> world.World:
    return world.make("alice")


def test_a_full_body_says_to_whom_and_what(alice: world.World, receiver: Receiver) -> None:
    listen(alice.business, receiver.url(), body="full")
    listen(alice.business, receiver.url("/thin"))

    alice.accept()
    pay()

    ((full,), (thin,)) = bodies_at(receiver), bodies_at(receiver, "/thin")
    assert full["data"]["recipient"] == NUMBER
    assert full["data"]["content"] == {"text": "Your order A-17 is on its way."}
    assert thin["data"] == {name: value for name, value in full["data"].items() if name not in {"recipient", "content"}}


def test_what_is_full_is_kept_sealed_and_apart(alice: world.World, receiver: Receiver) -> None:
    listen(alice.business, receiver.url(), body="full")

    alice.accept()
    pay()

    assert NUMBER not in Delivery.objects.get().body
    assert NUMBER.encode() not in bytes(FullBody.objects.get().sealed)


def test_each_try_has_the_same_bytes(alice: world.World, receiver: Receiver) -> None:
    listen(alice.business, receiver.at("/hooks", status(500)), body="full")
    alice.accept()

    for _ in range(3):
        pay()
        let_pass(hours=1)

    assert len(receiver.got()) == 3
    assert len({each.body for each in receiver.got()}) == 1


def test_the_log_keeps_no_answer_to_a_full_webhook(alice: world.World, receiver: Receiver) -> None:
    listen(alice.business, receiver.url(), body="full")
    alice.accept()

    pay()

    assert DeliveryTry.objects.get().answer is None


def test_full_bodies_are_cleared_soon_and_a_replay_makes_them_anew(alice: world.World, receiver: Receiver) -> None:
    listen(alice.business, receiver.url(), body="full")
    alice.accept()
    pay()

    assert bodies.forget(at=timezone.now()) == 0
    assert bodies.forget(at=timezone.now() + bodies.KEPT + timedelta(minutes=1)) == 1


def test_the_business_s_own_events_have_nothing_to_fill(alice: world.World, receiver: Receiver) -> None:
    endpoint = listen(alice.business, receiver.url(), body="full")

    endpoints.try_out(endpoint, type_="template.approved", at=timezone.now())
    pay()

    assert "recipient" not in bodies_at(receiver)[0]["data"]


# Callbacks that nobody names any more

OLD = timedelta(days=91)


def test_a_callback_that_nobody_names_is_cleared_after_a_day_of_notice(shop: Business, receiver: Receiver) -> None:
    _an_old_callback(shop)
    now = timezone.now()

    assert clearing.clear(at=now) == 0
    assert Endpoint.objects.get().unused_since == now
    assert clearing.clear(at=now + timedelta(hours=12)) == 0
    assert clearing.clear(at=now + timedelta(hours=25)) == 1
    assert not Endpoint.objects.exists()


def test_naming_it_meanwhile_keeps_it(shop: Business) -> None:
    url = _an_old_callback(shop)
    now = timezone.now()
    clearing.clear(at=now)

    record(new_event(shop, callback=url))

    assert Endpoint.objects.get().unused_since is None
    assert Delivery.objects.count() == 1
    assert clearing.clear(at=now + timedelta(hours=25)) == 0


def test_one_in_use_one_owed_something_and_one_switched_off_stay(shop: Business) -> None:
    record(new_event(shop, callback="https://shop.example/used"))
    record(new_event(shop, callback="https://shop.example/off"))
    Endpoint.objects.filter(url="https://shop.example/off").update(is_enabled=False)
    listen(shop, "https://shop.example/registered")
    Endpoint.objects.update(created_at=timezone.now() - OLD)

    clearing.clear(at=timezone.now())

    assert not Endpoint.objects.exclude(unused_since=None).exists()


def _an_old_callback(shop: Business) -> str:
    id_, url = ids.new(), "https://shop.example/mine"
    Endpoint.objects.create(id=id_, lane=id_, business=shop, mode="test", kind="callback", url=url)
    Endpoint.objects.update(created_at=timezone.now() - OLD)
    return url
