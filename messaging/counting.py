"""Counts what messages claim of their business's caps, in the very transaction that accepts them: one statement for a whole group.

The rows stay locked until the commit, so nobody overtakes a cap; they are locked in one order, so no two groups wait for each other. Only
what has a cap is counted: who has none pays nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from accounts.refusals import Refusal
from messaging import warning
from messaging.claims import KINDS, Claim, opens_at

Key = tuple[str, str, str, str, str]


@dataclass(slots=True)
class _Window:
    """How far a window is used: by what is accepted, and by the one before it."""

    used: Decimal
    before: Decimal


_COUNT = """
WITH asked AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r(business_id uuid, mode text, kind text, subject text, opens_at timestamptz,
        before_at timestamptz, used numeric, number integer)
), counted AS (
    INSERT INTO messaging_tally AS t (business_id, mode, kind, subject, opens_at, used)
    SELECT business_id, mode, kind, subject, opens_at, used FROM asked ORDER BY number
    ON CONFLICT (business_id, mode, kind, subject, opens_at) DO UPDATE SET used = t.used + excluded.used
    RETURNING business_id, mode, kind, subject, opens_at, used
)
SELECT a.number, c.used, coalesce(b.used, 0)
FROM counted c JOIN asked a USING (business_id, mode, kind, subject, opens_at)
LEFT JOIN messaging_tally b ON (b.business_id, b.mode, b.kind, b.subject) = (a.business_id, a.mode, a.kind, a.subject)
    AND b.opens_at = a.before_at
"""
_LOOK = """
SELECT a.number, coalesce(t.used, 0), coalesce(b.used, 0)
FROM json_to_recordset(%(rows)s::json) AS a(business_id uuid, mode text, kind text, subject text, opens_at timestamptz,
    before_at timestamptz, used numeric, number integer)
LEFT JOIN messaging_tally t ON (t.business_id, t.mode, t.kind, t.subject) = (a.business_id, a.mode, a.kind, a.subject)
    AND t.opens_at = a.opens_at
LEFT JOIN messaging_tally b ON (b.business_id, b.mode, b.kind, b.subject) = (a.business_id, a.mode, a.kind, a.subject)
    AND b.opens_at = a.before_at
"""

Claims = Sequence[Sequence[Claim]]
"""Of one order: what each of its items claims."""


def take(orders: Mapping[int, Claims]) -> dict[int, dict[int, Refusal]]:
    """Count what these orders claim. Returns, for each that does not fit, which of its items don't; of those orders nothing is counted."""
    claims = [claim for items in orders.values() for of_item in items for claim in of_item]
    windows = _count(_COUNT, claims)
    if not windows:
        return {}
    for key, used in _sums(claims).items():
        windows[key].used -= used
    begun = {key: window.used for key, window in windows.items()}
    over = {number: beyond for number, items in orders.items() if (beyond := _fit(items, windows))}
    give_back([claim for number in over for of_item in orders[number] for claim in of_item])
    grown = {claim.key: (claim, begun[claim.key], windows[claim.key].used) for claim in claims}
    refused = [each.claim for items in over.values() for each in items.values()]
    # Robust: what fails after the commit must not look as if nothing had been accepted.
    transaction.on_commit(lambda: warning.tell(list(grown.values()), refused), robust=True)
    return {number: {index: each.refusal for index, each in beyond.items()} for number, beyond in over.items()}


def give_back(claims: Sequence[Claim]) -> None:
    """What was counted, and then not accepted. Only in the transaction that counted it: its rows are locked already."""
    _count(_COUNT, claims, sign=-1)


def foresee(claims: Sequence[Claim]) -> Refusal | None:
    """The refusal that this message would get now, if any; nothing is counted."""
    beyond = _fit([claims], _count(_LOOK, claims)).get(0)
    return beyond.refusal if beyond else None


_USED = "SELECT kind, subject, used FROM messaging_tally WHERE business_id = %s AND mode = %s AND kind = ANY(%s) AND opens_at IN (%s, %s)"


def used(business_id: UUID, *, mode: str, at: datetime) -> dict[tuple[str, str], Decimal]:
    """How much of the present day's and month's caps is used, by kind and subject."""
    kinds = [kind for kind in KINDS.values() if kind.is_told]
    opened = {opens_at(kind, at) for kind in kinds}
    with connection.cursor() as cursor:
        cursor.execute(_USED, [business_id, mode, [kind.name for kind in kinds], min(opened), max(opened)])
        return {(kind, subject): found for kind, subject, found in cursor.fetchall()}


class _Beyond(NamedTuple):
    """What goes beyond its cap, and what is said of it."""

    claim: Claim
    refusal: Refusal


def _fit(items: Claims, windows: Mapping[Key, _Window]) -> dict[int, _Beyond]:
    """Which items of one order go beyond a cap, after all that were counted before them. If none does, the windows go on."""
    beyond: dict[int, _Beyond] = {}
    own: dict[Key, Decimal] = defaultdict(Decimal)
    for index, claims in enumerate(items):
        found = next((claim for claim in claims if _after(claim, windows, own) > claim.cap), None)
        if found is not None:
            window = windows[found.key]
            beyond[index] = _Beyond(found, found.refuse(window.used + own.get(found.key, 0), window.before))
            continue
        for claim in claims:
            own[claim.key] += claim.used
    for key, used in own.items() if not beyond else ():
        windows[key].used += used
    return beyond


def _after(claim: Claim, windows: Mapping[Key, _Window], own: Mapping[Key, Decimal]) -> Decimal:
    window = windows[claim.key]
    return claim.reaches(window.used + own.get(claim.key, 0) + claim.used, window.before)


def _sums(claims: Iterable[Claim]) -> dict[Key, Decimal]:
    sums: dict[Key, Decimal] = defaultdict(Decimal)
    for claim in claims:
        sums[claim.key] += claim.used
    return sums


def _count(sql: str, claims: Sequence[Claim], *, sign: int = 1) -> dict[Key, _Window]:
    """The windows of these claims, as the statement finds them."""
    if not claims:
        return {}
    by_key = {claim.key: claim for claim in claims}
    sums = _sums(claims)
    keys = sorted(by_key)
    rows = [_row(number, by_key[key].key, by_key[key].before_at, used=sign * sums[key]) for number, key in enumerate(keys)]
    with connection.cursor() as cursor:
        cursor.execute(sql, {"rows": orjson.dumps(rows).decode()})
        return {keys[number]: _Window(used, before) for number, used, before in cursor.fetchall()}


def _row(number: int, key: Key, before_at: datetime | None, *, used: Decimal) -> dict[str, object]:
    business_id, mode, kind, subject, opens_at = key
    return {
        "number": number,
        "business_id": business_id,
        "mode": mode,
        "kind": kind,
        "subject": subject,
        "opens_at": opens_at,
        "before_at": before_at,
        "used": str(used),
    }
