from __future__ import annotations

from typing import Any

import pytest

from templates_app import advice
from tests.templates_app import samples
from tests.templates_app.test_rendering import entry

NAME = {"name": "name", "type": "text", "sample": "Amal", "max_length": 30}


def hints(content: Any, variables: Any = (), category: str = "utility") -> list[tuple[str, str]]:
    return [(hint.field, hint.code) for hint in advice.give(entry(content, list(variables), category))]


def body(text: str) -> dict[str, Any]:
    return {"whatsapp": {"components": [{"type": "BODY", "text": text}]}}


def test_good_words_need_no_advice() -> None:
    assert hints(body("Hello {{name}}, your order is on its way."), [NAME]) == []
    code = [{"name": "code", "type": "code", "sample": "123456"}]
    assert hints({"whatsapp": samples.ONE_TIME_CODE}, code, "authentication") == []


def test_many_variables_among_few_words_may_be_refused_by_meta() -> None:
    assert hints(body("Hi {{name}}!"), [NAME]) == [("content.whatsapp.components", "few_words")]


@pytest.mark.parametrize("category, expected", [("marketing", ["cut_off"]), ("utility", [])])
def test_a_long_marketing_message_is_cut_off(category: str, expected: list[str]) -> None:
    assert [code for _, code in hints(body("a\nb\nc\nd\ne\nf"), category=category)] == expected


def test_punctuation_that_costs_a_segment_is_told() -> None:
    assert hints({"sms": {"text": "It’s " + "a" * 100}}) == [("content.sms.text", "dear_punctuation")]
    assert hints({"sms": {"text": "It’s " + "a" * 100, "plain_punctuation": True}}) == []


def test_values_that_would_be_too_long_are_told() -> None:
    long = {**NAME, "max_length": 400}

    assert hints(body("Dear {{name}}, " + "word " * 150 + "."), [long]) == [("variables", "refused_at_longest")]
