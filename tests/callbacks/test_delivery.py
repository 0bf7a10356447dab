"""Webhooks reach their receivers over real HTTP, whatever the receivers do."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import orjson
import pytest
import time_machine
from django.utils import timezone

from accounts import ids
from accounts.models import Business
from callbacks import keyring, outbox
from callbacks.keyring import Holder, Signature
from callbacks.models import Delivery, DeliveryDue, DeliveryTry, Endpoint, SigningSecret
from tests.callbacks import receiver as behaviours
from tests.callbacks.receiver import Receiver, after, status
from tests.callbacks.webhooks import let_pass, listen, new_business, new_event, pay, record, secret_of, tries, until


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def last_try() -> DeliveryTry:
    found: DeliveryTry = DeliveryTry.objects.order_by("number").last()
    return found


def test_a_webhook_arrives_signed_with_the_endpoints_secret(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url())
    event = new_event(shop, reference="Zoë 🦉")
    record(event)

    assert pay() == 1

    (received,) = receiver.got()
    received.verify(secret_of(endpoint))
    assert received.body == outbox.body(event)
    assert received.id == ids.public("evt", event.id)
    assert received.headers["content-type"] == "application/json"


def test_what_was_delivered_is_logged_and_owed_no_more(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.url())
    record(new_event(shop))

    pay()

    (one,) = tries()
    assert (one.number, one.outcome, one.status_code, one.error, one.answer, one.next_try_at) == (
        1,
        "delivered",
        200,
        None,
        "thank you",
        None,
    )
    assert one.milliseconds < 2_000
    assert not DeliveryDue.objects.exists()
    assert pay() == 0


def test_a_requests_callback_is_signed_with_the_business_secret(shop: Business, receiver: Receiver) -> None:
    record(new_event(shop, callback=receiver.url("/orders?order=17")))

    pay()

    (received,) = receiver.got("/orders")
    received.verify(secret_of(Endpoint.objects.get()))


def test_two_endpoints_of_one_business_have_different_secrets(shop: Business, receiver: Receiver) -> None:
    one, other = listen(shop, receiver.url("/one")), listen(shop, receiver.url("/other"))
    record(new_event(shop))

    pay()

    receiver.got("/one")[0].verify(secret_of(one))
    receiver.got("/other")[0].verify(secret_of(other))
    assert secret_of(one) != secret_of(other)


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(shop: Business, receiver: Receiver, code: int) -> None:
    listen(shop, receiver.at("/hooks", status(code)))
    record(new_event(shop))

    pay()

    assert last_try().outcome == "delivered"


@pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308, 400, 401, 404, 408, 429, 500, 502, 503, 504, 599])
def test_everything_else_fails_and_is_tried_again(shop: Business, receiver: Receiver, code: int) -> None:
    listen(shop, receiver.at("/hooks", status(code)))
    record(new_event(shop))

    pay()

    failed = last_try()
    assert (failed.outcome, failed.status_code) == ("failed", code)
    assert failed.next_try_at is not None
    assert timedelta(seconds=4) < failed.next_try_at - timezone.now() < timedelta(seconds=6)
    assert DeliveryDue.objects.get().due_at == failed.next_try_at


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(shop: Business, receiver: Receiver, code: int) -> None:
    listen(shop, receiver.at("/hooks", status(code, Location=receiver.url("/elsewhere"))))
    record(new_event(shop))

    pay()

    assert receiver.got("/elsewhere") == []
    assert last_try().error == "redirected"


def test_a_retry_bears_the_same_id_and_bytes_with_a_fresh_timestamp_and_signature(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)))
    record(new_event(shop))
    pay()
    let_pass(seconds=6)
    until(lambda: time.time() >= int(receiver.got()[0].headers["webhook-timestamp"]) + 1)

    pay()

    first, second = receiver.got()
    assert (first.id, first.body) == (second.id, second.body)
    assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert second.headers["webhook-signature"] != first.headers["webhook-signature"]
    second.verify(secret_of(endpoint))


@pytest.mark.parametrize("hours", [1, -1])
def test_a_worker_s_wrong_clock_is_not_what_receivers_see(shop: Business, receiver: Receiver, hours: int) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(200)))
    record(new_event(shop))

    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        pay()

    (got,) = receiver.got()
    got.verify(secret_of(endpoint))
    assert abs(last_try().started_at - timezone.now()) < timedelta(minutes=1)


def test_an_endpoint_that_comes_back_gets_what_it_missed(shop: Business, receiver: Receiver) -> None:
    url = receiver.at("/hooks", status(503))
    endpoint = listen(shop, url)
    record(new_event(shop))
    pay()
    receiver.at("/hooks", status(200))
    let_pass(seconds=6)

    pay()

    assert [each.outcome for each in tries()] == ["failed", "delivered"]
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_the_eighth_failure_is_the_last(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.at("/hooks", status(500)))
    record(new_event(shop))

    for _ in range(10):
        pay()
        let_pass(hours=12)

    assert [each.outcome for each in tries()] == ["failed"] * 7 + ["exhausted"]
    assert not DeliveryDue.objects.exists()
    assert Delivery.objects.count() == 1


def test_nothing_is_tried_before_its_hour(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.at("/hooks", status(500)))
    record(new_event(shop))
    pay()

    let_pass(seconds=3)

    assert pay() == 0


@pytest.mark.parametrize("header", ["120", "date"])
def test_a_rest_that_was_asked_for_holds_for_every_webhook_of_the_endpoint(shop: Business, receiver: Receiver, header: str) -> None:
    until = timezone.now() + timedelta(seconds=120)
    text = until.strftime("%a, %d %b %Y %H:%M:%S GMT") if header == "date" else header
    endpoint = listen(shop, receiver.at("/hooks", status(429, Retry_After=text)))
    record(new_event(shop))
    pay()
    record(new_event(shop), new_event(shop))

    assert pay() == 0

    endpoint.refresh_from_db()
    assert endpoint.resting_until is not None
    assert timedelta(seconds=110) < endpoint.resting_until - timezone.now() <= timedelta(seconds=120)
    assert min(DeliveryDue.objects.values_list("due_at", flat=True)) <= endpoint.resting_until
    assert [each.outcome for each in tries()] == ["failed"]


def test_an_endless_rest_is_cut_to_a_day(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(503, Retry_After="99999999")))
    record(new_event(shop))

    pay()

    endpoint.refresh_from_db()
    assert endpoint.resting_until is not None
    assert endpoint.resting_until - timezone.now() <= timedelta(hours=24)


def test_410_disables_the_endpoint(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(410)))
    record(new_event(shop), new_event(shop))
    pay()
    record(new_event(shop))

    pay()

    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_because) == (False, "It answered 410 Gone.")
    assert {each.outcome for each in tries()} == {"exhausted"}
    assert Delivery.objects.count() == 2
    assert not DeliveryDue.objects.exists()


def test_an_endpoint_that_only_failed_for_five_days_is_disabled(
    shop: Business, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)))
    record(new_event(shop))
    pay()
    let_pass(days=4, hours=23)
    record(new_event(shop))
    pay()
    assert Endpoint.objects.get().is_enabled

    let_pass(days=1)
    pay()

    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_because) == (False, "It has only failed for five days.")
    assert ids.public("whe", endpoint.id) in caplog.text


def test_one_success_in_five_days_is_enough(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.at("/hooks", status(500)))
    record(new_event(shop))
    pay()
    let_pass(days=4)
    receiver.at("/hooks", status(200))
    pay()
    receiver.at("/hooks", status(500))
    record(new_event(shop))
    let_pass(days=4)

    pay()

    assert Endpoint.objects.get().is_enabled


@pytest.mark.parametrize("fields", [{"is_enabled": False}, {"removed_at": timezone.now()}])
def test_what_waits_for_a_disabled_endpoint_is_given_up_without_a_call(shop: Business, receiver: Receiver, fields: dict[str, Any]) -> None:
    listen(shop, receiver.url())
    record(new_event(shop))
    Endpoint.objects.update(**fields)

    pay()

    assert receiver.received == []
    assert (last_try().outcome, last_try().error) == ("exhausted", "endpoint_disabled")
    assert not DeliveryDue.objects.exists()


def test_a_receiver_that_hangs_costs_the_time_limit_and_no_more(shop: Business, receiver: Receiver, settings: Any) -> None:
    settings.QSURA_WEBHOOK_TIMEOUT = 0.5
    listen(shop, receiver.at("/hooks", behaviours.hang))
    record(new_event(shop))
    began = time.monotonic()

    pay()

    assert time.monotonic() - began < 3
    assert (last_try().outcome, last_try().error, last_try().status_code) == ("failed", "timed_out", None)


def test_a_body_that_never_ends_costs_the_time_limit_and_no_more(shop: Business, receiver: Receiver, settings: Any) -> None:
    settings.QSURA_WEBHOOK_TIMEOUT = 0.5
    listen(shop, receiver.at("/hooks", behaviours.dripping))
    record(new_event(shop))

    pay()

    assert last_try().error == "timed_out"


@pytest.mark.parametrize("behaviour", [behaviours.endless, behaviours.bomb])
def test_a_huge_answer_is_cut_and_its_status_counts(shop: Business, receiver: Receiver, behaviour: behaviours.Answerer) -> None:
    listen(shop, receiver.at("/hooks", behaviour))
    record(new_event(shop))

    pay()

    assert last_try().outcome == "delivered"
    assert len(last_try().answer) == 2_000


def test_an_answer_that_is_lost_is_an_answer_that_was_not_given(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.at("/hooks", behaviours.reset))
    record(new_event(shop))

    pay()

    assert (last_try().outcome, last_try().error) == ("failed", "connection_lost")


def test_nobody_there_is_a_failure_with_its_reason(shop: Business) -> None:
    listen(shop, "http://127.0.0.1:9/hooks")
    record(new_event(shop))

    pay()

    assert last_try().error == "connect_failed"


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/meta-data", "https://10.0.0.1/hooks", "http://[::1]/hooks", "https://127.0.0.2/"]
)
def test_an_inner_address_is_refused_at_the_socket_on_every_try(shop: Business, url: str) -> None:
    listen(shop, url)
    record(new_event(shop))
    pay()
    let_pass(minutes=1)

    pay()

    assert [each.error for each in tries()] == ["address_refused"] * 2


def test_bytes_that_are_no_text_do_not_spoil_the_log(shop: Business, receiver: Receiver) -> None:
    async def odd(_: Any) -> Any:
        return behaviours.web.Response(status=500, body=b"\x00\xff\xed\xa0\x80 ok")

    listen(shop, receiver.at("/hooks", odd))
    record(new_event(shop))

    pay()

    assert last_try().answer.endswith(" ok")
    assert "\x00" not in last_try().answer


def test_while_rotating_both_secrets_sign_and_afterwards_only_the_new_one(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(500)))
    old, holder = secret_of(endpoint), Holder(shop.id, "test", endpoint.id)
    record(new_event(shop))

    keyring.rotate(holder, signature=Signature.SHARED, overlap=timedelta(hours=24), at=timezone.now())
    pay()
    keyring.rotate(holder, signature=Signature.SHARED, overlap=timedelta(0), at=timezone.now())
    let_pass(seconds=6)
    pay()

    during, later = receiver.got()
    during.verify(old)
    assert len(during.headers["webhook-signature"].split()) == 2
    later.verify(secret_of(endpoint))
    assert len(later.headers["webhook-signature"].split()) == 1


def test_a_secret_that_does_not_open_fails_its_own_deliveries_and_no_others(shop: Business, receiver: Receiver) -> None:
    broken, whole = listen(shop, receiver.url("/broken")), listen(shop, receiver.url("/whole"))
    SigningSecret.objects.filter(endpoint=broken).update(secret=b"\x01")
    record(new_event(shop))

    pay()

    assert receiver.got("/broken") == []
    assert len(receiver.got("/whole")) == 1
    assert {each.error for each in tries()} == {None, "cannot_sign"}
    assert whole.is_enabled


def test_a_slow_receiver_delays_nobody(shop: Business, receiver: Receiver, settings: Any) -> None:
    settings.QSURA_WEBHOOK_TIMEOUT = 2.5
    listen(shop, receiver.at("/slow", behaviours.hang), event_types=["message.read"])
    listen(shop, receiver.url("/quick"), event_types=["message.delivered"])
    record(*[new_event(shop, type="message.read") for _ in range(300)], *[new_event(shop) for _ in range(300)])
    began = time.monotonic()

    pay(seconds=1.0)

    quick = [each.at - began for each in receiver.got("/quick")]
    assert len(quick) == 300
    assert max(quick) < 2.0
    assert {each.error for each in tries(outcome="failed")} == {"timed_out"}


def test_what_was_recorded_last_is_not_held_up_by_a_slow_ones_backlog(shop: Business, receiver: Receiver, settings: Any) -> None:
    settings.QSURA_WEBHOOK_TIMEOUT = 1.0
    record(*[new_event(shop, callback=receiver.at(f"/slow/{number}", behaviours.hang)) for number in range(500)])
    record(new_event(shop, callback=f"http://localhost:{receiver.port}/quick"))
    began = time.monotonic()

    pay(seconds=0.5)

    (quick,) = receiver.got("/quick")
    assert quick.at - began < 1.0


def test_tries_are_recorded_as_they_end_and_not_when_the_slowest_does(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.at("/slow", after(1.0)))
    listen(shop, receiver.url("/quick"))
    record(new_event(shop))
    began = timezone.now()

    pay()

    quick, slow = sorted(tries(), key=lambda each: each.milliseconds)
    assert quick.milliseconds < 900 <= slow.milliseconds
    assert quick.started_at - began < timedelta(seconds=1)


def test_a_great_many_are_delivered_once_each(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.url())
    events = record(*[new_event(shop) for _ in range(1_000)])

    assert pay() == 1_000

    assert sorted(each.id for each in receiver.got()) == sorted(ids.public("evt", event) for event in events)
    assert {orjson.loads(each.body)["type"] for each in receiver.got()} == {"message.delivered"}
    assert DeliveryTry.objects.filter(outcome="delivered").count() == 1_000
