"""The history of how accounts are used: every change, with its reason, its figures and who made it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from accounts import ids
from accounts.models import Person
from routing.choices import Change

_NOTE = """
INSERT INTO routing_healthchange (id, account_id, at, change, because, figures, by_id) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def note(
    account_id: UUID, change: Change, *, because: str, at: datetime, figures: Mapping[str, Any] | None = None, by: Person | None = None
) -> None:
    """Write the change in the caller's transaction. `because` (cut at 300 characters) is a plain sentence without secrets."""
    written = orjson.dumps(dict(figures or {})).decode()
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [ids.new(), account_id, at, Change(change).value, because[:300], written, by.pk if by else None])
