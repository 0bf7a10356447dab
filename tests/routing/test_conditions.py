from __future__ import annotations

from typing import Any

import pytest

from accounts.refusals import FieldError
from routing import conditions
from routing.conditions import Condition

FACTS = {"country": "EG", "channel": "auto", "class": "utility", "template": "order_shipped", "language": "en-gb"}


def read(raw: Any) -> tuple[Condition | None, list[FieldError]]:
    problems: list[FieldError] = []
    return conditions.read(raw, where="rules[0].when[0]", problems=problems), problems


@pytest.mark.parametrize(
    "raw, held",
    [
        ({"field": "country", "in": ["SA", "EG"]}, True),
        ({"field": "country", "in": ["SA"]}, False),
        ({"field": "country", "not_in": ["SA"]}, True),
        ({"field": "country", "not_in": ["EG"]}, False),
        ({"field": "channel", "in": ["auto"]}, True),
        ({"field": "class", "in": ["authentication", "utility"]}, True),
        ({"field": "template", "in": ["order_shipped"]}, True),
        ({"field": "template", "in": ["order"]}, False),
        ({"field": "language", "in": ["en"]}, True),
        ({"field": "language", "in": ["EN-GB"]}, True),
        ({"field": "language", "in": ["en-US"]}, False),
        ({"field": "language", "in": ["e"]}, None),
        ({"field": "language", "not_in": ["ar"]}, True),
    ],
)
def test_a_condition_holds_or_not(raw: dict[str, Any], held: bool | None) -> None:
    condition, problems = read(raw)
    assert (condition.holds(FACTS) if condition else None) is held
    assert bool(problems) is (held is None)


def test_a_mail_has_no_country_and_so_is_in_none() -> None:
    facts = FACTS | {"country": ""}
    assert not Condition("country", frozenset({"EG"}), is_negated=False).holds(facts)
    assert Condition("country", frozenset({"EG"}), is_negated=True).holds(facts)


@pytest.mark.parametrize(
    "raw, field",
    [
        ("country", "rules[0].when[0]"),
        ({}, "rules[0].when[0].field"),
        ({"field": "price", "in": ["1"]}, "rules[0].when[0].field"),
        ({"field": ["country"], "in": ["EG"]}, "rules[0].when[0].field"),
        ({"field": "country"}, "rules[0].when[0]"),
        ({"field": "country", "in": ["EG"], "not_in": ["SA"]}, "rules[0].when[0]"),
        ({"field": "country", "is": "EG"}, "rules[0].when[0]"),
        ({"field": "country", "in": []}, "rules[0].when[0].in"),
        ({"field": "country", "in": "EG"}, "rules[0].when[0].in"),
        ({"field": "country", "in": ["eg"]}, "rules[0].when[0].in"),
        ({"field": "country", "in": ["UK"]}, "rules[0].when[0].in"),
        ({"field": "country", "in": [None]}, "rules[0].when[0].in"),
        ({"field": "class", "not_in": ["otp"]}, "rules[0].when[0].not_in"),
        ({"field": "template", "in": ["x"] * 1_001}, "rules[0].when[0].in"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(raw: Any, field: str) -> None:
    condition, problems = read(raw)
    assert condition is None
    assert [each.field for each in problems] == [field]


def test_a_condition_reads_like_a_sentence() -> None:
    assert str(Condition("country", frozenset({"SA", "EG"}), is_negated=False)) == "country is one of EG, SA"
    assert str(Condition("country", frozenset({"SA", "EG"}), is_negated=True)) == "country is none of EG, SA"
    assert str(Condition("country", frozenset({"EG"}), is_negated=False)) == "country is EG"
    assert str(Condition("class", frozenset({"marketing"}), is_negated=True)) == "class is not marketing"
