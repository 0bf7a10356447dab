"""Reading messages and their stories, for the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.dateparse import parse_datetime

from accounts import ids, pages
from accounts.keys import Caller
from accounts.pages import BadFilter
from accounts.refusals import FieldError, NotFound
from messaging import beginning, recipients
from messaging.choices import EVERY_TYPE
from messaging.lifecycle import Status
from messaging.models import Attempt, Event, Message, State
from routing import vault
from routing.choices import Channel
from routing.credentials import directory

_FIRST = UUID(int=0)
FILTERS = ("status", "channel", "template", "reference", "recipient", "created_after", "created_before")


def find(public_id: str, *, caller: Caller) -> Message:
    """The caller's own message; raises NotFound, the same for another business's as for none at all."""
    id_ = ids.parse("msg", public_id)
    message: Message | None = None
    if id_ is not None:
        message = Message.objects.filter(id=id_, business_id=caller.business_id, mode=caller.mode).first()
    if message is None:
        raise NotFound("There is no such message.")
    return message


def tell(message: Message) -> dict[str, Any]:
    """One message: where it stands and what was tried. The recipient is shown in part."""
    state = State.objects.get(message_id=message.id)
    attempts = Attempt.objects.filter(message_id=message.id).order_by("number")
    return {**show(message, state), "attempts": [_attempt(attempt) for attempt in attempts]}


def page(query: Mapping[str, str], *, caller: Caller) -> dict[str, Any]:
    """A page of messages, newest first. Raises BadFilter or BadPage."""
    pages.refuse_others(query, known=(*FILTERS, "limit", "cursor"))
    size, cursor = pages.limit(query), pages.cursor(query)
    messages = Message.objects.filter(business_id=caller.business_id, mode=caller.mode, **_filters(query))
    if status := query.get("status"):
        words = [_known(word, Status, "status") for word in status.split(",")]
        messages = messages.filter(Exists(State.objects.filter(message_id=OuterRef("id"), status__in=words)))
    if cursor:
        messages = messages.filter(id__lt=_place(cursor))
    rows = list(messages.order_by("-id")[: size + 1])
    states = State.objects.in_bulk([message.id for message in rows])
    return pages.page(rows, size=size, place=lambda message: message.id.hex, show=lambda message: show(message, states[message.id]))


def events(message: Message) -> dict[str, Any]:
    """A message's story, whole and in order."""
    rows = Event.objects.filter(message_id=message.id).order_by("seq")
    return {"items": [_event(row, reference=message.reference, metadata=message.metadata) for row in rows]}


_FEED = """
SELECT * FROM (
    (SELECT e.transaction, e.id, e.message_id, e.seq, e.type, e.previous_status, e.status, e.final, e.occurred_at, e.recorded_at,
        e.attempt, e.channel, e.error_class, e.error_code, e.raw_code, e.detail, m.reference, m.metadata, NULL::jsonb AS about
    FROM messaging_event e JOIN messaging_message m ON m.id = e.message_id
    WHERE e.business_id = %(business)s AND e.mode = %(mode)s
        AND (e.transaction, e.id) > (%(transaction)s::xid8, %(id)s::uuid)
        -- What a transaction still under way may yet precede is left for later: no reader ever passes an event that it has not seen.
        AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())
        AND (%(types)s::text[] IS NULL OR e.type = ANY(%(types)s::text[]))
    ORDER BY e.transaction, e.id LIMIT %(limit)s)
    UNION ALL
    (SELECT e.transaction, e.id, NULL::uuid, NULL::smallint, e.type, NULL::text, NULL::text, NULL::boolean, e.occurred_at, e.recorded_at,
        NULL::smallint, NULL::text, NULL::text, NULL::text, NULL::text, NULL::jsonb, NULL::text, NULL::jsonb, e.about
    FROM accounts_businessevent e
    WHERE e.business_id = %(business)s AND (e.mode IS NULL OR e.mode = %(mode)s)
        AND (e.transaction, e.id) > (%(transaction)s::xid8, %(id)s::uuid)
        AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())
        AND (%(types)s::text[] IS NULL OR e.type = ANY(%(types)s::text[]))
    ORDER BY e.transaction, e.id LIMIT %(limit)s)
) told ORDER BY transaction, id LIMIT %(limit)s
"""


def feed(query: Mapping[str, str], *, caller: Caller) -> dict[str, Any]:
    """All events after a cursor, of the business's messages and its own, oldest first: who reads on from `next_cursor` misses nothing."""
    pages.refuse_others(query, known=("after", "since", "type", "limit"))
    size, (transaction, id_) = pages.limit(query), _begin(query, caller)
    types = [_known(word, EVERY_TYPE, "type") for word in query["type"].split(",")] if query.get("type") else None
    where: dict[str, Any] = {"business": caller.business_id, "mode": caller.mode, "transaction": transaction, "types": types, "limit": size}
    with connection.cursor() as cursor:
        cursor.execute(_FEED, {**where, "id": id_})
        rows = cursor.fetchall()
    return {"items": [_fed(row) for row in rows], "next_cursor": _after(rows, transaction, id_), "has_more": len(rows) == size}


def _begin(query: Mapping[str, str], caller: Caller) -> tuple[str, UUID]:
    """The place behind which the page begins: where the last one ended, now, at a time, or at the very beginning."""
    if query.get("since") and query.get("after"):
        message = "Give `since` to begin, and from then on `after` with the answer's `next_cursor`."
        raise BadFilter(message, errors=[FieldError("since", "bad_filter", message)])
    if moment := query.get("since"):
        return beginning.since(_moment(moment, "since"), business_id=caller.business_id, mode=caller.mode), _FIRST
    if query.get("after") == beginning.NOW:
        return beginning.now(), _FIRST
    transaction, _, id_ = (pages.cursor(query, name="after") or "0.").partition(".")
    if not (transaction.isascii() and transaction.isdigit() and len(transaction) <= 19):
        raise pages.refused("after")
    return transaction, _place(id_, "after") if id_ else _FIRST


def _after(rows: Sequence[Sequence[Any]], transaction: str, id_: UUID) -> str | None:
    """The cursor behind these rows. Without any it stands still; at the very beginning there is none."""
    if rows:
        transaction, id_ = rows[-1][0], rows[-1][1]
    return None if (transaction, id_) == ("0", _FIRST) else pages.write_cursor(f"{transaction}.{id_.hex}")


def _filters(query: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if channel := query.get("channel"):
        found["channel"] = _known(channel, [*Channel.values, "auto"], "channel")
    if template := query.get("template"):
        found["template_name"] = template
    if reference := query.get("reference"):
        found["reference"] = reference
    if recipient := query.get("recipient"):
        found["recipient_hash"] = recipients.hash_of(recipients.read(recipient, channel="auto").text)
    if after := query.get("created_after"):
        found["id__gte"] = ids.first_at(_moment(after, "created_after"))
    if before := query.get("created_before"):
        found["id__lt"] = ids.first_at(_moment(before, "created_before"))
    return found


def _known(word: str, words: Any, name: str) -> str:
    if word not in list(words):
        message = f"Known here: {', '.join(words)}."
        raise BadFilter(message, errors=[FieldError(name, "bad_filter", message)])
    return word


def _moment(text: str, name: str) -> datetime:
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = "Write a time with its zone, such as 2026-11-22T12:00:00Z."
        raise BadFilter(message, errors=[FieldError(name, "bad_filter", message)])
    return moment


def _place(text: str, name: str = "cursor") -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise pages.refused(name) from None


def show(message: Message, state: State) -> dict[str, Any]:
    """A message as lists show it."""
    return {
        "id": ids.public("msg", message.id),
        "status": state.status,
        "channel": message.plan[state.step]["channel"],
        "mode": message.mode,
        "recipient": mask(message),
        "reference": message.reference,
        "metadata": message.metadata or {},
        "template": {"name": message.template_name, "version": message.template_number, "language": message.language},
        "route": {
            "name": message.route_name,
            "version": message.route_number,
            "steps": [{"channel": step["channel"], "provider": step["accounts"][0]["provider"]} for step in message.plan],
        },
        "segments": message.segments,
        "error": {"class": state.error_class, "code": state.error_code} if state.error_class else None,
        "created_at": message.created_at,
        "send_at": message.send_at,
        "expires_at": message.expires_at,
        "submitted_at": state.submitted_at,
        "sent_at": state.sent_at,
        "delivered_at": state.delivered_at,
        "read_at": state.read_at,
        "ended_at": state.ended_at,
    }


def mask(message: Message) -> str:
    """The recipient, enough to recognise and too little to use."""
    return recipients.mask(vault.unseal(bytes(message.recipient), bound_to=f"message:{message.id}").decode())


def _attempt(attempt: Attempt) -> dict[str, Any]:
    account = directory().get(attempt.account_id)
    return {
        "number": attempt.number,
        "channel": attempt.channel,
        "provider": account.provider if account else None,
        "status": attempt.status,
        "tries": attempt.tries,
        "provider_reference": attempt.provider_reference,
        "error": _error(attempt.error_class, attempt.error_code, attempt.raw_code),
        "called_at": attempt.called_at,
        "submitted_at": attempt.submitted_at,
        "sent_at": attempt.sent_at,
        "delivered_at": attempt.delivered_at,
        "read_at": attempt.read_at,
        "ended_at": attempt.ended_at,
    }


def _event(row: Event, *, reference: str | None, metadata: dict[str, Any] | None) -> dict[str, Any]:
    detail = row.detail or {}
    return {
        "id": ids.public("evt", row.id),
        "type": row.type,
        "message": ids.public("msg", row.message_id) if row.message_id else None,
        "seq": row.seq,
        "previous_status": row.previous_status,
        "status": row.status,
        "final": row.final,
        "occurred_at": row.occurred_at,
        "recorded_at": row.recorded_at,
        "attempt": row.attempt,
        "channel": row.channel,
        "reference": reference,
        "metadata": metadata or {},
        "error": _error(row.error_class, row.error_code, row.raw_code),
        "fallback": detail.get("fallback"),
        "recovered": detail.get("recovered", False),
        "late": detail.get("late", False),
        "deferred": detail.get("deferred"),
        "reply": detail.get("reply"),
    }


def _fed(row: Sequence[Any]) -> dict[str, Any]:
    names = ("id", "message_id", "seq", "type", "previous_status", "status", "final", "occurred_at", "recorded_at", "attempt", "channel")
    values = dict(zip(names, row[1:12], strict=True))
    event = Event(**values, error_class=row[12], error_code=row[13], raw_code=row[14], detail=orjson.loads(row[15]) if row[15] else None)
    reference, metadata, about = row[16], orjson.loads(row[17]) if row[17] else None, orjson.loads(row[18]) if row[18] else None
    return {**_event(event, reference=reference, metadata=metadata), "about": about}


def _error(class_: str | None, code: str | None, raw_code: str | None) -> dict[str, str | None] | None:
    return {"class": class_, "code": code, "provider_code": raw_code or None} if class_ else None
