"""What messaging itself knows of a message, as moments of its timeline: the request, calls and answers, receipts, events, the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import ids
from messaging import phrases, references
from messaging.choices import EventType, LinkedBy
from messaging.inbound import showing
from messaging.inbound_records import Inbound
from messaging.lifecycle import ARRIVED, NEGATIVE, AttemptStatus
from messaging.models import Attempt, Due, Event, Message, Receipt, State, Timer
from messaging.timeline import Fact, Kind, Moment, Tone

MOST_REPLIES = 200
"""That one page shows."""
_NEGATIVE = {str(status) for status in NEGATIVE}


@dataclass(frozen=True, slots=True)
class Known:
    """All rows of one message."""

    message: Message
    state: State
    attempts: list[Attempt]
    receipts: list[Receipt]
    events: list[Event]
    replies: list[Inbound]
    due: Due | None
    timer: Timer | None

    @property
    def is_final(self) -> bool:
        return bool(self.events) and self.events[-1].final

    def account(self, id_: UUID | None) -> Mapping[str, Any]:
        """The provider account by its id, as the plan named it when the message was accepted."""
        named = (account for step in self.message.plan for account in step["accounts"] if account["id"] == str(id_))
        return next(named, {"name": "an account that is not in the plan", "provider": "the provider"})

    def provider(self, id_: UUID | None) -> str:
        provider = str(self.account(id_)["provider"])
        return provider[:1].upper() + provider[1:]


def know(message: Message) -> Known:
    """Read them; each query names the message's id, which prunes to its one partition."""
    by_id = {"message_id": message.id}
    return Known(
        message=message,
        state=State.objects.get(**by_id),
        attempts=list(Attempt.objects.filter(**by_id).order_by("number")),
        receipts=list(Receipt.objects.filter(**by_id).order_by("received_at", "id")),
        events=list(Event.objects.filter(**by_id).order_by("seq")),
        replies=list(Inbound.objects.filter(business_id=message.business_id, **by_id).order_by("id")[:MOST_REPLIES]),
        due=Due.objects.filter(**by_id).first(),
        timer=Timer.objects.filter(**by_id).first(),
    )


def tell(known: Known) -> Iterator[Moment]:
    """Every moment, in no particular order."""
    yield _request(known.message)
    for attempt in known.attempts:
        yield from _attempt(known, attempt)
    for order, receipt in enumerate(known.receipts):
        yield _receipt(known, receipt, order=order)
    for reply in known.replies:
        yield _reply(reply)
    for event in known.events:
        yield _event(event)
    if not known.is_final:
        yield from _awaited(known)


def _request(message: Message) -> Moment:
    facts = [Fact("Asked for", phrases.channel(message.channel)), Fact("Request", message.request_id, is_id=True)]
    if message.callback:
        facts.insert(1, Fact("Callback", phrases.address(message.callback), is_code=True))
    if message.send_at:
        facts.append(Fact("To be sent at", message.send_at))
    return Moment(message.created_at, Kind.REQUEST, "Request accepted", facts=tuple(facts))


def _attempt(known: Known, attempt: Attempt) -> Iterator[Moment]:
    if attempt.tries:
        yield _call(known, attempt)
    if attempt.submitted_at:
        yield _taken(known, attempt)
    elif attempt.status == AttemptStatus.UNKNOWN:
        provider = known.provider(attempt.account_id)
        text = f"The call ended without an answer that says whether {provider} took it. A receipt may still settle it."
        yield Moment(attempt.called_at, Kind.ANSWER, "Outcome unknown", Tone.CARE, text=text, order=attempt.number)
    if attempt.weight in _NEGATIVE and not any(_is_about(receipt, attempt) for receipt in known.receipts):
        yield _refused(known, attempt)


def _call(known: Known, attempt: Attempt) -> Moment:
    account = known.account(attempt.account_id)
    facts = [
        Fact("Account", str(account["name"])),
        Fact("Our reference", references.write(attempt.message_id, attempt.number), is_id=True),
    ]
    text = f"Called {attempt.tries} times; this is the last call." if attempt.tries > 1 else ""
    title = f"Attempt {attempt.number}: {phrases.channel(attempt.channel)} through {known.provider(attempt.account_id)}"
    return Moment(attempt.called_at, Kind.CALL, title, Tone.MOVING, text=text, facts=tuple(facts), order=attempt.number)


def _taken(known: Known, attempt: Attempt) -> Moment:
    facts = (Fact("Its reference", attempt.provider_reference, is_id=True),) if attempt.provider_reference else ()
    # A receipt's time may be the one that counts, and a provider's clock may be behind ours: nobody answers before being asked.
    at = max(attempt.submitted_at or attempt.called_at, attempt.called_at)
    title = f"{known.provider(attempt.account_id)} took it"
    return Moment(at, Kind.ANSWER, title, Tone.MOVING, facts=facts, order=attempt.number)


def _refused(known: Known, attempt: Attempt) -> Moment:
    provider = known.provider(attempt.account_id)
    if not attempt.tries:
        title = f"Attempt {attempt.number} was not made: {phrases.channel(attempt.channel)} through {provider}"
    elif attempt.weight == AttemptStatus.REJECTED:
        title = f"{provider} refused it"
    else:
        title = f"Attempt {attempt.number} was given up"
    text = f"{phrases.because(attempt.error_class).capitalize()}." if attempt.error_class else ""
    at = max(attempt.ended_at or attempt.called_at, attempt.called_at)
    return Moment(at, Kind.ANSWER, title, Tone.BAD, text=text, facts=_trouble(attempt), order=attempt.number)


def _is_about(receipt: Receipt, attempt: Attempt) -> bool:
    return receipt.attempt == attempt.number and receipt.status in _NEGATIVE


def _receipt(known: Known, receipt: Receipt, *, order: int) -> Moment:
    made = next((attempt for attempt in known.attempts if attempt.number == receipt.attempt), None)
    provider = known.provider(made.account_id) if made else "The provider"
    facts = [Fact("Attempt", receipt.attempt), Fact("Word", receipt.raw_status, is_code=True)]
    if receipt.raw_code:
        facts.append(Fact("Code", receipt.raw_code, is_code=True))
    facts.append(Fact("Provider's time", receipt.occurred_at or "not given"))
    text = "A word that no table knows: it is kept and changes nothing." if receipt.status == "unmapped" else ""
    title = f"{provider} says: {receipt.raw_status if receipt.status == 'unmapped' else receipt.status}"
    tone = phrases.TONES.get(receipt.status, Tone.PLAIN)
    return Moment(receipt.received_at, Kind.RECEIPT, title, tone, text=text, facts=tuple(facts), order=order)


def _reply(row: Inbound) -> Moment:
    """Nothing of what was written: that is opened on its own page, and each look is put on record."""
    facts = [Fact("Kind", phrases.plain(row.kind)), Fact("By", phrases.channel(row.channel)), Fact("Provider's time", row.occurred_at)]
    if row.keyword:
        facts.insert(1, Fact("Keyword", row.keyword.upper(), is_code=True))
    told = row.kind in showing.WISHES
    return Moment(
        row.received_at,
        Kind.REPLY,
        f"The provider tells of {'an' if told else 'a'} {phrases.plain(row.kind).lower()}" if told else f"{showing.masked(row)} answered",
        text="The last message that went to them: a guess." if row.linked_by == LinkedBy.RECENCY else "",
        facts=tuple(facts),
        inbound_id=row.id,
    )


def _event(event: Event) -> Moment:
    detail = event.detail or {}
    facts = [Fact("Attempt", event.attempt)] if event.attempt else []
    if event.occurred_at != event.recorded_at:
        facts.append(Fact("Occurred", event.occurred_at))
    return Moment(
        event.recorded_at,
        Kind.EVENT,
        event.type,
        _tone(event),
        text=_what_follows(event, detail),
        facts=(*facts, *_trouble(event), Fact("Id", ids.public("evt", event.id), is_id=True)),
        label=f"#{event.seq}",
        marks=tuple(word for word, holds in (("final", event.final), *detail.items()) if holds is True),
        order=event.seq,
    )


def _tone(event: Event) -> Tone:
    if event.type == EventType.FALLBACK:
        return Tone.CARE
    return phrases.TONES.get(event.type.removeprefix("message."), Tone.PLAIN)


def _what_follows(event: Event, detail: Mapping[str, Any]) -> str:
    if fallback := detail.get("fallback"):
        way = f"{phrases.channel(fallback.get('from'))} → {phrases.channel(fallback.get('to'))}"
        return f"{way}, because {phrases.because(fallback.get('because'))}."
    if deferred := detail.get("deferred"):
        return f"Quiet hours by the recipient's clock: it waits until {datetime.fromisoformat(deferred['until']):%d %B %Y %H:%M:%S} UTC."
    if detail.get("late"):
        return f"Came after it had arrived: kept here, and the status stays {event.status}."
    if event.previous_status and event.previous_status != event.status:
        return f"{event.previous_status} → {event.status}"
    return ""


def _trouble(row: Attempt | Event) -> tuple[Fact, ...]:
    words = (("Error class", row.error_class), ("Error code", row.error_code), ("Provider's code", row.raw_code))
    # The code says more than its class only where there are several of one class.
    return tuple(Fact(label, word, is_code=True) for label, word in words if word and (label, word) != ("Error code", row.error_class))


def _awaited(known: Known) -> Iterator[Moment]:
    """What the clock will do, if nothing is heard before."""
    message, due, timer = known.message, known.due, known.timer
    if due is not None:
        yield _due(known, due)
    if timer is not None and timer.due_at < message.expires_at:
        yield _ahead(timer.due_at, *_patience(known))
    if known.state.status not in ARRIVED:
        yield _ahead(message.expires_at, "Deadline", "If it has not arrived by then, it is ended; nothing is sent any more.")


def _due(known: Known, due: Due) -> Moment:
    where = f"{phrases.channel(due.channel)} through {known.provider(due.account_id)}"
    if due.calling_at:
        return _ahead(due.due_at, f"Attempt {due.number} is being called", f"{where}; its outcome is unknown if no answer comes by then.")
    if due.error_class:
        said = f" ({due.raw_code})" if due.raw_code else ""
        text = f"{where}, after {due.tries} {'try' if due.tries == 1 else 'tries'}: {phrases.because(due.error_class)}{said}."
        return _ahead(due.due_at, f"Attempt {due.number} is tried again", text)
    return _ahead(due.due_at, f"Attempt {due.number} is due", f"{where}.")


def _patience(known: Known) -> tuple[str, str]:
    last = known.attempts[-1] if known.attempts else None
    if last is not None and last.status == AttemptStatus.UNKNOWN:
        return "The unknown outcome is settled", "Its traffic class decides: another road, once more, or the end."
    until = known.message.plan[known.state.step].get("until")
    return (
        "Patience ends",
        f"Unless it is {until} by then, the next step of the plan is taken." if until else "The plan is looked at again.",
    )


def _ahead(at: datetime, title: str, text: str) -> Moment:
    return Moment(at, Kind.CLOCK, title, text=text, is_ahead=True)
