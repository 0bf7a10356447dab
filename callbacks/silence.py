"""Silence is noticed: an account whose hand-offs were followed by receipts, and are no more, raises an alert.

Nobody declares what is usual: of every five minutes' hand-offs it is measured, a quarter of an hour later, how many a receipt had followed.
A week of that is the account's usual share, and the last half hour is held against it. A sample is enough, so the hot path writes nothing
for this: the references that it writes anyway are counted, some hundreds for each account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from callbacks.models import Hearing

SLICE = timedelta(minutes=5)
PATIENCE = timedelta(minutes=15)
"""After so long a hand-off is asked whether any receipt has followed it."""
LATELY = timedelta(minutes=30)
USUALLY = timedelta(days=7)
SAMPLE = 500
"""Hand-offs of one account that are looked at in a slice."""
ENOUGH, FEW = 200, 20
"""Hand-offs that a usual share is learned from, and that the last half hour is judged by. Fewer say nothing."""
AUDIBLE = 0.2
"""An account with a lower usual share is none that one could miss: its provider sends no receipts, or was never told where to."""
SILENT, WELL = 0.25, 0.5
"""Parts of its usual share: below the one an account is silent, from the other on it is well again."""
_MOST_SLICES = 24

_MEASURE = """
INSERT INTO callbacks_hearing (account_id, since, handed, heard)
SELECT r.account_id, %(since)s, count(*),
    count(*) FILTER (WHERE coalesce(a.sent_at, a.delivered_at, a.read_at, a.ended_at) IS NOT NULL)
FROM (
    SELECT account_id, message_id, attempt, row_number() OVER (PARTITION BY account_id) AS number
    FROM messaging_providerreference WHERE created_at >= %(since)s AND created_at < %(until)s
) r JOIN messaging_attempt a ON a.message_id = r.message_id AND a.number = r.attempt
WHERE r.number <= %(sample)s GROUP BY r.account_id
ON CONFLICT DO NOTHING
"""
_JUDGE = """
SELECT h.account_id, a.name, a.business_id,
    coalesce(sum(h.handed) FILTER (WHERE h.since < %(lately)s), 0), coalesce(sum(h.heard) FILTER (WHERE h.since < %(lately)s), 0),
    coalesce(sum(h.handed) FILTER (WHERE h.since >= %(lately)s), 0), coalesce(sum(h.heard) FILTER (WHERE h.since >= %(lately)s), 0)
FROM callbacks_hearing h JOIN routing_provideraccount a ON a.id = h.account_id
WHERE h.since >= %(before)s GROUP BY h.account_id, a.name, a.business_id ORDER BY h.account_id
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """An account's hand-offs, and how many a receipt had followed in time: usually, and lately."""

    usual_handed: int
    usual_heard: int
    late_handed: int
    late_heard: int

    @property
    def usual(self) -> float | None:
        """The usual share; None while too little is known, or where silence is usual."""
        share = self.usual_heard / self.usual_handed if self.usual_handed >= ENOUGH else 0.0
        return share if share >= AUDIBLE else None

    @property
    def lately(self) -> float | None:
        """The last half hour's share; None where too little was handed off."""
        return self.late_heard / self.late_handed if self.late_handed >= FEW else None


def watch(*, at: datetime) -> None:
    """Measure the slices that are due, then open and resolve alerts by what is known; cheap enough for every minute."""
    if measure(at=at):
        judge(at=at)


def measure(*, at: datetime) -> int:
    """Measure each slice that is old enough and not measured yet, of the last two hours at most; returns how many."""
    last = _floor(at - PATIENCE) - SLICE
    first = max(_last_measured() or last - SLICE, last - _MOST_SLICES * SLICE)
    slices = []
    while (first := first + SLICE) <= last:
        slices.append(first)
    for since in slices:
        _measure(since)
    return len(slices)


def _measure(since: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MEASURE, {"since": since, "until": since + SLICE, "sample": SAMPLE})
        cursor.execute(_MARK, [_NOBODY, since])


_NOBODY = UUID(int=0)
"""Whose row says that a slice was measured, so that one without any hand-off is not measured again."""
_MARK = "INSERT INTO callbacks_hearing (account_id, since, handed, heard) VALUES (%s, %s, 0, 0) ON CONFLICT DO NOTHING"


def _last_measured() -> datetime | None:
    row = Hearing.objects.filter(account_id=_NOBODY).order_by("-since").values_list("since", flat=True).first()
    return row if isinstance(row, datetime) else None


def _floor(at: datetime) -> datetime:
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(SLICE.total_seconds()), tz=UTC)


def judge(*, at: datetime) -> None:
    """Hold what was heard lately against what is usual."""
    lately = _floor(at - PATIENCE) - LATELY
    with connection.cursor() as cursor:
        cursor.execute(_JUDGE, {"lately": lately, "before": at - USUALLY})
        rows = cursor.fetchall()
    for account_id, name, business_id, *counts in rows:
        _tell(account_id, name, business_id, Heard(*counts), at=at)


def _tell(account_id: UUID, name: str, business_id: UUID | None, heard: Heard, *, at: datetime) -> None:
    usual, lately = heard.usual, heard.lately
    if usual is None or lately is None:
        return
    about = ids.public("pac", account_id)
    if lately < usual * SILENT:
        because = (
            f"Of {heard.late_handed} hand-offs by {name} that were looked at, {lately:.0%} had a receipt after "
            f"{PATIENCE // timedelta(minutes=1)} minutes; usually {usual:.0%} have."
        )
        reporting.report(Kind.RECEIPTS_SILENT, about=about, because=because, business=business_id, at=at)
    elif lately >= usual * WELL:
        reporting.resolve(Kind.RECEIPTS_SILENT, about=about, at=at)


def forget(*, at: datetime) -> None:
    """Clear what is older than a week."""
    Hearing.objects.filter(since__lt=at - USUALLY).delete()
