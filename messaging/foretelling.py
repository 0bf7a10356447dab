"""What would become of a message, told to staff: the decision of `explaining`, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from accounts.keys import Caller
from accounts.refusals import Refusal
from messaging import decision, explaining, phrases
from messaging.decision import Rule
from messaging.preparing import Wanted
from routing import telling
from routing.selection import Book
from templates_app import catalogue, previews
from templates_app.catalogue import Entry
from templates_app.previews import Preview


@dataclass(frozen=True, slots=True)
class Consequence:
    """What happens after some errors, or after silence."""

    errors: Sequence[str]
    """Each in plain words."""
    then: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the road."""

    number: int
    channel: str
    icon: str
    accounts: Sequence[str]
    """In the order in which they are tried."""
    waits: str
    """`not delivered within 5 min`; empty where only an error moves the message on."""
    consequences: Sequence[Consequence]


@dataclass(frozen=True, slots=True)
class Foretold:
    """The page. `told` is the decision as the API gives it."""

    told: Mapping[str, Any]
    wanted: Wanted
    has_samples: bool
    """Whether the template's samples stand for variables that were not given."""
    rules: Sequence[Rule]
    road: Sequence[Step]
    budget: str
    """`at most 3 attempts`; empty where the rule has none."""
    consent: Sequence[tuple[str, bool]]
    preview: Preview | None
    sends_at: datetime | None
    """When it would go, if not at once."""
    ends_at: datetime | None


def foretell(wanted: Wanted, *, caller: Caller, at: datetime, book: Book | None = None) -> Foretold:
    """The decision on this request; without any variables, with the template's samples. Stores nothing, sends nothing."""
    entry = _entry(wanted, caller, at=at)
    has_samples = entry is not None and not wanted.variables and bool(entry.declared)
    if entry is not None and has_samples:
        wanted = replace(wanted, variables={name: variable.sample for name, variable in entry.declared.items()})
    told = explaining.explain(wanted, caller=caller, at=at, book=book)
    route = told["route"] or {"rules": [], "steps": []}
    return Foretold(
        told=told,
        wanted=wanted,
        has_samples=has_samples,
        rules=decision.tell(route["rules"], business_id=caller.business_id),
        road=[_step(each, number, told["next"]) for number, each in enumerate(route["steps"])],
        budget=telling.tell_budget(route["budget"]) if route.get("budget") else "",
        consent=[(phrases.channel(each["channel"]), each["allowed"]) for each in told["consent"]],
        preview=_preview(entry, wanted),
        sends_at=datetime.fromisoformat(told["send_at"]) if told["send_at"] else None,
        ends_at=datetime.fromisoformat(told["expires_at"]) if told["expires_at"] else None,
    )


def _entry(wanted: Wanted, caller: Caller, *, at: datetime) -> Entry | None:
    try:
        return catalogue.live(caller.business_id, wanted.template, wanted.language, at=at)
    except Refusal:
        return None


def _preview(entry: Entry | None, wanted: Wanted) -> Preview | None:
    if entry is None:
        return None
    try:
        return previews.preview(entry, wanted.variables)
    except Refusal:
        return None


def _step(step: Mapping[str, Any], number: int, nexts: Sequence[Mapping[str, Any]]) -> Step:
    return Step(
        number=number + 1,
        channel=phrases.channel(step["channel"]),
        icon=phrases.ICONS.get(step["channel"], "send"),
        accounts=[account["name"] for account in step["accounts"]],
        waits=f"not {step['until']} within {phrases.span(timedelta(seconds=step['within']))}" if step["until"] else "",
        consequences=_consequences(nexts[number]) if number < len(nexts) else [],
    )


def _consequences(told: Mapping[str, Any]) -> list[Consequence]:
    """Errors that lead the same way stand together."""
    ways: dict[str, list[str]] = {}
    if told["silence"]:
        ways[_then(told["silence"])] = [f"nothing is heard within {phrases.span(timedelta(seconds=told['silence']['after']))}"]
    for error, then in told["errors"].items():
        ways.setdefault(_after(then, told["gives_up_after"]), []).append(phrases.because(error))
    return [Consequence(errors, then) for then, errors in ways.items()]


def _after(then: Mapping[str, Any], seconds: int) -> str:
    if then["does"] != explaining.AGAIN:
        return _then(then)
    return f"It is tried again for up to {phrases.span(timedelta(seconds=seconds))}; then: {_then(then['then'])}"


def _then(then: Mapping[str, Any]) -> str:
    if then["does"] == explaining.STOP:
        return "The message fails."
    if then["does"] == explaining.ACCOUNT:
        return f"The next account of this step: {then['account']}."
    return f"Step {then['step'] + 1}: {phrases.channel(then['channel'])} by {then['account']}."
