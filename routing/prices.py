"""What a message costs, as far as anybody has said: the price table, kept for some seconds, and a pure look-up in it.

    table = prices.table(at=at)
    amount = table.find(account_id=..., provider="twilio", channel="sms", country="EG", number="+201001234567", category="utility")
    cost = prices.cost(amount, channel="sms", segments=2)

Amounts are Decimals in QSURA_CURRENCY, of a message or of one segment of an SMS. What nobody has priced is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from routing.choices import Channel
from routing.models import Price

_KEPT = timedelta(seconds=15)
_MOST_KNOWN = 20_000
_LONGEST = 12
"""Digits of a prefix."""

_Key = tuple[str, str, str, str]
"""Whose (an account's id or a provider), channel, where (`+2010`, `EG` or nothing), category (or nothing)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Every price that staff has entered."""

    read_at: datetime
    amounts: Mapping[_Key, Decimal]
    longest: int
    """How many digits the longest prefix has."""
    known: dict[tuple[str, ...], Decimal | None] = field(default_factory=dict)
    """Look-ups that were made before."""

    def find(
        self, *, account_id: object, provider: str, channel: str, category: str, country: str = "", number: str = ""
    ) -> Decimal | None:
        """The most particular price: the account's before the provider's, the longest prefix before the country, the class's own first.

        `number` is E.164 (`+201001234567`), or anything that does not begin with a plus sign for what has no number. None: nobody knows.
        """
        prefix = number[: self.longest + 1] if number[:1] == "+" else ""
        asked = (str(account_id), provider, channel, category, country, prefix)
        if asked not in self.known:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[asked] = self._look(asked)
        return self.known[asked]

    def _look(self, asked: tuple[str, ...]) -> Decimal | None:
        account, provider, channel, category, country, prefix = asked
        places = [*(prefix[:length] for length in range(len(prefix), 1, -1)), *([country] if country else []), ""]
        keys = ((whose, channel, where, what) for whose in (account, provider) for where in places for what in (category, ""))
        return next((self.amounts[key] for key in keys if key in self.amounts), None)


def cost(amount: Decimal | None, *, channel: str, segments: int | None) -> Decimal | None:
    """What a message costs at that price; an SMS is paid by the segment. None where the price, or the length, is unknown."""
    if amount is None or channel != Channel.SMS:
        return amount
    return amount * segments if segments is not None else None


def build(rows: Iterable[Price], *, at: datetime) -> Table:
    """The table of these rows."""
    amounts = {
        (str(row.account_id or row.provider), row.channel, f"+{row.prefix}" if row.prefix else row.country, row.category): row.amount
        for row in rows
    }
    longest = max((len(where) - 1 for _, _, where, _ in amounts if where[:1] == "+"), default=0)
    return Table(read_at=at, amounts=amounts, longest=min(longest, _LONGEST))


_tables: list[Table] = []


def table(*, at: datetime) -> Table:
    """The present prices; one query in fifteen seconds and process."""
    if not _tables or not _tables[0].read_at <= at < _tables[0].read_at + _KEPT:
        _tables[:] = [build(Price.objects.all(), at=at)]
    return _tables[0]


def forget() -> None:
    """Read afresh next time (after a change in this very process)."""
    _tables.clear()
