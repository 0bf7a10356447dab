from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import hours

# 2 March 2026 is a Monday.


@pytest.mark.parametrize(
    "text, day, clock, held",
    [
        ("mon-fri 09:00-17:00", 2, "09:00", True),
        ("mon-fri 09:00-17:00", 2, "08:59", False),
        ("mon-fri 09:00-17:00", 2, "17:00", False),
        ("mon-fri 09:00-17:00", 7, "12:00", False),
        ("sat-sun", 8, "23:59", True),
        ("sat-sun", 9, "00:00", False),
        ("fri-mon 10:00-11:00", 1, "10:30", True),
        ("fri-mon 10:00-11:00", 3, "10:30", False),
        ("22:00-06:00", 3, "05:59", True),
        ("22:00-06:00", 3, "06:00", False),
        ("fri 22:00-06:00", 7, "05:00", True),
        ("fri 22:00-06:00", 6, "05:00", False),
        ("18:00-24:00", 3, "23:59", True),
        ("18:00-24:00", 4, "00:00", False),
        ("sun", 1, "12:00", True),
    ],
)
def test_hours_hold_by_the_walls_clock(text: str, day: int, clock: str, held: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    at = datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo("Africa/Cairo"))

    assert hours.is_within(frozenset({text}), zone="Africa/Cairo", at=at.astimezone(UTC)) is held


@pytest.mark.parametrize(
    "text", ["", "mon-", "9:00-17:00", "25:00-26:00", "09:00-09:00", "mon 09:00", "mon,tue", "24:00-06:00", " 09:00-10:00"]
)
def test_what_says_no_hours_is_none(text: str) -> None:
    assert hours.read(text) is None


def test_an_hour_that_summer_time_repeats_holds_twice_and_one_that_it_skips_never() -> None:
    night = frozenset({"02:00-03:00"})
    in_berlin = [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), True),  # 02:30 in summer time
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), True),  # 02:30 again
        (datetime(2026, 10, 25, 2, 30, tzinfo=UTC), False),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), False),  # 01:59
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), False),  # 03:00
    ]

    assert [hours.is_within(night, zone="Europe/Berlin", at=at) for at, _ in in_berlin] == [held for _, held in in_berlin]


@given(st.text(max_size=30))
def test_any_text_is_read_or_not(text: str) -> None:
    found = hours.read(text)

    assert found is None or (found.days and 0 <= found.begins <= 24 * 60)


@given(st.integers(0, 10 * 366 * 24 * 60), st.sampled_from(["22:00-06:00", "mon-fri 09:00-17:00"]))
def test_a_moment_is_in_the_hours_or_in_their_rest(minute: int, text: str) -> None:
    rest = {"22:00-06:00": {"06:00-22:00"}, "mon-fri 09:00-17:00": {"mon-fri 17:00-24:00", "mon-fri 00:00-09:00", "sat-sun"}}[text]
    at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    held = hours.is_within(frozenset({text}), zone="Africa/Cairo", at=at)

    assert held is not hours.is_within(frozenset(rest), zone="Africa/Cairo", at=at)
