from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from routing import conditions, facts
from routing.conditions import Condition
from routing.facts import Subject
from routing.fields import OTHER


def condition(raw: dict[str, Any]) -> Condition:
    found = conditions.read(raw, where="when[0]", problems=[])
    assert found
    return found


def see(*raw: dict[str, Any], **more: Any) -> dict[str, tuple[str, ...]]:
    usual: dict[str, Any] = {
        "number": "+201001234567",
        "metadata": {"plan": "gold", "order": 42, "is_new": True, "name": "Sara"},
        "tags": ("urgent", "shop"),
        "key": ("Shop, live", "abcdefghij12"),
        "due_at": datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
    }
    return dict(facts.see(facts.asked([condition(each) for each in raw]), Subject(**usual | more)))


def test_nothing_is_looked_up_that_no_rule_asks_for() -> None:
    assert see() == {}
    assert see({"field": "country", "in": ["EG"]}, {"field": "language", "in": ["en"]}) == {}


@pytest.mark.parametrize(
    "number, word",
    [
        ("+201001234567", "mobile"),
        ("+20227365000", "fixed_line"),
        ("+12025550123", "fixed_line_or_mobile"),
        ("+18005550123", "toll_free"),
        ("+449098790000", "premium_rate"),
        ("+445600123456", "voip"),
    ],
)
def test_the_type_of_a_number_is_the_librarys(number: str, word: str) -> None:
    assert see({"field": "number_type", "in": ["mobile"]}, number=number) == {"number_type": (word,)}


def test_an_address_has_no_type_and_no_prefix() -> None:
    asked = {"field": "number_type", "in": ["mobile"]}, {"field": "prefix", "in": ["+20"]}
    assert see(*asked, number="") == {"number_type": (), "prefix": ()}


def test_of_a_number_only_the_prefixes_that_rules_name_are_told() -> None:
    seen = see({"field": "prefix", "in": ["+2010", "+1"]}, {"field": "prefix", "not_in": ["+20", "+2011"]})

    assert seen == {"prefix": ("+20", "+2010")}


def test_of_the_metadata_only_what_rules_list_is_told() -> None:
    plan, order = {"field": "metadata", "name": "plan", "in": ["gold"]}, {"field": "metadata", "name": "order", "in": ["42"]}
    new, name = {"field": "metadata", "name": "is_new", "in": ["true"]}, {"field": "metadata", "name": "name", "in": ["Adam"]}
    none = {"field": "metadata", "name": "city", "in": ["Cairo"]}

    assert see(plan, order, new, name, none) == {
        "metadata plan": ("gold",),
        "metadata order": ("42",),
        "metadata is_new": ("true",),
        "metadata name": (OTHER,),
        "metadata city": (),
    }


def test_hours_are_told_as_held_or_not() -> None:
    day = {"field": "time", "zone": "Africa/Cairo", "in": ["14:00-15:00"]}
    night = {"field": "time", "zone": "Africa/Cairo", "not_in": ["22:00-06:00"]}

    assert see(day, night) == {"time Africa/Cairo 14:00-15:00": ("inside",), "time Africa/Cairo 22:00-06:00": ("outside",)}


def test_tags_and_key_are_told_as_they_are() -> None:
    seen = see({"field": "tag", "in": ["shop"]}, {"field": "key", "in": ["Shop, live"]})

    assert seen == {"tag": ("shop", "urgent"), "key": ("Shop, live", "abcdefghij12")}
