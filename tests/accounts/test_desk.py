"""The base of every admin page, on a model of history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.test import RequestFactory

from accounts import keys
from accounts.desk import Desk, ReadOnlyDesk
from accounts.models import ApiKey, Business, Person

pytestmark = pytest.mark.django_db


class Keys(Desk):
    list_filter = ("business", "mode", ("account__business", object), "account__business")


class History(ReadOnlyDesk):
    business_path = "business_id"


class Everybodys(Desk):
    business_path = None


@pytest.fixture
def asked_by() -> Callable[[Person], HttpRequest]:
    def ask(who: Person) -> HttpRequest:
        request = RequestFactory().get("/admin/")
        request.user = who
        return request

    return ask


@pytest.fixture(autouse=True)
def two_keys(demo: Business, other: Business) -> None:
    keys.create(demo, name="ours", mode="test")
    keys.create(other, name="theirs", mode="test")


def names(desk: Desk, request: HttpRequest) -> set[str]:
    return set(desk.get_queryset(request).values_list("name", flat=True))


@pytest.mark.parametrize("kind", [Keys, History])
def test_a_person_sees_the_rows_of_their_business(kind: Any, demo: Business, person: Any, asked_by: Any) -> None:
    desk = kind(ApiKey, AdminSite())

    assert names(desk, asked_by(person("carol", business=demo))) == {"ours"}
    assert names(desk, asked_by(person("paul"))) == {"ours", "theirs"}


def test_a_superuser_of_a_business_stays_in_it(demo: Business, person: Any, asked_by: Any) -> None:
    assert names(Keys(ApiKey, AdminSite()), asked_by(person("boss", business=demo, superuser=True))) == {"ours"}


def test_what_belongs_to_no_business_is_everybody_s(demo: Business, person: Any, asked_by: Any) -> None:
    assert names(Everybodys(ApiKey, AdminSite()), asked_by(person("carol", business=demo))) == {"ours", "theirs"}


def test_choices_are_those_of_the_business_even_without_a_desk_of_their_own(demo: Business, person: Any, asked_by: Any) -> None:
    choices = Keys(ApiKey, AdminSite())._choices(ApiKey, asked_by(person("carol", business=demo)))

    assert [choice.name for choice in choices] == ["ours"]


def test_filters_do_not_name_other_tenants(demo: Business, person: Any, asked_by: Any) -> None:
    desk = Keys(ApiKey, AdminSite())

    assert desk.get_list_filter(asked_by(person("carol", business=demo))) == ["mode"]
    assert len(desk.get_list_filter(asked_by(person("paul")))) == 4


def test_history_is_touched_by_nobody_superusers_included(person: Any, asked_by: Any) -> None:
    desk = History(ApiKey, AdminSite())
    request = asked_by(person("root", superuser=True))
    row = ApiKey.objects.get(name="ours")

    assert desk.has_view_permission(request, row)
    assert not desk.has_add_permission(request)
    assert not desk.has_change_permission(request, row)
    assert not desk.has_delete_permission(request, row)
    assert desk.get_actions(request) == {}


def test_pages_of_history_are_never_counted(django_assert_num_queries: Any) -> None:
    desk = History(ApiKey, AdminSite())

    with django_assert_num_queries(1):
        pages = desk.get_paginator(RequestFactory().get("/"), ApiKey.objects.order_by("pk"), 100)
        rows = list(pages.page(1).object_list)

    assert len(rows) == 2
