from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app import patterns


@pytest.mark.parametrize(
    "pattern, fits, fails",
    [
        (r"[A-Z]{2}-\d{1,6}", "AB-1234", "ab-1234"),
        (r"\d{4}", "0123", "٠١٢٣"),
        (r"\+?\d+", "+20100", "+"),
        (r"[^\s]{3}", "a-b", "a b"),
        (r"INV/\d+", "INV/7", "INV7"),
        (r"a\.b", "a.b", "axb"),
    ],
)
def test_a_simple_pattern_matches_the_whole_value(pattern: str, fits: str, fails: str) -> None:
    patterns.check(pattern, max_length=40)

    assert patterns.compiled(pattern).fullmatch(fits)
    assert not patterns.compiled(pattern).fullmatch(fails)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "a|b",
        "^a$",
        "(?:a)",
        "(?=a)",
        r"\1",
        r"\b",
        "[a",
        "a{2,1}",
        "a**",
        "*",
        "[[a]]",
        "[a--b]",
        "x" * 101,
        "[z-a]",
        r"\p{L}",
        "a*+",
        "[]",
    ],
)
def test_what_could_run_away_or_mean_something_else_is_refused(pattern: str) -> None:
    with pytest.raises(patterns.Unsafe):
        patterns.check(pattern, max_length=40)


def test_counts_that_share_a_value_in_too_many_ways_are_refused() -> None:
    with pytest.raises(patterns.Unsafe, match="too many ways"):
        patterns.check("[a-z]*[a-z]*[a-z]*", max_length=40)


@given(st.text("ab[]^-+*?{}(),0123459\\dws.|", max_size=40), st.integers(1, 300))
def test_every_pattern_that_is_let_through_compiles_and_stops_soon(pattern: str, max_length: int) -> None:
    try:
        patterns.check(pattern, max_length=max_length)
    except patterns.Unsafe:
        return
    began = time.perf_counter()

    patterns.compiled(pattern).fullmatch("a" * max_length + "!")

    assert time.perf_counter() - began < 0.2
