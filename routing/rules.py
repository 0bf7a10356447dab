"""What a route's version says, read from its JSON: rules in order, each with its conditions and its steps.

Pure: it judges the shape alone. Whether the accounts exist, and whether a message could arrive twice, is the business of `publishing`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.refusals import FieldError, Refusal
from routing import conditions
from routing.choices import Channel, Until
from routing.conditions import Condition

SHORTEST_WAIT = 10  # seconds
LONGEST_WAIT = 72 * 3600
MOST_RULES = 50
MOST_CONDITIONS = 20
MOST_STEPS = 10
MOST_ACCOUNTS = 20
HEAVIEST = 1_000
MOST_ATTEMPTS = 50
CHEAPEST = "cheapest"
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


class InvalidRules(Refusal):
    """The rules say something that can't be done; every problem is named by its place."""

    code = "invalid_rules"
    title = "The route's rules can't be used."

    def __init__(self, problems: Sequence[FieldError]) -> None:
        super().__init__(" ".join(f"{problem.field}: {problem.message}" for problem in problems), errors=problems)


@dataclass(frozen=True, slots=True)
class Share:
    """One account of a step, and its part of the traffic: its weight among the weights of the step."""

    account: str
    """The account's id, or in a draft its name."""
    weight: int


@dataclass(frozen=True, slots=True)
class Step:
    channel: str
    accounts: tuple[Share, ...]
    until: str | None
    within: int | None
    """Seconds."""
    prefer: str | None = None
    """`cheapest`: by known prices; the weights then count among those alone that cost the same, or nobody knows what."""
    validity: int | None = None
    """Seconds for which the provider may try, where that is less than `within`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a message may use up on this rule's steps."""

    attempts: int | None
    """Hand-offs at most."""
    deadline: int | None
    """Seconds after the first hand-off; no further one begins later."""
    cost: Decimal | None = None
    """In QSURA_CURRENCY, at most, for all hand-offs together."""


@dataclass(frozen=True, slots=True)
class Rule:
    when: tuple[Condition, ...]
    steps: tuple[Step, ...]
    budget: Budget | None = None


def read(raw: Any) -> tuple[Rule, ...]:
    """The rules; raises InvalidRules with everything that is wrong."""
    problems: list[FieldError] = []
    found = [_read_rule(each, where=where, problems=problems) for where, each in _each(raw, "rules", most=MOST_RULES, problems=problems)]
    if problems:
        raise InvalidRules(problems)
    return tuple(found)


def _each(raw: Any, where: str, *, most: int, problems: list[FieldError], least: int = 1) -> list[tuple[str, Any]]:
    """The items of a list, each with its place."""
    if not isinstance(raw, list) or not least <= len(raw) <= most:
        problems.append(FieldError(where, "invalid", f"Write a list of {least} to {most} items."))
        return []
    return [(f"{where}[{position}]", each) for position, each in enumerate(raw)]


def _known(raw: Any, names: set[str], *, where: str, problems: list[FieldError]) -> dict[str, Any] | None:
    """An object, judged to have none but these names; None if it is no object."""
    if not isinstance(raw, dict):
        problems.append(FieldError(where, "invalid", f"Write an object with {', '.join(sorted(names))}."))
        return None
    for name in sorted(set(raw) - names):
        problems.append(FieldError(f"{where}.{name[:40]}", "unknown_field", f"Leave it out; known here are {', '.join(sorted(names))}."))
    return raw


def _read_rule(raw: Any, *, where: str, problems: list[FieldError]) -> Rule:
    rule = _known(raw, {"when", "steps", "budget"}, where=where, problems=problems)
    if rule is None:
        return Rule((), ())
    when = _each(rule.get("when", []), f"{where}.when", least=0, most=MOST_CONDITIONS, problems=problems)
    found = [conditions.read(each, where=place, problems=problems) for place, each in when]
    steps = _each(rule.get("steps"), f"{where}.steps", most=MOST_STEPS, problems=problems)
    read_steps = tuple(_read_step(each, where=place, problems=problems) for place, each in steps)
    budget = None
    if "budget" in rule:
        budget = _read_budget(rule["budget"], read_steps, where=f"{where}.budget", problems=problems)
    return Rule(when=tuple(each for each in found if each), steps=read_steps, budget=budget)


def _read_budget(raw: Any, steps: Sequence[Step], *, where: str, problems: list[FieldError]) -> Budget | None:
    """Refused too where a step could never begin: it would only seem to be there."""
    said = _known(raw, {"attempts", "cost", "deadline"}, where=where, problems=problems)
    if said is None:
        return None
    attempts, deadline, cost = said.get("attempts"), said.get("deadline"), said.get("cost")
    if attempts is None and deadline is None and cost is None:
        problems.append(FieldError(where, "invalid", 'Give "attempts", "deadline", "cost" or some of them; or leave the budget out.'))
    if attempts is not None:
        _check_attempts(attempts, steps, where=f"{where}.attempts", problems=problems)
    if deadline is not None:
        _check_deadline(deadline, steps, where=f"{where}.deadline", problems=problems)
    return Budget(attempts, deadline, None if cost is None else _read_cost(cost, where=f"{where}.cost", problems=problems))


def _read_cost(raw: Any, *, where: str, problems: list[FieldError]) -> Decimal | None:
    """A number, or the same as text: JSON's numbers lose cents in some hands."""
    said = str(raw) if type(raw) in {int, float, str} else ""
    if _AMOUNT.fullmatch(said) and (cost := Decimal(said)) > 0:
        return cost
    problems.append(FieldError(where, "out_of_range", 'Give an amount above 0 with at most 6 decimals, such as "0.05".'))
    return None


def _check_attempts(attempts: Any, steps: Sequence[Step], *, where: str, problems: list[FieldError]) -> None:
    if type(attempts) is not int or not 1 <= attempts <= MOST_ATTEMPTS:
        problems.append(FieldError(where, "out_of_range", f"Give a whole number from 1 to {MOST_ATTEMPTS}."))
    elif attempts < len(steps):
        hint = f"With {attempts} attempt(s) step {attempts + 1} never begins: allow {len(steps)}, or take steps away."
        problems.append(FieldError(where, "unreachable_step", hint))


def _check_deadline(deadline: Any, steps: Sequence[Step], *, where: str, problems: list[FieldError]) -> None:
    waits = sum(step.within for step in steps[:-1] if type(step.within) is int)
    if type(deadline) is not int or not SHORTEST_WAIT <= deadline <= LONGEST_WAIT:
        problems.append(FieldError(where, "out_of_range", f"Give whole seconds from {SHORTEST_WAIT} to {LONGEST_WAIT:,}."))
    elif deadline <= waits:
        hint = f"The steps before the last wait {waits} s together, so after silence it never begins: allow more, or wait less."
        problems.append(FieldError(where, "unreachable_step", hint))


def _read_step(raw: Any, *, where: str, problems: list[FieldError]) -> Step:
    step = _known(raw, {"channel", "accounts", "until", "within", "prefer", "validity"}, where=where, problems=problems)
    if step is None:
        return Step("", (), None, None)
    channel = step.get("channel")
    if channel not in Channel.values:
        problems.append(FieldError(f"{where}.channel", "unknown_channel", f"Choose one of {', '.join(Channel.values)}."))
    _check_wait(step.get("until"), step.get("within"), where=where, problems=problems)
    shares = _each(step.get("accounts"), f"{where}.accounts", most=MOST_ACCOUNTS, problems=problems)
    accounts = tuple(_read_share(each, where=place, problems=problems) for place, each in shares)
    prefer, validity = step.get("prefer"), step.get("validity")
    if prefer not in (None, CHEAPEST):
        problems.append(FieldError(f"{where}.prefer", "invalid", f'Write "{CHEAPEST}", or leave it out: then weights decide.'))
    _check_validity(validity, step.get("within"), where=f"{where}.validity", problems=problems)
    return Step(str(channel), accounts, step.get("until"), step.get("within"), prefer, validity)


def _check_validity(validity: Any, within: Any, *, where: str, problems: list[FieldError]) -> None:
    if validity is None:
        return
    longest = within if type(within) is int else LONGEST_WAIT
    if type(validity) is not int or not SHORTEST_WAIT <= validity <= longest:
        problems.append(FieldError(where, "out_of_range", f"Give whole seconds from {SHORTEST_WAIT} to {longest:,}."))


def _check_wait(until: Any, within: Any, *, where: str, problems: list[FieldError]) -> None:
    if until is not None and until not in Until.values:
        problems.append(FieldError(f"{where}.until", "unknown_status", f"Choose one of {', '.join(Until.values)}."))
    if within is not None and (type(within) is not int or not SHORTEST_WAIT <= within <= LONGEST_WAIT):
        problems.append(FieldError(f"{where}.within", "out_of_range", f"Give whole seconds from {SHORTEST_WAIT} to {LONGEST_WAIT:,}."))
    if (until is None) is not (within is None):
        hint = 'Give both "until" and "within" (move on if it is not reached in time), or neither.'
        problems.append(FieldError(where, "until_and_within", hint))


def _read_share(raw: Any, *, where: str, problems: list[FieldError]) -> Share:
    share = _known(raw, {"account", "weight"}, where=where, problems=problems)
    if share is None:
        return Share("", 0)
    account, weight = share.get("account"), share.get("weight", 1)
    if not isinstance(account, str) or not 1 <= len(account) <= 120:
        problems.append(FieldError(f"{where}.account", "invalid", "Name the provider account, or give its id."))
    if type(weight) is not int or not 0 <= weight <= HEAVIEST:
        hint = f"Give a whole number from 0 (only when the others can't) to {HEAVIEST:,}."
        problems.append(FieldError(f"{where}.weight", "out_of_range", hint))
    return Share(account=str(account), weight=weight)


def describe(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """The rules as plain JSON again, in the one form in which they are kept."""
    return [
        {"when": [conditions.describe(each) for each in rule.when], "steps": [_describe_step(step) for step in rule.steps]}
        | ({"budget": describe_budget(rule.budget)} if rule.budget else {})
        for rule in rules
    ]


def describe_budget(budget: Budget) -> dict[str, int | str]:
    cost = None if budget.cost is None else f"{budget.cost.normalize():f}"
    said = {"attempts": budget.attempts, "deadline": budget.deadline, "cost": cost}
    return {name: value for name, value in said.items() if value is not None}


def _describe_step(step: Step) -> dict[str, Any]:
    waits = {"until": step.until, "within": step.within} if step.until else {}
    more = {name: value for name, value in (("prefer", step.prefer), ("validity", step.validity)) if value is not None}
    return (
        {"channel": step.channel, "accounts": [{"account": share.account, "weight": share.weight} for share in step.accounts]}
        | waits
        | more
    )
