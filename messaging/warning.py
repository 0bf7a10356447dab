"""Staff are told when four fifths of a cap are used, when it is reached, and when one-time codes look like pumping.

Told after the commit, in transactions of their own, and of one window at most once a minute by each process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from messaging.claims import Claim

NEAR = Decimal("0.8")
_EVERY = 60.0
_MOST = 10_000

_told_at: dict[tuple[str, ...], float] = {}


def tell(used: Sequence[tuple[Claim, Decimal, Decimal]], refused: Sequence[Claim]) -> None:
    """`used`: for each window how far it was used before and is now; `refused`: the claims that went beyond."""
    for claim, before, now in used:
        if claim.kind.is_told and any(before < share * claim.cap <= now for share in (NEAR, Decimal(1))):
            _report_cap(claim, now)
    for claim in {claim.key: claim for claim in refused}.values():
        if claim.kind.is_told and _is_due(claim):
            _report_cap(claim, claim.cap)
        elif claim.kind.name == "block_hour" and _is_due(claim):
            _report_pumping(claim)


def forget() -> None:
    """Tell again what was told."""
    _told_at.clear()


def _is_due(claim: Claim) -> bool:
    now = time.monotonic()
    if now - _told_at.get(claim.key, -_EVERY) < _EVERY:
        return False
    if len(_told_at) >= _MOST:
        _told_at.clear()
    _told_at[claim.key] = now
    return True


def _report_cap(claim: Claim, used: Decimal) -> None:
    what = f"{settings.QSURA_CURRENCY} {claim.kind.words}" if claim.kind.name.startswith("spend") else claim.kind.words
    on = f" ({claim.subject})" if claim.subject else ""
    share = "All" if used >= claim.cap else f"{used / claim.cap:.0%}"
    because = f"{share} of {claim.cap.normalize():f} {what}{on} are used, in {claim.mode} mode."
    _report(Kind.CAP_NEAR, claim, about=f"{ids.public('biz', claim.business_id)}:{claim.kind.name}:{claim.subject}", because=because)


def _report_pumping(claim: Claim) -> None:
    because = f"More than {claim.cap.normalize():f} one-time codes in an hour to numbers that begin with {claim.subject}."
    _report(Kind.PUMPING_SUSPECTED, claim, about=f"{ids.public('biz', claim.business_id)}:{claim.subject}", because=because)


def _report(kind: Kind, claim: Claim, *, about: str, because: str) -> None:
    try:
        reporting.report(kind, about=about, because=because, business=claim.business_id, at=timezone.now())
    except DatabaseError:  # the messages are accepted; the next refusal tells it again
        _told_at.pop(claim.key, None)
