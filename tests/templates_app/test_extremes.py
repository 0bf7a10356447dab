from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import extremes, patterns, previews, variables
from templates_app.choices import VariableType
from tests.templates_app.test_rendering import entry

SAMPLES = {"text": "a", "number": "1", "money": "1", "date": "2026-01-31", "url": "https://a.example", "code": "a"}


def variable(**given: Any) -> variables.Variable:
    return variables.load({"name": "a", "sample": SAMPLES[given.get("type", "text")], "type": "text"} | given)


@given(st.sampled_from(VariableType.values), st.integers(35, 2000))
def test_the_longest_value_is_a_good_one(type_: str, length: int) -> None:
    longest = extremes.value(variable(type=type_, max_length=length))

    assert variable(type=type_, max_length=length).read(longest) == longest
    assert len(longest) == (25 if type_ == "date" else length)


@pytest.mark.parametrize(
    "pattern, length, longest",
    [
        (r"[A-Z]{2}-\d{3,5}", 20, "WW-99999"),
        (r"[a-z]+", 7, "wwwwwww"),
        (r"\+20\d{10}", 13, "+209999999999"),
        (r"x?[0-4]*", 3, "x11"),
        (r"\w{1,9}#", 6, "WWWWW#"),
    ],
)
def test_the_longest_value_follows_its_pattern(pattern: str, length: int, longest: str) -> None:
    patterns.check(pattern, max_length=length)

    assert patterns.longest(pattern, length=length) == longest


def test_where_none_longer_can_be_made_the_sample_stands() -> None:
    assert extremes.value(variable(type="date", max_length=3, sample="x")) == "x"


def test_the_longest_words_are_rendered_and_what_they_break_is_told() -> None:
    words = {
        "whatsapp": {"components": [{"type": "BODY", "text": "Hi {{name}}." + "x" * 900}]},
        "sms": {"text": "Hi {{name}}"},
        "email": {"subject": "Hi", "text": "Hi {{name}}", "html": "<p>{{name}}</p>"},
    }
    shown, problems = previews.worst(entry(words, [{"name": "name", "type": "text", "sample": "Amal", "max_length": 300}]))

    assert shown.sms is not None
    assert shown.sms.size.encoding == "UCS-2"
    assert shown.whatsapp is not None
    assert len(shown.whatsapp.bubble.body) > 1024
    assert [(problem.field, problem.code) for problem in problems] == [("variables", "too_long")]


def test_an_sms_tells_what_it_costs_with_samples_and_at_most() -> None:
    sizes = previews.sizes(entry({"sms": {"text": "Hi {{name}}"}}, [{"name": "name", "type": "text", "sample": "Amal", "max_length": 40}]))

    assert sizes is not None
    assert (sizes.with_samples.segments, sizes.with_samples.encoding) == (1, "GSM-7")
    assert (sizes.at_most.segments, sizes.at_most.units) == (2, 83)


def test_without_an_sms_there_is_no_size() -> None:
    assert previews.sizes(entry({"email": {"subject": "a", "text": "a"}}, [])) is None
