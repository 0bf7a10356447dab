"""Calls that bear no valid signature: refused, counted by account and minute, and told to staff once they are many.

Nothing of such a call is kept, for anybody can make one. Those that come together are counted in one statement and one commit.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from callbacks.choices import Forgery
from callbacks.models import ForgedCalls
from messaging.gather import Gather

logger = logging.getLogger(__name__)

MANY = 20
"""Forged calls within SPAN that make an alert. A provider whose secret changed unnoticed repeats itself and is soon beyond it."""
SPAN = timedelta(minutes=10)
KEPT = timedelta(days=14)
_AWAY = (OperationalError, InterfaceError)


@dataclass(frozen=True, slots=True, order=True)
class Forged:
    """One call that was refused. It says nothing of what stood in it."""

    account_id: UUID
    minute: datetime
    because: Forgery


_COUNT = """
INSERT INTO callbacks_forgedcalls AS f (account_id, minute, because, times)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::int[])
ON CONFLICT (account_id, minute, because) DO UPDATE SET times = f.times + EXCLUDED.times
RETURNING account_id, minute, because, xmax = 0
"""


def _count(forged: Sequence[Forged]) -> list[bool]:
    """Count them; tells of each whether it is the first of its minute."""
    # In one order everywhere, so that no two processes wait for each other.
    counted = sorted(Counter(forged).items())
    columns = [list(column) for column in zip(*((f.account_id, f.minute, f.because.value, times) for f, times in counted), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, columns)
        new = {Forged(account_id, minute, Forgery(because)) for account_id, minute, because, is_new in cursor.fetchall() if is_new}
    return [each in new for each in forged]


_counted = Gather[Forged, bool](_count)


def note(account_id: UUID, because: Forgery, *, at: datetime) -> None:
    """Count one; a line is logged for the first of each minute. Never raises where the database is away: the answer is 401 all the same."""
    try:
        is_first = _counted.put(Forged(account_id, at.replace(second=0, microsecond=0), because))
    except _AWAY:
        is_first = True
    if is_first:
        logger.warning("A call to the provider account %s was refused (%s); others of this minute are counted only.", account_id, because)


_RATES = """
SELECT f.account_id, a.name, a.business_id, sum(f.times) FILTER (WHERE f.minute > %(lately)s)
FROM callbacks_forgedcalls f JOIN routing_provideraccount a ON a.id = f.account_id
WHERE f.minute > %(before)s GROUP BY f.account_id, a.name, a.business_id ORDER BY f.account_id
"""


def watch(*, at: datetime) -> None:
    """Open an alert for each account that many forged calls reach, and resolve it once they have stopped."""
    with connection.cursor() as cursor:
        cursor.execute(_RATES, {"lately": at - SPAN, "before": at - timedelta(days=1)})
        rows = cursor.fetchall()
    for account_id, name, business_id, times in rows:
        about = ids.public("pac", account_id)
        if (times or 0) >= MANY:
            because = f"{times} calls to {name} in {SPAN // timedelta(minutes=1)} minutes were not signed as its provider signs."
            reporting.report(Kind.FORGED_RECEIPTS, about=about, because=because, business=business_id, at=at)
        elif not times:
            reporting.resolve(Kind.FORGED_RECEIPTS, about=about, at=at)


def forget(*, at: datetime) -> None:
    """Clear old counts."""
    ForgedCalls.objects.filter(minute__lt=at - KEPT).delete()
