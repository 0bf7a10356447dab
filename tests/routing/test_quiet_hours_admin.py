"""The admin's quiet hours: whose they are, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Business
from routing import calendar
from routing.models import QuietHours
from tests.routing.test_prices import enter

pytestmark = pytest.mark.django_db

ADD = "admin:routing_quiethours_add"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asked(business: Business, **more: Any) -> dict[str, Any]:
    given = {"business": str(business.pk), "traffic_class": "marketing", "begins": "21:00", "ends": "08:00", "is_active": "on"}
    return given | {"days": ["1", "2", "3", "4", "5", "6", "7"]} | more


def test_an_operator_sets_and_ends_the_quiet_hours_of_the_business(business: Business) -> None:
    olga = enter("olga-quiet", business)

    olga.post(reverse(ADD), asked(business, days=["5", "6"]))

    row = QuietHours.objects.get()
    assert (row.traffic_class, row.days, row.business) == ("marketing", [5, 6], business)
    assert calendar.hours(business.pk, "marketing", at=AT) is not None
    olga.post(reverse("admin:routing_quiethours_change", args=[row.pk]), asked(business, is_active=""))
    assert calendar.hours(business.pk, "marketing", at=AT) is None


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"ends": "21:00"}, "another time"),
        ({"traffic_class": "authentication"}, "may wait for hours"),
        ({"days": []}, "required"),
        ({"days": ["8"]}, "valid choice"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_way_out(business: Business, wrong: dict[str, Any], words: str) -> None:
    page = enter("olga-quiet", business).post(reverse(ADD), asked(business, **wrong))

    assert page.status_code == 200
    assert words in page.content.decode()
    assert not QuietHours.objects.exists()


def test_one_time_codes_have_them_only_where_somebody_says_so(business: Business) -> None:
    enter("olga-quiet", business).post(reverse(ADD), asked(business, traffic_class="authentication", codes_may_wait="on"))

    assert QuietHours.objects.get().codes_may_wait
    with pytest.raises(IntegrityError), transaction.atomic():
        QuietHours.objects.update(codes_may_wait=False)


def test_together_they_must_leave_some_moment_of_the_week(business: Business) -> None:
    olga = enter("olga-quiet", business)
    olga.post(reverse(ADD), asked(business, begins="00:00", ends="12:00"))

    page = olga.post(reverse(ADD), asked(business, begins="12:00", ends="00:00"))

    assert "no moment of the week" in page.content.decode()
    assert QuietHours.objects.count() == 1


def test_what_is_not_active_takes_no_moment(business: Business) -> None:
    olga = enter("olga-quiet", business)
    olga.post(reverse(ADD), asked(business, begins="00:00", ends="12:00"))

    assert olga.post(reverse(ADD), asked(business, begins="12:00", ends="00:00", is_active="")).status_code == 302
    second = QuietHours.objects.get(is_active=False)

    page = olga.post(reverse("admin:routing_quiethours_change", args=[second.pk]), asked(business, begins="12:00", ends="00:00"))
    assert "no moment of the week" in page.content.decode()
    assert QuietHours.objects.filter(is_active=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_operators_at_once_leave_some_moment_as_well(business: Business) -> None:
    clerks = [enter(name, business) for name in ("olga-quiet", "omar-quiet")]
    halves = [asked(business, begins="00:00", ends="12:00"), asked(business, begins="12:00", ends="00:00")]
    together = Barrier(2)

    def post(clerk: Client, half: dict[str, Any]) -> int:
        try:
            together.wait(10)
            return clerk.post(reverse(ADD), half).status_code
        finally:
            connection.close()

    for _ in range(5):
        QuietHours.objects.all().delete()
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(post, clerks, halves))
        assert sorted(answers) == [200, 302]
        assert QuietHours.objects.count() == 1


def test_staff_of_another_business_neither_see_nor_set_them(business: Business, stranger: Business) -> None:
    row = QuietHours.objects.create(business=business)
    nadia = enter("nadia-quiet", stranger)

    assert nadia.get(reverse("admin:routing_quiethours_change", args=[row.pk])).status_code == 302
    nadia.post(reverse(ADD), asked(business))
    assert QuietHours.objects.count() == 1


def test_the_business_has_a_zone_that_exists(business: Business) -> None:
    root = enter("root", None)
    page = reverse("admin:accounts_business_change", args=[business.pk])
    given = {"name": "Shop", "slug": "shop", "is_active": "on", "default_language": "en", "callback_origins": ""}

    wrong = root.post(page, given | {"timezone": "Cairo"})
    root.post(page, given | {"timezone": "Africa/Cairo"})

    business.refresh_from_db()
    assert "IANA" in wrong.content.decode()
    assert business.timezone == "Africa/Cairo"


def test_a_calendar_is_believed_for_fifteen_seconds(business: Business) -> None:
    calendar.forget()
    assert calendar.hours(business.pk, "marketing", at=AT) is None
    QuietHours.objects.create(business=business)

    assert calendar.hours(business.pk, "marketing", at=AT + timedelta(seconds=14)) is None
    assert calendar.hours(business.pk, "marketing", at=AT + timedelta(seconds=15)) is not None
