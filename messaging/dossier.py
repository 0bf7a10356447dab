"""Everything that staff and auditors see of one message: where it stands, its plan and what was used of it, its timeline, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import ApiKey, Business
from messaging import decision, history, moments, phrases, timeline
from messaging.decision import Rule
from messaging.lifecycle import ARRIVED, ENDED, HAS_READ_RECEIPTS, NEGATIVE, AttemptStatus, Status
from messaging.models import Attempt, Message, State
from messaging.moments import Known
from messaging.timeline import Moment, Tone
from routing.vault import CannotOpen


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline as it is shown."""

    moment: Moment
    icon: str
    clock: str
    """The time of day to the millisecond."""
    since: str
    """After the message was accepted; of what is awaited, from now on."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One station of the message's way; reached if it has a time."""

    status: str
    icon: str
    tone: Tone
    at: datetime | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the plan, and what became of it."""

    number: int
    channel: str
    icon: str
    accounts: Sequence[Mapping[str, Any]]
    patience: str
    """What it waits for before the next one is taken; empty on the last."""
    attempts: Sequence[Attempt]
    fate: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Dossier:
    """The page."""

    message: Message
    state: State
    tone: Tone
    icon: str
    summary: str
    is_final: bool
    business: str
    api_key: ApiKey | None
    recipient: str
    way: Sequence[Mark]
    steps: Sequence[Step]
    past: Sequence[Entry]
    ahead: Sequence[Entry]
    rules: Sequence[Rule]
    """Of the trace: each rule that was looked at, with its conditions and the words seen."""


def open_for(message: Message, *, at: datetime) -> Dossier:
    """Gather it: some ten queries, each of which finds its rows by the message's id."""
    known = moments.know(message)
    entries = [_entry(message, moment, now=at) for moment in timeline.gather(message.id, moments.tell(known))]
    business = Business.objects.filter(id=message.business_id).first()
    return Dossier(
        message=message,
        state=known.state,
        tone=phrases.TONES[known.state.status],
        icon=phrases.ICONS[known.state.status],
        summary=_summary(known),
        is_final=known.is_final,
        business=str(business or "unknown"),
        api_key=ApiKey.objects.filter(id=message.api_key_id).first(),
        recipient=masked(message),
        way=list(_way(known)),
        steps=[_step(known, number) for number in range(len(message.plan))],
        past=[entry for entry in entries if not entry.moment.is_ahead],
        ahead=[entry for entry in entries if entry.moment.is_ahead],
        rules=decision.tell(message.trace.get("rules", []), business_id=message.business_id),
    )


def masked(message: Message) -> str:
    """The recipient, in part. Never an error: a page of history must open even where a key is missing."""
    try:
        return history.mask(message)
    except CannotOpen:
        return "can't be opened"


def _entry(message: Message, moment: Moment, *, now: datetime) -> Entry:
    at = timezone.localtime(moment.at)
    clock, since = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}", f"+{phrases.span(max(moment.at - message.created_at, timedelta()))}"
    if moment.is_ahead:
        clock = f"{at:%H:%M:%S}" if at.date() == timezone.localtime(now).date() else f"{at.day} {at:%b %H:%M}"
        since = f"in {phrases.span(moment.at - now)}" if moment.at > now else f"waits {phrases.span(now - moment.at)}"
    return Entry(moment, phrases.ICONS[moment.kind], clock, since)


def _way(known: Known) -> Iterator[Mark]:
    message, state = known.message, known.state
    times = {
        state.opened: message.created_at,
        Status.SUBMITTED: state.submitted_at,
        Status.SENT: state.sent_at,
        Status.DELIVERED: state.delivered_at,
        Status.READ: state.read_at,
    }
    open_channels = {attempt.channel for attempt in _arrived(known)} or {step["channel"] for step in message.plan[state.step :]}
    if HAS_READ_RECEIPTS.isdisjoint(open_channels):
        times = {status: at for status, at in times.items() if at or status != Status.READ}
    # What it went past without a word, and what nobody waits for any more, is left out.
    stations = list(times)
    passed = stations if known.is_final else stations[: stations.index(state.status)] if state.status in times else []
    times = {status: at for status, at in times.items() if at or status not in passed}
    if state.status in ENDED:
        times[state.status] = state.ended_at
    for status, at in times.items():
        yield Mark(status, phrases.ICONS[status], phrases.TONES[status], at, is_current=status == state.status)


def _step(known: Known, number: int) -> Step:
    step = known.message.plan[number]
    made = [attempt for attempt in known.attempts if attempt.step == number]
    until, within = step.get("until"), step.get("within")
    fate, tone = _fate(known, number, made)
    return Step(
        number=number + 1,
        channel=phrases.channel(step["channel"]),
        icon=phrases.ICONS.get(step["channel"], "send"),
        accounts=step["accounts"],
        patience=f"{until} within {within} s" if until else "",
        attempts=made,
        fate=fate,
        tone=tone,
    )


def _fate(known: Known, number: int, made: Sequence[Attempt]) -> tuple[str, Tone]:
    if any(attempt.status in ARRIVED for attempt in made):
        return "arrived", Tone.GOOD
    if known.due is not None and known.due.step == number:
        return ("waits", Tone.MOVING) if known.due.calling_at is None else ("is being called", Tone.MOVING)
    if made:
        last = made[-1]
        return ("did not arrive", Tone.BAD) if last.status in NEGATIVE else (last.status, phrases.TONES[last.status])
    return ("not needed", Tone.PLAIN) if known.is_final or known.state.status in ARRIVED else ("in reserve", Tone.PLAIN)


def _summary(known: Known) -> str:
    """Its story in one sentence."""
    message, state = known.message, known.state
    match state.status:
        case Status.DELIVERED | Status.READ:
            return _arrival(known)
        case Status.SUBMITTED | Status.SENT:
            return _transit(known)
        case Status.SCHEDULED:
            return "Waits for the time that it was scheduled for."
        case Status.FAILED:
            return f"It did not arrive: {phrases.because(state.error_class)}."
        case Status.EXPIRED:
            return f"Its deadline passed {phrases.span(message.expires_at - message.created_at)} after it was accepted; it did not arrive."
        case Status.CANCELED:
            return "The business took it back before any provider had it."
        case _:
            return _beginning(known)


def _beginning(known: Known) -> str:
    if not known.attempts:
        return "Accepted, and waits for its first attempt."
    last = known.attempts[-1]
    if last.status == AttemptStatus.UNKNOWN:
        return f"Handed to {known.provider(last.account_id)}, which gave no answer: nobody knows yet whether it was taken."
    return f"Accepted; {known.provider(last.account_id)} is being asked to take it."


def _transit(known: Known) -> str:
    last = known.attempts[-1]
    if known.due is not None:
        return f"It has not arrived yet, and goes on by {phrases.channel(known.due.channel)}."
    if last.status == AttemptStatus.UNKNOWN:
        return _beginning(known)
    return f"{known.provider(last.account_id)} has it for {phrases.channel(last.channel)}; it has not arrived yet."


def _arrival(known: Known) -> str:
    message, state = known.message, known.state
    arrived = sorted(_arrived(known), key=lambda attempt: (attempt.delivered_at or attempt.called_at, attempt.number))
    first = arrived[0]
    text = f"Arrived by {phrases.channel(first.channel)}, {_took(known, first)} after it was {'due' if message.send_at else 'accepted'}"
    if len(arrived) > 1:
        text += f", and again by {' and '.join(phrases.channel(attempt.channel) for attempt in arrived[1:])}"
    elif first.step:
        text += f"; {' and '.join(phrases.channel(step['channel']) for step in message.plan[: first.step])} was tried before"
    if not state.read_at or not state.delivered_at:
        return f"{text}."
    later = state.read_at - state.delivered_at
    return f"{text}. It was read {'at once' if later < _COARSE else f'{phrases.span(later)} later'}."


_COARSE = timedelta(seconds=1)
"""What providers' clocks leave out: many give whole seconds."""


def _took(known: Known, arrived: Attempt) -> str:
    """By the provider's clock, unless that is too coarse or too slow to tell; then by when we heard."""
    began = known.message.send_at or known.message.created_at
    told = (arrived.delivered_at or arrived.called_at) - began
    heard = next((event.recorded_at - began for event in known.events if event.status in ARRIVED), told)
    return phrases.span(told if told >= _COARSE else heard)


def _arrived(known: Known) -> list[Attempt]:
    return [attempt for attempt in known.attempts if attempt.status in ARRIVED]
