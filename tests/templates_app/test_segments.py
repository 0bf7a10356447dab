from __future__ import annotations

from typing import Any

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from templates_app import segments
from tests import fixtures

EURO, WHALE, SNOWMAN = "€", "🐳", "☃"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", segments.Segments("GSM-7", 0, 0, 1)),
        ("a" * 160, segments.Segments("GSM-7", 160, 160, 1)),
        ("a" * 161, segments.Segments("GSM-7", 161, 161, 2)),
        ("a" * 306, segments.Segments("GSM-7", 306, 306, 2)),
        ("a" * 307, segments.Segments("GSM-7", 307, 307, 3)),
        (EURO * 80, segments.Segments("GSM-7", 80, 160, 1)),
        ("a" * 159 + EURO, segments.Segments("GSM-7", 160, 161, 2)),
        (SNOWMAN * 70, segments.Segments("UCS-2", 70, 70, 1)),
        (SNOWMAN * 71, segments.Segments("UCS-2", 71, 71, 2)),
        (WHALE * 35, segments.Segments("UCS-2", 35, 70, 1)),
        ("ç", segments.Segments("UCS-2", 1, 1, 1)),
        ("Ç", segments.Segments("GSM-7", 1, 1, 1)),
        ("مرحبا", segments.Segments("UCS-2", 5, 5, 1)),
    ],
)
def test_a_text_costs_what_the_standard_says(text: str, expected: segments.Segments) -> None:
    assert segments.measure(text) == expected


def test_an_extended_character_is_not_split_over_two_parts() -> None:
    parts = segments.parts("a" * 152 + EURO + "a" * 10)

    assert parts == ["a" * 152, EURO + "a" * 10]


def test_a_surrogate_pair_is_not_split_over_two_parts() -> None:
    parts = segments.parts(SNOWMAN * 66 + WHALE + SNOWMAN * 3)

    assert parts == [SNOWMAN * 66, WHALE + SNOWMAN * 3]


def test_the_characters_that_cost_the_encoding_are_named() -> None:
    assert segments.outside("Let’s meet at the café – ’tis late") == ["’", "–"]


@pytest.mark.parametrize("case", fixtures.cases("sms_segments/twilio_segments.json"), ids=lambda case: case and case["name"])
def test_twilios_own_table_holds(case: dict[str, Any]) -> None:
    measured = segments.measure(case["text"])

    assert (measured.encoding, measured.segments) == (case["encoding"], case["segments"])
    if "message_bits" in case:
        assert measured.units * (7 if measured.encoding == "GSM-7" else 16) == case["message_bits"]


@pytest.mark.parametrize(
    "case",
    fixtures.cases("sms_segments/split_sms_gsm.json") + fixtures.cases("sms_segments/split_sms_unicode.json"),
    ids=lambda case: case and case["name"],
)
def test_texts_are_cut_where_others_cut_them(case: dict[str, Any]) -> None:
    if SNOWMAN in case["text"] and case["encoding"] == "GSM-7":
        pytest.skip("this case forces GSM-7 on characters that it does not have")

    assert segments.parts(case["text"]) == [part["content"] for part in case["parts"]]
    assert segments.measure(case["text"]).segments == case["segments"]


def is_counted_as_written(case: dict[str, Any]) -> bool:
    """Notify adds a prefix and tidies whitespace before it counts; Qsura sends what was approved."""
    tidied = " ".join(case["content"].split())
    return not case["prefix"] and tidied != "" and case["content"].strip("\n") == tidied


@pytest.mark.parametrize(
    "case", fixtures.cases("notify/sms_character_count.json", pick=lambda every: list(filter(is_counted_as_written, every)))
)
def test_characters_are_counted_as_notify_counts_them(case: dict[str, Any]) -> None:
    text = case["content"].strip("\n").replace("((placeholder))", case["values"].get("placeholder", ""))

    assert segments.measure(text).characters == case["expected_count_in_notification"]


LETTERS = st.sampled_from([*"ab \n@£Ç^{}[]~|\\€\f", "ç", "é", SNOWMAN, WHALE, "م", "\u200d"])


@given(st.text(LETTERS, min_size=1, max_size=500))
def test_another_implementation_agrees(text: str) -> None:
    oracle = smsutil.split(text)

    measured = segments.measure(text)

    assert (measured.encoding == "GSM-7") == (oracle.encoding == "gsm0338")
    assert measured.segments == len(oracle.parts)


@given(st.text(max_size=800))
def test_the_parts_are_the_text_and_none_is_too_long(text: str) -> None:
    measured, parts = segments.measure(text), segments.parts(text)

    assert "".join(parts) == text
    assert len(parts) == measured.segments
    limit = {("GSM-7", True): 160, ("GSM-7", False): 153, ("UCS-2", True): 70, ("UCS-2", False): 67}[measured.encoding, len(parts) == 1]
    assert all(segments.measure(part).units <= limit for part in parts if segments.measure(part).encoding == measured.encoding)
