from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import declarations, variables
from templates_app.choices import VariableType

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def variable(**given: Any) -> variables.Variable:
    return variables.load({"name": "a", "type": "text", "sample": "x"} | given)


@pytest.mark.parametrize(
    "type_, value",
    [
        ("text", "Amal"),
        ("text", "first\nsecond"),
        ("text", "\u2067\u0645\u0631\u062d\u0628\u0627\u2069 Amal"),
        ("text", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("text", "\U0001f469\u200d\U0001f692"),
        ("text", 17),
        ("number", 0.0),
        ("number", 0.30000000000000004),
        ("number", "1 250,5"),
        ("number", "-3"),
        ("money", "EGP 1,250.00"),
        ("money", "12,50 €"),
        ("money", "$5"),
        ("money", "١٢٫٥٠ ج.م."),
        ("date", "2026-02-28"),
        ("date", "2026-02-28T18:30+02:00"),
        ("url", "https://shop.example/a?b=c#d"),
        ("url", "http://[2001:db8::1]:8080/"),
        ("code", "A-17"),
        ("code", 123456),
    ],
)
def test_a_value_goes_out_as_it_was_given(type_: str, value: Any) -> None:
    assert variable(type=type_).read(value) == str(value)


@pytest.mark.parametrize(
    "type_, value, code",
    [
        ("text", "", "blank"),
        ("text", "  \n ", "blank"),
        pytest.param("text", "\u200b", "blank", id="a space without width"),
        pytest.param("text", "\u2060\ufeff\u200f ", "blank", id="joiners and marks"),
        pytest.param("text", "\u2800\u3164", "blank", id="fillers"),
        pytest.param("text", "pay \u202e001 PGE", "direction", id="an override"),
        pytest.param("text", "\u2067 open", "direction", id="a direction left open"),
        pytest.param("text", "close\u2069", "direction", id="a direction closed that is not open"),
        pytest.param("text", "\u2067a\u202c", "direction", id="another mark closes it"),
        ("text", "a" * 201, "too_long"),
        ("text", True, "invalid_type"),
        ("text", None, "invalid_type"),
        ("text", ["a"], "invalid_type"),
        ("text", 1.5, "invalid_type"),
        pytest.param("text", 10**5000, "too_long", id="an endless number"),
        ("text", "a\x00b", "unprintable"),
        ("text", "a\x1bb", "unprintable"),
        ("text", "\ud800", "unprintable"),
        ("number", "twelve", "not_number"),
        ("number", float("nan"), "invalid_type"),
        ("number", 1e300, "not_number"),
        ("money", "free", "not_money"),
        ("money", 12.5, "invalid_type"),
        ("date", "1 March", "not_date"),
        ("date", "2026-02-30", "not_date"),
        ("date", "20260228", "not_date"),
        ("url", "javascript:alert(1)", "not_url"),
        ("url", "//shop.example", "not_url"),
        ("url", "https://", "not_url"),
        ("url", "https://u:p@shop.example/", "not_url"),
        ("url", "https://shop.example/a b", "not_url"),
        ("url", "https://shop.example:99999/", "not_url"),
        ("url", "https://[x", "not_url"),
        ("code", "A 17", "not_code"),
        ("code", "a" * 16, "too_long"),
    ],
)
def test_a_value_that_is_certainly_wrong_is_refused_with_its_reason(type_: str, value: Any, code: str) -> None:
    with pytest.raises(variables.Unfit) as refused:
        variable(type=type_).read(value)

    assert refused.value.code == code


def test_a_pattern_must_match_the_whole_value() -> None:
    ticket = variable(type="code", pattern=r"[A-Z]-\d{2}")

    assert ticket.read("A-17") == "A-17"
    with pytest.raises(variables.Unfit, match="pattern"):
        ticket.read("A-171")


@given(st.sampled_from(VariableType.values), JSON)
def test_no_value_crashes_and_none_gets_longer_than_declared(type_: str, value: Any) -> None:
    try:
        text = variable(type=type_, max_length=30).read(value)
    except variables.Unfit:
        return

    assert 0 < len(text) <= 30


@pytest.mark.parametrize(
    "raw, field",
    [
        ("no list", "variables"),
        (["name"], "variables[0]"),
        ([{"type": "text", "sample": "a"}], "variables[0].name"),
        ([{"name": "Name", "type": "text", "sample": "a"}], "variables[0].name"),
        ([{"name": "a", "type": "list", "sample": "a"}], "variables[0].type"),
        ([{"name": "a", "type": "text"}], "variables[0].sample"),
        ([{"name": "a", "type": "date", "sample": "tomorrow"}], "variables[0].sample"),
        ([{"name": "a", "type": "text", "sample": "a", "max_length": 0}], "variables[0].max_length"),
        ([{"name": "a", "type": "text", "sample": "a", "max_length": True}], "variables[0].max_length"),
        ([{"name": "a", "type": "text", "sample": "a", "pattern": "(a+)+"}], "variables[0].pattern"),
        ([{"name": "a", "type": "text", "sample": "a", "pattern": ["a"]}], "variables[0].pattern"),
        ([{"name": "a", "type": "text", "sample": "a", "default": "b"}], "variables[0].default"),
        ([{"name": "a", "type": "text", "sample": "a"}] * 2, "variables[1].name"),
        ([{"name": f"a{n}", "type": "text", "sample": "a"} for n in range(51)], "variables"),
    ],
)
def test_a_wrong_declaration_is_refused_by_its_field(raw: Any, field: str) -> None:
    assert [error.field for error in declarations.check(raw)] == [field]


@given(JSON | st.lists(st.fixed_dictionaries({"name": JSON, "type": JSON, "sample": JSON}, optional={"pattern": JSON, "max_length": JSON})))
def test_no_declaration_crashes_the_check(raw: Any) -> None:
    if not declarations.check(raw):
        declarations.load(raw)
