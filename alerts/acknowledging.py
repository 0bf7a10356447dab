"""Somebody takes an alert on: it stays open until its trouble is over, but nobody is reminded of it any more."""

from __future__ import annotations

from datetime import datetime

from accounts.models import Person
from alerts.models import Alert


def acknowledge(alert: Alert, *, by: Person, note: str = "", at: datetime) -> Alert:
    """Of two who acknowledge it at once the first stays, with their note (cut at 500 characters)."""
    Alert.objects.filter(pk=alert.pk).unacknowledged().update(acknowledged_at=at, acknowledged_by=by, note=note.strip()[:500])
    alert.refresh_from_db()
    return alert
