"""How often a key and a business may ask: slices of one row, taken by many processes."""

from __future__ import annotations

import dataclasses
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from pytest_django import Settings

from accounts import limiting
from accounts.keys import Caller
from accounts.limiting import RateLimited
from accounts.models import Allowance
from tests.fixtures import load

pytestmark = pytest.mark.django_db


def caller(quota: int | None, every: int | None = None) -> Caller:
    return Caller(uuid4(), uuid4(), "test", frozenset(), "en", (), requests_per_minute=quota, business_requests_per_minute=every)


def taken(who: Caller, times: int, *, units: int = 1) -> int:
    """How many of so many requests are let through."""
    count = 0
    for _ in range(times):
        try:
            limiting.take(who, units=units)
        except RateLimited:
            continue
        count += 1
    return count


def restart() -> None:
    """As if another process asked."""
    limiting.forget()


@pytest.mark.parametrize("quota", [1, 7, 30, 100])
def test_a_quota_is_let_through_and_no_more(quota: int) -> None:
    assert taken(caller(quota), quota + 20) == quota


def test_many_processes_share_one_quota() -> None:
    who = caller(90)
    through = 0
    for _ in range(40):
        restart()
        through += taken(who, 4)

    assert 30 <= through <= 90
    assert Allowance.objects.get(scope_id=who.key_id).taken == 90


def test_a_business_counts_all_its_keys_together() -> None:
    one = caller(100, 10)
    other = dataclasses.replace(one, key_id=uuid4())

    assert taken(one, 6) + taken(other, 6) == 10


def test_without_a_number_of_its_own_a_key_has_the_platforms(settings: Settings) -> None:
    settings.QSURA_RATE_LIMIT = 5
    assert taken(caller(None), 9) == 5
    assert taken(caller(0), 9) == 9
    settings.QSURA_RATE_LIMIT = 0
    assert taken(caller(None), 9) == 9


def test_a_busy_key_costs_a_statement_for_each_slice_and_a_spent_one_none(django_assert_num_queries: Any) -> None:
    who = caller(3000)
    with django_assert_num_queries(2):
        assert taken(who, 200) == 200
    spent = caller(3)
    taken(spent, 4)
    with django_assert_num_queries(0):
        assert taken(spent, 50) == 0


def test_a_batch_counts_its_items_but_never_more_than_a_quota() -> None:
    who = caller(100)
    limiting.take(who)

    assert taken(who, 3, units=40) == 2
    whole = caller(10)
    limiting.take(whole)
    assert taken(whole, 2, units=1000) == 1


def test_the_next_minute_begins_anew() -> None:
    who = caller(5)
    taken(who, 9)
    row = Allowance.objects.get(scope_id=who.key_id)
    row.minute = row.minute.replace(year=2025)
    row.save()
    restart()

    assert taken(who, 9) == 5


def test_what_another_door_counts_again_is_given_back() -> None:
    who = caller(1)
    limiting.take(who)
    limiting.give_back(who)

    assert taken(who, 2) == 1


def test_a_refusal_names_the_quota_and_when_it_ends() -> None:
    who = caller(2, 50)
    taken(who, 2)

    with pytest.raises(RateLimited) as refused:
        limiting.take(who)

    key, business = refused.value.standings
    assert (key.name, key.left, business.name, business.left > 0) == ("key", 0, "business", True)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= key.resets_in >= 1


def test_the_fields_are_those_of_the_draft() -> None:
    fixture = load("http_semantics/ratelimit.json")
    said = limiting.fields(limiting.take(caller(3000, 9000)))

    policy = r'"[a-z]+";q=\d+;w=[1-9]\d*'
    assert re.fullmatch(f"{policy}, {policy}", said["RateLimit-Policy"])
    assert re.fullmatch(r'"key";r=\d+;t=\d+, "business";r=\d+;t=\d+', said["RateLimit"])
    assert all(re.fullmatch(f"RateLimit-Policy: {policy}(,{policy})*(;pk=:.*:)?", example) for example in fixture["policy_examples"])
    assert limiting.fields(()) == {}


@pytest.mark.django_db(transaction=True)
def test_threads_that_race_get_exactly_the_quota() -> None:
    who = caller(10)

    def ask(_: int) -> int:
        try:
            return taken(who, 1)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(50))) == 10


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_nothing_is_counted(settings: Settings) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_allowance RENAME TO away")
    try:
        assert limiting.take(caller(1)) == ()
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO accounts_allowance")
