"""How PostgreSQL's timestamps become Python's: most of what the hot path reads are moments, and Django's own reader takes ten microseconds
for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg.abc import Buffer


class UtcLoader(BaseTzLoader):  # type: ignore[misc]  # the stubs don't know it
    """`2026-11-22 21:16:03.5+00` as an aware datetime in UTC; whatever else PostgreSQL may write is left to Django's reader."""

    timezone = UTC

    def load(self, data: Buffer) -> datetime:
        text = bytes(data)
        # Years of four digits, of our era: `infinity`, `BC` and the year 20000 are not ISO 8601, and another zone is not ours.
        if text[4:5] == b"-" and text.endswith(b"+00"):
            return datetime.fromisoformat(text.decode())
        moment: datetime = super().load(data)
        return moment


def teach(*, connection: Any, **_: Any) -> None:
    """Receiver of Django's `connection_created`."""
    if connection.vendor == "postgresql" and connection.timezone == UTC:
        connection.connection.adapters.register_loader("timestamptz", UtcLoader)
