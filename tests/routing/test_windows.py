"""Quiet hours by the clock on a wall: over midnight, over every change of the clocks, in several zones at once."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import windows
from routing.windows import Window

NIGHT = Window(time(21), time(8))
CAIRO, BERLIN, KATHMANDU = ZoneInfo("Africa/Cairo"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=zone) if zone else moment


def released(window: Window, moment: datetime, *zones: ZoneInfo) -> datetime:
    found = windows.release([window], zones=zones, at=moment)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "moment, end",
    [
        ("2026-01-14T20:59:59", "2026-01-14T20:59:59"),
        ("2026-01-14T21:00:00", "2026-01-15T08:00:00"),
        ("2026-01-15T00:00:00", "2026-01-15T08:00:00"),
        ("2026-01-15T07:59:59.999999", "2026-01-15T08:00:00"),
        ("2026-01-15T08:00:00", "2026-01-15T08:00:00"),
    ],
)
def test_the_night_lasts_over_midnight_until_its_end(moment: str, end: str) -> None:
    assert released(NIGHT, at(moment, CAIRO), CAIRO) == at(end, CAIRO)


def test_a_day_counts_where_the_window_begins() -> None:
    friday = Window(time(21), time(8), frozenset({5}))

    assert released(friday, at("2026-01-17T07:00", CAIRO), CAIRO) == at("2026-01-17T08:00", CAIRO)  # Saturday's morning
    assert released(friday, at("2026-01-16T07:00", CAIRO), CAIRO) == at("2026-01-16T07:00", CAIRO)  # Friday's own


def test_windows_that_touch_are_one() -> None:
    sunday = Window(time(8), time(21), frozenset({7}))

    end = windows.release([NIGHT, sunday], zones=[CAIRO], at=at("2026-01-17T23:00", CAIRO))

    assert end == at("2026-01-19T08:00", CAIRO)


def test_of_several_zones_the_last_to_wake_decides() -> None:
    assert released(NIGHT, at("2026-01-15T00:00:00+00:00"), BERLIN, KATHMANDU) == at("2026-01-15T08:00", BERLIN)
    assert released(NIGHT, at("2026-01-14T16:00:00+00:00"), BERLIN, KATHMANDU) == at("2026-01-15T08:00", BERLIN)


def test_zones_that_are_never_awake_together_leave_no_moment() -> None:
    long = Window(time(14), time(8))

    assert windows.release([long], zones=[CAIRO, ZoneInfo("Pacific/Auckland")], at=at("2026-01-15T00:00:00+00:00")) is None


def test_a_night_with_a_lost_hour_ends_by_the_clock_all_the_same() -> None:
    # 29 March 2026 in Berlin: after 01:59:59 comes 03:00:00.
    evening = at("2026-03-28T22:00", BERLIN)

    end = released(NIGHT, evening, BERLIN)

    assert end == at("2026-03-29T06:00:00+00:00")
    assert end - evening.astimezone(UTC) == timedelta(hours=9)


def test_a_night_with_an_hour_twice_ends_by_the_clock_all_the_same() -> None:
    # 25 October 2026 in Berlin: after 02:59:59 comes 02:00:00 again.
    evening = at("2026-10-24T22:00", BERLIN)

    end = released(NIGHT, evening, BERLIN)

    assert end == at("2026-10-25T07:00:00+00:00")
    assert end - evening.astimezone(UTC) == timedelta(hours=11)


def test_a_window_that_ends_in_the_lost_hour_ends_when_the_clock_jumps() -> None:
    assert released(Window(time(22), time(2, 30)), at("2026-03-28T23:00", BERLIN), BERLIN) == at("2026-03-29T01:00:00+00:00")


def test_a_window_within_the_lost_hour_is_never_quiet() -> None:
    window = Window(time(2, 15), time(2, 45))

    assert not any(
        windows.is_quiet([window], zones=[BERLIN], at=at("2026-03-29T00:00:00+00:00") + timedelta(minutes=minute)) for minute in range(120)
    )


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    window = Window(time(2, 15), time(2, 45))
    first, second = at("2026-10-25T00:20:00+00:00"), at("2026-10-25T01:20:00+00:00")

    assert released(window, first, BERLIN) == at("2026-10-25T00:45:00+00:00")
    assert released(window, second, BERLIN) == at("2026-10-25T01:45:00+00:00")


def test_the_clock_put_back_out_of_a_window_opens_it_for_a_while() -> None:
    window = Window(time(2, 30), time(4))

    assert released(window, at("2026-10-25T00:50:00+00:00"), BERLIN) == at("2026-10-25T01:00:00+00:00")
    assert released(window, at("2026-10-25T01:50:00+00:00"), BERLIN) == at("2026-10-25T03:00:00+00:00")


def test_windows_that_cover_the_whole_week_are_found_out() -> None:
    halves = [Window(time(0), time(12)), Window(time(12), time(0))]

    assert windows.always(halves)
    assert not windows.always([halves[0], Window(time(12), time(23, 59))])


ZONES = [
    "Africa/Cairo",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Chatham",
]
minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
some_windows = st.builds(Window, minutes, minutes, st.frozensets(st.integers(1, 7), min_size=1)).filter(
    lambda window: window.begins != window.ends
)
changes = st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-09-27", "2026-10-04", "2026-10-25", "2026-10-29"])
moments = st.builds(
    lambda day, hours, seconds: at(f"{day}T00:00:00+00:00") + timedelta(hours=hours, seconds=seconds),
    changes,
    st.integers(-40, 40),
    st.integers(0, 3599),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(some_windows, min_size=1, max_size=3), st.sets(st.sampled_from(ZONES), min_size=1, max_size=3), moments)
def test_a_released_moment_is_open_everywhere_and_the_first_such(found: list[Window], names: set[str], moment: datetime) -> None:
    zones = [ZoneInfo(name) for name in names]

    end = windows.release(found, zones=zones, at=moment)

    if end is None:
        end = moment + timedelta(days=9)
    else:
        assert not windows.is_quiet(found, zones=zones, at=end)
    # Windows and clocks change on whole minutes: who is quiet at each of them, and just before the end, is quiet in between.
    before = [moment] if end > moment else []
    minute = moment.replace(second=0) + timedelta(minutes=1)
    while minute < end:
        before.append(minute)
        minute += timedelta(minutes=1)
    assert all(windows.is_quiet(found, zones=zones, at=each) for each in before)
