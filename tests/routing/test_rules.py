from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import rules
from routing.rules import InvalidRules
from tests.routing.conftest import step

GOOD = [
    {
        "when": [{"field": "country", "in": ["EG"]}],
        "steps": [step("whatsapp", "a", until="delivered", within=300), step("sms", "b*3", "c*0")],
    },
    {"when": [], "steps": [step("sms", "b")], "budget": {"attempts": 3, "deadline": 600, "cost": "0.05"}},
    {"when": [], "steps": [step("sms", "b", until="sent", within=60, prefer="cheapest", validity=30)]},
]


def wrong(raw: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRules) as refused:
        rules.read(raw)
    return [(each.field, each.code) for each in refused.value.errors]


def test_rules_are_read_and_written_alike() -> None:
    assert rules.describe(rules.read(GOOD)) == GOOD


def test_what_may_be_left_out_has_its_default() -> None:
    (rule,) = rules.read([{"steps": [{"channel": "sms", "accounts": [{"account": "a"}]}]}])
    assert (rule.when, rule.steps[0].accounts[0].weight, rule.steps[0].until, rule.steps[0].within) == ((), 1, None, None)


@pytest.mark.parametrize(
    "raw, expected",
    [
        (None, [("rules", "invalid")]),
        ([], [("rules", "invalid")]),
        ({}, [("rules", "invalid")]),
        ([{}] * 51, [("rules", "invalid")]),
        (["x"], [("rules[0]", "invalid")]),
        ([{}], [("rules[0].steps", "invalid")]),
        ([{"steps": []}], [("rules[0].steps", "invalid")]),
        ([{"steps": [None]}], [("rules[0].steps[0]", "invalid")]),
        ([{"when": {}, "steps": [step("sms", "a")]}], [("rules[0].when", "invalid")]),
        ([{"if": [], "steps": [step("sms", "a")]}], [("rules[0].if", "unknown_field")]),
        ([{"steps": [step("fax", "a")]}], [("rules[0].steps[0].channel", "unknown_channel")]),
        ([{"steps": [step("sms")]}], [("rules[0].steps[0].accounts", "invalid")]),
        ([{"steps": [step("sms", "a*1001")]}], [("rules[0].steps[0].accounts[0].weight", "out_of_range")]),
        ([{"steps": [step("sms", "")]}], [("rules[0].steps[0].accounts[0].account", "invalid")]),
        ([{"steps": [step("sms", "a", until="sent")]}], [("rules[0].steps[0]", "until_and_within")]),
        ([{"steps": [step("sms", "a", within=60)]}], [("rules[0].steps[0]", "until_and_within")]),
        ([{"steps": [step("sms", "a", until="gone", within=60)]}], [("rules[0].steps[0].until", "unknown_status")]),
        ([{"steps": [step("sms", "a", until="sent", within=9)]}], [("rules[0].steps[0].within", "out_of_range")]),
        ([{"steps": [step("sms", "a", until="sent", within=259_201)]}], [("rules[0].steps[0].within", "out_of_range")]),
        ([{"steps": [step("sms", "a", until="sent", within=True)]}], [("rules[0].steps[0].within", "out_of_range")]),
        ([{"steps": [step("sms", "a", until="sent", within="60")]}], [("rules[0].steps[0].within", "out_of_range")]),
        ([{"steps": [step("sms", "a", priority=1)]}], [("rules[0].steps[0].priority", "unknown_field")]),
        ([{"steps": [{"channel": "sms", "accounts": ["a"]}]}], [("rules[0].steps[0].accounts[0]", "invalid")]),
        ([{"budget": 3, "steps": [step("sms", "a")]}], [("rules[0].budget", "invalid")]),
        ([{"budget": {}, "steps": [step("sms", "a")]}], [("rules[0].budget", "invalid")]),
        ([{"budget": {"money": 1, "attempts": 1}, "steps": [step("sms", "a")]}], [("rules[0].budget.money", "unknown_field")]),
        *(
            ([{"budget": {"cost": cost}, "steps": [step("sms", "a")]}], [("rules[0].budget.cost", "out_of_range")])
            for cost in (-1, 0, "0.00", "-0.1", True, "1e3", "1_0", "NaN", "0.0000001", "5 USD", "", [1], "\N{ARABIC-INDIC DIGIT FIVE}")
        ),
        ([{"steps": [step("sms", "a", prefer="fastest")]}], [("rules[0].steps[0].prefer", "invalid")]),
        ([{"steps": [step("sms", "a", validity=9)]}], [("rules[0].steps[0].validity", "out_of_range")]),
        ([{"steps": [step("sms", "a", until="sent", within=60, validity=61)]}], [("rules[0].steps[0].validity", "out_of_range")]),
        ([{"budget": {"attempts": 0}, "steps": [step("sms", "a")]}], [("rules[0].budget.attempts", "out_of_range")]),
        ([{"budget": {"attempts": True}, "steps": [step("sms", "a")]}], [("rules[0].budget.attempts", "out_of_range")]),
        ([{"budget": {"attempts": 1}, "steps": [step("sms", "a"), step("sms", "b")]}], [("rules[0].budget.attempts", "unreachable_step")]),
        ([{"budget": {"deadline": 9}, "steps": [step("sms", "a")]}], [("rules[0].budget.deadline", "out_of_range")]),
        (
            [{"budget": {"deadline": 60}, "steps": [step("sms", "a", until="sent", within=60), step("sms", "b")]}],
            [("rules[0].budget.deadline", "unreachable_step")],
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_place(raw: Any, expected: list[tuple[str, str]]) -> None:
    assert wrong(raw) == expected


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert len(wrong([{"when": [{"field": "x"}], "steps": [step("fax", "a", until="sent"), step("sms")]}])) == 4


SCALARS = st.none() | st.booleans() | st.integers() | st.text()
NEARLY = st.sampled_from(["sms", "sent", "country", 60, ["EG"], [{"account": "a"}], [{"weight": []}], None, {}])
PARTS = st.lists(st.dictionaries(st.sampled_from(["channel", "accounts", "until", "within", "field", "in"]), NEARLY))


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_that_is_no_rules_is_refused(raw: Any) -> None:
    assert wrong(raw)


@given(st.lists(st.dictionaries(st.sampled_from(["when", "steps"]), PARTS)))
def test_nearly_good_json_is_read_or_refused(raw: Any) -> None:
    with contextlib.suppress(InvalidRules):
        assert rules.read(raw)


@pytest.mark.parametrize("cost, kept", [(1, "1"), (0.05, "0.05"), ("0.050", "0.05"), ("100", "100")])
def test_an_amount_may_be_a_number_or_text_and_is_kept_as_text(cost: Any, kept: str) -> None:
    (rule,) = rules.describe(rules.read([{"budget": {"cost": cost}, "steps": [step("sms", "a")]}]))

    assert rule["budget"] == {"cost": kept}
