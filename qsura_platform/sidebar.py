"""The admin's frame: its rooms in the order of a message's way, and the badge that says which world this is."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from accounts.desk import business_of
from alerts.models import Alert
from templates_app.choices import VersionStatus
from templates_app.models import TemplateVersion

QUEUE = f"?status__exact={VersionStatus.IN_REVIEW.value}"

ROOMS: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    ("What needs a look", [("Alerts", "crisis_alert", "alerts.alert", "")]),
    (
        "Messages",
        [
            ("Messages", "forum", "messaging.message", ""),
            ("Inbound messages", "reply", "messaging.inbound", ""),
            ("Suppressions", "block", "messaging.suppression", ""),
            ("Imports", "upload_file", "messaging.suppressionimport", ""),
            ("Dead letters", "mark_email_unread", "messaging.deadletter", ""),
        ],
    ),
    (
        "What may be said",
        [
            ("Templates", "description", "templates_app.template", ""),
            ("Review queue", "rate_review", "templates_app.templateversion", QUEUE),
            ("Registrations", "verified", "templates_app.registration", ""),
        ],
    ),
    (
        "By which road",
        [
            ("Routes", "alt_route", "routing.route", ""),
            ("Backtests", "experiment", "messaging.backtest", ""),
            ("Provider accounts", "cell_tower", "routing.provideraccount", ""),
            ("Prices", "sell", "routing.price", ""),
            ("Quiet hours", "bedtime", "routing.quiethours", ""),
            ("Limits", "speed", "routing.limits", ""),
            ("Releases of numbers", "verified_user", "routing.release", ""),
        ],
    ),
    (
        "Callbacks",
        [
            ("Endpoints", "webhook", "callbacks.endpoint", ""),
            ("Deliveries", "local_shipping", "callbacks.delivery", ""),
            ("Provider calls", "move_to_inbox", "callbacks.providercall", ""),
            ("Parked receipts", "hourglass_empty", "callbacks.parkedreceipt", ""),
            ("Unknown words", "help", "callbacks.unknownword", "?state=open"),
            ("Rereadings", "history", "callbacks.rereading", ""),
        ],
    ),
    (
        "For whom",
        [
            ("Businesses", "store", "accounts.business", ""),
            ("API keys", "key", "accounts.apikey", ""),
            ("People", "group", "accounts.person", ""),
        ],
    ),
]
"""Groups of (title, icon, model, query)."""


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may see, and nothing else."""
    groups = [{"title": title, "separator": True, "items": _items(request, items)} for title, items in ROOMS]
    return [group for group in groups if group["items"]]


def environment(_request: HttpRequest) -> list[str]:
    """The words and the colour of the badge."""
    if settings.DEBUG:
        return ["Debug", "danger"]
    return ["Production", "success"] if settings.PUBLIC_URL.startswith("https://") else ["Local", "info"]


def _items(request: HttpRequest, items: list[tuple[str, str, str, str]]) -> list[dict[str, Any]]:
    return [
        {"title": title, "icon": icon, "link": _link(model) + query, "badge": _badge(request, model + query)}
        for title, icon, model, query in items
        if _may_see(request, model)
    ]


def _badge(request: HttpRequest, item: str) -> int | None:
    count = {f"templates_app.templateversion{QUEUE}": _waiting, "alerts.alert": _alerts}.get(item)
    return count(request) if count else None


def _alerts(request: HttpRequest) -> int | None:
    """How many open alerts nobody has taken on; one query over the small index of those that are open."""
    rows = Alert.objects.open().unacknowledged()
    if business_id := business_of(request):
        rows = rows.filter(business=business_id)
    return rows.count() or None


def _waiting(request: HttpRequest) -> int | None:
    """How many versions wait for a decision; one query over the small index of those that do."""
    rows = TemplateVersion.objects.filter(status=VersionStatus.IN_REVIEW)
    if business_id := business_of(request):
        rows = rows.filter(template__business=business_id)
    return rows.count() or None


def _link(model: str) -> str:
    return reverse(f"admin:{model.replace('.', '_')}_changelist")


def _may_see(request: HttpRequest, model: str) -> bool:
    desk = admin.site._registry.get(apps.get_model(model))
    return desk is not None and desk.has_view_permission(request)
