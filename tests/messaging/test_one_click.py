"""Unsubscribing with one click: asked by GET, done by POST, by nobody who guesses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Business, BusinessEvent
from messaging.doors import one_click
from messaging.models import Message, Suppression
from messaging.suppressions import keeping, unsubscribing
from routing import vault
from routing.providers import registry
from routing.providers.base import Email, Outbound, ProviderAccount
from tests.messaging import factories

pytestmark = pytest.mark.django_db

SARA = "sara@example.com"


@pytest.fixture(autouse=True)
def _nobody_has_guessed() -> Iterator[None]:
    one_click.guesses.forget()
    yield
    one_click.guesses.forget()


@pytest.fixture
def letter() -> Message:
    return factories.message(factories.business(), at=timezone.now(), to=SARA, lane="marketing")


def path(message: Message) -> str:
    return unsubscribing.url(message.id).removeprefix(settings.PUBLIC_URL)


def ask(method: str, address: str, **more: Any) -> Any:
    return getattr(Client(enforce_csrf_checks=True), method)(address, **more)


def test_looking_changes_nothing(letter: Message) -> None:
    answer = ask("get", path(letter))

    assert answer.status_code == 200
    assert b"<button" in answer.content
    assert (answer["Cache-Control"], answer["X-Robots-Tag"], answer["Referrer-Policy"]) == ("no-store", "noindex", "no-referrer")
    assert SARA.encode() not in answer.content
    assert Suppression.objects.count() == 0


def test_a_mail_program_unsubscribes_with_one_post(letter: Message) -> None:
    answer = ask("post", path(letter), data={"List-Unsubscribe": "One-Click"})

    made = Suppression.objects.get()
    assert answer.status_code == 200
    assert (made.channel, made.category, made.reason, made.origin) == ("email", "marketing", "opted_out", "one_click")
    assert bytes(made.recipient_hash) == vault.blind_index(SARA)
    assert BusinessEvent.objects.filter(type="recipient.opted_out").count() == 1


def test_once_more_is_no_error(letter: Message) -> None:
    assert [ask("post", path(letter)).status_code for _ in range(3)] == [200, 200, 200]
    assert Suppression.objects.count() == 1


def test_a_guessed_token_opens_nothing_and_asks_no_database(letter: Message, django_assert_num_queries: Any) -> None:
    good = path(letter)
    bad = (f"{good}x", good[:-1], good.replace(letter.id.hex, UUID(int=7).hex), "/unsubscribe/é")
    with django_assert_num_queries(0):
        answers = [ask("post", each).status_code for each in bad]

    assert answers == [404] * 4
    assert Suppression.objects.count() == 0


def test_who_guesses_on_is_held_up_and_who_knows_is_not(letter: Message) -> None:
    answers = [ask("get", f"/unsubscribe/{number}").status_code for number in range(one_click.WRONG + 2)]

    assert answers[-2:] == [429, 429]
    assert ask("post", path(letter)).status_code == 200


def test_the_address_names_nobody(letter: Message) -> None:
    assert "sara" not in path(letter)
    assert unsubscribing.read(path(letter).rpartition("/")[2]) == letter.id


def written(service: str, unsubscribe_url: str) -> str:
    adapter = registry.get(service)
    account = ProviderAccount(id="1", base_url=adapter.default_base_url, callback_url="", settings={"sender": "shop@example.com"})
    mail = Outbound("r.1", "email", SARA, Email("Sale", "Now"), unsubscribe_url=unsubscribe_url)
    return adapter.submit(account, mail).body.decode()


@pytest.mark.parametrize("service", ["postmark", "sendgrid"])
def test_an_e_mail_bears_both_headers_where_it_is_offered(service: str) -> None:
    body = written(service, "https://qsura.example/unsubscribe/x")

    assert "<https://qsura.example/unsubscribe/x>" in body
    assert "List-Unsubscribe=One-Click" in body
    assert "List-Unsubscribe" not in written(service, "")


def test_only_advertising_offers_it() -> None:
    assert {"marketing"} == unsubscribing.OFFERED


def test_who_has_unsubscribed_gets_no_more_of_it(letter: Message) -> None:
    ask("post", path(letter))
    shop = Business.objects.get()

    made = keeping.Wanted(shop.pk, vault.blind_index(SARA), letter.mode, "email", "marketing", "opted_out", "one_click")
    (again,) = keeping.add([made], at=timezone.now())

    assert not again.is_new
