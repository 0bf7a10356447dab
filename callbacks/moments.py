"""A message's webhooks, as moments of its timeline: each try of each delivery, and what is still to be paid.

No model is imported here, for apps.py registers `webhooks` before models are ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db import connection

from accounts import ids
from callbacks.choices import EndpointKind, Outcome
from messaging import phrases
from messaging.timeline import Fact, Kind, Moment, Tone

MOST = 500
"""Tries that one page shows."""

# A delivery's id has the time of its event, so none is older than its message: earlier partitions are not read.
_OWED = """
SELECT d.id, d.type, d.created_at, coalesce(e.kind, 'callback') AS kind, coalesce(e.url, '') AS url, e.is_enabled, q.due_at,
       t.number, t.outcome, t.started_at, t.milliseconds, t.status_code, t.error, t.next_try_at
FROM callbacks_delivery d
LEFT JOIN callbacks_endpoint e ON e.id = d.endpoint_id  -- a callback's row may have been cleared since
LEFT JOIN callbacks_deliverydue q ON q.delivery_id = d.id
LEFT JOIN callbacks_deliverytry t ON t.delivery_id = d.id AND t.delivery_id >= %(first)s
WHERE d.message_id = %(message)s AND d.id >= %(first)s
ORDER BY d.id, t.number LIMIT %(most)s
"""


def webhooks(message_id: UUID) -> Iterator[Moment]:
    """A source of messaging.timeline."""
    with connection.cursor() as cursor:
        cursor.execute(_OWED, {"message": message_id, "first": ids.first_at(ids.made_at(message_id)), "most": MOST})
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        if row["number"] is not None:
            yield _try(row)
    for row in {row["id"]: row for row in rows}.values():
        if row["due_at"] is not None:
            yield _due(row)


def _try(row: Mapping[str, Any]) -> Moment:
    """`row`: a try beside its delivery."""
    answer = f"answered {row['status_code']}" if row["status_code"] is not None else "did not answer"
    facts = _facts(row)
    if row["error"]:
        facts.insert(1, Fact("Error", row["error"], is_code=True))
    if row["next_try_at"]:
        facts.insert(1, Fact("Next try", row["next_try_at"]))
    return Moment(
        row["started_at"],
        Kind.WEBHOOK,
        f"Webhook {answer} in {row['milliseconds']:,} ms",
        _TONES[row["outcome"]],
        text="It is given up: no further try follows." if row["outcome"] == Outcome.EXHAUSTED else "",
        facts=tuple(facts),
        marks=(f"try {row['number']}",) if row["number"] > 1 else (),
        label=row["type"].removeprefix("message."),
        order=row["number"],
    )


_TONES: dict[str, Tone] = {Outcome.DELIVERED: Tone.GOOD, Outcome.FAILED: Tone.CARE, Outcome.EXHAUSTED: Tone.BAD}


def _due(row: Mapping[str, Any]) -> Moment:
    text = "It is sent again." if row["number"] else "It is sent for the first time."
    if row["is_enabled"] is False:
        text = "Its endpoint is disabled, so it is given up."
    label = row["type"].removeprefix("message.")
    return Moment(row["due_at"], Kind.WEBHOOK, "Webhook is due", text=text, facts=tuple(_facts(row)), label=label, is_ahead=True)


def _facts(row: Mapping[str, Any]) -> list[Fact]:
    where = "Callback" if row["kind"] == EndpointKind.CALLBACK else "Endpoint"
    address = phrases.address(row["url"]) if row["url"] else "cleared since, for nobody named it any more"
    return [Fact(where, address, is_code=bool(row["url"])), Fact("Delivery", ids.public("dlv", row["id"]), is_id=True)]
