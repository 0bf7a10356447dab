"""A configured provider in the admin: what is wrong is told in its place, and everything can be tried on paper."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import Business, Person
from routing import credentials, publishing, stand_ins
from routing.models import ProviderAccount, Route
from tests.routing.conftest import step
from tests.routing.providers.test_signed_http import FORM_EXAMPLE, JSON_EXAMPLE, REFERENCE, changed

ADD = "/admin/routing/provideraccount/add/?provider=signed_http"
GATEWAY = {
    "name": "Gateway",
    "mode": "live",
    "max_in_flight": "50",
    "base_url": "https://gateway.example/api",
    "setting_sender": "ACME",
    "setting_configuration": JSON_EXAMPLE,
    "secret_secret": "key-canary",
    "secret_receipt_secret": "receipts-canary",
}
SAMPLE = {"channel": "sms", "recipient": "+201001234567", "text": 'He said: "A & B"', "validity": "300", "status": "202"}


@pytest.fixture
def olga(business: Business) -> Client:
    person = Person.objects.create_user("operator-olga", business=business, is_staff=True)
    person.groups.add(Group.objects.get(name="operator"))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def gateway(olga: Client) -> ProviderAccount:
    assert olga.post(ADD, GATEWAY).status_code == 302
    return ProviderAccount.objects.get(name="Gateway")


def page(row: ProviderAccount, deed: str = "change") -> str:
    return reverse(f"admin:routing_provideraccount_{deed}", args=[row.pk])


def try_out(client: Client, row: ProviderAccount, **words: str) -> str:
    answered = client.post(page(row, "try_out"), SAMPLE | words)
    assert answered.status_code == 200
    return html.unescape(answered.content.decode())


def refused(client: Client, **words: str) -> str:
    answered = client.post(ADD, GATEWAY | words)
    assert answered.status_code == 200
    assert not ProviderAccount.objects.filter(name="Gateway").exists()
    return html.unescape(answered.content.decode())


def test_a_configuration_is_kept_as_it_was_written(gateway: ProviderAccount) -> None:
    assert json.loads(gateway.settings["configuration"]) == json.loads(JSON_EXAMPLE)
    assert credentials.reveal(gateway) == {"secret": "key-canary", "receipt_secret": "receipts-canary"}


def test_every_mistake_is_told_with_its_place(olga: Client) -> None:
    words = changed(changed(JSON_EXAMPLE, "receipts.proof.algorithm", "md5"), "answer.id", 7)

    told = refused(olga, setting_configuration=words)

    assert "receipts.proof.algorithm: Choose one of" in told
    assert "answer.id: Write names" in told


def test_a_live_account_needs_a_base_url_and_never_the_simulators(olga: Client, settings: Any) -> None:
    settings.QSURA_SIMULATOR_URL = "https://simulator.example"

    assert "A live account of this provider needs it." in refused(olga, base_url="")
    assert "the simulator delivers nothing" in refused(olga, base_url="https://simulator.example/signed_http")


def test_a_sample_shows_the_request_and_no_secret(olga: Client, gateway: ProviderAccount) -> None:
    told = try_out(olga, gateway)

    assert "POST https://gateway.example/api/v2/messages" in told
    assert "authorization: Bearer <secret>" in told
    assert r'"body":"He said: \"A & B\""' in told
    assert '"ttl":300' in told
    assert "canary" not in told


def test_a_key_in_the_url_is_not_shown_either(olga: Client, gateway: ProviderAccount) -> None:
    gateway.settings["configuration"] = FORM_EXAMPLE
    gateway.save()

    told = try_out(olga, gateway)

    assert "/http/send?user=acme&apikey=%3Csecret%3E" in told
    assert "canary" not in told


@pytest.mark.parametrize(
    "answer, told",
    [
        ('{"messages": [{"id": "m-1"}]}', "Taken, under the id <code>m-1</code>"),
        ('{"error": {"code": "stopped"}}', "<strong>opted_out</strong>"),
        ("<html>", "Nobody knows"),
    ],
)
def test_a_pasted_answer_is_read(olga: Client, gateway: ProviderAccount, answer: str, told: str) -> None:
    assert told in try_out(olga, gateway, answer=answer)


def test_a_pasted_receipt_is_read(olga: Client, gateway: ProviderAccount) -> None:
    event = {"client_ref": REFERENCE, "state": "failed", "reason": {"code": "absent"}, "at": "2026-11-22T12:00:00Z"}

    told = try_out(olga, gateway, receipt=json.dumps({"events": [event]}))

    assert f"<strong>failed</strong> (their word: <code>failed</code>), our reference <code>{REFERENCE}</code>" in told
    assert "at 2026-11-22 12:00:00 UTC, because <strong>unreachable</strong> (<code>absent</code>)" in told
    assert "It can't be read" in try_out(olga, gateway, receipt="<xml>")


def test_what_can_not_be_sent_says_why(olga: Client, gateway: ProviderAccount) -> None:
    gateway.settings["configuration"] = FORM_EXAMPLE
    gateway.save()

    assert "this account carries no email" in try_out(olga, gateway, channel="email")


def test_a_form_that_is_not_filled_in_tries_nothing(olga: Client, gateway: ProviderAccount) -> None:
    assert "This field is required" in try_out(olga, gateway, text="")
    assert "The request" not in olga.get(page(gateway, "try_out")).content.decode()


def test_a_stand_in_needs_no_configuration_and_can_be_tried_too(olga: Client, business: Business, settings: Any) -> None:
    settings.QSURA_SIMULATOR_URL, settings.QSURA_SIMULATOR_SECRET = "https://simulator.example", "s"
    olga.post(ADD, GATEWAY | {"mode": "test", "setting_configuration": "", "setting_sender": "", "base_url": ""})
    row = ProviderAccount.objects.get(name="Gateway")

    assert "POST https://simulator.example/signed_http/messages" in try_out(olga, row)
    settings.QSURA_SIMULATOR_URL = ""
    assert "test accounts need QSURA_SIMULATOR_URL" in try_out(olga, row)


def test_only_who_may_see_the_account_may_try_it(gateway: ProviderAccount, stranger: Business) -> None:
    person = Person.objects.create_user("operator-nadia", business=stranger, is_staff=True)
    person.groups.add(Group.objects.get(name="operator"))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(page(gateway, "try_out"), SAMPLE).status_code in {302, 403, 404}


def test_other_providers_have_nothing_to_try(olga: Client, account: Any) -> None:
    assert b"Try it" not in olga.get(page(account("Twilio Cairo"))).content


def test_a_told_validity_makes_a_route_sure(olga: Client, gateway: ProviderAccount, account: Any, business: Business) -> None:
    rules = [{"steps": [step("sms", "Gateway", until="delivered", within=60), step("sms", "Twilio Cairo")]}]
    account("Twilio Cairo")
    route = Route.objects.create(business=business, name="main")

    def doubts() -> list[Any]:
        return publishing.double_deliveries(publishing.read(publishing.check(route, rules=rules)))

    assert doubts() == []
    gateway.settings["configuration"] = FORM_EXAMPLE
    gateway.save()
    assert len(doubts()) == 1


def test_the_stand_ins_own_words_are_a_configuration() -> None:
    words = stand_ins.own_settings("signed_http")["configuration"]

    assert words
    assert json.loads(words)["channels"] == ["sms", "email"]


SMTP = {
    "name": "Post",
    "mode": "live",
    "max_in_flight": "10",
    "base_url": "",
    "setting_host": "mail.example.com",
    "setting_port": "465",
    "setting_security": "tls",
    "setting_sender": "Shop <orders@shop.example>",
    "secret_report_secret": "reports-canary",
}


def test_a_mail_server_is_judged_field_by_field(olga: Client) -> None:
    add = ADD.replace("signed_http", "smtp")
    told = html.unescape(olga.post(add, SMTP | {"setting_host": "https://mail", "setting_port": "0"}).content.decode())

    assert "Write the server's name alone" in told
    assert "Write a number from 1 to 65535." in told
    assert olga.post(add, SMTP).status_code == 302
    assert ProviderAccount.objects.get(name="Post").settings["security"] == "tls"


@pytest.mark.parametrize(
    "wrong, field, words",
    [
        ({"setting_host": "127.0.0.1", "setting_port": "5432", "setting_security": "none"}, "setting_host", "inside a network"),
        ({"setting_host": "10.1.2.3"}, "setting_host", "QSURA_ALLOWED_PRIVATE_TARGETS"),
        ({"setting_host": "localhost"}, "setting_host", "inside a network"),
        ({"setting_host": "post.internal"}, "setting_host", "inside a network"),
        ({"setting_host": "0x7f.1"}, "setting_host", "in its usual form"),
        ({"setting_host": "fd00::1"}, "setting_host", "inside a network"),
        ({"setting_security": "none"}, "setting_security", "Choose starttls or tls"),
        ({"setting_port": "22"}, "setting_port", "25, 465, 587, 2525"),
        ({"setting_host": "93.184.216.34", "setting_port": "22"}, "setting_port", "25, 465, 587, 2525"),
        ({"base_url": "https://mail.example.com/"}, "base_url", "Leave it empty"),
    ],
)
def test_a_mail_server_that_no_letter_could_reach_is_refused(
    olga: Client, settings: Any, wrong: dict[str, str], field: str, words: str
) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []
    page = olga.post(ADD.replace("signed_http", "smtp"), SMTP | wrong)

    assert words in " ".join(page.context["adminform"].form.errors[field])
    assert not ProviderAccount.objects.filter(name="Post").exists()


@pytest.mark.parametrize(
    "right",
    [
        {"setting_host": "127.0.0.1", "setting_port": "1025", "setting_security": "none"},
        {"setting_host": "localhost", "setting_port": "1025", "setting_security": "none"},
        {"setting_host": "post.internal", "setting_port": "25", "setting_security": "none"},
        {"setting_port": "", "setting_security": "starttls"},
    ],
)
def test_a_mail_server_that_the_operator_has_named_is_taken(olga: Client, settings: Any, right: dict[str, str]) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32:1025", "10.0.0.0/8:25"]

    assert olga.post(ADD.replace("signed_http", "smtp"), SMTP | right).status_code == 302


def test_waiting_for_what_a_mail_server_never_says_is_a_doubt(olga: Client, account: Any, business: Business) -> None:
    olga.post(ADD.replace("signed_http", "smtp"), SMTP)
    account("Twilio Cairo")
    route = Route.objects.create(business=business, name="main")
    rules = [{"steps": [step("email", "Post", until="delivered", within=60), step("sms", "Twilio Cairo")]}]

    [doubt] = publishing.double_deliveries(publishing.read(publishing.check(route, rules=rules)))

    assert "never says that a message was delivered" in doubt.message
