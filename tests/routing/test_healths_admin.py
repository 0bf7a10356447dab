"""The account's page: how it does, what its share is, what changed and why, and what staff may do about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business, Person
from routing import rebalancing
from routing.models import Gate, HealthChange, ProviderAccount, RouteVersion
from tests.routing.conftest import step

Make = Callable[..., ProviderAccount]
Publish = Callable[..., RouteVersion]


def enter(name: str, role: str, business: Business | None) -> Client:
    person = Person.objects.create_user(name, business=business, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def olga(business: Business) -> Client:
    return enter("operator-olga", "operator", business)


@pytest.fixture
def broken(account: Make) -> ProviderAccount:
    row = account("Twilio main")
    now = timezone.now()
    Gate.objects.create(account=row, breaker="open", since=now, next_probe_at=now + timedelta(seconds=25), openings=1, lost=20)
    return row


def deed(row: ProviderAccount, word: str) -> str:
    return reverse(f"admin:routing_provideraccount_{word}", args=[row.pk])


def test_list_and_page_tell_it_in_plain_words(olga: Client, broken: ProviderAccount, published: Publish) -> None:
    published([{"steps": [step("sms", "Twilio main")]}])
    assert "Open: next probe in" in olga.get("/admin/routing/provideraccount/").content.decode()
    page = olga.get(reverse("admin:routing_provideraccount_change", args=[broken.pk])).content.decode()
    assert "Nothing yet." in page
    for word in ("Open: next probe in", "At rest", "main v1", "What changed"):
        assert word.lower() in page.lower()


def test_a_list_of_accounts_asks_no_more_for_each(olga: Client, account: Make) -> None:
    asked = []
    for number in range(2):
        account(f"a{number}")
        with CaptureQueriesContext(connection) as queries:
            olga.get("/admin/routing/provideraccount/")
        asked.append(len(queries))
    assert asked[1] <= asked[0]


def test_a_reset_needs_a_reason_and_is_in_history(olga: Client, broken: ProviderAccount) -> None:
    assert b"Why?" in olga.get(deed(broken, "reset_health")).content
    olga.post(deed(broken, "reset_health"), {"reason": ""})
    assert Gate.objects.get().breaker == "open"

    olga.post(deed(broken, "reset_health"), {"reason": "Their status page is green."})

    gate, change = Gate.objects.get(), HealthChange.objects.get()
    assert (gate.breaker, gate.lost) == ("closed", 0)
    assert (change.change, change.because, str(change.by)) == ("reset", "Their status page is green.", "operator-olga")


def test_a_share_is_held_and_released(olga: Client, broken: ProviderAccount) -> None:
    assert olga.post(deed(broken, "release"), {"reason": "x"}).status_code == 403
    olga.post(deed(broken, "hold"), {"reason": "We know."})
    assert Gate.objects.get().held_because == "We know."
    olga.post(deed(broken, "release"), {"reason": "Done."})
    assert Gate.objects.get().held_because == ""


def test_a_neighbour_and_an_auditor_change_nothing(broken: ProviderAccount, business: Business, stranger: Business) -> None:
    for client in (enter("nadia", "operator", stranger), enter("aziz", "auditor", business)):
        assert client.post(deed(broken, "reset_health"), {"reason": "x"}).status_code in (403, 404)
    assert Gate.objects.get().breaker == "open"


def test_a_business_sees_the_platform_s_accounts_on_its_route(olga: Client, account: Make, published: Publish) -> None:
    row = account("Platform Twilio", business=None)
    version = published([{"steps": [step("sms", "Platform Twilio")]}])
    Gate.objects.create(account=row, breaker="half_open", since=timezone.now())
    page = olga.get(reverse("admin:routing_route_change", args=[version.route_id])).content.decode()
    assert "Platform Twilio (the platform" in page
    assert "Half open: 0 of 3 probes were answered well." in page


def test_rate_and_burst_are_kept_by_the_form(olga: Client, account: Make) -> None:
    row = account("a", settings={"account_sid": "AC1", "from": "+15550001"})
    given = {
        "name": "a",
        "max_in_flight": "50",
        "base_url": "",
        "rate": "0",
        "burst": "",
        "setting_account_sid": "AC1",
        "setting_from": "+1555000",
    }
    page = reverse("admin:routing_provideraccount_change", args=[row.pk])
    assert olga.post(page, given).status_code == 200
    olga.post(page, given | {"rate": "2.5", "burst": "10"})
    row.refresh_from_db()
    assert (float(row.rate or 0), row.burst) == (2.5, 10)


def test_what_staff_did_stands_on_the_page(olga: Client, broken: ProviderAccount) -> None:
    rebalancing.hold(broken.pk, because="They have told us.", by=None, at=timezone.now())
    page = olga.get(reverse("admin:routing_provideraccount_change", args=[broken.pk])).content.decode()
    assert "share held by staff" in page
    assert "They have told us." in page
