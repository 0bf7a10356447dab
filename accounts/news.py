"""A business's events that are no message's: a template's approval, an endpoint that was disabled, a recipient who opted out.

Each is one row, written inside the caller's transaction, shown by GET /v1/events among the messages' events (docs/decisions/0006), and owed
to every endpoint that asked for its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from accounts import ids, signals
from accounts.choices import BusinessEventType, Mode
from accounts.models import Business
from accounts.signals import News

_BYTES = 2_048
_PERSONAL = frozenset({"recipient", "variables", "text", "content", "phone", "email"})

_WRITE = """
INSERT INTO accounts_businessevent (id, business_id, mode, type, about, occurred_at, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, statement_timestamp())
"""


def tell(business: Business | UUID, *, type: str, about: Mapping[str, Any], at: datetime) -> News:
    """Write the event and owe its webhooks, in the caller's transaction. `at` is when it happened.

    `about` is flat, thin and names things by their public ids or names: texts, numbers, booleans and null, no personal data, up to 2 kB. A
    `mode` in it narrows the event to that world; without one both hear of it. Raises ValueError for anything else, which is a fault of the
    caller's code and never of somebody's input.
    """
    word, thin = BusinessEventType(type), _thin(about)
    mode = Mode(thin["mode"]).value if thin.get("mode") else None
    told = News(ids.new(), business.pk if isinstance(business, Business) else business, mode, word.value, thin, at)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [told.id, told.business_id, mode, told.type, orjson.dumps(thin).decode(), at])
        signals.told.send(sender=None, news=told)
    return told


def _thin(about: Mapping[str, Any]) -> dict[str, Any]:
    """Its own copy, checked: an event can never be corrected, and what stands in it outlives an erasure."""
    if personal := sorted(_PERSONAL & about.keys()):
        raise ValueError(f"an event has no personal data: {', '.join(personal)}")
    if thick := sorted(name for name, value in about.items() if not isinstance(value, str | int | float | None)):
        raise ValueError(f"an event is about texts, numbers, booleans and null: {', '.join(thick)}")
    if len(orjson.dumps(dict(about))) > _BYTES:
        raise ValueError(f"an event is about {_BYTES} bytes at most")
    return dict(about)
