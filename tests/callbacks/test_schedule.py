"""The schedule of a delivery's tries, and what a receiver may ask for."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from callbacks import schedule

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Always(random.Random):
    """A coin that always falls the same way."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


def waits(pick: random.Random) -> list[float]:
    found = [schedule.wait_after(tries, rest=None, pick=pick) for tries in range(1, 9)]
    return [wait.total_seconds() for wait in found if wait is not None]


def test_eight_tries_are_spread_over_28_hours() -> None:
    assert waits(Always(0.0)) == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]


def test_jitter_only_ever_makes_a_wait_longer_by_a_fifth_at_most() -> None:
    assert waits(Always(1.0)) == pytest.approx([6, 360, 2_160, 8_640, 21_600, 43_200, 43_200])


def test_what_failed_together_does_not_come_back_together() -> None:
    found = {schedule.wait_after(2, rest=None, pick=random.Random(seed)) for seed in range(50)}

    assert len(found) == 50


def test_after_the_eighth_try_there_is_none() -> None:
    assert schedule.wait_after(8, rest=timedelta(seconds=1), pick=Always(0.0)) is None


def test_a_longer_rest_that_was_asked_for_is_given() -> None:
    assert schedule.wait_after(1, rest=timedelta(minutes=2), pick=Always(0.0)) == timedelta(minutes=2)


def test_a_shorter_rest_does_not_hurry_the_schedule() -> None:
    assert schedule.wait_after(4, rest=timedelta(seconds=1), pick=Always(0.0)) == timedelta(hours=2)


@pytest.mark.parametrize(
    "header,seconds",
    [
        ("120", 120),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90),
        ("Sunday, 01-Mar-26 12:01:30 GMT", 90),
        ("Sun Mar  1 12:01:30 2026", 90),
        ("86401", 86_400),
        ("9" * 5_000, 86_400),
        ("Sat, 01 Mar 2036 12:00:00 GMT", 86_400),
    ],
)
def test_a_retry_after_is_read_as_seconds_or_as_a_date_and_capped_at_a_day(header: str, seconds: int) -> None:
    assert schedule.asked_rest(header, at=AT) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "header", [None, "", "0", "-5", "1.5", "soon", "٣", "Sun, 01 Mar 2026 11:59:00 GMT", "Sun, 99 Mar 2026 12:00:00 GMT", "\x00"]
)
def test_a_retry_after_that_says_nothing_is_left_aside(header: str | None) -> None:
    assert schedule.asked_rest(header, at=AT) is None
