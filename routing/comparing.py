"""Two road books over the same wishes: what each would do with every message. Pure but for the books and prices that it is given.

Both books draw with the same luck for the same message, so that what differs comes from the rules, and a second run says the same.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from routing import facts, prices, selection, spending
from routing.book import Book
from routing.facts import Subject
from routing.prices import Table
from routing.selection import NoRoute, Plan, Wish
from routing.spending import Purchase

MOST_REASONS = 20
_MOST_KINDS = 200
Rates = Mapping[tuple[str, str], float]
"""By account and channel, the measured part of the attempts that another one had to follow."""


@dataclass(frozen=True, slots=True)
class Case:
    """One message as it was asked for."""

    seed: int
    wish: Wish
    """Without facts: each book has its own questions."""
    subject: Subject
    segments: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one book does with one message."""

    plan: Plan | None
    refusal: NoRoute | None

    @property
    def road(self) -> tuple[tuple[str, str], ...]:
        """Each step's channel and first account."""
        return tuple((step.channel, step.accounts[0].name) for step in self.plan.steps) if self.plan else ()

    @property
    def rules(self) -> list[dict[str, Any]]:
        trace: dict[str, Any] = self.plan.trace if self.plan else self.refusal.trace if self.refusal else {}
        return list(trace.get("rules", []))


def decide(book: Book, case: Case, *, table: Table) -> Verdict:
    wish = replace(case.wish, facts=facts.see(book.asked, case.subject))
    try:
        drawn = selection.plan(book, wish, pick=random.Random(case.seed))  # noqa: S311 - the same luck for both books
        purchase = Purchase(wish.lane, wish.country, case.subject.number, case.segments)
        return Verdict(spending.weigh(drawn, purchase, table=table), None)
    except NoRoute as refusal:
        return Verdict(None, refusal)


@dataclass(slots=True)
class Tally:
    """What one book does with all of them."""

    messages: int = 0
    first: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By channel, account and its name: whose turn it would be first."""
    cost: Decimal = Decimal(0)
    priced: int = 0
    """Messages whose first step has a known price; the cost is theirs alone."""
    nowhere: Counter[str] = field(default_factory=Counter)
    """By reason, the messages that find no road."""

    def add(self, verdict: Verdict, case: Case, table: Table) -> None:
        self.messages += 1
        if verdict.plan is None:
            reason = verdict.refusal.detail if verdict.refusal else ""
            self.nowhere[reason if reason in self.nowhere or len(self.nowhere) < _MOST_KINDS else "other reasons"] += 1
            return
        step = verdict.plan.steps[0]
        account = step.accounts[0]
        self.first[(step.channel, account.id, account.name)] += 1
        wish = case.wish
        amount = table.find(
            account_id=account.id,
            provider=account.provider,
            channel=step.channel,
            category=wish.lane,
            country=wish.country,
            number=case.subject.number,
        )
        cost = prices.cost(amount, channel=step.channel, segments=case.segments)
        if cost is not None:
            self.cost, self.priced = self.cost + cost, self.priced + 1

    def told(self, rates: Rates) -> dict[str, Any]:
        """As JSON. The fallback rate is what the first accounts' measured rates make of these shares."""
        measured = {key: count for key, count in self.first.items() if key[1::-1] in rates}
        known = sum(measured.values())
        expected = sum(count * rates[key[1::-1]] for key, count in measured.items())
        return {
            "messages": self.messages,
            "shares": [
                {"channel": channel, "account": name, "messages": count, "share": round(count / self.messages, 4)}
                for (channel, _, name), count in sorted(self.first.items(), key=lambda each: (-each[1], each[0]))
            ],
            "cost": f"{self.cost.normalize():f}" if self.priced else None,
            "priced": self.priced,
            "fallback": round(expected / known, 4) if known else None,
            "measured": known,
            "without_road": sum(self.nowhere.values()),
            "reasons": [{"reason": reason, "messages": count} for reason, count in self.nowhere.most_common(MOST_REASONS)],
        }
