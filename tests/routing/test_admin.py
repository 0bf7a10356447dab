"""The admin's pages: what staff can do, what they can't see, and what nobody can."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Business, Person
from routing import credentials, publishing
from routing.models import ProviderAccount, Route, RouteVersion
from tests.routing.conftest import AT, step
from tests.routing.servers import answer, serve

Make = Callable[..., ProviderAccount]


def enter(name: str, role: str | None, business: Business | None) -> Client:
    person = Person.objects.create_user(name, business=business, is_staff=True, is_superuser=role is None)
    if role:
        person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def olga(business: Business) -> Client:
    return enter("operator-olga", "operator", business)


@pytest.fixture
def auditor(business: Business) -> Client:
    return enter("auditor-aziz", "auditor", business)


@pytest.fixture
def root(db: None) -> Client:
    return enter("root", None, None)


@pytest.fixture
def neighbour(stranger: Business) -> Client:
    return enter("operator-nadia", "operator", stranger)


def page(of: Any, deed: str = "change") -> str:
    return reverse(f"admin:routing_{of._meta.model_name}_{deed}", args=[of.pk])


# Provider accounts

META = {
    "name": "Meta Cairo",
    "mode": "live",
    "max_in_flight": "50",
    "base_url": "",
    "setting_phone_number_id": "123",
    "setting_waba_id": "456",
    "secret_access_token": "EAA-canary",
    "secret_app_secret": "app-canary",
    "secret_verify_token": "verify-canary",
}
CHANGED = {"name": "Meta Giza", "max_in_flight": "10", "setting_phone_number_id": "9", "setting_waba_id": "456"}
ADD = "/admin/routing/provideraccount/add/"


def test_the_provider_is_chosen_first(olga: Client) -> None:
    content = olga.get(ADD).content.decode()
    assert "?provider=meta" in content
    assert "?provider=twilio" in content


def test_an_account_is_made_for_the_persons_own_business(olga: Client, business: Business) -> None:
    assert olga.post(f"{ADD}?provider=meta", META | {"business": ""}).status_code == 302
    row = ProviderAccount.objects.get(name="Meta Cairo")
    assert (row.business, row.provider, row.mode) == (business, "meta", "live")
    assert row.settings == {"phone_number_id": "123", "waba_id": "456"}
    assert credentials.reveal(row) == {"access_token": "EAA-canary", "app_secret": "app-canary", "verify_token": "verify-canary"}


def test_another_business_can_not_be_given(olga: Client, stranger: Business) -> None:
    assert olga.post(f"{ADD}?provider=meta", META | {"business": str(stranger.pk)}).status_code == 200
    assert not ProviderAccount.objects.filter(name="Meta Cairo").exists()


@pytest.mark.parametrize("missing", ["setting_phone_number_id", "secret_access_token", "secret_app_secret"])
def test_a_live_account_needs_what_its_provider_needs(olga: Client, missing: str) -> None:
    content = olga.post(f"{ADD}?provider=meta", META | {missing: ""}).content.decode()
    assert "A live account needs it." in content
    assert not ProviderAccount.objects.filter(name="Meta Cairo").exists()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/meta", "http://graph.facebook.com", "https://169.254.169.254/", "https://graph.facebook.com:22"]
)
def test_a_base_url_that_must_not_be_called_is_refused(olga: Client, settings: Any, url: str) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32"]
    assert olga.post(f"{ADD}?provider=meta", META | {"base_url": url}).status_code == 200
    assert not ProviderAccount.objects.filter(name="Meta Cairo").exists()


@pytest.fixture
def meta(olga: Client) -> ProviderAccount:
    olga.post(f"{ADD}?provider=meta", META | {"secret_app_secret_previous": "older-canary"})
    return ProviderAccount.objects.get(name="Meta Cairo")


def test_secrets_are_never_shown_again(olga: Client, auditor: Client, root: Client, meta: ProviderAccount) -> None:
    for client in (olga, auditor, root):
        for url in (page(meta), page(meta, "history"), reverse("admin:routing_provideraccount_changelist")):
            answered = client.get(url)
            assert answered.status_code == 200
            assert b"-canary" not in answered.content


def test_a_secret_that_is_refused_with_its_form_is_not_echoed(olga: Client) -> None:
    content = olga.post(f"{ADD}?provider=meta", META | {"name": ""}).content
    assert b"EAA-canary" not in content


def test_an_empty_secret_keeps_what_is_stored(olga: Client, meta: ProviderAccount) -> None:
    olga.post(
        page(meta),
        {"name": "Meta Giza", "max_in_flight": "10", "setting_phone_number_id": "9", "setting_waba_id": "456", "secret_app_secret": "new"},
    )
    meta.refresh_from_db()
    kept = credentials.reveal(meta)
    assert (meta.name, meta.settings["phone_number_id"], meta.max_in_flight) == ("Meta Giza", "9", 10)
    assert (kept["access_token"], kept["app_secret"], kept["verify_token"]) == ("EAA-canary", "new", "verify-canary")


@pytest.mark.parametrize("overlap, days", [("", 7), ("86400", 1)])
def test_a_replaced_secret_counts_for_a_while_and_the_page_says_until_when(
    olga: Client, meta: ProviderAccount, overlap: str, days: int
) -> None:
    olga.post(page(meta), CHANGED | {"secret_app_secret": "new", "overlap": overlap})
    meta.refresh_from_db()
    assert credentials.reveal(meta)["app_secret_previous"] == "app-canary"
    assert meta.previous_until is not None
    assert abs(meta.previous_until - timezone.now() - timedelta(days=days)) < timedelta(minutes=5)
    assert f"until {meta.previous_until:%d %B %Y %H:%M} UTC" in olga.get(page(meta)).content.decode()


def test_a_secret_that_has_become_known_counts_no_more(olga: Client, meta: ProviderAccount) -> None:
    olga.post(page(meta), CHANGED | {"secret_app_secret": "new", "overlap": "0"})
    meta.refresh_from_db()
    assert "app_secret_previous" not in credentials.reveal(meta)
    assert meta.previous_until is None


def test_the_networks_of_receipts_are_written_one_a_line(olga: Client, meta: ProviderAccount) -> None:
    olga.post(page(meta), CHANGED | {"receipt_sources": "203.0.113.7/24\n2001:db8::1, 203.0.113.0/24\n"})
    meta.refresh_from_db()
    assert meta.receipt_sources == ["203.0.113.0/24", "2001:db8::1/128"]
    assert "203.0.113.0/24\n2001:db8::1/128" in olga.get(page(meta)).content.decode()


@pytest.mark.parametrize("sources", ["everywhere", "203.0.113.0/33", "https://meta.example", "10.0.0.1\n" * 101])
def test_what_is_no_network_is_refused_with_the_way_out(olga: Client, meta: ProviderAccount, sources: str) -> None:
    content = olga.post(page(meta), CHANGED | {"receipt_sources": sources}).content.decode()
    meta.refresh_from_db()
    assert "Write networks as 203.0.113.0/24" in content or "100 networks at most" in content
    assert meta.receipt_sources == []


def test_an_optional_secret_can_be_forgotten(olga: Client, meta: ProviderAccount) -> None:
    said = {
        "name": "Meta",
        "max_in_flight": "10",
        "setting_phone_number_id": "9",
        "setting_waba_id": "4",
        "forget_app_secret_previous": "on",
    }
    olga.post(page(meta), said)
    meta.refresh_from_db()
    assert "app_secret_previous" not in credentials.reveal(meta)


def test_mode_business_and_provider_stay(olga: Client, meta: ProviderAccount, stranger: Business) -> None:
    olga.post(page(meta), CHANGED | {"mode": "test", "business": str(stranger.pk), "provider": "twilio"})
    row = ProviderAccount.objects.get(pk=meta.pk)
    assert (row.name, row.mode, row.business_id, row.provider) == ("Meta Giza", "live", meta.business_id, "meta")


def test_the_callback_url_is_there_to_be_copied(olga: Client, meta: ProviderAccount) -> None:
    assert f'value="http://testserver/v1/providers/{meta.callback_token}/callbacks"' in olga.get(page(meta)).content.decode()


def test_an_account_is_taken_out_with_a_reason_and_put_back(olga: Client, meta: ProviderAccount) -> None:
    assert b"Put back in service" not in olga.get(page(meta)).content
    assert b"Why?" in olga.get(page(meta, "take_out")).content
    olga.post(page(meta, "take_out"), {"reason": ""})
    meta.refresh_from_db()
    assert meta.is_in_service
    olga.post(page(meta, "take_out"), {"reason": "balance is low"})
    meta.refresh_from_db()
    assert (meta.is_in_service, meta.out_of_service_because) == (False, "balance is low")
    content = olga.get(page(meta)).content
    assert b"balance is low" in content
    assert b"Take out of service" not in content
    olga.post(page(meta, "put_back"))
    meta.refresh_from_db()
    assert meta.is_in_service


def test_what_is_done_already_is_told_and_not_forbidden(olga: Client, meta: ProviderAccount) -> None:
    assert "It is in service already." in olga.post(page(meta, "put_back"), follow=True).content.decode()
    olga.post(page(meta, "take_out"), {"reason": "balance is low"})
    again = olga.post(page(meta, "take_out"), {"reason": "another"}, follow=True).content.decode()

    assert "It is out of service already." in again
    assert "balance is low" in again


def test_connecting_tells_what_the_provider_answered(root: Client, settings: Any) -> None:
    row = ProviderAccount.objects.get(name="Simulated Meta")
    assert b"could not" not in root.get(page(row, "connect")).content
    assert "connect_failed" in root.post(page(row, "connect"), follow=True).content.decode()
    with serve(answer(body=b"{}")) as far_end:
        settings.QSURA_SIMULATOR_URL = far_end.url.rstrip("/")
        assert "Receipts now come to" in root.post(page(row, "connect"), follow=True).content.decode()


def test_a_stand_in_asks_for_no_secrets(root: Client) -> None:
    row = ProviderAccount.objects.get(name="Simulated Twilio")
    content = root.get(page(row)).content.decode()
    assert "secret_" not in content
    assert root.post(page(row), {"name": "Play", "max_in_flight": "7"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.max_in_flight, bytes(row.credentials)) == ("Play", 7, b"")


def test_nobody_removes_an_account(root: Client, meta: ProviderAccount) -> None:
    assert root.post(page(meta, "delete"), {"post": "yes"}).status_code == 403


def test_an_auditor_looks_and_changes_nothing(auditor: Client, meta: ProviderAccount) -> None:
    assert auditor.get(page(meta)).status_code == 200
    assert auditor.post(page(meta), META).status_code == 403
    assert auditor.post(page(meta, "take_out"), {"reason": "x"}).status_code == 403
    assert auditor.get(ADD).status_code == 403


def test_staff_of_another_business_find_nothing(neighbour: Client, meta: ProviderAccount) -> None:
    assert b"Meta Cairo" not in neighbour.get(reverse("admin:routing_provideraccount_changelist")).content
    assert neighbour.get(page(meta)).status_code == 302
    for deed in ("take_out", "put_back", "connect"):
        assert neighbour.post(page(meta, deed), {"reason": "x"}).status_code == 404
    meta.refresh_from_db()
    assert meta.is_in_service


# Routes


@pytest.fixture
def route(business: Business, account: Make) -> Route:
    account("Meta", "meta"), account("Twilio")
    return Route.objects.create(business=business, name="main")


def rules(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"when": [], "steps": list(steps)}]


LADDER = rules(step("whatsapp", "Meta", until="delivered", within=300), step("sms", "Twilio"))


def draft(client: Client, route: Route, said: Any, **more: str) -> Any:
    return client.post("/admin/routing/routeversion/add/", {"route": str(route.pk), "rules": json.dumps(said)} | more)


def publish(route: Route, said: Any) -> RouteVersion:
    made = publishing.draft(route, rules=said, by=None, accept_double_delivery=True)
    return publishing.publish(made, by=None, because="it was time", at=AT)


def test_a_route_walks_from_draft_to_published(olga: Client, route: Route) -> None:
    assert draft(olga, route, LADDER, accept_double_delivery="on").status_code == 302
    version = route.versions.get()
    assert (version.status, version.created_by.username, version.number) == ("draft", "operator-olga", 1)
    assert "Meta" in olga.get(page(version, "publish")).content.decode()
    assert olga.post(page(version, "publish"), {"reason": "our first"}).status_code == 302
    version.refresh_from_db()
    assert (version.status, version.published_by.username, version.reason) == ("published", "operator-olga", "our first")


def test_every_mistake_is_told_with_its_place(olga: Client, route: Route) -> None:
    content = draft(olga, route, rules(step("fax", "Meta"), step("sms", "Nobody"))).content.decode()
    assert "rules[0].steps[0].channel: Choose one of" in content
    content = draft(olga, route, rules(step("sms", "Nobody"))).content.decode()
    assert "rules[0].steps[0].accounts[0].account: There is no account" in content
    assert not route.versions.exists()


@pytest.mark.parametrize("text", ["[" * 3_000, "[" * 40 + "]" * 40, '[{"steps": "\\ud800"}]', '[{"steps": "\\u0000"}]', "[", "nothing"])
def test_json_that_nobody_could_keep_is_refused_and_shown_again(olga: Client, route: Route, text: str) -> None:
    answer = olga.post("/admin/routing/routeversion/add/", {"route": str(route.pk), "rules": text})

    assert answer.status_code == 200
    assert "JSON" in answer.content.decode()
    assert not route.versions.exists()


def test_publishing_without_a_reason_is_refused_on_the_same_page(olga: Client, route: Route) -> None:
    draft(olga, route, rules(step("sms", "Twilio")))
    answered = olga.post(page(route.versions.get(), "publish"), {"reason": " "})
    assert (answered.status_code, "Say in a few words" in answered.content.decode()) == (200, True)


def test_a_double_delivery_is_explained_before_and_refused_after(olga: Client, route: Route) -> None:
    draft(olga, route, LADDER)
    version = route.versions.get()
    for answered in (olga.get(page(version, "publish")), olga.post(page(version, "publish"), {"reason": "go"})):
        content = answered.content.decode()
        assert "can&#x27;t be told to give up by then" in content
        assert 'name="reason"' not in content
    version.refresh_from_db()
    assert version.status == "draft"


def test_a_draft_is_edited_by_names(olga: Client, route: Route) -> None:
    draft(olga, route, rules(step("sms", "Twilio")))
    version = route.versions.get()
    assert "{&quot;account&quot;: &quot;Twilio&quot;, &quot;weight&quot;: 1}" in olga.get(page(version)).content.decode()
    olga.post(page(version), {"rules": json.dumps(rules(step("whatsapp", "Twilio*5")))})
    version.refresh_from_db()
    assert (version.rules[0]["steps"][0]["channel"], version.rules[0]["steps"][0]["accounts"][0]["weight"]) == ("whatsapp", 5)


def test_a_new_draft_begins_with_what_is_published(olga: Client, neighbour: Client, route: Route) -> None:
    publish(route, LADDER)
    add = f"/admin/routing/routeversion/add/?route={route.pk}"
    assert add in olga.get(page(route)).content.decode()
    assert f'<option value="{route.pk}" selected>' in olga.get(add).content.decode()
    assert "&quot;within&quot;: 300" in olga.get(add).content.decode()
    assert "&quot;account&quot;: &quot;Meta&quot;" in olga.get(add).content.decode()
    assert "&quot;account&quot;: &quot;Meta&quot;" not in neighbour.get(add).content.decode()
    assert olga.get("/admin/routing/routeversion/add/?route=x").status_code == 200


def test_the_routes_page_tells_every_version_in_words(olga: Client, route: Route) -> None:
    publish(route, [{"when": [{"field": "country", "in": ["EG"]}], "steps": LADDER[0]["steps"]}])
    content = olga.get(page(route)).content.decode()
    assert "country is EG" in content
    assert "<strong>WhatsApp</strong> by Meta" in content
    assert "next if not delivered within 5 min, or if it can't arrive" in content
    assert "it was time" in content


def test_one_click_rolls_back(olga: Client, route: Route) -> None:
    first, _ = publish(route, rules(step("sms", "Twilio"))), publish(route, LADDER)
    assert b"Roll back to this" in olga.get(page(route)).content
    assert olga.post(page(first, "roll_back")).status_code == 302
    assert list(route.versions.order_by("number").values_list("number", "status")) == [(1, "retired"), (2, "retired"), (3, "published")]


def test_a_second_click_is_told_that_it_is_done(olga: Client, auditor: Client, route: Route) -> None:
    first, second = publish(route, rules(step("sms", "Twilio"))), publish(route, LADDER)
    olga.post(page(first, "roll_back"))

    assert "version 3 says the same" in olga.post(page(first, "roll_back"), follow=True).content.decode()
    third = route.versions.get(status="published")
    for deed in ("publish", "roll_back"):
        assert "It is published already." in olga.post(page(third, deed), {"reason": "x"}, follow=True).content.decode()
        assert auditor.post(page(third, deed), {"reason": "x"}).status_code == 403
    assert "roll back to it" in olga.post(page(second, "publish"), {"reason": "x"}, follow=True).content.decode()
    assert b"Roll back to this" not in olga.get(page(third)).content
    assert route.versions.count() == 3


def test_what_publishing_would_change_is_told_in_words(olga: Client, route: Route) -> None:
    publish(route, rules(step("sms", "Twilio")))
    egypt = {"when": [{"field": "country", "in": ["EG"]}], "steps": [step("whatsapp", "Meta", prefer="cheapest")]}
    egypt["budget"] = {"attempts": 2, "cost": "0.1"}
    draft(olga, route, [egypt, *rules(step("sms", "Twilio"))])
    version = route.versions.get(status="draft")

    for address in (page(version), page(version, "publish")):
        content = " ".join(olga.get(address).content.decode().split())
        assert "Against version 1, which decides now; double delivery is accepted no more." in content
        assert '<strong class="shrink-0 w-16">+ new</strong>' in content
        assert "Rule 1: if country is EG: WhatsApp by Meta (the cheapest first); at most 2 attempts, at most 0.1 USD in all" in content
        assert '<strong class="shrink-0 w-16">= stays</strong>' in content


def test_a_first_draft_has_nothing_to_be_held_against(olga: Client, route: Route) -> None:
    draft(olga, route, rules(step("sms", "Twilio")))

    assert b"Nothing decides on this route yet" in olga.get(page(route.versions.get())).content


def test_looking_at_the_link_rolls_nothing_back(olga: Client, route: Route) -> None:
    first, _ = publish(route, rules(step("sms", "Twilio"))), publish(route, LADDER)
    assert olga.get(page(first, "roll_back")).status_code == 200
    assert route.versions.count() == 2


def test_what_was_published_is_shown_and_not_changed(olga: Client, root: Client, route: Route) -> None:
    version = publish(route, LADDER)
    for client in (olga, root):
        assert "<strong>WhatsApp</strong> by Meta" in client.get(page(version)).content.decode()
        assert client.post(page(version), {"rules": json.dumps(rules(step("sms", "Twilio")))}).status_code == 403
        assert client.post(page(version, "delete"), {"post": "yes"}).status_code == 403
        assert client.post(page(route, "delete"), {"post": "yes"}).status_code == 403


def test_auditors_and_strangers_publish_nothing(auditor: Client, neighbour: Client, olga: Client, route: Route) -> None:
    draft(olga, route, rules(step("sms", "Twilio")))
    version = route.versions.get()
    assert auditor.get(page(version)).status_code == 200
    assert auditor.get(page(route)).status_code == 200
    assert b"Publish</" not in auditor.get(page(route)).content
    assert auditor.post(page(version, "publish"), {"reason": "x"}).status_code == 403
    assert neighbour.post(page(version, "publish"), {"reason": "x"}).status_code == 404
    assert neighbour.post(page(version, "roll_back")).status_code == 404
    assert neighbour.get(page(route)).status_code == 302
    version.refresh_from_db()
    assert version.status == "draft"


def test_a_strangers_route_can_not_be_drafted(neighbour: Client, route: Route) -> None:
    assert draft(neighbour, route, rules(step("sms", "Twilio"))).status_code == 200
    assert not route.versions.exists()


# SMPP accounts

SMPP = {
    "name": "Nile Telecom",
    "mode": "live",
    "max_in_flight": "50",
    "setting_host": "smsc.nile.example",
    "setting_port": "3550",
    "setting_system_id": "shop",
    "setting_sender": "Shop",
    "setting_alphabet": "latin1",
    "secret_password": "smpp-canary",
}


def test_an_smpp_account_has_a_form_of_its_own(olga: Client) -> None:
    answer = olga.post(ADD + "?provider=smpp", SMPP)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = ProviderAccount.objects.get(name="Nile Telecom")
    assert credentials.reveal(row) == {"password": "smpp-canary"}
    assert row.settings == {"host": "smsc.nile.example", "port": "3550", "system_id": "shop", "sender": "Shop", "alphabet": "latin1"}
    shown = olga.get(page(row)).content.decode()
    assert "held by no process" in shown
    assert "smpp-canary" not in shown
    assert "Callback URL" not in shown
    assert "Connect receipts" not in shown


@pytest.mark.parametrize(
    "field, wrong, message",
    [
        ("setting_port", "70000", "from 1 to 65535"),
        ("setting_host", "smpp://smsc.nile.example", "name or its address"),
        ("setting_parts_per_second", "fast", "whole number"),
        ("setting_receipt_clock", "noon", "+02:00"),
        ("setting_sender", "", "needs it"),
    ],
)
def test_a_wrong_setting_is_told_beside_its_field(olga: Client, field: str, wrong: str, message: str) -> None:
    answer = olga.post(ADD + "?provider=smpp", SMPP | {field: wrong})

    assert message in str(answer.context["adminform"].form.errors[field])
    assert not ProviderAccount.objects.filter(name="Nile Telecom").exists()


def test_a_live_smpp_account_is_never_bound_at_the_simulator(olga: Client, settings: Settings) -> None:
    settings.QSURA_SIMULATOR_SMPP = "127.0.0.1:2775"
    answer = olga.post(ADD + "?provider=smpp", SMPP | {"setting_host": "localhost", "setting_port": "2775"})

    assert "the simulator delivers nothing" in str(answer.context["adminform"].form.errors["setting_host"])
