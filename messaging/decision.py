"""The decision about a route in plain words, from what its trace tells: of a message, or of one that nobody has sent yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from messaging import phrases
from messaging.timeline import Tone
from routing import conditions, telling


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition of a rule."""

    text: str
    """`country is one of EG, SA`."""
    seen: str
    """`the country is DE`."""
    held: bool


@dataclass(frozen=True, slots=True)
class Weighed:
    """A step of the rule that was taken."""

    channel: str
    icon: str
    accounts: Sequence[Mapping[str, Any]]
    """Each with its name and weight, and why it was left out, if it was."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was looked at."""

    number: int
    route: str
    version: int
    verdict: str
    tone: Tone
    asked: Sequence[Asked]
    because: str
    """Why it was not taken although its conditions held."""
    steps: Sequence[Weighed]


def tell(rules: Sequence[Mapping[str, Any]], *, business_id: UUID) -> list[Rule]:
    """Each rule that the trace names; one query, for what the rules ask."""
    texts = telling.conditions_of(business_id, rules)
    return [_rule(each, texts.get((each["route"], each["version"], each["rule"]), ())) for each in rules]


def _rule(told: Mapping[str, Any], texts: Sequence[str]) -> Rule:
    verdict, tone = _verdict(told)
    return Rule(
        number=told["rule"] + 1,
        route=told["route"],
        version=told["version"],
        verdict=verdict,
        tone=tone,
        asked=[Asked(_text(each, texts, at), conditions.explain(each), each["held"]) for at, each in enumerate(told["when"])],
        because=told.get("because", ""),
        steps=[_weighed(each) for each in told.get("steps", [])],
    )


def _verdict(told: Mapping[str, Any]) -> tuple[str, Tone]:
    if not told["held"]:
        return "does not hold", Tone.PLAIN
    is_left = told.get("because") or not any("left_out" not in each for step in told.get("steps", []) for each in step["accounts"])
    return ("holds, but leads nowhere", Tone.CARE) if is_left else ("decides", Tone.GOOD)


def _text(told: Mapping[str, Any], texts: Sequence[str], at: int) -> str:
    """As the rule says it; where the version is gone, as far as the trace does."""
    if at < len(texts):
        return texts[at]
    return f"{str(told['field']).replace('_', ' ')} is {'none' if told['is'] == 'not_in' else 'one'} of the listed"


def _weighed(told: Mapping[str, Any]) -> Weighed:
    return Weighed(phrases.channel(told["channel"]), phrases.ICONS.get(told["channel"], "send"), told["accounts"])
