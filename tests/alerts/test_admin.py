from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import ids
from accounts.models import Business, Person
from alerts import acknowledging, pulse, reporting, subjects, telling
from alerts.kinds import Kind, Way
from alerts.models import Alert
from tests.alerts.conftest import AT

pytestmark = pytest.mark.django_db

LIST = "/admin/alerts/alert/"


def browser(who: Person) -> Client:
    client = Client()
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    return client


def open_(about: str = "whe_1", *, kind: Kind = Kind.ENDPOINT_DISABLED, business: Business | None = None) -> Alert:
    return Alert.objects.get(pk=reporting.report(kind, about=about, because="It answered 410.", business=business, at=timezone.now()))


def page(alert: Alert) -> str:
    return f"{LIST}{alert.pk}/change/"


def test_what_is_open_stands_first(staff: Callable[..., Person]) -> None:
    open_("whe_over")
    reporting.resolve(Kind.ENDPOINT_DISABLED, about="whe_over", at=timezone.now())
    open_("whe_open")

    text = browser(staff("operator")).get(LIST).content.decode()

    assert text.index("whe_open") < text.index("whe_over")


@pytest.mark.parametrize(
    "query, shown",
    [
        ("state=open", {"whe_1", "handoff:utility"}),
        ("state=waiting", {"handoff:utility"}),
        ("state=over", {"pac_1"}),
        ("severity=urgent", {"pac_1", "handoff:utility"}),
        ("kind=endpoint_disabled", {"whe_1"}),
    ],
)
def test_the_list_is_narrowed_by_state_severity_and_kind(staff: Callable[..., Person], query: str, shown: set[str]) -> None:
    operator = staff("operator")
    acknowledging.acknowledge(open_("whe_1"), by=operator, at=AT)
    open_("handoff:utility", kind=Kind.QUEUE_AGE)
    open_("pac_1", kind=Kind.PROVIDER_DEGRADED)
    reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=timezone.now())

    text = browser(operator).get(f"{LIST}?{query}").content.decode()

    assert {about for about in ("whe_1", "handoff:utility", "pac_1") if about in text} == shown


def test_a_page_says_what_to_do_and_leads_to_its_subject(staff: Callable[..., Person], shop: Business) -> None:
    about = ids.public("key", ids.new())
    text = browser(staff("operator")).get(page(open_(about, kind=Kind.KEY_IN_BROWSER, business=shop))).content.decode()

    assert Kind.KEY_IN_BROWSER.what_to_do in text
    assert f'href="{subjects.page(about)}"' in text


def test_an_operator_takes_an_alert_on_with_a_note(staff: Callable[..., Person]) -> None:
    alert, operator = open_(), staff("operator")
    client = browser(operator)

    assert "It answered 410." in client.get(f"{LIST}{alert.pk}/acknowledge/").content.decode()
    client.post(f"{LIST}{alert.pk}/acknowledge/", {"note": " Called the shop. "})

    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.note, alert.resolved_at) == (operator, "Called the shop.", None)


def test_a_page_tells_who_was_told(staff: Callable[..., Person]) -> None:
    alert, now = open_(), timezone.now()
    telling.owe([Way.EMAIL, Way.WEBHOOK], at=now)
    telling.told(telling.claim(Way.EMAIL, limit=1, at=now), at=now)
    telling.failed(telling.claim(Way.WEBHOOK, limit=1, at=now), error="answered 503", at=now)

    text = browser(staff("auditor")).get(page(alert)).content.decode()

    assert f"E-mail, opened: {now:%d %B %H:%M:%S}" in text
    assert "Webhook, opened: tried 1 times, answered 503; again at" in text


def test_several_are_taken_on_at_once_from_the_list(staff: Callable[..., Person]) -> None:
    alerts = [open_("whe_1"), open_("whe_2")]

    browser(staff("operator")).post(LIST, {"action": "take_on", "_selected_action": [each.pk for each in alerts]})

    assert not Alert.objects.open().unacknowledged().exists()


def test_of_two_who_take_it_on_the_first_stays(staff: Callable[..., Person], shop: Business) -> None:
    alert, first = open_(business=shop), staff("operator")
    acknowledging.acknowledge(alert, by=first, note="Mine.", at=AT)

    kept = acknowledging.acknowledge(alert, by=staff("operator", shop), note="No, mine.", at=AT + timedelta(seconds=1))

    assert (kept.acknowledged_by, kept.note, kept.acknowledged_at) == (first, "Mine.", AT)


def test_an_auditor_reads_and_takes_nothing_on(staff: Callable[..., Person]) -> None:
    alert, client = open_(), browser(staff("auditor"))

    assert client.get(page(alert)).status_code == 200
    assert client.post(f"{LIST}{alert.pk}/acknowledge/").status_code == 403
    client.post(LIST, {"action": "take_on", "_selected_action": [alert.pk]})
    assert Alert.objects.get().acknowledged_at is None


@pytest.mark.parametrize("role", ["author", "approver"])
def test_who_only_writes_templates_sees_no_alerts(staff: Callable[..., Person], role: str) -> None:
    assert browser(staff(role)).get(LIST).status_code == 403


def test_a_business_sees_its_own_alerts_and_no_other_s(staff: Callable[..., Person], shop: Business) -> None:
    other = Business.objects.create(slug="other", name="Other")
    mine, others, platforms = open_("whe_1", business=shop), open_("whe_2", business=other), open_("whe_3")
    client = browser(staff("operator", shop))

    assert client.get(page(mine)).status_code == 200
    assert [client.get(page(each)).status_code for each in (others, platforms)] == [302, 302]
    assert client.post(f"{LIST}{others.pk}/acknowledge/").status_code == 404
    assert "whe_2" not in client.get(LIST).content.decode()


def test_nobody_adds_changes_or_removes_an_alert(staff: Callable[..., Person]) -> None:
    alert, client = open_(), browser(staff("operator"))

    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(page(alert), {"because": "Nothing."}).status_code == 403
    assert client.post(f"{LIST}{alert.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_first_page_counts_what_is_open(staff: Callable[..., Person], shop: Business) -> None:
    open_(business=shop)
    open_("handoff:utility", kind=Kind.QUEUE_AGE)

    (all_of_them,), (of_shop,) = pulse.cards(None, timezone.now()), pulse.cards(shop.pk, timezone.now())

    assert [(figure.label, figure.value) for figure in all_of_them.figures] == [("urgent", 1), ("warning", 1), ("notice", 0)]
    assert [(figure.label, figure.value) for figure in of_shop.figures] == [("urgent", 0), ("warning", 1), ("notice", 0)]
    assert all_of_them.note == "2 taken on by nobody, 2 new in the last hour."
    assert "Open alerts" in browser(staff("auditor")).get("/admin/").content.decode()


@pytest.mark.parametrize("about", ["handoff:utility", "webhooks", "receipts", "deliveries:forgotten", "messages:overdue"])
def test_a_queue_leads_to_the_list_of_what_waits(about: str) -> None:
    assert (subjects.page(about) or "").startswith("/admin/")


@pytest.mark.parametrize("about", ["meta:131000", "whe_1", "nothing"])
def test_what_has_no_page_has_no_link(about: str) -> None:
    assert subjects.page(about) is None
