"""Why a request would be accepted or refused, and what would become of it: the whole decision, with nothing stored and nothing sent.

The verdict is that of the very checks that a real request passes, so the two can't disagree; the rest tells each part of the decision, as
far as it can be told, even where an earlier part refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from accounts.keys import Caller
from accounts.refusals import Refusal
from messaging import consent, counting, course, intake, orders, preparing, recipients
from messaging.course import Again, Made, View
from messaging.lifecycle import NOTHING_KNOWN, Trouble
from messaging.preparing import Prepared, Wanted
from messaging.recipients import Recipient
from routing import states
from routing.providers.base import ErrorClass, Text
from routing.selection import Book, NoRoute, Plan
from templates_app import catalogue, components, rendering, segments
from templates_app.catalogue import Entry

T = TypeVar("T")
Steps = Sequence[Mapping[str, Any]]

AGAIN, ACCOUNT, STEP, STOP = "try_again", "next_account", "next_step", "stop"
"""What an error class makes the message do."""


def explain(wanted: Wanted, *, caller: Caller, at: datetime, book: Book | None = None) -> dict[str, Any]:
    """The decision on this request, as JSON. Never raises a Refusal: it is told under `error`.

    `book`: with a draft in it, instead of what decides now.
    """
    prepared = _verdict(wanted, caller=caller, at=at, book=book)
    recipient = _or_none(lambda: recipients.read(wanted.recipient, channel=wanted.channel))
    entry = _or_none(lambda: catalogue.live(caller.business_id, wanted.template, wanted.language, at=at))
    channels = sorted(entry.channels) if entry else []
    return {
        "accepted": isinstance(prepared, Prepared),
        "error": _refusal(prepared) if isinstance(prepared, Refusal) else None,
        "mode": caller.mode,
        "recipient": {"kind": recipient.kind, "country": recipient.country or None} if recipient else None,
        "template": _template(entry) if entry else None,
        "route": _route(wanted, prepared, caller, entry, recipient, at=at, book=book),
        "consent": _consent(recipient, entry, channels, caller, at=at) if recipient and entry else [],
        "content": [_content(entry, wanted, channel) for channel in channels] if entry else [],
        "next": _next(prepared) if isinstance(prepared, Prepared) else [],
        "deferred": _deferred(prepared) if isinstance(prepared, Prepared) else None,
        "send_at": _time(prepared.send_at) if isinstance(prepared, Prepared) and prepared.send_at else None,
        "expires_at": _time(prepared.expires_at) if isinstance(prepared, Prepared) else None,
    }


def _verdict(wanted: Wanted, *, caller: Caller, at: datetime, book: Book | None) -> Prepared | Refusal:
    try:
        prepared = preparing.prepare(wanted, caller=caller, at=at, book=book)
    except Refusal as refusal:
        return refusal
    verdict = intake.consented(prepared, at=at)
    return (counting.foresee(prepared.claims) or verdict) if isinstance(verdict, Prepared) else verdict


def _or_none(read: Callable[[], T]) -> T | None:
    """What an earlier part of the decision refuses is not there for the later ones."""
    try:
        return read()
    except Refusal:
        return None


def _refusal(refusal: Refusal) -> dict[str, Any]:
    errors = [{"field": error.field, "code": error.code, "message": error.message} for error in refusal.errors]
    return {"code": refusal.code, "title": refusal.title, "detail": refusal.detail, "errors": errors}


def _template(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "version": entry.number,
        "language": entry.language,
        "category": entry.category,
        "channels": sorted(entry.channels),
    }


def _route(
    wanted: Wanted,
    prepared: Prepared | Refusal,
    caller: Caller,
    entry: Entry | None,
    recipient: Recipient | None,
    *,
    at: datetime,
    book: Book | None,
) -> dict[str, Any] | None:
    """The rules that were looked at, each condition with the word seen, and the plan."""
    if isinstance(prepared, Prepared):
        return _planned(prepared.plan, at=at)
    if isinstance(prepared, NoRoute):
        return _nowhere(prepared, at=at)
    if entry is None or recipient is None:
        return None
    try:
        road = preparing.plan(wanted, caller, entry, recipient, at=at, book=book)
        return _planned(preparing.weigh(road, entry, recipient, segments=None, at=at), at=at)
    except NoRoute as refusal:
        return _nowhere(refusal, at=at)


def _nowhere(refusal: NoRoute, *, at: datetime) -> dict[str, Any]:
    rules = refusal.trace["rules"]
    return {"name": None, "version": None, "budget": None, "rules": rules, "steps": [], "accounts": _candidates(rules, at=at)}


def _planned(plan: Plan, *, at: datetime) -> dict[str, Any]:
    rules = plan.trace["rules"]
    return {
        "name": plan.name,
        "version": plan.number,
        "rules": rules,
        "budget": plan.budget,
        "steps": orders.steps(plan),
        "accounts": _candidates(rules, at=at),
    }


def _candidates(rules: Sequence[Mapping[str, Any]], *, at: datetime) -> list[dict[str, Any]]:
    """How the accounts do that the decision weighed, left out or not."""
    named = {account["id"] for rule in rules for step in rule.get("steps", ()) for account in step["accounts"]}
    return states.of_candidates({UUID(id_) for id_ in named}, at=at)


def _consent(recipient: Recipient, entry: Entry, channels: list[str], caller: Caller, *, at: datetime) -> list[dict[str, Any]]:
    hash_ = recipients.hash_of(recipient.text)
    rows = consent.suppressed([hash_], business_ids=[caller.business_id], at=at)
    return [
        {
            "channel": channel,
            "allowed": not consent.forbids(
                rows, business_id=caller.business_id, recipient_hash=hash_, mode=caller.mode, channel=channel, category=entry.category
            ),
        }
        for channel in channels
    ]


def _content(entry: Entry, wanted: Wanted, channel: str) -> dict[str, Any]:
    """As the recipient would read it, or what is wrong with the variables."""
    try:
        said = rendering.render(entry, wanted.variables, channel=channel)
    except Refusal as refusal:
        return {"channel": channel, "error": _refusal(refusal), "rendered": None, "segments": None, "encoding": None}
    size = segments.measure(said.text) if channel == "sms" and isinstance(said, Text) else None
    return {
        "channel": channel,
        "error": None,
        "rendered": {name: value for name in ("subject", "text", "html", "components") if (value := getattr(said, name, None))}
        | _around(entry, wanted, channel),
        "segments": size.segments if size else None,
        "encoding": size.encoding if size else None,
    }


def _around(entry: Entry, wanted: Wanted, channel: str) -> dict[str, Any]:
    """What stands above and below the text of a WhatsApp message."""
    shape = entry.shapes[channel]
    if not isinstance(shape, components.Shape):
        return {}
    bubble = shape.bubble({name: str(value) for name, value in wanted.variables.items() if value is not None})
    shown = {"header": bubble.header, "footer": bubble.footer, "buttons": [label for _, label in bubble.buttons]}
    return {name: value for name, value in shown.items() if value}


def _next(prepared: Prepared) -> list[dict[str, Any]]:
    """For each step: what each error class would do there, and what silence would."""
    steps, begins = orders.steps(prepared.plan), prepared.send_at or prepared.at
    view = View(steps, prepared.entry.category, prepared.expires_at, attempts=(), is_waiting=False, grace=timedelta(0))
    return [
        {
            "step": number,
            "channel": step["channel"],
            "errors": {each.value: _after(view, number, each) for each in ErrorClass},
            "silence": _after_silence(view, number),
            "gives_up_after": _gives_up_after(prepared, number, steps=steps, begins=begins),
        }
        for number, step in enumerate(steps)
    ]


def _deferred(prepared: Prepared) -> dict[str, Any] | None:
    """Quiet hours that it falls into, and by whose clock."""
    put_off = prepared.deferral
    return {**put_off.tell()["deferred"], "zones": list(put_off.zones)} if put_off else None


def _after(view: View, step: int, error_class: ErrorClass) -> dict[str, Any]:
    view = _at_step(view, step)
    first = UUID(view.plan[step]["accounts"][0]["id"])
    way = course.way_out(view, step, {first}, Trouble(error_class, error_class))
    then = _told(view.plan, way, came_from=step) if way else {"does": STOP}
    return {"does": AGAIN, "then": then} if error_class in course.RETRIED else then


def _at_step(view: View, step: int) -> View:
    """As if every step so far had had one attempt, by its first account."""
    firsts = enumerate(view.plan[: step + 1])
    return replace(view, attempts=[Made(at, UUID(each["accounts"][0]["id"]), view.expires_at, NOTHING_KNOWN) for at, each in firsts])


def _after_silence(view: View, step: int) -> dict[str, Any] | None:
    """Where it goes if what the step waits for does not come; None where it waits till the deadline."""
    way = course.after_silence(_at_step(view, step), step) if view.plan[step]["until"] else None
    return _told(view.plan, way, came_from=step) | {"after": view.plan[step]["within"]} if way else None


def _told(steps: Steps, way: Again, *, came_from: int) -> dict[str, Any]:
    step = steps[way.step]
    account = next(each["name"] for each in step["accounts"] if each["id"] == str(way.account_id))
    return {"does": ACCOUNT if way.step == came_from else STEP, "step": way.step, "channel": step["channel"], "account": account}


def _gives_up_after(prepared: Prepared, step: int, *, steps: Steps, begins: datetime) -> int:
    """Seconds for which a failing provider is tried again."""
    firsts = (course.price_of(steps, number, UUID(steps[number]["accounts"][0]["id"])) for number in range(step + 1))
    spent = sum((price or Decimal(0) for price in firsts), Decimal(0))
    lane, expires_at = prepared.entry.category, prepared.expires_at
    until = course.gives_up_at(steps, step, lane=lane, expires_at=expires_at, at=begins, made=step, spent=spent)
    return int(((until or prepared.expires_at) - begins).total_seconds())


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
