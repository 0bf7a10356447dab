from __future__ import annotations

import html
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import placeholders

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)


def test_names_come_once_and_in_the_order_of_first_use() -> None:
    assert placeholders.names("{{b}} and {{a}}, then {{b}}") == ["b", "a"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ name }}",
        "{{Name}}",
        "{{a.b}}",
        "{{1}}",
        "{{a b}}",
        "{{}}",
        "{{name",
        "{{{name}}}",
        "{{a|upper}}",
        "{% if a %}{{ a }}",
        "{{é}}",
        "{{_a}}",
    ],
)
def test_what_is_not_exactly_a_placeholder_is_stray(text: str) -> None:
    assert placeholders.stray(text) is not None


@pytest.mark.parametrize("text", ["", "{{name}}", "a}}b", "{a}", "@media print{a{color:red}}", "{{a}}{{b}}"])
def test_plain_braces_are_text(text: str) -> None:
    assert placeholders.stray(text) is None


def test_a_value_is_never_read_again() -> None:
    assert placeholders.fill("{{a}} {{b}}", {"a": "{{b}}", "b": "{{a}}"}) == "{{b}} {{a}}"


def test_a_value_is_escaped_and_the_text_is_not() -> None:
    assert placeholders.fill("<b>{{a}}</b>", {"a": "<i>"}, html.escape) == "<b>&lt;i&gt;</b>"


def test_a_missing_value_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(KeyError):
        placeholders.fill("Dear {{name}}", {})


@given(st.lists(st.one_of(st.text(alphabet=st.characters(exclude_characters="{}")), NAMES.map(lambda name: f"{{{{{name}}}}}"))), st.text())
def test_filling_in_one_piece_and_by_parts_is_the_same(pieces: list[str], value: str) -> None:
    text = "".join(pieces)
    values = dict.fromkeys(placeholders.names(text), value)

    assert placeholders.join(placeholders.split(text), values) == placeholders.fill(text, values)


@given(st.text(), st.dictionaries(NAMES, st.text()))
def test_no_text_crashes_the_search_for_placeholders(text: str, values: dict[str, str]) -> None:
    if set(placeholders.names(text)) <= values.keys():
        placeholders.fill(text, values)
    placeholders.stray(text)


def test_filling_takes_microseconds() -> None:
    parts = placeholders.split("Dear {{name}}, order {{order_id}} is on its way and arrives {{day}}.")
    values = {"name": "Amal", "order_id": "A-17", "day": "Monday"}

    seconds = min(timeit.repeat(lambda: placeholders.join(parts, values), number=1_000, repeat=5)) / 1_000

    assert seconds < 20e-6  # 0.5 us where it was written; the rest is for busy machines
