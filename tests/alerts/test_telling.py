from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection

from accounts.models import Business, Person
from alerts import acknowledging, letters, reporting, telling
from alerts.kinds import Kind, Way
from alerts.models import Alert, Telling
from tests.alerts.conftest import AT
from tests.alerts.test_reporting import at_once

pytestmark = pytest.mark.django_db

MAIL = [Way.EMAIL]
DAY = timedelta(hours=24)


def open_(about: str = "pac_1", *, kind: Kind = Kind.PROVIDER_DEGRADED, business: Business | None = None, at: datetime = AT) -> Alert:
    return Alert.objects.get(pk=reporting.report(kind, about=about, because="It answers 500.", business=business, at=at))


def owed() -> list[tuple[str, str, int]]:
    return list(Telling.objects.order_by("owed_at", "way", "number").values_list("way", "occasion", "number"))


def test_an_alert_is_owed_once_by_each_way() -> None:
    open_()

    assert telling.owe([Way.EMAIL, Way.WEBHOOK], at=AT) == 2
    assert telling.owe([Way.EMAIL, Way.WEBHOOK], at=AT) == 0
    assert owed() == [("email", "opened", 1), ("webhook", "opened", 1)]


def test_nothing_is_owed_where_no_way_leads() -> None:
    open_()

    assert telling.owe([], at=AT) == 0


def test_staff_are_reminded_of_what_nobody_has_taken_on_once_a_day() -> None:
    open_()
    for hours in (0, 23, 24, 47, 48):
        telling.owe(MAIL, at=AT + timedelta(hours=hours))

    assert owed() == [("email", "opened", 1), ("email", "reminded", 2), ("email", "reminded", 3)]


def test_nobody_is_reminded_of_what_somebody_has_taken_on(staff: Callable[..., Person]) -> None:
    alert = open_()
    telling.owe(MAIL, at=AT)
    acknowledging.acknowledge(alert, by=staff("operator"), at=AT)

    assert telling.owe(MAIL, at=AT + 2 * DAY) == 0


def test_the_end_is_told_once_even_of_what_somebody_has_taken_on(staff: Callable[..., Person]) -> None:
    alert = open_()
    telling.owe(MAIL, at=AT)
    acknowledging.acknowledge(alert, by=staff("operator"), at=AT)
    reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=AT + DAY)

    assert [telling.owe(MAIL, at=AT + DAY), telling.owe(MAIL, at=AT + DAY)] == [1, 0]
    assert owed()[-1] == ("email", "resolved", 2)


def test_a_way_that_opens_later_tells_what_is_open_and_nothing_long_over() -> None:
    open_("pac_1")
    reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=AT)
    open_("pac_2")

    telling.owe(MAIL, at=AT + timedelta(hours=2))

    assert [each.alert.about for each in Telling.objects.select_related("alert")] == ["pac_2"]


def test_what_is_told_is_claimed_no_more() -> None:
    open_()
    telling.owe(MAIL, at=AT)

    claimed = telling.claim(Way.EMAIL, limit=10, at=AT)
    assert telling.told(claimed, at=AT) == 1

    assert telling.claim(Way.EMAIL, limit=10, at=AT + DAY) == []
    assert Telling.objects.get().told_at == AT


def test_what_a_crash_leaves_behind_is_claimed_again_after_its_lease() -> None:
    open_()
    telling.owe(MAIL, at=AT)
    first = telling.claim(Way.EMAIL, limit=10, at=AT)

    assert telling.claim(Way.EMAIL, limit=10, at=AT + telling.LEASE / 2) == []
    second = telling.claim(Way.EMAIL, limit=10, at=AT + telling.LEASE)
    assert [each.pk for each in second] == [each.pk for each in first]
    assert telling.told(first, at=AT + telling.LEASE) == 0


def test_what_failed_waits_longer_each_time_and_is_given_up_after_a_day() -> None:
    open_()
    telling.owe(MAIL, at=AT)

    waits, at = [], AT
    while claimed := telling.claim(Way.EMAIL, limit=10, at=at):
        telling.failed(claimed, error="connect_failed", at=at)
        row = Telling.objects.get()
        waits.append(row.due_at - at)
        at = row.due_at

    assert waits[:6] == list(telling.WAITS)
    assert row.given_up_at is not None
    assert (row.told_at, row.error) == (None, "connect_failed")
    assert timedelta(hours=22) < row.given_up_at - AT <= DAY


def test_what_was_not_tried_after_all_is_free_at_once() -> None:
    open_()
    telling.owe(MAIL, at=AT)
    telling.put_back(telling.claim(Way.EMAIL, limit=10, at=AT))

    assert len(telling.claim(Way.EMAIL, limit=10, at=AT)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_rounds_at_once_each_telling_is_owed_and_claimed_once() -> None:
    for number in range(20):
        open_(f"pac_{number}")
    claimed: list[Telling] = []

    at_once(*[lambda: telling.owe(MAIL, at=AT)] * 4)
    at_once(*[lambda: claimed.extend(telling.claim(Way.EMAIL, limit=100, at=AT))] * 4)

    assert len(claimed) == 20
    assert len({each.pk for each in claimed}) == 20


def test_a_storm_is_one_mail_with_the_most_urgent_first() -> None:
    open_("pac_1", kind=Kind.FALLBACK_USED)
    open_("handoff:utility", kind=Kind.QUEUE_AGE)
    open_("whe_1", kind=Kind.ENDPOINT_DISABLED)
    telling.owe(MAIL, at=AT)

    letter = letters.mail(telling.claim(Way.EMAIL, limit=100, at=AT))

    assert letter.subject == "[Qsura testserver] URGENT: Queue is behind (handoff:utility) and 2 more"
    assert letter.text.startswith("NEW (3)\n\n* Queue is behind: handoff:utility\n  It answers 500.\n")
    assert letter.text.index("Endpoint disabled") < letter.text.index("Fallback saved the day")
    assert f"What to do: {Kind.QUEUE_AGE.what_to_do}" in letter.text
    assert "http://testserver/admin/alerts/alert/" in letter.text


def test_of_an_alert_that_ended_before_its_beginning_was_told_only_the_end_stands_in_the_mail(shop: Business) -> None:
    open_(business=shop)
    telling.owe(MAIL, at=AT)
    reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=AT)
    telling.owe(MAIL, at=AT)

    letter = letters.mail(telling.claim(Way.EMAIL, limit=100, at=AT))

    assert letter.subject == "[Qsura testserver] resolved: Provider degraded (pac_1)"
    assert letter.text.startswith("RESOLVED (1)\n\n* Provider degraded: pac_1 (Shop)")
    assert "What to do" not in letter.text


def test_no_line_end_gets_into_a_subject() -> None:
    open_("pac_1\r\nBcc: everybody@example.org")
    telling.owe(MAIL, at=AT)

    assert letters.mail(telling.claim(Way.EMAIL, limit=1, at=AT)).subject.count("\n") == 0


def test_a_webhook_says_all_of_the_alert_and_stays_as_it_was_first_written(shop: Business) -> None:
    alert = open_(business=shop)
    telling.owe([Way.WEBHOOK], at=AT)
    open_(business=shop, at=AT + DAY)

    said = json.loads(Telling.objects.get().body)

    assert (said["type"], said["timestamp"]) == ("alert.opened", "2026-03-01T12:00:00Z")
    assert said["data"] == {
        "id": alert.public_id,
        "kind": "provider_degraded",
        "severity": "urgent",
        "title": "Provider degraded",
        "about": "pac_1",
        "because": "It answers 500.",
        "what_to_do": Kind.PROVIDER_DEGRADED.what_to_do,
        "business": "shop",
        "opened_at": "2026-03-01T12:00:00Z",
        "last_seen_at": "2026-03-01T12:00:00Z",
        "times": 1,
        "acknowledged_at": None,
        "resolved_at": None,
        "url": f"http://testserver/admin/alerts/alert/{alert.pk}/change/",
    }


def test_a_claim_reads_the_small_index_of_what_is_due() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Telling.objects.filter(way="email", due_at__lte=AT, told_at__isnull=True, given_up_at__isnull=True).order_by("due_at").explain()

    assert "alerts_telling_due" in plan
