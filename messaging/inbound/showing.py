"""Reading what people wrote: whole for the API, in part for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from accounts import ids, pages
from accounts.keys import Caller
from accounts.pages import BadFilter
from accounts.refusals import FieldError, NotFound
from messaging import recipients
from messaging.inbound import taking
from messaging.inbound_records import Inbound
from messaging.models import Message
from routing import vault
from routing.choices import Channel
from routing.providers.inbound import InboundKind

FILTERS = ("recipient", "message", "channel")
_SHORT = 8
WISHES = (InboundKind.OPT_OUT, InboundKind.OPT_IN)


def page(query: Mapping[str, str], *, caller: Caller) -> dict[str, Any]:
    """A page, newest first, without what was written. Raises BadFilter, BadPage, or InvalidRecipient."""
    pages.refuse_others(query, known=(*FILTERS, "limit", "cursor"))
    size, cursor = pages.limit(query), pages.cursor(query)
    rows = _own(caller).filter(**_filters(query))
    if cursor:
        rows = rows.filter(id__lt=_place(cursor))
    found = list(rows.order_by("-id")[: size + 1])
    named = _references(found)
    return pages.page(found, size=size, place=lambda row: row.id.hex, show=lambda row: _show(row, named))


def tell(public_id: str, *, caller: Caller) -> dict[str, Any]:
    """One, with what was written. Raises NotFound."""
    id_ = ids.parse("inb", public_id)
    row = _own(caller).filter(id=id_).first() if id_ else None
    if row is None:
        raise NotFound("There is no such inbound message.")
    said = open_up(row)
    return _show(row, _references([row])) | {name: said.get(name) for name in ("sender", "user_id", "to", "text", "payload")}


def open_up(row: Inbound) -> dict[str, Any]:
    """What it keeps sealed; nothing where that can't be opened."""
    try:
        said: dict[str, Any] = orjson.loads(vault.unseal(bytes(row.said), bound_to=taking.sealed_at(row.id)))
    except vault.CannotOpen:
        return {}
    return said


def masked(row: Inbound) -> str:
    """Who wrote, in part; for staff. Never an error: a page of history must open even where a key is missing."""
    said = open_up(row)
    sender = said.get("sender") or said.get("user_id") or ""
    # A short code or a name shows too much with six of its letters.
    return recipients.mask(sender) if "@" in sender or len(sender) > _SHORT else "*" * len(sender) or "unknown"


def _own(caller: Caller) -> Any:
    return Inbound.objects.filter(business_id=caller.business_id, mode=caller.mode).exclude(kind__in=WISHES)


def _show(row: Inbound, references: Mapping[UUID, str | None]) -> dict[str, Any]:
    return {
        "id": ids.public("inb", row.id),
        "channel": row.channel,
        "kind": row.kind,
        "keyword": row.keyword or None,
        "message": ids.public("msg", row.message_id) if row.message_id else None,
        "linked_by": row.linked_by or None,
        "reference": references.get(row.message_id) if row.message_id else None,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
    }


def _references(rows: list[Inbound]) -> dict[UUID, str | None]:
    return dict(Message.objects.filter(id__in=[row.message_id for row in rows if row.message_id]).values_list("id", "reference"))


def _filters(query: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if recipient := query.get("recipient"):
        found["sender_hash"] = recipients.hash_of(recipients.read(recipient, channel="auto").text)
    if message := query.get("message"):
        found["message_id"] = ids.parse("msg", message) or UUID(int=0)
    if channel := query.get("channel"):
        if channel not in Channel.values:
            known = f"Known here: {', '.join(Channel.values)}."
            raise BadFilter(known, errors=[FieldError("channel", "bad_filter", known)])
        found["channel"] = channel
    return found


def _place(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise pages.refused() from None
