"""Providers' calls, kept whole before anybody interprets them: sealed, once each, for a short time."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import UUID

from django.db import connection

from accounts import ids
from callbacks.choices import CallState
from callbacks.models import ProviderCall
from routing import vault
from routing.providers.base import Incoming

_AT_A_TIME = 5_000


@dataclass(frozen=True, slots=True)
class Authentic:
    """A call that bears its provider's signature; nothing in it has been read yet."""

    account_id: UUID
    received_at: datetime
    url: str = field(repr=False)
    """As called, if the signature covers it; else without its query."""
    body: bytes = field(repr=False)

    def content(self) -> bytes:
        # Percent-encoded, a line end can't stand in a URL; a server that let one through would blur where the body begins.
        return self.url.replace("\n", "%0A").encode("utf-8", "surrogatepass") + b"\n" + self.body


_KEEP = """
INSERT INTO callbacks_providercall (id, account_id, received_at, digest, content, state)
SELECT id, account_id, received_at, digest, content, 'pending'
FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::bytea[], %s::bytea[]) AS new (id, account_id, received_at, digest, content)
ON CONFLICT (account_id, digest) DO NOTHING
RETURNING id
"""


def keep(calls: Sequence[Authentic]) -> list[bool]:
    """Store all of them in one statement; tells for each, in order, whether it is new. The same call again is kept once."""
    rows = [_row(call) for call in calls]
    # In one order everywhere: two groups that hold the same repeated calls must not wait for each other.
    ordered = sorted(rows, key=lambda row: (row[1], row[3]))
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [list(column) for column in zip(*ordered, strict=True)])
        new = {id_ for (id_,) in cursor.fetchall()}
    return [row[0] in new for row in rows]


def _row(call: Authentic) -> tuple[UUID, UUID, datetime, bytes, bytes]:
    id_, content = ids.new(), call.content()
    return id_, call.account_id, call.received_at, hashlib.sha256(content).digest(), vault.seal(content, bound_to=_place(id_))


def _place(id_: UUID) -> str:
    return f"callbacks_providercall.content:{id_}"


def unseal(sealed: bytes, *, id_: UUID) -> Incoming:
    """The call as its provider made it, without headers: they served to authenticate it. Raises vault.CannotOpen."""
    url, _, body = vault.unseal(sealed, bound_to=_place(id_)).partition(b"\n")
    text = url.decode("utf-8", "surrogatepass")
    return Incoming(method="POST", url=text, query=query(text), headers={}, body=body)


def query(url: str) -> dict[str, str]:
    """The URL's query; of a name that comes twice, the last counts."""
    return dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))


def are_waiting() -> bool:
    """Whether any call waits to be read."""
    return bool(ProviderCall.objects.filter(state=CallState.PENDING).exists())


def read_again(ids_: Collection[UUID]) -> int:
    """Let these wait for reading once more; repetition changes nothing that the first reading has done."""
    return int(ProviderCall.objects.filter(id__in=ids_).exclude(state=CallState.PENDING).update(state=CallState.PENDING))


_FORGET = """
DELETE FROM callbacks_providercall WHERE id IN (
    SELECT id FROM callbacks_providercall WHERE NOT (state = 'pending') AND read_at < %s LIMIT %s
)
"""


def forget(before: datetime) -> int:
    """Remove what was read before that moment; returns how many. What still waits is never removed."""
    removed = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_FORGET, [before, _AT_A_TIME])
            some: int = cursor.rowcount
            removed += some
            if some < _AT_A_TIME:
                return removed
