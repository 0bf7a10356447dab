from __future__ import annotations

from typing import Any

import pytest

from accounts.refusals import FieldError
from routing import conditions
from routing.conditions import Condition, Words
from routing.fields import OTHER

FACTS: dict[str, Words] = {
    "country": ("EG",),
    "channel": ("auto",),
    "class": ("utility",),
    "template": ("order_shipped",),
    "language": ("en-gb",),
    "number_type": ("mobile",),
    "prefix": ("+20", "+2010"),
    "tag": ("shop", "urgent"),
    "key": ("Shop, live", "abcdefghij12"),
    "metadata plan": ("gold",),
    "metadata note": (OTHER,),
    "metadata none": (),
}


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
        ({"field": "number_type", "in": ["mobile", "fixed_line_or_mobile"]}, True),
        ({"field": "number_type", "not_in": ["premium_rate"]}, True),
        ({"field": "prefix", "in": ["+2010"]}, True),
        ({"field": "prefix", "in": ["+2011"]}, False),
        ({"field": "prefix", "not_in": ["+20"]}, False),
        ({"field": "tag", "in": ["urgent"]}, True),
        ({"field": "tag", "not_in": ["urgent", "slow"]}, False),
        ({"field": "key", "in": ["Shop, live"]}, True),
        ({"field": "key", "in": ["qs_live_abcdefghij12"]}, True),
        ({"field": "key", "not_in": ["Another"]}, True),
        ({"field": "metadata", "name": "plan", "in": ["gold", "silver"]}, True),
        ({"field": "metadata", "name": "plan", "not_in": ["gold"]}, False),
        ({"field": "metadata", "name": "note", "in": ["gold"]}, False),
        ({"field": "metadata", "name": "none", "in": ["gold"]}, False),
        ({"field": "metadata", "name": "none", "not_in": ["gold"]}, True),
    ],
)
def test_a_condition_holds_or_not(raw: dict[str, Any], held: bool | None) -> None:
    condition, problems = read(raw)
    assert (condition.holds(FACTS) if condition else None) is held
    assert bool(problems) is (held is None)


def test_a_mail_has_no_country_and_so_is_in_none() -> None:
    facts = FACTS | {"country": ()}
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
        ({"field": "number_type", "in": ["landline"]}, "rules[0].when[0].in"),
        ({"field": "window", "in": ["ajar"]}, "rules[0].when[0].in"),
        ({"field": "prefix", "in": ["2010"]}, "rules[0].when[0].in"),
        ({"field": "prefix", "in": ["+201001234567"]}, "rules[0].when[0].in"),
        ({"field": "tag", "in": ["Two words"]}, "rules[0].when[0].in"),
        ({"field": "key", "in": ["qs_live_abcdefghij12_SECRETSECRETSECRET"]}, "rules[0].when[0].in"),
        ({"field": "key", "in": [""]}, "rules[0].when[0].in"),
        ({"field": "time", "in": ["mon-fri 09:00-17:00"]}, "rules[0].when[0].zone"),
        ({"field": "time", "zone": "Cairo", "in": ["mon-fri 09:00-17:00"]}, "rules[0].when[0].zone"),
        ({"field": "time", "zone": "UTC", "in": ["mon-fri 9-17"]}, "rules[0].when[0].in"),
        ({"field": "time", "zone": "UTC", "in": ["09:00-09:00"]}, "rules[0].when[0].in"),
        ({"field": "time", "zone": "UTC", "in": [""]}, "rules[0].when[0].in"),
        ({"field": "metadata", "in": ["gold"]}, "rules[0].when[0].name"),
        ({"field": "metadata", "name": "", "in": ["gold"]}, "rules[0].when[0].name"),
        ({"field": "metadata", "name": "plan", "in": [1]}, "rules[0].when[0].in"),
        ({"field": "metadata", "name": "plan", "in": [OTHER]}, "rules[0].when[0].in"),
        ({"field": "country", "name": "plan", "in": ["EG"]}, "rules[0].when[0]"),
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
    assert str(Condition("metadata", frozenset({"gold"}), is_negated=False, about="plan")) == "metadata plan is gold"
    assert str(Condition("window", frozenset({"open"}), is_negated=False)) == "WhatsApp window is open"
    night = Condition("time", frozenset({"22:00-06:00"}), is_negated=True, about="Africa/Cairo")
    assert str(night) == "time in Africa/Cairo is not 22:00-06:00"


@pytest.mark.parametrize(
    "told, clause",
    [
        ({"field": "country", "seen": "EG"}, "the country is EG"),
        ({"field": "country", "seen": ""}, "the country is unknown"),
        ({"field": "number_type", "seen": "mobile"}, "the number type is mobile"),
        ({"field": "window", "seen": "closed"}, "the WhatsApp window is closed"),
        ({"field": "tag", "seen": ""}, "the template has no tag"),
        ({"field": "prefix", "seen": ""}, "the number begins with none of the prefixes that rules name"),
        ({"field": "metadata", "name": "plan", "seen": ""}, "the metadata's plan is not given"),
        ({"field": "metadata", "name": "plan", "seen": OTHER}, "the metadata's plan is (another value)"),
        (
            {"field": "time", "zone": "Africa/Cairo", "hours": "22:00-06:00", "seen": "outside"},
            "the time is outside 22:00-06:00 in Africa/Cairo",
        ),
    ],
)
def test_what_was_seen_reads_like_a_clause(told: dict[str, str], clause: str) -> None:
    assert conditions.explain(told) == clause
