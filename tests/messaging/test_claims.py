"""When a cap that slides has room again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from messaging.claims import KINDS, Claim, opens_at

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLIDING = sorted(name for name, kind in KINDS.items() if kind.is_sliding)


@given(
    name=st.sampled_from(SLIDING),
    cap=st.integers(1, 1_000),
    used=st.integers(0, 1_000),
    before=st.integers(0, 1_000),
    after=st.floats(0, 1, exclude_max=True),
)
def test_after_the_wait_that_it_asks_for_there_is_room(name: str, cap: int, used: int, before: int, after: float) -> None:
    kind = KINDS[name]
    opened = opens_at(kind, NOON)
    claim = Claim(UUID(int=1), "live", kind, "", opened, opened + after * kind.lasts, Decimal(cap), Claim.ONE)
    of_this, of_last = Decimal(min(used, cap)), Decimal(min(before, cap))
    assume(claim.reaches(of_this + 1, of_last) > cap)

    wait = claim.refuse(of_this, of_last).retry_after

    assert wait is not None
    assert 0 < wait <= 2 * kind.lasts / timedelta(seconds=1) + 1
    later = claim.at + timedelta(seconds=wait)
    passed = (opens_at(kind, later) - opened) // kind.lasts
    then = replace(claim, at=later, opens_at=opens_at(kind, later))
    of_then = {0: (of_this, of_last), 1: (Decimal(0), of_this)}.get(passed, (Decimal(0), Decimal(0)))
    assert then.reaches(of_then[0] + 1, of_then[1]) <= cap
