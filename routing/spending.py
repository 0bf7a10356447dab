"""What the steps of a plan cost one message: the cheapest account first where the rule prefers that, nothing that the budget can't pay.

Done after the decision, which equal wishes share: prices depend on the number and on the length besides. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from routing import prices
from routing.prices import Table
from routing.selection import AccountChoice, NoRoute, Plan, Step


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is bought: a message of that class to that number. `segments` of an SMS, if anybody has measured it."""

    category: str
    country: str
    number: str
    segments: int | None


def weigh(plan: Plan, purchase: Purchase, *, table: Table) -> Plan:
    """The plan with what its accounts cost; the very plan where its rule asks for no price. Raises NoRoute where nothing is left."""
    if not plan.asks_prices:
        return plan
    costs = {(step.channel, account.id): _cost(step, account, purchase, table) for step in plan.steps for account in step.accounts}
    budget = Decimal(plan.budget["cost"]) if plan.budget and "cost" in plan.budget else None
    weighed = [replace(step, accounts=_sort(step, costs, budget)) for step in plan.steps]
    steps = [step for step in weighed if step.accounts]
    trace = _trace(plan.trace, costs, budget)
    if not steps:
        raise NoRoute(f"Every account of route {plan.name!r} costs more than the {_tell(budget)} that this message may cost.", trace=trace)
    steps[-1] = replace(steps[-1], until=None, within=None)
    return replace(plan, steps=tuple(steps), trace=trace | {"chosen": [step.accounts[0].id for step in steps]})


_Costs = Mapping[tuple[str, str], Decimal | None]


def _cost(step: Step, account: AccountChoice, purchase: Purchase, table: Table) -> Decimal | None:
    amount = table.find(
        account_id=account.id,
        provider=account.provider,
        channel=step.channel,
        category=purchase.category,
        country=purchase.country,
        number=purchase.number,
    )
    return prices.cost(amount, channel=step.channel, segments=purchase.segments)


def _sort(step: Step, costs: _Costs, budget: Decimal | None) -> tuple[AccountChoice, ...]:
    """Those that the budget can pay. What nobody knows the price of comes last, and is never too dear."""
    priced = [(account, costs[step.channel, account.id]) for account in step.accounts]
    if step.prefer:  # the sort is stable: what is alike keeps the order that the weights have drawn
        priced.sort(key=lambda each: (each[0].rank, each[1] is None, each[1] or 0))
    return tuple(replace(account, price=_tell(cost)) for account, cost in priced if not _is_too_dear(cost, budget))


def _is_too_dear(cost: Decimal | None, budget: Decimal | None) -> bool:
    return cost is not None and budget is not None and cost > budget


def _trace(trace: dict[str, Any], costs: _Costs, budget: Decimal | None) -> dict[str, Any]:
    """A copy, with the prices seen; the decision's own is shared."""
    *before, last = trace["rules"]
    steps = [step | {"accounts": [_entry(each, step["channel"], costs, budget) for each in step["accounts"]]} for step in last["steps"]]
    return trace | {"rules": [*before, last | {"steps": steps}]}


def _entry(entry: dict[str, Any], channel: str, costs: _Costs, budget: Decimal | None) -> dict[str, Any]:
    key = (channel, entry["id"])
    if "left_out" in entry or key not in costs:
        return entry
    cost = costs[key]
    told = entry | {"price": _tell(cost)}
    return told | {"left_out": f"it costs {_tell(cost)}, and the budget is {_tell(budget)}"} if _is_too_dear(cost, budget) else told


def _tell(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
