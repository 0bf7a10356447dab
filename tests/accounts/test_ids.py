"""Ids sort by when they were made, whatever the clock does meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import time_machine

from accounts import ids

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    made = [ids.new() for _ in range(10_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_clock_that_is_set_back_a_little_leaves_them_in_order() -> None:
    with time_machine.travel(NOW, tick=False):
        before = ids.new()
    with time_machine.travel(NOW - timedelta(seconds=9), tick=False):
        after = ids.new()

    assert after > before


def test_a_clock_that_was_an_hour_ahead_and_is_set_right_leaves_no_hour_in_them() -> None:
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        ids.new()
    with time_machine.travel(NOW, tick=False):
        made = ids.made_at(ids.new())

    assert made == NOW
