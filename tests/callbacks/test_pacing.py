"""Room for the quick, a part of it for the slow, rest for those who asked."""

from __future__ import annotations

from collections import Counter
from uuid import UUID, uuid4

from callbacks import pacing
from callbacks.pacing import Pace

LANE = uuid4()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def learn(pace: Pace, *, times: int, seconds: float, was_answered: bool = True, lane: UUID = LANE) -> Pace:
    for _ in range(times):
        pace.learn(lane, seconds=seconds, was_answered=was_answered)
    return pace


def test_a_stranger_is_not_quick_before_it_has_answered() -> None:
    pace = Pace()

    assert pace.quick_rooms(Counter()) == {}
    assert pace.slow_ones(Counter({LANE: 3})) == 3


def test_quick_answers_make_room_up_to_a_limit() -> None:
    pace = learn(Pace(), times=1_000, seconds=0.05)

    assert pace.quick_rooms(Counter()) == {LANE: pacing.MOST}


def test_answers_that_take_their_time_make_no_more_room() -> None:
    pace = learn(Pace(), times=100, seconds=1.0)

    assert pace.quick_rooms(Counter()) == {LANE: pacing.FIRST}


def test_what_is_under_way_takes_room() -> None:
    pace = learn(Pace(), times=4, seconds=0.05)

    assert pace.quick_rooms(Counter({LANE: 5})) == {LANE: pacing.FIRST + 4 - 5}
    assert pace.quick_rooms(Counter({LANE: 500})) == {}


def test_slow_answers_take_room_away_but_not_all() -> None:
    pace = learn(Pace(), times=50, seconds=5.0)

    assert pace.other_rooms(Counter()) == {LANE: pacing.LEAST}
    assert pace.quick_rooms(Counter()) == {}


def test_no_answer_counts_as_slow_however_soon_it_came() -> None:
    pace = learn(Pace(), times=3, seconds=0.01, was_answered=False)

    assert not pace.is_quick(LANE)


def test_a_receiver_that_recovers_is_quick_again() -> None:
    pace = learn(Pace(), times=10, seconds=15.0, was_answered=False)

    learn(pace, times=1, seconds=0.05)

    assert pace.quick_rooms(Counter()) == {LANE: pacing.LEAST + 1}


def test_quick_lanes_are_left_out_where_the_others_are_asked_for() -> None:
    pace = learn(Pace(), times=1, seconds=0.05)

    assert pace.other_rooms(Counter()) == {LANE: 0}


def test_a_resting_lane_has_no_room_for_a_moment() -> None:
    clock = Clock()
    pace = learn(Pace(clock=clock), times=1, seconds=0.05)

    pace.rest(LANE, seconds=30)

    assert pace.quick_rooms(Counter()) == {}
    assert pace.other_rooms(Counter()) == {LANE: 0}
    clock.now += 1.1
    assert pace.quick_rooms(Counter()) == {LANE: pacing.FIRST + 1}


def test_only_so_many_lanes_are_remembered() -> None:
    pace = learn(Pace(), times=1, seconds=0.05)

    for _ in range(5_000):
        learn(pace, times=1, seconds=0.05, lane=uuid4())

    assert not pace.is_quick(LANE)
    assert len(pace.quick_rooms(Counter())) == 5_000
