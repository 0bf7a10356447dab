"""Adding suppressions, one or thousands: what is in force already is no second one, and what waits for the recipient is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from accounts import ids, news
from accounts.choices import BusinessEventType
from messaging.choices import SuppressionOrigin
from messaging.suppressions import stopping
from messaging.suppressions.stopping import Stopped
from routing import vault

TOLD = frozenset({SuppressionOrigin.KEYWORD, SuppressionOrigin.PROVIDER, SuppressionOrigin.ONE_CLICK})
"""Whatever the recipient did, the business hears of; what it or its staff wrote down, it knows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A suppression to be made. Empty `mode`, `channel` or `category`: every one."""

    business_id: UUID
    recipient_hash: bytes
    mode: str
    channel: str
    category: str
    reason: str
    origin: str
    source: str = ""
    recipient: str | None = field(default=None, repr=False)
    """Kept sealed, for the business's own export."""
    evidence: Mapping[str, Any] | None = None
    expires_at: datetime | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two of them the same; in its order they are written, so that no two writers wait for each other."""
        place = (self.business_id.hex, self.recipient_hash.hex(), self.mode, self.channel, self.category)
        return (*place, str(self.reason), str(self.origin))

    @property
    def lasts(self) -> float:
        return self.expires_at.timestamp() if self.expires_at else float("inf")


class Kept(NamedTuple):
    """It is in force under this id. `is_new`: it was not before, nor by an earlier one of the same call."""

    id: UUID
    is_new: bool


# What has run out makes room, and stays: two times of silence are two rows.
_RUN_OUT = """
UPDATE messaging_suppression s SET lifted_at = s.expires_at, lifted_because = 'It ran out.'
FROM json_to_recordset(%(rows)s::json) AS r(business_id uuid, recipient_hash bytea, mode text, channel text, category text, reason text,
    origin text)
WHERE s.lifted_at IS NULL AND s.expires_at <= %(at)s
    AND (s.business_id, s.recipient_hash, s.mode, s.channel, s.category, s.reason, s.origin)
    = (r.business_id, r.recipient_hash, r.mode, r.channel, r.category, r.reason, r.origin)
"""
_ADD = """
INSERT INTO messaging_suppression AS s (id, business_id, mode, recipient_hash, sealed, channel, category, reason, origin, source, evidence,
    created_at, expires_at)
SELECT r.id, r.business_id, r.mode, r.recipient_hash, r.sealed, r.channel, r.category, r.reason, r.origin, r.source, r.evidence, %(at)s,
    r.expires_at
FROM json_to_recordset(%(rows)s::json) AS r(place int, id uuid, business_id uuid, mode text, recipient_hash bytea, sealed bytea,
    channel text, category text, reason text, origin text, source text, evidence jsonb, expires_at timestamptz)
ORDER BY r.place
ON CONFLICT (business_id, recipient_hash, mode, channel, category, reason, origin) WHERE lifted_at IS NULL
DO UPDATE SET sealed = coalesce(s.sealed, excluded.sealed),
    -- The longer one holds; without an end is longest.
    expires_at = CASE WHEN s.expires_at IS NULL OR excluded.expires_at IS NULL THEN NULL
        ELSE greatest(s.expires_at, excluded.expires_at) END
RETURNING id, xmax = 0, business_id, recipient_hash, mode, channel, category, reason, origin
"""


def add(wanted: Sequence[Wanted], *, at: datetime, holds_stories: bool = False) -> list[Kept]:
    """Put them in force, each answered in its place, and cancel what waits for those recipients; in one transaction, or in the caller's.

    `holds_stories`: the caller's transaction has messages under lock already, so that nobody else's may be waited for.
    """
    longest: dict[tuple[str, ...], Wanted] = {}
    for each in wanted:
        if each.key not in longest or each.lasts > longest[each.key].lasts:
            longest[each.key] = each
    ordered = sorted(longest.values(), key=lambda each: each.key)
    if not ordered:
        return []
    with transaction.atomic():
        kept = _write(ordered, at=at)
        new = [each for each in ordered if kept[each.key].is_new]
        stopping.stop(
            [Stopped(each.business_id, each.recipient_hash, each.mode, each.channel, each.category) for each in new],
            holds_stories=holds_stories,
        )
        for each in new:
            if each.origin in TOLD:
                _tell(each, kept[each.key].id, at=at)
    return list(_in_place(wanted, kept))


def _in_place(wanted: Sequence[Wanted], kept: Mapping[tuple[str, ...], Kept]) -> Iterator[Kept]:
    """Of several that are the same, the first alone is new."""
    told: set[UUID] = set()
    for each in wanted:
        id_, is_new = kept[each.key]
        yield Kept(id_, is_new and id_ not in told)
        told.add(id_)


def _write(ordered: Sequence[Wanted], *, at: datetime) -> dict[tuple[str, ...], Kept]:
    rows = orjson.dumps([_row(place, each) for place, each in enumerate(ordered)]).decode()
    with connection.cursor() as cursor:
        cursor.execute(_RUN_OUT, {"rows": rows, "at": at})
        cursor.execute(_ADD, {"rows": rows, "at": at})
        found = cursor.fetchall()
    return {(row[2].hex, bytes(row[3]).hex(), *row[4:]): Kept(row[0], row[1]) for row in found}


def _row(place: int, wanted: Wanted) -> dict[str, Any]:
    hash_ = wanted.recipient_hash
    sealed = vault.seal(wanted.recipient.encode(), bound_to=sealed_at(hash_)) if wanted.recipient else None
    names = ("business_id", "mode", "channel", "category", "reason", "origin", "source", "evidence", "expires_at")
    return {
        "place": place,
        "id": ids.new(),
        "recipient_hash": f"\\x{hash_.hex()}",
        "sealed": f"\\x{sealed.hex()}" if sealed else None,
        **{name: getattr(wanted, name) for name in names},
    }


def sealed_at(recipient_hash: bytes | memoryview) -> str:
    """What the sealed recipient is bound to: whoever's suppression it is, the same recipient."""
    return f"messaging_suppression.sealed:{bytes(recipient_hash).hex()}"


def _tell(wanted: Wanted, id_: UUID, *, at: datetime) -> None:
    evidence = wanted.evidence or {}
    about = {
        "suppression": ids.public("sup", id_),
        "channel": wanted.channel or None,
        "category": wanted.category or None,
        "reason": str(wanted.reason),
        "origin": str(wanted.origin),
        "message": evidence.get("message"),
        "mode": wanted.mode or None,
    }
    news.tell(wanted.business_id, type=BusinessEventType.OPTED_OUT, about=about, at=at)
