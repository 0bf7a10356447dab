"""The admin's first page: each room's cards, for those who may see the room's rows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

import alerts.pulse
import callbacks.pulse
import callbacks.receipt_pulse
import messaging.pulse
from accounts.cards import Source
from accounts.desk import business_of

SOURCES: list[tuple[str, Source]] = [
    ("alerts.view_alert", alerts.pulse.cards),
    ("messaging.view_message", messaging.pulse.cards),
    ("callbacks.view_delivery", callbacks.pulse.cards),
    ("callbacks.view_providercall", callbacks.receipt_pulse.cards),
]
"""The right that a person needs, and the cards."""


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by the theme for admin/index.html."""
    at, business_id = timezone.now(), business_of(request)
    cards = [card for right, source in SOURCES if request.user.has_perm(right) for card in source(business_id, at)]
    return context | {"cards": cards}
