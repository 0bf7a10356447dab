"""What most providers have in common, as the class that adapters begin from: an adapter says only what its own provider does otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from routing.providers.base import Call, Incoming, ProviderAccount, Registrar, TemplateNews
from routing.providers.inbound import Inbound


class Dialect:
    """A provider that signs no time, takes the receipts' URL with each message, proves no URL, and approves no templates."""

    optional_fields: frozenset[str] = frozenset()
    long_settings: frozenset[str] = frozenset()
    calls_again_for = timedelta(0)
    max_validity_seconds: int | None = None
    tells_arrival = True
    registrar: Registrar | None = None

    def subscribe(self, account: ProviderAccount) -> Call | None:
        """Nothing to do: every message names the URL of its receipts."""
        return None

    def longest_validity(self, settings: Mapping[str, str]) -> int | None:
        return self.max_validity_seconds

    def repeats_for(self, account: ProviderAccount) -> timedelta:
        return self.calls_again_for

    def signed_at(self, account: ProviderAccount, incoming: Incoming) -> datetime | None:
        """No time is signed: the same call again is known by its content."""
        return None

    def handshake(self, account: ProviderAccount, incoming: Incoming) -> str | None:
        """It proves no URL."""
        return None

    def read_inbound(self, account: ProviderAccount, incoming: Incoming) -> list[Inbound]:
        """Nobody writes to us by it."""
        return []

    def read_news(self, incoming: Incoming) -> list[TemplateNews]:
        """It tells nothing of templates."""
        return []
