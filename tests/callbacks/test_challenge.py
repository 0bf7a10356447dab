"""An endpoint waits until its receiver has shown that it wants to hear from us; then nothing of what happened meanwhile is missing."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from aiohttp import web
from django.db import connection
from django.utils import timezone

from accounts.models import Business
from callbacks import challenge, endpoints, history
from callbacks.endpoints import EndpointDisabled, NotOfCallbacks
from callbacks.models import Delivery, DeliveryDue, Endpoint
from tests.callbacks.receiver import Receiver, status
from tests.callbacks.webhooks import let_pass, listen, new_business, new_event, pay, record, tries


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def register(business: Business, url: str, **fields: Any) -> tuple[Endpoint, endpoints.Shown]:
    return endpoints.register(business.id, mode="test", url=url, at=timezone.now(), **fields)


def again(endpoint: Endpoint) -> Endpoint:
    endpoint.refresh_from_db()
    return endpoint


async def mirror(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def in_plain_text(request: web.Request) -> web.Response:
    said = orjson.loads(await request.read())["data"]
    return web.Response(text=said.get("challenge", "thank you") + "\n")


def test_an_answered_challenge_opens_the_endpoint(shop: Business, receiver: Receiver) -> None:
    endpoint, shown = register(shop, receiver.url())
    assert history.status_of(endpoint) == "pending"

    pay()

    (asked,) = receiver.challenged()
    assert shown.secret is not None
    asked.verify(shown.secret)
    assert history.status_of(again(endpoint)) == "enabled"


def test_the_word_may_come_back_in_plain_text(shop: Business, receiver: Receiver) -> None:
    endpoint, _ = register(shop, receiver.at("/hooks", in_plain_text))

    pay()

    assert again(endpoint).verified_at is not None


@pytest.mark.parametrize("answer", [mirror, status(200)])
def test_whoever_only_answers_is_not_believed(shop: Business, receiver: Receiver, answer: Any) -> None:
    endpoint, _ = register(shop, receiver.at("/hooks", answer))

    pay()

    assert history.status_of(again(endpoint)) == "pending"
    (tried,) = tries()
    assert (tried.outcome, tried.status_code, tried.error) == ("failed", 200, "challenge_not_answered")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b'{"challenge": 1}',
        b'{"challenge": "\\ud800"}',
        b'{"data": {"challenge": "%s"}}',
        b"[1]",
        b"\xff",
        b'{"challenge": null}',
    ],
)
def test_an_odd_answer_is_none(answer: bytes) -> None:
    body = '{"data": {"challenge": "word"}}'

    assert not challenge.is_answered(body, answer=answer)
    assert challenge.is_answered(body, answer=b' {"challenge": "word", "more": 1}')
    assert challenge.is_answered(body, answer=b"word")


def test_what_happens_meanwhile_waits_and_then_arrives(shop: Business, receiver: Receiver) -> None:
    endpoint, _ = register(shop, receiver.at("/hooks", status(200)))
    record(new_event(shop))
    pay()
    assert receiver.got() == []

    receiver.at("/hooks", in_plain_text)
    endpoints.ask_again(again(endpoint), at=timezone.now())
    pay()
    pay()

    assert len(receiver.challenged()) == 2
    assert [each.type for each in receiver.got()] == ["message.delivered"]
    assert not DeliveryDue.objects.exists()


def test_a_receiver_that_never_answers_is_given_up(shop: Business, receiver: Receiver) -> None:
    endpoint, _ = register(shop, receiver.at("/hooks", status(200)))
    record(new_event(shop))

    for _ in range(9):
        pay()
        let_pass(hours=13)
    pay()

    assert (again(endpoint).is_enabled, endpoint.disabled_because) == (False, "Its receiver never answered the challenge.")
    assert receiver.got() == []


def test_enabling_asks_anew(shop: Business, receiver: Receiver) -> None:
    endpoint, _ = register(shop, receiver.at("/hooks", status(410)))
    pay()
    assert again(endpoint).is_enabled is False
    receiver.at("/hooks", in_plain_text)

    endpoints.change(endpoint, changes={"is_enabled": True}, at=timezone.now())
    pay()

    assert history.status_of(again(endpoint)) == "enabled"


def test_another_origin_must_answer_again(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, "https://shop.example/hooks")

    same = endpoints.change(endpoint, changes={"url": "https://SHOP.example:443/other"}, at=timezone.now())
    assert (same.url, history.status_of(same)) == ("https://shop.example/other", "enabled")

    moved = endpoints.change(endpoint, changes={"url": receiver.url()}, at=timezone.now())
    assert history.status_of(moved) == "pending"
    pay()
    assert history.status_of(again(endpoint)) == "enabled"


@pytest.mark.django_db(transaction=True)
def test_the_answer_of_one_url_proves_nothing_of_another(receiver: Receiver) -> None:
    """The URL is changed while the challenge is under way."""
    endpoint, _ = register(new_business(), receiver.url())

    def move() -> None:
        try:
            endpoints.change(endpoint, changes={"url": "https://somebody.example/hooks"}, at=timezone.now())
        finally:
            connection.close()

    async def slowly(request: web.Request) -> web.Response:
        said = await in_plain_text(request)
        await asyncio.to_thread(move)
        return said

    receiver.at("/hooks", slowly)
    pay()

    assert [each.outcome for each in tries()] == ["delivered"]
    assert (again(endpoint).url, endpoint.verified_at) == ("https://somebody.example/hooks", None)


def test_one_challenge_is_asked_at_a_time(shop: Business, receiver: Receiver) -> None:
    endpoint, _ = register(shop, receiver.at("/hooks", status(500)))
    pay()

    endpoints.ask_again(endpoint, at=timezone.now())
    endpoints.ask_again(endpoint, at=timezone.now())
    pay()

    assert Delivery.objects.count() == 1
    assert [each.number for each in tries()] == [1, 2]


def test_a_verified_or_vouched_one_is_not_asked(shop: Business, receiver: Receiver) -> None:
    verified = listen(shop, receiver.url())
    endpoints.ask_again(verified, at=timezone.now())
    assert not Delivery.objects.exists()

    vouched, _ = register(shop, receiver.at("/vouched", status(200)))
    record(new_event(shop))
    endpoints.vouch(vouched, at=timezone.now())
    pay()

    assert len(receiver.got("/vouched")) == 1


def test_where_the_operator_says_so_nobody_is_asked(shop: Business, settings: Any) -> None:
    settings.QSURA_WEBHOOK_CHALLENGE = False

    endpoint, _ = register(shop, "https://shop.example/hooks")

    assert history.status_of(again(endpoint)) == "enabled"
    assert not Delivery.objects.exists()


def test_neither_a_callback_nor_a_disabled_endpoint_is_asked(shop: Business) -> None:
    record(new_event(shop, callback="https://shop.example/mine"))

    with pytest.raises(NotOfCallbacks):
        endpoints.ask_again(Endpoint.objects.get(), at=timezone.now())
    with pytest.raises(EndpointDisabled):
        endpoints.ask_again(listen(shop, is_enabled=False), at=timezone.now())
