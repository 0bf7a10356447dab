"""What staff must know now, for the admin's first page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from accounts.cards import Card, Figure
from alerts.kinds import Kind, Severity
from alerts.models import Alert

HOUR = timedelta(hours=1)
_TONES = {Severity.URGENT: "bad", Severity.WARNING: "care", Severity.NOTICE: "moving"}


def cards(business_id: Any, at: datetime) -> Sequence[Card]:
    """Of one business, or of all and the platform itself. One query over what is open."""
    alerts = Alert.objects.open() if business_id is None else Alert.objects.open().filter(business=business_id)
    rows = list(alerts.values_list("kind", "acknowledged_at", "opened_at"))
    counts = Counter(Kind(kind).severity for kind, _, _ in rows)
    waiting = sum(acknowledged_at is None for _, acknowledged_at, _ in rows)
    new = sum(opened_at > at - HOUR for _, _, opened_at in rows)
    figures = [
        Figure(
            str(severity.value), counts[severity], _TONES[severity] if counts[severity] else "plain", link=_list(severity=severity.value)
        )
        for severity in Severity
    ]
    return [Card("Open alerts", figures, f"{waiting} taken on by nobody, {new} new in the last hour." if waiting else _calm(rows))]


def _calm(rows: Sequence[Any]) -> str:
    return "All of them are taken on." if rows else "All is well."


def _list(**wanted: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    return f"{reverse('admin:alerts_alert_changelist')}?state=open&{query}"
