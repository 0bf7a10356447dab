"""The choice of a plan: the first rule whose conditions hold, its steps that this message can take, and for each its accounts in order.

What depends on the wish alone is decided once while the book is believed; what is left to chance (weights) is drawn for every plan.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from accounts.choices import Mode
from accounts.refusals import Refusal
from routing import conditions, facts, gates, rules, shares, stand_ins
from routing.book import Book, Known, Road, book
from routing.choices import Channel, TrafficClass
from routing.conditions import Words
from routing.facts import Facts
from routing.providers import registry

__all__ = ["AccountChoice", "Book", "NoRoute", "Plan", "Step", "Wish", "book", "plan"]

_MOST_DECIDED = 10_000
_MOST_TOLD = 5
SPENT, SHUT = -1.0, -2.0
"""In place of points: after every reserve, and after those."""
NOT_REGISTERED = "the template is not registered there yet"
_KIND = {Channel.WHATSAPP: "phone", Channel.SMS: "phone", Channel.EMAIL: "email"}


class NoRoute(Refusal):
    """No published route leads this message anywhere; `trace` says which rules were looked at, and what kept each from being taken."""

    code = "no_route"
    title = "There is no route for this message."

    def __init__(self, detail: str, *, trace: dict[str, Any]) -> None:
        super().__init__(detail)
        self.trace = trace


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: nothing personal, so that equal wishes can share one decision."""

    business_id: UUID
    mode: str
    channel: str
    """As the request says: a channel, or auto."""
    lane: str
    template: str
    language: str
    country: str
    """Of the recipient's number, ISO 3166-1; empty for an e-mail address."""
    kind: str
    """What the recipient is: phone or email."""
    channels: frozenset[str]
    """The channels that the template has content for."""
    fallback: bool
    obstacles: frozenset[tuple[str, str]] | None = None
    """By account, what keeps it from sending this WhatsApp template, or nothing; an account that is not in it does not know the template.
    None: nobody has looked, and templates are taken to be fine."""
    facts: Facts = facts.NONE
    """What this business's rules ask about besides."""


@dataclass(frozen=True, slots=True)
class AccountChoice:
    id: str
    name: str
    provider: str
    rank: int = 0
    """0 while it is well; the higher, the later it comes, whatever it costs."""
    price: str | None = None
    """What this message costs there, in QSURA_CURRENCY; None where nobody asked, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Step:
    channel: str
    accounts: tuple[AccountChoice, ...]
    """In the order to try."""
    until: str | None
    within: int | None
    """Seconds; like `until`, None on the last step of the plan, where nothing follows."""
    prefer: str | None = None
    validity: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    version_id: UUID
    name: str
    number: int
    steps: tuple[Step, ...]
    trace: dict[str, Any]
    """The decision, as JSON; shared between equal decisions, so never changed."""
    budget: Mapping[str, int | str] | None = None
    """What it may use up: attempts, a deadline in seconds, and a cost."""

    @property
    def asks_prices(self) -> bool:
        return bool(self.budget and "cost" in self.budget) or any(step.prefer for step in self.steps)


@dataclass(frozen=True, slots=True)
class _Draw:
    """A step before chance has put its accounts in order."""

    channel: str
    accounts: tuple[tuple[AccountChoice, float], ...]
    """Each with its points of the traffic; 0 for a reserve, SHUT for one that lets nothing through now."""
    until: str | None
    within: int | None
    prefer: str | None
    validity: int | None


@dataclass(frozen=True, slots=True)
class _Decision:
    road: Road
    draws: tuple[_Draw, ...]
    trace: dict[str, Any]
    budget: Mapping[str, int | str] | None


def plan(book: Book, wish: Wish, *, pick: random.Random) -> Plan:
    """The plan for a wish; raises NoRoute."""
    decided = book.decided.get(wish)
    if decided is None:
        if len(book.decided) >= _MOST_DECIDED:
            book.decided.clear()
        decided = book.decided[wish] = _fix(_decide(book, wish))
    return decided if isinstance(decided, Plan) else _draw(decided, pick)


def _fix(decision: _Decision) -> _Decision | Plan:
    """The plan itself, where nothing is left to chance."""
    if all(len(draw.accounts) == 1 for draw in decision.draws):
        return _draw(decision, random.Random(0))  # noqa: S311 - there is nothing to choose
    return decision


def _draw(decision: _Decision, pick: random.Random) -> Plan:
    steps = tuple(
        Step(draw.channel, _order(draw.accounts, pick), draw.until, draw.within, draw.prefer, draw.validity) for draw in decision.draws
    )
    road = decision.road
    chosen = {"chosen": [step.accounts[0].id for step in steps]}
    trace = decision.trace | chosen
    return Plan(version_id=road.version_id, name=road.name, number=road.number, steps=steps, trace=trace, budget=decision.budget)


def _order(accounts: tuple[tuple[AccountChoice, float], ...], pick: random.Random) -> tuple[AccountChoice, ...]:
    """A weighted order without replacement (Efraimidis and Spirakis, 2006); reserves come after it, and last what is shut."""
    if len(accounts) == 1:
        return (accounts[0][0],)
    drawn = [(pick.random() ** (1 / points) if points > 0 else points - pick.random(), choice) for choice, points in accounts]
    return tuple(choice for _, choice in sorted(drawn, key=lambda pair: pair[0], reverse=True))


def _decide(book: Book, wish: Wish) -> _Decision:
    seen = _seen(wish)
    looked_at: list[dict[str, Any]] = []
    # The wish's own facts are what a draft of tomorrow is tested with (messaging.backtesting).
    known = {"country": wish.country, "kind": wish.kind, "fallback": wish.fallback}
    trace = {"mode": wish.mode, "facts": known, "rules": looked_at}
    for road, position, rule in _rules(book):
        entry = _weigh(road, position, rule, seen)
        looked_at.append(entry)
        if not entry["held"]:
            continue
        steps = [step for step in rule.steps if _is_possible(step, wish)]
        begin = next((at for at, step in enumerate(steps) if wish.channel in ("auto", step.channel)), None)
        if begin is None:
            entry["because"] = "none of its steps can carry this message"
            continue
        steps = [step for step in steps[begin:] if wish.fallback or step.channel == steps[begin].channel]
        draws, entry["steps"] = _people(steps, book, wish)
        if not draws:
            raise NoRoute(_nobody(road, entry["steps"]), trace=trace)
        budget = rules.describe_budget(rule.budget) if rule.budget else None
        return _Decision(road=road, draws=tuple(draws), trace=trace, budget=budget)
    raise NoRoute(_why(book, looked_at), trace=trace)


def _rules(book: Book) -> Iterator[tuple[Road, int, rules.Rule]]:
    for road in book.roads:
        for position, rule in enumerate(road.rules):
            yield road, position, rule


def _seen(wish: Wish) -> dict[str, Words]:
    return {
        "country": (wish.country,) if wish.country else (),
        "channel": (wish.channel,),
        "class": (wish.lane,),
        "template": (wish.template,),
        "language": (wish.language.lower(),),
        **dict(wish.facts),
    }


def _weigh(road: Road, position: int, rule: rules.Rule, seen: dict[str, Words]) -> dict[str, Any]:
    """Every condition with the word seen, the ones after a false one too: that is what explaining is for."""
    when = [each.tell(seen) for each in rule.when]
    held = all(each["held"] for each in when)
    return {"route": road.name, "version": road.number, "rule": position, "when": when, "held": held}


def _is_possible(step: rules.Step, wish: Wish) -> bool:
    return step.channel in wish.channels and _KIND[Channel(step.channel)] == wish.kind


def _people(steps: list[rules.Step], book: Book, wish: Wish) -> tuple[list[_Draw], list[dict[str, Any]]]:
    """The steps with the accounts that can serve now, and the trace of those that can't. A step without any is left out."""
    draws, told = [], []
    for step in steps:
        accounts: dict[str, tuple[Known, int]] = {}
        entries = []
        for share in step.accounts:
            account, obstacle = _serve(book, share.account, wish.mode)
            obstacle = obstacle or _unapproved(account, step, wish)
            entries.append(_tell(account, share, obstacle, wish))
            if account and not obstacle:
                accounts[account.id] = account, accounts.get(account.id, (account, 0))[1] + share.weight
        told.append({"channel": step.channel, "accounts": entries})
        if accounts:
            shared = _shares(list(accounts.values()), wish)
            draws.append(_Draw(step.channel, shared, step.until, step.within, step.prefer, step.validity))
    if draws:
        draws[-1] = replace(draws[-1], until=None, within=None)
    return draws, told


def _shares(accounts: list[tuple[Known, int]], wish: Wish) -> tuple[tuple[AccountChoice, float], ...]:
    """The accounts of a step, each with its points after its health."""
    points = shares.effective([weight for _, weight in accounts], [account.lost for account, _ in accounts])
    found = [(account, _points(account, own, wish)) for (account, _), own in zip(accounts, points, strict=True)]
    return tuple((AccountChoice(account.id, account.name, account.provider, _rank(account, own)), own) for account, own in found)


def _rank(account: Known, points: float) -> int:
    """Well, ailing, a reserve, spent, shut: as the points put them, but that weights make no difference."""
    if points <= 0:
        return 2 - int(points)
    return 1 if account.lost or account.is_probing else 0


def _is_spent(account: Known, lane: str) -> bool:
    """Whether its bucket has nothing for that lane."""
    left = min(account.burst * gates.RESERVED[lane], account.burst - 1)
    return account.tokens is not None and account.tokens - left < 1


def _points(account: Known, own: float, wish: Wish) -> float:
    if account.shut or (account.is_probing and wish.lane == TrafficClass.AUTHENTICATION):
        return SHUT
    if _is_spent(account, wish.lane):
        return SPENT
    return min(own, shares.FLOOR) if account.is_probing else own


def _serve(book: Book, account_id: str, mode: str) -> tuple[Known | None, str]:
    """The account that serves for the one that the route names, and what keeps it from serving, if anything does."""
    account = book.accounts.get(account_id)
    if account is None:
        return None, "no such account"
    if mode == Mode.TEST and account.mode == Mode.LIVE:
        account = book.stand_ins.get(stand_ins.voice(account.provider))
        return account, account.out_of_service if account else "the simulator has no account of this provider"
    if mode == Mode.LIVE and account.mode == Mode.TEST:
        return account, "a test account, which live keys never use"
    return account, account.out_of_service


def _unapproved(account: Known | None, step: rules.Step, wish: Wish) -> str:
    """What the template's standing at the account's provider has against it."""
    if account is None or step.channel != Channel.WHATSAPP or wish.obstacles is None:
        return ""
    adapter = registry.ADAPTERS.get(account.provider)
    if adapter is None or adapter.registrar is None:
        return ""
    return dict(wish.obstacles).get(account.id, NOT_REGISTERED)


def _tell(account: Known | None, share: rules.Share, obstacle: str, wish: Wish) -> dict[str, Any]:
    entry = {"id": account.id if account else share.account, "name": account.name if account else "", "weight": share.weight}
    if obstacle or account is None:
        return entry | {"left_out": obstacle}
    return entry | _health(account, wish.lane)


def _health(account: Known, lane: str) -> dict[str, Any]:
    """What its health changes about its place; nothing while it is well."""
    told: dict[str, Any] = {"lost": account.lost} if account.lost else {}
    if account.shut:
        told["put_last"] = account.shut
    elif account.is_probing:
        told["put_back"] = "its breaker is being tried: few messages, and no codes"
    elif _is_spent(account, lane):
        told["put_last"] = "its rate allows no more at the moment"
    return told


def _nobody(road: Road, told: list[dict[str, Any]]) -> str:
    """Why no account of the rule's steps is left."""
    left_out = [each for step in told for each in step["accounts"] if "left_out" in each]
    obstacles = dict.fromkeys(f"{each['name'] or each['id']}: {each['left_out']}" for each in left_out)
    return f"No account of route {road.name!r} can carry this message now: {'; '.join(obstacles)}."


def _why(book: Book, looked_at: list[dict[str, Any]]) -> str:
    if not book.roads:
        return "This business has no published route yet."
    told = [f"{entry['route']} rule {entry['rule'] + 1}: {_obstacle(entry)}" for entry in looked_at[:_MOST_TOLD]]
    more = len(looked_at) - len(told)
    return f"No published route takes this message ({'; '.join(told)}{f'; and {more} more rules' if more else ''})."


def _obstacle(entry: dict[str, Any]) -> str:
    wrong = [conditions.explain(each) for each in entry["when"] if not each["held"]]
    return " and ".join(wrong) or str(entry["because"])
