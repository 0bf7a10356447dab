"""Alerts whose trouble has no end of its own: resolved once it was not seen for long enough, or once what it is about is gone."""

from __future__ import annotations

from datetime import datetime

from accounts import ids
from accounts.models import ApiKey
from alerts import reporting
from alerts.kinds import Kind
from alerts.models import Alert


def fade(*, at: datetime) -> int:
    """Resolve what has been quiet for its kind's time, and keys that open nothing any more; returns how many."""
    return _quiet(at=at) + _closed_keys(at=at)


def _quiet(*, at: datetime) -> int:
    return sum(
        Alert.objects.open().filter(kind=kind, last_seen_at__lte=at - kind.fades_after).update(resolved_at=at)
        for kind in Kind
        if kind.fades_after
    )


def _closed_keys(*, at: datetime) -> int:
    exposed = Alert.objects.open().filter(kind=Kind.KEY_IN_BROWSER).values_list("about", flat=True)
    keys = {about: ids.parse("key", about) for about in exposed}
    usable = set(ApiKey.objects.usable(at).filter(pk__in=[key for key in keys.values() if key]).values_list("pk", flat=True))
    closed = [about for about, key in keys.items() if key not in usable]
    return sum(reporting.resolve(Kind.KEY_IN_BROWSER, about=about, at=at) is not None for about in closed)
