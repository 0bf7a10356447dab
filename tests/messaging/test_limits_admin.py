"""Limits in the admin: set, seen filling up, and numbers that staff vouch for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from messaging import counting
from messaging.claims import KINDS, opens_at
from messaging.models import Tally
from routing import allowances
from routing.models import Limits, Release
from tests import world
from tests.routing.test_prices import enter
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> World:
    return world.make("alice")


def asked(alice: World, **more: Any) -> dict[str, Any]:
    return {"business": str(alice.business.pk), "codes_per_recipient": "5", "code_countries": ""} | more


def test_an_operator_sets_the_limits_of_the_business(alice: World) -> None:
    olga = enter("olga-limits", alice.business)

    olga.post(reverse("admin:routing_limits_add"), asked(alice, messages_per_day="100", code_countries="eg, SA", spend_per_day="12.50"))

    row = Limits.objects.get()
    assert (row.messages_per_day, row.code_countries, row.spend_per_day) == (100, ["EG", "SA"], Decimal("12.50"))
    assert allowances.of(alice.business.pk, at=timezone.now()).messages_per_day == 100


def test_a_country_is_two_letters(alice: World) -> None:
    page = enter("olga-limits", alice.business).post(reverse("admin:routing_limits_add"), asked(alice, code_countries="EG,Q1"))

    assert "Not: Q1" in page.content.decode()


def test_the_page_shows_how_much_is_used(alice: World) -> None:
    now = timezone.now()
    row = Limits.objects.create(business=alice.business, messages_per_day=200, spend_per_month="50")
    for kind, used in (("messages_day", 150), ("spend_month", "7.25")):
        Tally.objects.create(
            business_id=alice.business.pk, mode="live", kind=kind, subject="", opens_at=opens_at(KINDS[kind], now), used=used
        )

    page = enter("olga-limits", alice.business).get(reverse("admin:routing_limits_change", args=[row.pk])).content.decode()

    assert "Messages today: 150 of 200" in page
    assert "7.25 of 50.00 USD" in page
    assert counting.used(alice.business.pk, mode="test", at=now) == {}


def test_staff_vouch_for_numbers_with_a_reason_and_for_a_time(alice: World) -> None:
    olga = enter("olga-limits", alice.business)
    page = reverse("admin:routing_release_add")
    given = {"business": str(alice.business.pk), "block": "+20100120", "days": "7"}

    assert "required" in olga.post(page, given).content.decode()
    assert "As the alert names it" in olga.post(page, given | {"reason": "New phones.", "block": "0100"}).content.decode()
    olga.post(page, given | {"reason": "New phones."})

    row = Release.objects.get()
    assert row.released_by is not None
    assert row.released_by.username == "olga-limits"
    assert allowances.is_released(alice.business.pk, "+20100120", at=timezone.now())
    assert not allowances.is_released(alice.business.pk, "+20100121", at=timezone.now())


def test_another_businesss_limits_are_nobodys_business(alice: World) -> None:
    row = Limits.objects.create(business=alice.business)
    nadia = enter("nadia-limits", world.make("bob").business)

    assert nadia.get(reverse("admin:routing_limits_change", args=[row.pk])).status_code == 302
