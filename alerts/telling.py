"""What staff are owed about alerts: opened, still open after a day, resolved. Found by a look, so that no crash loses one.

Whoever tells claims tellings under a lease, tells them without a transaction, and settles. A telling that a crash interrupts is told again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from alerts import letters
from alerts.kinds import Occasion, Way
from alerts.models import Alert, Telling

_log = logging.getLogger(__name__)

REMINDED_EVERY = timedelta(hours=24)
"""While an alert is open and nobody has taken it on."""
LEASE = timedelta(minutes=5)
WAITS = tuple(timedelta(seconds=wait) for wait in (30, 60, 300, 900, 1800, 3600))
"""After so many failed tries; the last one again and again, until it is too late."""
TOO_LATE = timedelta(hours=24)
_STILL_NEWS = timedelta(hours=1)
"""For how long the end of an alert is told whose beginning was never told: it was short, or nobody was to be told then."""

_WANTED = """
SELECT a.id, w.way, coalesce(last.number, 0) + 1,
    CASE WHEN a.resolved_at IS NOT NULL THEN 'resolved' WHEN last.number IS NULL THEN 'opened' ELSE 'reminded' END
FROM unnest(%(ways)s::text[]) AS w(way) CROSS JOIN alerts_alert a
LEFT JOIN LATERAL (
    SELECT number, occasion, owed_at FROM alerts_telling t WHERE t.alert_id = a.id AND t.way = w.way ORDER BY number DESC LIMIT 1
) last ON true
WHERE a.resolved_at IS NULL AND (last.number IS NULL OR (a.acknowledged_at IS NULL AND last.owed_at <= %(reminded)s))
    OR a.resolved_at > %(too_late)s AND last.occasion IS DISTINCT FROM 'resolved'
        AND (last.number IS NOT NULL OR a.resolved_at > %(news)s)
ORDER BY a.opened_at
"""


def owe(ways: Collection[Way], *, at: datetime) -> int:
    """Write down what is to be told by these ways and is not yet; returns how many tellings that made."""
    wanted = list(_wanted(ways, at=at))
    alerts = Alert.objects.select_related("business", "acknowledged_by").in_bulk({alert_id for alert_id, *_ in wanted})
    rows = [
        Telling(
            alert_id=alert_id,
            way=way,
            number=number,
            occasion=occasion,
            body=letters.webhook(alerts[alert_id], occasion=Occasion(occasion), at=at) if way == Way.WEBHOOK else "",
            owed_at=at,
            due_at=at,
        )
        for alert_id, way, number, occasion in wanted
    ]
    return len(Telling.objects.bulk_create(rows, ignore_conflicts=True))


def _wanted(ways: Collection[Way], *, at: datetime) -> Iterator[tuple[UUID, str, int, str]]:
    moments = {"reminded": at - REMINDED_EVERY, "too_late": at - TOO_LATE, "news": at - _STILL_NEWS}
    with connection.cursor() as cursor:
        cursor.execute(_WANTED, {"ways": [way.value for way in ways], **moments})
        yield from cursor.fetchall()


def claim(way: Way, *, limit: int, at: datetime) -> list[Telling]:
    """Lease what is due by that way, oldest first, with its alerts. Their `lease` settles them."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=at)
    due = Telling.objects.filter(free, way=way, due_at__lte=at, told_at__isnull=True, given_up_at__isnull=True)
    lease = uuid4()
    with transaction.atomic():
        ids = list(due.order_by("due_at", "id").select_for_update(skip_locked=True).values_list("id", flat=True)[:limit])
        Telling.objects.filter(id__in=ids).update(lease=lease, lease_until=at + LEASE)
    told = Telling.objects.filter(id__in=ids, lease=lease).select_related("alert__business", "alert__acknowledged_by")
    return list(told.order_by("owed_at", "alert_id", "number"))


def told(tellings: Sequence[Telling], *, at: datetime) -> int:
    """They reached staff. Returns how many were still ours."""
    return _ours(tellings).update(told_at=at, tries=F("tries") + 1, lease=None, lease_until=None, error="")


def failed(tellings: Sequence[Telling], *, error: str, at: datetime) -> None:
    """They did not; they wait for their next try, or are given up a day after they were owed."""
    for telling in tellings:
        next_at = at + WAITS[min(telling.tries, len(WAITS) - 1)]
        is_too_late = next_at > telling.owed_at + TOO_LATE
        ended = {"given_up_at": at} if is_too_late else {"due_at": next_at}
        _ours([telling]).update(tries=F("tries") + 1, lease=None, lease_until=None, error=error[:200], **ended)
        if is_too_late:
            _log.error("Staff could not be told of %s by %s within a day: %s.", telling.alert.public_id, telling.way, error[:200])


def put_back(tellings: Sequence[Telling]) -> None:
    """They were not tried after all."""
    _ours(tellings).update(lease=None, lease_until=None)


def _ours(tellings: Sequence[Telling]) -> QuerySet[Telling]:
    return Telling.objects.filter(id__in=[each.id for each in tellings], lease__in={each.lease for each in tellings})
