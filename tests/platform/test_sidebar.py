from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils.text import capfirst

from accounts.models import Business, Person
from alerts import acknowledging, reporting
from alerts.kinds import Kind
from alerts.models import Alert
from qsura_platform import sidebar
from templates_app import approval, writing
from templates_app.models import Template

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked_by() -> Callable[..., HttpRequest]:
    def ask(role: str, business: Business | None = None) -> HttpRequest:
        who = Person.objects.create_user(f"{role} {business}", business=business, is_staff=True)
        who.groups.set(Group.objects.filter(name=role))
        request = RequestFactory().get("/admin/")
        request.user = who
        return request

    return ask


def shown(request: HttpRequest) -> dict[str, Any]:
    return {item["title"]: item for group in sidebar.navigation(request) for item in group["items"]}


@pytest.mark.parametrize(
    "role, sees, does_not_see",
    [
        ("author", {"Templates", "Review queue"}, {"Messages", "API keys", "Routes"}),
        ("approver", {"Templates", "Review queue"}, {"Messages", "API keys", "Routes"}),
        ("operator", {"Alerts", "Messages", "Routes", "Provider accounts", "API keys"}, {"People"}),
        ("auditor", {"Messages", "Templates", "Routes", "Businesses", "API keys", "People"}, set()),
    ],
)
def test_each_role_finds_its_own_rooms(asked_by: Any, role: str, sees: set[str], does_not_see: set[str]) -> None:
    found = set(shown(asked_by(role)))

    assert sees <= found
    assert not does_not_see & found


def test_the_rooms_stand_along_a_message_s_way(asked_by: Any) -> None:
    titles = [group["title"] for group in sidebar.navigation(asked_by("auditor"))]

    assert titles == [title for title, _ in sidebar.ROOMS if title in titles]


def test_the_queue_counts_what_waits_in_one_s_own_business(asked_by: Any) -> None:
    ours, theirs = (Business.objects.create(slug=slug, name=slug) for slug in ("ours", "theirs"))
    author = Person.objects.create_user("anna")
    for business in (ours, theirs, theirs):
        template = writing.create(business.pk, name=f"order_{Template.objects.count()}", category="utility")
        version = writing.draft(template, language="en", content={"sms": {"text": "It is on its way."}}, variables=[], author=author)
        approval.submit(version, by=author, at=NOW)

    assert shown(asked_by("approver", ours))["Review queue"]["badge"] == 1
    assert shown(asked_by("approver"))["Review queue"]["badge"] == 3


def test_an_empty_queue_has_no_badge(asked_by: Any) -> None:
    assert shown(asked_by("approver"))["Review queue"]["badge"] is None


@pytest.mark.parametrize(
    "debug, url, words",
    [(True, "https://q.example", "Debug"), (False, "https://q.example", "Production"), (False, "http://127.0.0.1:8000", "Local")],
)
def test_the_badge_says_which_world_this_is(settings: Any, debug: bool, url: str, words: str) -> None:
    settings.DEBUG, settings.PUBLIC_URL = debug, url

    assert sidebar.environment(RequestFactory().get("/"))[0] == words


def test_the_alerts_badge_counts_what_nobody_has_taken_on_in_one_s_own_business(asked_by: Any) -> None:
    shop = Business.objects.create(slug="shop", name="Shop")
    for about, business in (("whe_1", shop), ("whe_2", None)):
        reporting.report(Kind.ENDPOINT_DISABLED, about=about, because="x", business=business, at=NOW)

    assert shown(asked_by("operator", shop))["Alerts"]["badge"] == 1
    both = asked_by("operator")
    assert shown(both)["Alerts"]["badge"] == 2
    acknowledging.acknowledge(Alert.objects.get(about="whe_2"), by=both.user, at=NOW)
    assert shown(both)["Alerts"]["badge"] == 1


def test_a_room_bears_the_name_of_what_is_in_it() -> None:
    items = [item for _, group in sidebar.ROOMS for item in group if not item[3]]

    assert {title for title, *_ in items} == {capfirst(apps.get_model(model)._meta.verbose_name_plural) for _, _, model, _ in items}
