"""What is told of an alert, in words: the mail of a round, and the body of a webhook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.urls import reverse

from alerts.kinds import Kind, Occasion, Severity
from alerts.models import Alert, Telling

_LONGEST_SUBJECT = 150
_ORDER = (Occasion.OPENED, Occasion.REMINDED, Occasion.RESOLVED)
_TITLES = {Occasion.OPENED: "NEW", Occasion.REMINDED: "STILL OPEN", Occasion.RESOLVED: "RESOLVED"}
_SEVERITIES = list(Severity)


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail for a whole round: a storm is one mail with many lines."""

    subject: str
    text: str


def mail(tellings: Sequence[Telling]) -> Letter:
    """What these say together; of each alert only the latest."""
    latest = {telling.alert_id: telling for telling in sorted(tellings, key=lambda each: each.number)}
    by_occasion = {occasion: _most_urgent_first(each.alert for each in latest.values() if each.occasion == occasion) for occasion in _ORDER}
    parts = [_part(_TITLES[occasion], alerts, occasion) for occasion, alerts in by_occasion.items() if alerts]
    link = f"All alerts: {_url(reverse('admin:alerts_alert_changelist'))}"
    return Letter(_subject(by_occasion), "\n\n\n".join([*parts, link]) + "\n")


def webhook(alert: Alert, *, occasion: Occasion, at: datetime) -> str:
    """The body: `alert.opened`, `alert.reminded` or `alert.resolved`."""
    kind = Kind(alert.kind)
    about: dict[str, Any] = {
        "id": alert.public_id,
        "kind": kind.value,
        "severity": kind.severity.value,
        "title": kind.label,
        "about": alert.about,
        "because": alert.because,
        "what_to_do": kind.what_to_do,
        "business": alert.business.slug if alert.business else None,
        "opened_at": alert.opened_at,
        "last_seen_at": alert.last_seen_at,
        "times": alert.times,
        "acknowledged_at": alert.acknowledged_at,
        "resolved_at": alert.resolved_at,
        "url": _page(alert),
    }
    return orjson.dumps({"type": f"alert.{occasion.value}", "timestamp": at, "data": about}, option=orjson.OPT_UTC_Z).decode()


def _most_urgent_first(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (_SEVERITIES.index(Kind(alert.kind).severity), alert.opened_at))


def _subject(by_occasion: dict[Occasion, list[Alert]]) -> str:
    """One alert is named; several are counted, and the most urgent is named."""
    alerts = [alert for occasion in _ORDER for alert in by_occasion[occasion]]
    first, occasion = alerts[0], next(occasion for occasion in _ORDER if by_occasion[occasion])
    named = f"{Kind(first.kind).label} ({first.about})"
    what = f"{Kind(first.kind).severity.upper()}: {named}" if occasion is not Occasion.RESOLVED else f"resolved: {named}"
    if occasion is Occasion.REMINDED:
        what = f"still open: {named}"
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return _line(f"[Qsura {urlsplit(settings.PUBLIC_URL).hostname}] {what}"[: _LONGEST_SUBJECT - len(more)] + more)


def _part(title: str, alerts: Sequence[Alert], occasion: Occasion) -> str:
    entries = [_entry(alert, is_over=occasion is Occasion.RESOLVED) for alert in alerts]
    return "\n\n".join([f"{title} ({len(alerts)})", *entries])


def _entry(alert: Alert, *, is_over: bool) -> str:
    kind = Kind(alert.kind)
    times = f", {alert.times} times until {_moment(alert.last_seen_at)}" if alert.times > 1 else ""
    lines = [
        f"* {kind.label}: {_line(alert.about)}" + (f" ({alert.business.name})" if alert.business else ""),
        f"  {_line(alert.because)}",
        f"  {kind.severity.label}, since {_moment(alert.opened_at)}{times}.",
    ]
    if alert.resolved_at:
        lines.append(f"  Over since {_moment(alert.resolved_at)}.")
    if alert.acknowledged_by:
        lines.append(f"  Taken on by {alert.acknowledged_by.get_username()}. {_line(alert.note)}".rstrip())
    if not is_over:
        lines.append(f"  What to do: {kind.what_to_do}")
    return "\n".join([*lines, f"  {_page(alert)}"])


def _line(text: str) -> str:
    """On one line, whatever came with it."""
    return " ".join(text.split())


def _moment(at: datetime) -> str:
    return f"{at:%d %B %H:%M:%S} UTC"


def _page(alert: Alert) -> str:
    return _url(reverse("admin:alerts_alert_change", args=[alert.pk]))


def _url(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"
