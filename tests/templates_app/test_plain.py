from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.providers import base
from templates_app import plain, segments
from tests import fixtures
from tests.templates_app.test_rendering import entry, rendering


@pytest.mark.parametrize(
    "text, plainer",
    [
        ("Let’s meet at “Nile” – soon…", 'Let\'s meet at "Nile" - soon...'),
        ("A\u00a0space, a\u200bnothing", "A space, anothing"),
        ("Plain already: €5 [x]", "Plain already: €5 [x]"),
    ],
)
def test_typographic_punctuation_has_a_plain_form(text: str, plainer: str) -> None:
    assert plain.punctuation(text) == plainer


@pytest.mark.parametrize("text", ["It’s late, François", "‘مرحبا’", "“🐳”", "…" * 70])
def test_what_would_stay_dear_all_the_same_is_left_alone(text: str) -> None:
    assert plain.punctuation(text) == text


def is_punctuation(case: dict[str, Any]) -> bool:
    return "char" in case and "expected" in case and unicodedata.category(case["char"])[0] in "PZC"


@pytest.mark.parametrize("case", fixtures.cases("notify/sms_downgrade.json", pick=lambda cases: list(filter(is_punctuation, cases))))
def test_punctuation_is_downgraded_as_notify_does(case: dict[str, Any]) -> None:
    assert plain.punctuation(f"a{case['char']}b") == f"a{case['expected']}b"


@given(st.text(st.sampled_from([*plain.table(), *"ab 1€^", "ç", "م", "🐳"]), max_size=200))
def test_it_never_costs_more_and_never_touches_a_letter(text: str) -> None:
    plainer = plain.punctuation(text)

    assert segments.measure(plainer).segments <= segments.measure(text).segments
    assert [each for each in plainer if each.isalnum() and each != "x"] == [each for each in text if each.isalnum()]


def test_a_template_may_ask_for_it_and_then_its_values_are_plain_too() -> None:
    variables = [{"name": "name", "type": "text", "sample": "Amal"}]
    text = "“Nile Books”: it’s yours, {{name}}"

    as_written, asked = ({"text": text}, {"text": text, "plain_punctuation": True})
    rendered = [rendering.render(entry({"sms": sms}, variables), {"name": "O’Neil"}, channel="sms") for sms in (as_written, asked)]

    assert rendered == [base.Text("“Nile Books”: it’s yours, O’Neil"), base.Text("\"Nile Books\": it's yours, O'Neil")]
