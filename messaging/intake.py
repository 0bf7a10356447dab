"""A request becomes a message: checked wholly, accepted once, answered after the commit."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from accounts import ids
from accounts.keys import Caller
from accounts.models import ApiKey
from accounts.refusals import FieldError, Refusal, Unauthenticated
from messaging import accepting, consent, preparing, pressure
from messaging.accepting import Accepted, Outcome, Over, Replay
from messaging.consent import InForce
from messaging.lifecycle import Status
from messaging.orders import Order
from messaging.preparing import Prepared, Wanted
from routing import book
from templates_app import catalogue


class KeyReused(Refusal):
    """The idempotency key came before, with another body."""

    code = "idempotency_key_reused"
    title = "This idempotency key belongs to another request."


class RecipientSuppressed(Refusal):
    code = "recipient_suppressed"
    title = "The recipient must not be written to."


class Moved(Refusal):
    """What the request rests on changed while it was being accepted, more than once."""

    status = 503
    code = "try_again"
    title = "Something that this request rests on is being changed right now."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets, as JSON. `is_replay`: it is the first answer to the same request, given again to the byte."""

    text: bytes
    is_replay: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The answer, read."""
        read: dict[str, Any] = orjson.loads(self.text)
        return read


def body_hash(kind: str, body: dict[str, Any]) -> bytes:
    """What "the same body" means for idempotency: the same JSON, whatever the order of its fields."""
    return hashlib.sha256(kind.encode() + b"\0" + orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()


def accept(wanted: Wanted, *, caller: Caller, key: str | None, same: bytes, request_id: str, at: datetime) -> Answer:
    """Accept one message. `same` is its body_hash. Raises a Refusal; then nothing was stored."""
    for _ in range(2):
        try:
            pressure.check()
            prepared = preparing.prepare(wanted, caller=caller, at=at)
        except Refusal:
            # What was accepted once is answered so again, even if it could not be accepted today.
            if (first := accepting.first_answer(caller, key)) is None:
                raise
            return _answer(first, first.answer, same)
        text = orjson.dumps(describe(prepared))
        outcome = accepting.gathered.put(Order(caller, [prepared], text, key, same, request_id, at))
        if isinstance(outcome, Accepted | Replay):
            return _answer(outcome, text, same)
        if isinstance(outcome, Over):
            # Whom nobody may write to is not to be tried again tomorrow.
            forbidden = consented(prepared, at=at)
            raise forbidden if isinstance(forbidden, Refusal) else outcome.refused[0]
        _refresh(caller, [prepared], at=at)
    raise Moved("Send the request again in a second.", retry_after=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request among many that came together."""

    wanted: Wanted
    caller: Caller
    key: str | None
    same: bytes
    request_id: str
    at: datetime


def accept_together(asked: Sequence[Asked]) -> list[Answer | Exception | None]:
    """Accept the requests of many callers in one commit: an Answer for each that is accepted or replayed.

    None where it can't be: nothing was stored for it, and `accept` knows what to say. An exception where nobody knows whether it was.
    """
    orders: dict[int, Order] = {}
    windows = _windows(asked)
    for number, each in enumerate(asked):
        with contextlib.suppress(Refusal):
            pressure.check()
            prepared = preparing.prepare(each.wanted, caller=each.caller, at=each.at, window=windows.get(number))
            text = orjson.dumps(describe(prepared))
            orders[number] = Order(each.caller, [prepared], text, each.key, each.same, each.request_id, each.at)
    outcomes = dict(zip(orders, accepting.accept_each(list(orders.values())), strict=True))
    return [_briefly(outcomes.get(number), orders.get(number)) for number in range(len(asked))]


def _windows(asked: Sequence[Asked]) -> dict[int, str]:
    """They came within milliseconds, so one moment will do."""
    return preparing.windows([(each.wanted, each.caller) for each in asked], at=asked[-1].at) if asked else {}


def _briefly(outcome: Outcome | Exception | None, order: Order | None) -> Answer | Exception | None:
    match outcome:
        case Accepted() if order is not None:
            return Answer(order.answer)
        case Replay(body_hash, answer) if order is not None and body_hash == order.body_hash:
            return Answer(answer, is_replay=True)
        case Exception():
            return outcome
    return None


def accept_batch(
    items: Sequence[Wanted | Refusal], *, caller: Caller, key: str | None, same: bytes, request_id: str, at: datetime
) -> Answer:
    """Accept the good ones of up to 1,000; the others are refused one by one, by index. Items that are Refusals already stay so."""
    try:
        pressure.check()
    except pressure.QueueFull:
        if (first := accepting.first_answer(caller, key)) is None:
            raise
        return _answer(first, first.answer, same)
    for _ in range(4):
        windows = preparing.windows([(item, caller) for item in items], at=at)
        ready = [_prepare(item, caller=caller, at=at, window=windows.get(place)) for place, item in enumerate(items)]
        results = _consented(ready, caller=caller, at=at)
        prepared = [result for result in results if isinstance(result, Prepared)]
        if not prepared:
            if (first := accepting.first_answer(caller, key)) is not None:
                return _answer(first, first.answer, same)
            # Nothing is stored for a request of which nothing can be accepted: its key is still free.
            return Answer(_tell_batch(results, accepted=0))
        text = _tell_batch(results, accepted=len(prepared))
        outcome = accepting.gathered.put(Order(caller, prepared, text, key, same, request_id, at))
        if isinstance(outcome, Accepted | Replay):
            return _answer(outcome, text, same)
        if isinstance(outcome, Over):
            items = _without(items, results, outcome.refused)
            continue
        _refresh(caller, [], at=at)
    raise Moved("Send the request again in a second.", retry_after=1)


def _without(
    items: Sequence[Wanted | Refusal], results: Sequence[Prepared | Refusal], refused: Mapping[int, Refusal]
) -> list[Wanted | Refusal]:
    """The items, with the refusals of those that go beyond a cap in their places; `refused` counts the prepared ones."""
    places = [place for place, result in enumerate(results) if isinstance(result, Prepared)]
    by_place = {places[number]: refusal for number, refusal in refused.items()}
    return [by_place.get(place, item) for place, item in enumerate(items)]


def _tell_batch(results: Sequence[Prepared | Refusal], *, accepted: int) -> bytes:
    return orjson.dumps({"items": [_item(index, result) for index, result in enumerate(results)], "accepted": accepted})


def _answer(outcome: Accepted | Replay, text: bytes, same: bytes) -> Answer:
    if isinstance(outcome, Accepted):
        return Answer(text)
    if outcome.body_hash != same:
        message = "Use a new Idempotency-Key for a new request; repeat a request with exactly the body it had."
        raise KeyReused(message, errors=[FieldError("Idempotency-Key", "idempotency_key_reused", message)])
    return Answer(outcome.answer, is_replay=True)


def _prepare(item: Wanted | Refusal, *, caller: Caller, at: datetime, window: str | None) -> Prepared | Refusal:
    if isinstance(item, Refusal):
        return item
    try:
        return preparing.prepare(item, caller=caller, at=at, window=window)
    except Refusal as refusal:
        return refusal


def consented(prepared: Prepared, *, at: datetime) -> Prepared | Refusal:
    """The same, or its refusal if nobody may write to this recipient so."""
    return _consented([prepared], caller=prepared.caller, at=at)[0]


def _consented(results: Sequence[Prepared | Refusal], *, caller: Caller, at: datetime) -> list[Prepared | Refusal]:
    """The same, with those refused who must not be written to: in a batch one of them must not stop the others."""
    hashes = {item.recipient_hash for item in results if isinstance(item, Prepared)}
    rows = consent.suppressed(hashes, business_ids=[caller.business_id], at=at)
    return [_suppressed() if isinstance(item, Prepared) and rows and _is_forbidden(item, rows) else item for item in results]


def _is_forbidden(item: Prepared, rows: set[InForce]) -> bool:
    caller, hash_, category = item.caller, item.recipient_hash, item.entry.category
    return all(
        consent.forbids(rows, business_id=caller.business_id, recipient_hash=hash_, mode=caller.mode, channel=channel, category=category)
        for channel in item.channels
    )


def _suppressed() -> RecipientSuppressed:
    message = "Remove the recipient: an opt-out or a suppression forbids every channel that the message could take."
    return RecipientSuppressed(message, errors=[FieldError("recipient", "recipient_suppressed", message)])


def _refresh(caller: Caller, prepared: Sequence[Prepared], *, at: datetime) -> None:
    """The statement refused what the caches allowed: find out why, from the database itself. Raises the Refusal, if there is one."""
    if not ApiKey.objects.usable(at).filter(id=caller.key_id).exists():
        raise Unauthenticated
    catalogue.forget()
    book.forget()
    for item in prepared:
        rows = consent.suppressed([item.recipient_hash], business_ids=[item.caller.business_id], at=at)
        if _is_forbidden(item, rows):
            raise _suppressed()


def _item(index: int, result: Prepared | Refusal) -> dict[str, Any]:
    if isinstance(result, Prepared):
        return {"index": index, "message": describe(result)}
    errors = [{"field": error.field, "code": error.code, "message": error.message} for error in result.errors]
    return {"index": index, "error": {"code": result.code, "detail": result.detail, "errors": errors}}


def describe(prepared: Prepared) -> dict[str, Any]:
    """The answer to an accepted request (interface.md 1)."""
    wanted, entry, plan = prepared.wanted, prepared.entry, prepared.plan
    return {
        "id": ids.public("msg", prepared.id),
        "status": Status.SCHEDULED if prepared.send_at else Status.ACCEPTED,
        "channel": plan.steps[0].channel,
        "mode": prepared.caller.mode,
        "reference": wanted.reference,
        "metadata": wanted.metadata or {},
        "template": {"name": entry.name, "version": entry.number, "language": entry.language},
        "route": {
            "name": plan.name,
            "version": plan.number,
            "steps": [{"channel": step.channel, "provider": step.accounts[0].provider} for step in plan.steps],
        },
        "segments": prepared.segments,
        "created_at": _time(prepared.at),
        "send_at": _time(prepared.send_at) if prepared.send_at else None,
        "expires_at": _time(prepared.expires_at),
    }


def _time(moment: datetime) -> str:
    """RFC 3339 in UTC, as text: the answer is stored as it is given, for the key's repetitions."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
