"""A route's rules in words, for people who decide about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from routing import rules
from routing.choices import Channel
from routing.models import ProviderAccount, RouteVersion
from routing.rules import Rule, Share, Step


@dataclass(frozen=True, slots=True)
class StepTold:
    channel: str
    accounts: tuple[str, ...]
    """Each with its part of the traffic: `Cairo (75 %)`."""
    wait: str
    """`not delivered within 5 min`; empty where only an error moves the message on."""
    more: str = ""
    """`the cheapest first, valid for 2 min`; empty where weights decide and nothing is said about it."""


@dataclass(frozen=True, slots=True)
class RuleTold:
    when: tuple[str, ...]
    steps: tuple[StepTold, ...]
    budget: str
    """`at most 3 attempts, none later than 10 min after the first, at most 0.1 USD in all`; empty where there is none."""


def tell(raw: Any) -> list[RuleTold]:
    """What the rules say; one query. Raises InvalidRules."""
    found = rules.read(raw)
    names = _names(found)
    return [
        RuleTold(
            when=tuple(str(each) for each in rule.when),
            steps=tuple(_tell_step(step, names) for step in rule.steps),
            budget=tell_budget(rules.describe_budget(rule.budget)) if rule.budget else "",
        )
        for rule in found
    ]


@dataclass(frozen=True, slots=True)
class Change:
    """One rule of a draft against what decides now."""

    kind: str
    """`same`, `gone` or `new`."""
    number: int
    """Its place: among the published rules if it goes, else among the draft's."""
    rule: RuleTold


def changes(published: Any, drafted: Any) -> list[Change]:
    """What the draft says other than the published rules, rule by rule, in their order; two queries. Raises InvalidRules."""
    before, after = tell(published), tell(drafted)
    found: list[Change] = []
    # Without the heuristic for long texts: fifty rules are few, and a rule that stands twice is no noise.
    for kind, start, end, begin, finish in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [Change("same", begin + at + 1, rule) for at, rule in enumerate(after[begin:finish])]
        else:
            found += [Change("gone", start + at + 1, rule) for at, rule in enumerate(before[start:end])]
            found += [Change("new", begin + at + 1, rule) for at, rule in enumerate(after[begin:finish])]
    return found


def tell_budget(budget: Mapping[str, Any]) -> str:
    """A budget in words."""
    attempts, deadline = budget.get("attempts"), budget.get("deadline")
    told = [f"at most {attempts} attempt{'s' if attempts != 1 else ''}"] if attempts else []
    if deadline:
        told.append(f"none later than {duration(deadline)} after the first")
    if "cost" in budget:
        told.append(f"at most {budget['cost']} {settings.QSURA_CURRENCY} in all")
    return ", ".join(told)


def conditions_of(business_id: UUID, decisions: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int, int], tuple[str, ...]]:
    """What each rule that a trace names asks, by route, version and rule; one query. What can't be found is left out."""
    named = {(str(each["route"]), int(each["version"])) for each in decisions}
    if not named:
        return {}
    which = Q()
    for name, number in named:
        which |= Q(route__name=name, number=number)
    rows = RouteVersion.objects.filter(which, route__business_id=business_id).values_list("route__name", "number", "rules")
    return {
        (name, number, at): tuple(str(each) for each in rule.when) for name, number, raw in rows for at, rule in enumerate(rules.read(raw))
    }


def in_names(raw: Any) -> list[dict[str, Any]]:
    """The same rules with the accounts' names instead of their ids, to be edited; one query. Raises InvalidRules."""
    found = rules.read(raw)
    names = _names(found)
    return rules.describe([replace(rule, steps=tuple(_rename(step, names) for step in rule.steps)) for rule in found])


def _names(found: Sequence[Rule]) -> Mapping[str, str]:
    ids = {share.account for rule in found for step in rule.steps for share in step.accounts}
    rows = ProviderAccount.objects.filter(pk__in=[each for each in ids if _is_id(each)])
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}


def _is_id(word: str) -> bool:
    try:
        UUID(word)
    except ValueError:
        return False
    return True


def _rename(step: Step, names: Mapping[str, str]) -> Step:
    return replace(step, accounts=tuple(Share(names.get(share.account, share.account), share.weight) for share in step.accounts))


def _tell_step(step: Step, names: Mapping[str, str]) -> StepTold:
    whole = sum(share.weight for share in step.accounts)
    has_no_shares = len(step.accounts) == 1 or (step.prefer is not None and whole > 0)
    accounts = tuple(_tell_share(share, names, whole, is_alone=has_no_shares and share.weight > 0) for share in step.accounts)
    wait = f"not {step.until} within {duration(step.within)}" if step.within is not None else ""
    more = ["the cheapest first"] if step.prefer else []
    if step.validity:
        more.append(f"valid for {duration(step.validity)}")
    return StepTold(channel=Channel(step.channel).label, accounts=accounts, wait=wait, more=", ".join(more))


def _tell_share(share: Share, names: Mapping[str, str], whole: int, *, is_alone: bool) -> str:
    name = names.get(share.account, share.account)
    if is_alone:
        return name
    return f"{name} ({share.weight / whole:.0%})" if share.weight else f"{name} (in reserve)"


def duration(seconds: int) -> str:
    """`45 s`, `5 min`, `36 h`: the largest unit that says it exactly."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
