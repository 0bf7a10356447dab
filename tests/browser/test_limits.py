"""Limits, quiet hours and prices as staff see them."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Person
from messaging.claims import KINDS, opens_at
from messaging.models import Tally
from routing.models import Limits, Price, QuietHours
from tests import world
from tests.browser.desk import Desk, barriers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a long pass-phrase"


def test_staff_see_how_much_of_a_cap_is_used(desk: Desk) -> None:
    alice = world.make("alice")
    Person.objects.create_superuser("root", password=PASSWORD)
    row = Limits.objects.create(business=alice.business, messages_per_day=200, spend_per_month="50", code_countries=["EG"])
    for kind, used in (("messages_day", 150), ("spend_month", "7.25")):
        opened = opens_at(KINDS[kind], timezone.now())
        Tally.objects.create(business_id=alice.business.pk, mode="live", kind=kind, subject="", opens_at=opened, used=used)
    page = desk.log_in("root", PASSWORD)

    page.goto(desk.url + reverse("admin:routing_limits_change", args=[row.pk]))

    assert page.get_by_label("Messages today: 150 of 200").get_attribute("value") == "150.000000"
    assert barriers(page, within="#content") == []
    assert desk.errors == []


def test_the_pages_of_time_and_prices_keep_nobody_out(desk: Desk) -> None:
    alice = world.make("alice")
    Person.objects.create_superuser("root", password=PASSWORD)
    QuietHours.objects.create(business=alice.business, days=[5, 6])
    Price.objects.create(provider="twilio", channel="sms", country="EG", amount="0.2145")
    page = desk.log_in("root", PASSWORD)

    for name in ("limits_changelist", "release_add"):
        page.goto(desk.url + reverse(f"admin:routing_{name}"))
        assert barriers(page, within="#content") == [], name
    assert desk.errors == []
