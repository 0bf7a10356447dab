from __future__ import annotations

from typing import Any

import pytest

from routing import telling
from tests.routing.conftest import step

pytestmark = pytest.mark.django_db

EGYPT = {"when": [{"field": "country", "in": ["EG"]}], "steps": [step("sms", "a")]}
SAUDI = {"when": [{"field": "country", "in": ["SA"]}], "steps": [step("sms", "a")]}
REST = {"when": [], "steps": [step("sms", "b")]}


def told(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(each.kind, each.number) for each in telling.changes(before, after)]


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ([REST], [REST], [("same", 1)]),
        ([REST], [EGYPT, REST], [("new", 1), ("same", 2)]),
        ([EGYPT, REST], [REST], [("gone", 1), ("same", 1)]),
        ([EGYPT, REST], [SAUDI, REST], [("gone", 1), ("new", 1), ("same", 2)]),
        ([REST], [REST | {"budget": {"attempts": 2}}], [("gone", 1), ("new", 1)]),
    ],
)
def test_changes_are_told_rule_by_rule(before: list[dict[str, Any]], after: list[dict[str, Any]], expected: list[tuple[str, int]]) -> None:
    found = told(before, after)

    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    "budget, words",
    [
        ({"attempts": 1}, "at most 1 attempt"),
        ({"attempts": 3, "deadline": 600}, "at most 3 attempts, none later than 10 min after the first"),
        ({"deadline": 45}, "none later than 45 s after the first"),
        ({"attempts": 2, "cost": "0.1"}, "at most 2 attempts, at most 0.1 USD in all"),
    ],
)
def test_a_budget_reads_like_a_sentence(budget: dict[str, int], words: str) -> None:
    assert telling.tell_budget(budget) == words


def test_a_step_says_that_the_cheapest_comes_first_and_how_long_it_is_valid() -> None:
    # A share says "in reserve" in place of a weight of 0.
    steps = [{"channel": "sms", "accounts": [{"account": name, "weight": weight} for name, weight in (("a", 3), ("b", 1), ("c", 0))]}]
    (rule,) = telling.tell([{"steps": [steps[0] | {"prefer": "cheapest", "validity": 120}]}])

    (told,) = rule.steps
    assert (told.accounts, told.more) == (("a", "b", "c (in reserve)"), "the cheapest first, valid for 2 min")
