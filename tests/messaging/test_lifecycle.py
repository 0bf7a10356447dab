"""The join and the status: every order, every repetition."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import lifecycle
from messaging.lifecycle import NOTHING_KNOWN, AttemptStatus, Known, Status, Trouble, fact, join, message_status

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAID = [status for status in AttemptStatus if status is not AttemptStatus.PENDING]


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(*facts: Known) -> Known:
    known = NOTHING_KNOWN
    for each in facts:
        known = join(known, each)
    return known


def some_fact(status: AttemptStatus, seconds: int, code: str = "a") -> Known:
    return fact(status, at(seconds), Trouble("unreachable", code) if status in lifecycle.NEGATIVE else None)


facts = st.builds(some_fact, st.sampled_from(SAID), st.integers(0, 20), st.sampled_from("abc"))
knowns = st.lists(facts, max_size=6).map(lambda each: told(*each))


@pytest.mark.parametrize("chosen", list(itertools.combinations(SAID, 4)), ids="-".join)
def test_any_order_and_any_repetition_of_facts_gives_the_same(chosen: tuple[AttemptStatus, ...]) -> None:
    said = [some_fact(status, seconds) for seconds, status in enumerate(chosen)]
    expected = told(*said)

    for order in itertools.permutations(said):
        assert told(*order) == expected
        for again in range(len(order)):
            assert told(*order, order[again]) == expected
            assert told(order[again], *order) == expected


@given(knowns, knowns, knowns)
def test_the_join_is_commutative_associative_and_idempotent(one: Known, two: Known, three: Known) -> None:
    assert join(one, two) == join(two, one)
    assert join(join(one, two), three) == join(one, join(two, three))
    assert join(one, one) == one
    assert join(one, NOTHING_KNOWN) == one


@given(knowns, knowns)
def test_more_knowledge_never_lowers_a_status(one: Known, two: Known) -> None:
    joined = join(one, two)

    assert lifecycle.RANK[joined.status] >= max(lifecycle.RANK[one.status], lifecycle.RANK[two.status])


def test_the_earliest_time_that_was_given_is_kept() -> None:
    known = told(fact(AttemptStatus.DELIVERED, at(9)), fact(AttemptStatus.DELIVERED, at(4)), fact(AttemptStatus.READ, at(7)))

    assert (known.delivered_at, known.read_at) == (at(4), at(7))


def test_read_implies_delivered() -> None:
    known = told(fact(AttemptStatus.READ, at(3)))

    assert (known.status, known.delivered_at) == (AttemptStatus.READ, at(3))


def test_a_late_failure_does_not_undo_a_delivery() -> None:
    known = told(fact(AttemptStatus.DELIVERED, at(1)), some_fact(AttemptStatus.FAILED, 5))

    assert known.status is AttemptStatus.DELIVERED
    assert known.weight is AttemptStatus.FAILED


def test_a_delivery_after_a_failure_is_a_delivery() -> None:
    known = told(some_fact(AttemptStatus.FAILED, 1), fact(AttemptStatus.DELIVERED, at(5)))

    assert known.status is AttemptStatus.DELIVERED
    assert known.trouble == Trouble("unreachable", "a")


@pytest.mark.parametrize(
    "said, ended, expected",
    [
        ([], None, Status.ACCEPTED),
        ([AttemptStatus.UNKNOWN], None, Status.ACCEPTED),
        ([AttemptStatus.SUBMITTED], None, Status.SUBMITTED),
        ([AttemptStatus.SENT], None, Status.SENT),
        ([AttemptStatus.SENT, AttemptStatus.FAILED], None, Status.SENT),
        ([AttemptStatus.FAILED], Status.FAILED, Status.FAILED),
        ([AttemptStatus.SUBMITTED], Status.EXPIRED, Status.EXPIRED),
        ([], Status.CANCELED, Status.CANCELED),
        ([AttemptStatus.DELIVERED], Status.EXPIRED, Status.DELIVERED),
        ([AttemptStatus.READ, AttemptStatus.FAILED], Status.FAILED, Status.READ),
    ],
)
def test_a_message_has_the_status_that_its_attempts_have_reached(said: list[AttemptStatus], ended: Status | None, expected: Status) -> None:
    attempts = [some_fact(status, seconds) for seconds, status in enumerate(said)]

    assert message_status([told(*attempts)], ended=ended, opened=Status.ACCEPTED) is expected
    assert message_status(attempts, ended=ended, opened=Status.ACCEPTED) is expected


@given(st.lists(knowns, max_size=4), facts, st.sampled_from([None, Status.FAILED, Status.EXPIRED, Status.CANCELED]))
def test_no_further_fact_takes_a_message_back(attempts: list[Known], further: Known, ended: Status | None) -> None:
    order = list(Status)
    before = message_status(attempts, ended=ended, opened=Status.ACCEPTED)
    after = message_status([*attempts, further], ended=ended, opened=Status.ACCEPTED)

    assert order.index(after) >= order.index(before)


@pytest.mark.parametrize("channel, expected", [("whatsapp", False), ("sms", True), ("email", True)])
def test_delivered_is_the_last_word_where_nobody_tells_of_reading(channel: str, expected: bool) -> None:
    assert lifecycle.is_final(Status.DELIVERED, channel=channel) is expected
