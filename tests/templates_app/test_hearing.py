"""News of a registration, in any order and however often, make the same of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from routing.providers.base import TemplateNews, TemplateStatus
from templates_app import hearing
from templates_app.choices import RegistrationStatus
from templates_app.hearing import Known, fact, join

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def said(status: TemplateStatus, *, after: int = 0, **more: object) -> Known:
    news = TemplateNews(status=status, raw_status=status.upper(), occurred_at=NOON + timedelta(minutes=after), **more)  # type: ignore[arg-type]
    return fact(news, at=NOON)


facts = st.builds(
    lambda status, minutes, category, quality, reason, differs: fact(
        TemplateNews(
            status=status,
            raw_status=str(status),
            category=category,
            quality=quality,
            reason=reason,
            occurred_at=NOON + timedelta(minutes=minutes),
        ),
        differs=differs,
        at=NOON,
    ),
    st.sampled_from([None, *TemplateStatus]),
    st.integers(0, 3),
    st.sampled_from(["", "utility", "marketing"]),
    st.sampled_from(["", "green", "red"]),
    st.sampled_from(["", "SCAM"]),
    st.sampled_from([None, True, False]),
)


@given(st.lists(facts, max_size=4))
def test_every_order_with_repetitions_comes_to_the_same(given_facts: list[Known]) -> None:
    ends = {reduce(join, (*order, *order[:2]), hearing.NOTHING) for order in permutations(given_facts)}

    assert len(ends) <= 1 or not given_facts


@given(facts, facts, facts)
def test_it_does_not_matter_who_is_joined_with_whom_first(one: Known, two: Known, three: Known) -> None:
    assert join(join(one, two), three) == join(one, join(two, three))


def test_a_pause_ends_when_the_provider_says_so() -> None:
    known = join(said(TemplateStatus.PAUSED, after=1, pause="FIRST_PAUSE", paused_for=10_800), said(TemplateStatus.APPROVED, after=200))

    assert (known.status, known.obstacle) == (RegistrationStatus.APPROVED, "")


def test_an_approval_that_comes_late_does_not_end_the_pause_after_it() -> None:
    known = join(said(TemplateStatus.PAUSED, after=5), said(TemplateStatus.APPROVED, after=1))

    assert known.status is RegistrationStatus.PAUSED


def test_of_two_words_in_one_second_the_graver_counts() -> None:
    known = join(said(TemplateStatus.APPROVED), said(TemplateStatus.DISABLED))

    assert known.status is RegistrationStatus.DISABLED


def test_a_look_that_knows_no_reason_keeps_the_one_that_was_told() -> None:
    told = said(TemplateStatus.PAUSED, after=1, pause="SECOND_PAUSE", paused_for=21_600)

    known = join(told, said(TemplateStatus.PAUSED, after=2))

    assert known.paused_until == NOON + timedelta(minutes=1, hours=6)


def test_the_reason_of_another_status_is_not_shown() -> None:
    known = join(said(TemplateStatus.REJECTED, after=1, reason="SCAM"), said(TemplateStatus.PAUSED, after=2))

    assert known.because is None


def test_a_word_that_no_table_knows_is_kept_and_changes_nothing() -> None:
    known = join(said(TemplateStatus.APPROVED), fact(TemplateNews(status=TemplateStatus.UNMAPPED, raw_status="TELEPORTED"), at=NOON))

    assert (known.status, known.unknown and known.unknown.text) == (RegistrationStatus.APPROVED, "TELEPORTED")


def test_an_approved_template_that_says_something_else_there_is_not_sent() -> None:
    known = fact(TemplateNews(status=TemplateStatus.APPROVED, raw_status="APPROVED"), differs=True, at=NOON)

    assert known.obstacle == "the template there says something else"


def test_a_template_that_nobody_has_approved_is_not_sent() -> None:
    assert hearing.NOTHING.obstacle
