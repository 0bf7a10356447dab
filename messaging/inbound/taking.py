"""Keeping what people wrote: sealed, once each, in the transaction that reads the provider's call. What follows comes afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from accounts import ids
from messaging import bell, recipients
from messaging.suppressions import keywords
from routing import vault
from routing.providers.inbound import Inbound, InboundKind

BELL = "messaging.tasks.settle_inbound"

_KEEP = """
INSERT INTO messaging_inbound (id, account_id, business_id, mode, channel, kind, provider_id, sender_hash, user_hash, said, keyword,
    linked_by, occurred_at, received_at, call_id)
SELECT r.id, r.account_id, r.business_id, r.mode, r.channel, r.kind, r.provider_id, r.sender_hash, r.user_hash, r.said, r.keyword, '',
    r.occurred_at, r.received_at, r.call_id
FROM json_to_recordset(%(rows)s::json) AS r(id uuid, account_id uuid, business_id uuid, mode text, channel text, kind text,
    provider_id text, sender_hash bytea, user_hash bytea, said bytea, keyword text, occurred_at timestamptz, received_at timestamptz,
    call_id uuid)
ON CONFLICT (account_id, provider_id) DO NOTHING
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """One inbound thing, to which account it came, and in which call it stood."""

    account_id: UUID
    business_id: UUID | None
    mode: str
    call_id: UUID
    received_at: datetime
    inbound: Inbound = field(repr=False)


def take(heard: Sequence[Heard]) -> int:
    """Keep what is new of it, inside the caller's transaction, and ring; returns how many. The same again is kept once."""
    if not heard:
        return 0
    rows = [_row(place, each) for place, each in enumerate(heard)]
    # In one order everywhere: two calls with the same repeated messages must not wait for each other.
    rows.sort(key=lambda row: (row["account_id"], row["provider_id"]))
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {"rows": orjson.dumps(rows).decode()})
        new = len(cursor.fetchall())
    if new:
        transaction.on_commit(partial(bell.ring, BELL))
    return new


def _row(place: int, heard: Heard) -> dict[str, Any]:
    inbound, id_ = heard.inbound, ids.new()
    sender = canonical(inbound.sender)
    said = {
        "sender": sender or None,
        "user_id": inbound.user_id or None,
        "to": inbound.to or None,
        "text": inbound.text or None,
        "payload": inbound.payload or None,
        "raw_kind": inbound.raw_kind,
        "context": inbound.context or None,
        "client_reference": inbound.client_reference or None,
        "category": inbound.category,
    }
    return {
        "id": id_,
        "account_id": heard.account_id,
        "business_id": heard.business_id,
        "mode": heard.mode,
        "channel": inbound.channel,
        "kind": inbound.kind,
        "provider_id": inbound.provider_id or f"{heard.call_id.hex}.{place}",
        "sender_hash": _hex(recipients.hash_of(sender)) if sender else None,
        "user_hash": _hex(vault.blind_index(f"{heard.account_id.hex}:{inbound.user_id}")) if inbound.user_id else None,
        "said": f"\\x{vault.seal(orjson.dumps(said), bound_to=sealed_at(id_)).hex()}",
        "keyword": _keyword(inbound) or "",
        "occurred_at": inbound.occurred_at or heard.received_at,
        "received_at": heard.received_at,
        "call_id": heard.call_id,
    }


def sealed_at(id_: UUID) -> str:
    return f"messaging_inbound.said:{id_}"


def canonical(sender: str) -> str:
    """The spelling in which we write to that person; the provider's own where it is none of ours."""
    if not sender:
        return ""
    try:
        return recipients.read(sender, channel="auto").text
    except recipients.InvalidRecipient:
        return sender


def _hex(hash_: bytes) -> str:
    return f"\\x{hash_.hex()}"


def _keyword(inbound: Inbound) -> str | None:
    """What a word that was typed asks for. A button says what its template made it say, so only what nobody could mean otherwise counts."""
    if inbound.keyword:
        return inbound.keyword
    if inbound.kind is InboundKind.TEXT:
        return keywords.read(inbound.text, channel=inbound.channel)
    if inbound.kind is InboundKind.BUTTON:
        found = keywords.read(inbound.text, channel="whatsapp")
        return found if found in {"stop", "start"} else None
    return None
