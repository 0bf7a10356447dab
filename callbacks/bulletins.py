"""News of templates in providers' calls: read by the adapter, taken in where templates live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from callbacks.offering import Offered
from routing.providers import registry
from templates_app import registration
from templates_app.choices import Source


def read(calls: Sequence[Offered], *, at: datetime) -> None:
    """Take in what the calls say about templates, inside the caller's transaction; idempotent."""
    for call in calls:
        news = registry.get(call.provider).read_news(call.incoming)
        if news:
            registration.hear(call.account_id, news, source=Source.WEBHOOK, at=at)
