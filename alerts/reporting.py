"""A trouble is reported and resolved: one statement each, in the caller's transaction, without a call to anybody.

Reports of the same open trouble, (kind, about), are one alert that counts them. The row is locked until the caller commits: report late in
a transaction, and several of them in the order of `about`, so that nobody waits long and no two wait for each other.

No model is imported here, for apps.py connects a listener that reports before models are ready.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connection

from accounts import ids
from alerts.kinds import Kind, Severity

if TYPE_CHECKING:
    from accounts.models import Business

_log = logging.getLogger(__name__)

_LEVELS = {Severity.URGENT: logging.ERROR, Severity.WARNING: logging.WARNING, Severity.NOTICE: logging.INFO}

# `xmax` is 0 in a row that this statement inserted, and its own transaction's id in one that it updated.
_REPORT = """
INSERT INTO alerts_alert AS a (id, kind, about, because, business_id, opened_at, last_seen_at, times, note)
VALUES (%s, %s, %s, %s, %s, %s, %s, 1, '')
ON CONFLICT (kind, about) WHERE resolved_at IS NULL DO UPDATE SET
    because = EXCLUDED.because, last_seen_at = greatest(a.last_seen_at, EXCLUDED.last_seen_at), times = a.times + 1
RETURNING id, xmax = 0
"""
_RESOLVE = "UPDATE alerts_alert SET resolved_at = %s WHERE kind = %s AND about = %s AND resolved_at IS NULL RETURNING id"


def report(kind: Kind, *, about: str, because: str, business: Business | UUID | None, at: datetime) -> UUID:
    """Open an alert, or count one more report of the one that is open; returns its id. `because` (cut at 500 characters) is a plain
    sentence without secrets or personal data; `business` is whose staff may see it, None for the platform's alone."""
    business_id = business if business is None or isinstance(business, UUID) else business.pk
    with connection.cursor() as cursor:
        cursor.execute(_REPORT, [ids.new(), Kind(kind).value, about, because[:500], business_id, at, at])
        id_, is_new = cursor.fetchone()
    if is_new:
        _log.log(_LEVELS[Kind(kind).severity], "ALERT %s: %s, about %s: %s", ids.public("alr", id_), kind, about, because[:500])
    return UUID(str(id_))


def resolve(kind: Kind, *, about: str, at: datetime) -> UUID | None:
    """The trouble is over; returns the alert that this ended, or None where none was open."""
    with connection.cursor() as cursor:
        cursor.execute(_RESOLVE, [at, Kind(kind).value, about])
        row = cursor.fetchone()
    if row is None:
        return None
    _log.info("ALERT %s is resolved: %s, about %s", ids.public("alr", row[0]), kind, about)
    return UUID(str(row[0]))


def open_of(kind: Kind) -> list[str]:
    """What the open alerts of a kind are about: a watcher resolves those that it sees no more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT about FROM alerts_alert WHERE resolved_at IS NULL AND kind = %s", [Kind(kind).value])
        return [about for (about,) in cursor.fetchall()]
