"""The hot tables' one reader and writer: loads stories under lock, saves what they collected. Many messages at once; one is a batch of one.

Every statement takes its rows as one JSON parameter (`json_to_recordset`: a sixth of the client's work of arrays, docs/decisions/0003), and
names the messages' ids besides, so that PostgreSQL prunes partitions before it joins.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, cast
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from messaging import bell, doubles, signals
from messaging.lifecycle import AttemptStatus, Known, Status, Trouble
from messaging.signals import NewEvent
from messaging.story import Story, Subject, Try, Waiting

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewReceipt:
    """A line of the receipts' history."""

    message_id: UUID
    id: UUID
    attempt: int
    status: str
    raw_status: str
    raw_code: str | None
    occurred_at: datetime | None
    received_at: datetime
    call_id: UUID | None


_LOAD = """
SELECT m.id, m.business_id, m.mode, m.lane, m.plan, m.expires_at, m.reference, m.metadata, m.callback,
       s.opened, s.status, s.ended, s.seq, s.step, s.error_class, s.error_code, s.ended_at
FROM messaging_state s JOIN messaging_message m ON m.id = s.message_id
WHERE s.message_id = ANY(%(ids)s::uuid[]) AND m.id = ANY(%(ids)s::uuid[]) ORDER BY s.message_id
"""
_LOAD_ATTEMPTS = """
SELECT message_id, number, step, channel, account_id, called_at, tries, provider_reference, status, submitted_at, sent_at, ended_at,
       delivered_at, read_at, error_class, error_code, raw_code, weight
FROM messaging_attempt WHERE message_id = ANY(%(ids)s::uuid[])
"""
_LOAD_DUE = """
SELECT message_id, number, step, channel, account_id, due_at, gives_up_at, lease, calling_at, tries, error_class, raw_code
FROM messaging_due WHERE message_id = ANY(%(ids)s::uuid[])
"""


def clock() -> datetime:
    """The database's time: the one clock that all workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cast("datetime", cursor.fetchone()[0])


def load(message_ids: Collection[UUID], *, skip_locked: bool = False) -> dict[UUID, Story]:
    """The stories of those messages that exist, locked in the order of their ids until the transaction ends.

    Whoever holds rows of a queue passes `skip_locked`: what another transaction works on is left out, and no two wait for each other.
    """
    ids = sorted(set(message_ids))
    if not ids:
        return {}
    lock = "FOR UPDATE OF s SKIP LOCKED" if skip_locked else "FOR UPDATE OF s"
    with _in_one_go():
        rows, attempts, due = (_ask(sql, ids) for sql in (_LOAD + lock, _LOAD_ATTEMPTS, _LOAD_DUE))
        stories = {row[0]: _story(row) for row in rows.fetchall()}
        for message_id, number, *rest in attempts.fetchall():
            if message_id in stories:
                stories[message_id].attempts[number] = _try(number, *rest)
        for message_id, *rest in due.fetchall():
            if message_id in stories:
                stories[message_id].waiting = Waiting(*rest)
    return stories


@dataclass(frozen=True, slots=True)
class Kept:
    """A story as this process last saved it, and the transaction that did: that is the version of its row until anybody saves it again."""

    story: Story
    transaction: str


def keep(stories: Iterable[Story]) -> dict[UUID, Kept]:
    """Stories that were saved in this transaction, to be gone on with in a later one. Nobody may use them otherwise after this."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::xid::text")
        (transaction_id,) = cursor.fetchone()
    for story in stories:
        story.turn_the_page()
    return {story.subject.id: Kept(story, transaction_id) for story in stories}


_VERSIONS = """
SELECT message_id, xmin::text FROM messaging_state WHERE message_id = ANY(%(ids)s::uuid[]) ORDER BY message_id FOR UPDATE
"""


def load_again(message_ids: Collection[UUID], *, kept: Mapping[UUID, Kept]) -> dict[UUID, Story]:
    """Like `load`; but those that nobody has saved since they were kept are locked and not read again."""
    ids = sorted(set(message_ids))
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, {"ids": _array(ids)})
        versions = dict(cursor.fetchall())
    same = {id_: kept[id_].story for id_ in ids if id_ in kept and kept[id_].transaction == versions.get(id_)}
    return same | load([id_ for id_ in ids if id_ not in same])


def _array(ids: Iterable[UUID]) -> str:
    """A parameter for uuid[], as PostgreSQL writes it: the driver takes ten times as long."""
    return "{" + ",".join([id_.hex for id_ in ids]) + "}"


@contextmanager
def _in_one_go() -> Iterator[None]:
    """Statements that don't wait for each other's results travel together (libpq's pipeline): a batch waits for the server a few times,
    not twenty. What one of them did wrong is raised at the end of the block at the latest."""
    connection.ensure_connection()
    with connection.connection.pipeline():
        yield


def _ask(sql: str, ids: list[UUID]) -> CursorWrapper:
    cursor = connection.cursor()
    cursor.execute(sql, {"ids": _array(ids)})
    return cursor


@lru_cache(maxsize=256)
def _plan(text: str) -> Sequence[Mapping[str, Any]]:
    """Thousands of messages have the same; nobody changes one."""
    plan: Sequence[Mapping[str, Any]] = orjson.loads(text)
    return plan


def _story(row: Sequence[Any]) -> Story:
    plan, metadata = _plan(row[4]), orjson.loads(row[7]) if row[7] else None
    subject = Subject(row[0], row[1], row[2], row[3], plan, row[5], row[6], metadata, row[8])
    opened, status, ended, seq, step, error_class, error_code, ended_at = row[9:]
    return Story(
        subject=subject,
        grace=timedelta(seconds=settings.QSURA_UNKNOWN_GRACE),
        opened=Status(opened),
        status=Status(status),
        ended=Status(ended) if ended else None,
        seq=seq,
        step=step,
        trouble=Trouble(error_class, error_code) if error_class else None,
        ended_at=ended_at,
        attempts={},
        waiting=None,
    )


def _try(number: int, *row: Any) -> Try:
    step, channel, account_id, called_at, tries, reference, *known = row
    status, submitted_at, sent_at, ended_at, delivered_at, read_at, error_class, code, raw_code, weight = known
    trouble = Trouble(error_class, code, raw_code or "") if error_class else None
    facts = Known(AttemptStatus(status), submitted_at, sent_at, ended_at, delivered_at, read_at, trouble, AttemptStatus(weight))
    return Try(number, step, channel, account_id, called_at, tries, facts, reference)


_SAVE_ATTEMPTS = """
INSERT INTO messaging_attempt (message_id, number, step, channel, account_id, status, tries, called_at, provider_reference, submitted_at,
    sent_at, ended_at, delivered_at, read_at, weight, error_class, error_code, raw_code)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r(message_id uuid, number smallint, step smallint, channel text, account_id uuid,
    status text, tries smallint, called_at timestamptz, provider_reference text, submitted_at timestamptz, sent_at timestamptz,
    ended_at timestamptz, delivered_at timestamptz, read_at timestamptz, weight text, error_class text, error_code text, raw_code text)
ON CONFLICT (message_id, number) DO UPDATE SET status = excluded.status, tries = excluded.tries, called_at = excluded.called_at,
    provider_reference = excluded.provider_reference, submitted_at = excluded.submitted_at, sent_at = excluded.sent_at,
    ended_at = excluded.ended_at, delivered_at = excluded.delivered_at, read_at = excluded.read_at, weight = excluded.weight,
    error_class = excluded.error_class, error_code = excluded.error_code, raw_code = excluded.raw_code
"""
_SAVE_STATES = """
UPDATE messaging_state s SET status = r.status, ended = r.ended, seq = r.seq, step = r.step, attempts = r.attempts,
    error_class = r.error_class, error_code = r.error_code, submitted_at = r.submitted_at, sent_at = r.sent_at,
    delivered_at = r.delivered_at, read_at = r.read_at, ended_at = r.ended_at
FROM json_to_recordset(%(rows)s::json) AS r(message_id uuid, status text, ended text, seq smallint, step smallint, attempts smallint,
    error_class text, error_code text, submitted_at timestamptz, sent_at timestamptz, delivered_at timestamptz, read_at timestamptz,
    ended_at timestamptz)
WHERE s.message_id = r.message_id AND s.message_id = ANY(%(ids)s::uuid[])
"""
_SAVE_DUE = """
INSERT INTO messaging_due (message_id, business_id, lane, number, step, channel, account_id, due_at, gives_up_at, lease, calling_at, tries,
    error_class, raw_code)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r(message_id uuid, business_id uuid, lane text, number smallint, step smallint,
    channel text, account_id uuid, due_at timestamptz, gives_up_at timestamptz, lease uuid, calling_at timestamptz, tries smallint,
    error_class text, raw_code text)
ON CONFLICT (message_id) DO UPDATE SET number = excluded.number, step = excluded.step, channel = excluded.channel,
    account_id = excluded.account_id, due_at = excluded.due_at, gives_up_at = excluded.gives_up_at, lease = excluded.lease,
    calling_at = excluded.calling_at, tries = excluded.tries, error_class = excluded.error_class, raw_code = excluded.raw_code
"""
_SAVE_TIMERS = """
INSERT INTO messaging_timer (message_id, due_at)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r(message_id uuid, due_at timestamptz)
ON CONFLICT (message_id) DO UPDATE SET due_at = excluded.due_at
"""
_SAVE_EVENTS = """
INSERT INTO messaging_event (message_id, seq, id, business_id, mode, type, previous_status, status, final, occurred_at, recorded_at,
    attempt, channel, account_id, error_class, error_code, raw_code, detail)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r(message_id uuid, seq smallint, id uuid, business_id uuid, mode text, type text,
    previous_status text, status text, final boolean, occurred_at timestamptz, recorded_at timestamptz, attempt smallint, channel text,
    account_id uuid, error_class text, error_code text, raw_code text, detail jsonb)
"""
_SAVE_RECEIPTS = """
INSERT INTO messaging_receipt (message_id, id, attempt, status, raw_status, raw_code, occurred_at, received_at, call_id)
SELECT * FROM json_to_recordset(%(rows)s::json) AS r(message_id uuid, id uuid, attempt smallint, status text, raw_status text,
    raw_code text, occurred_at timestamptz, received_at timestamptz, call_id uuid)
"""
_SAVE_REFERENCES = """
INSERT INTO messaging_providerreference (account_id, reference, message_id, attempt, parts, created_at)
SELECT *, now()
FROM json_to_recordset(%(rows)s::json) AS r(account_id uuid, reference text, message_id uuid, attempt smallint, parts text[])
ON CONFLICT DO NOTHING
"""


def save(stories: Iterable[Story], *, receipts: Sequence[NewReceipt] = ()) -> list[NewEvent]:
    """Write what the stories collected, and tell it once, inside the caller's transaction. Returns the new events."""
    moved = [story for story in stories if story.moved or story.touched]
    events = [event for story in moved for event in story.new_events]
    with _in_one_go():
        _write(_SAVE_ATTEMPTS, [_attempt_row(story, story.attempts[number]) for story in moved for number in story.touched])
        _write(_SAVE_STATES, [_state_row(story) for story in moved], ids=_array(story.subject.id for story in moved))
        _save_waiting(moved)
        references = _save_references(moved)
        _write(_SAVE_RECEIPTS, [_receipt_row(receipt) for receipt in receipts])
        tell(events)
    _check(references)
    for lane in {story.subject.lane for story in moved if story.waiting and story.waiting.tries == 0}:
        transaction.on_commit(partial(bell.ring, bell.HAND_OFF[lane]))
    return events


def tell(events: list[NewEvent]) -> None:
    """Write events and send the one signal, so that their webhooks are owed from the same commit on."""
    if events:
        _write(_SAVE_EVENTS, [event_row(event) for event in events])
        signals.recorded.send(sender=None, events=events)


def event_row(event: NewEvent) -> dict[str, Any]:
    """The event's columns, without what only its webhook echoes."""
    return {name: getattr(event, name) for name in _EVENT_COLUMNS}


_EVENT_COLUMNS = tuple(name for name in NewEvent.__slots__ if name not in {"reference", "metadata", "callback"})


def _write(sql: str, rows: Sequence[Mapping[str, Any]], **parameters: Any) -> CursorWrapper | None:
    if not rows:
        return None
    cursor = connection.cursor()
    cursor.execute(sql, {"rows": orjson.dumps(rows).decode(), **parameters})
    return cursor


def _attempt_row(story: Story, attempt: Try) -> dict[str, Any]:
    known, trouble = attempt.known, attempt.known.trouble
    return {
        "message_id": story.subject.id,
        "number": attempt.number,
        "step": attempt.step,
        "channel": attempt.channel,
        "account_id": attempt.account_id,
        "status": known.status,
        "tries": attempt.tries,
        "called_at": attempt.called_at,
        "provider_reference": attempt.provider_reference,
        "submitted_at": known.submitted_at,
        "sent_at": known.sent_at,
        "ended_at": known.ended_at,
        "delivered_at": known.delivered_at,
        "read_at": known.read_at,
        "weight": known.weight,
        "error_class": trouble.error_class if trouble else None,
        "error_code": trouble.code if trouble else None,
        "raw_code": trouble.raw_code if trouble else None,
    }


def _state_row(story: Story) -> dict[str, Any]:
    known = [attempt.known for attempt in story.attempts.values()]
    trouble = story.trouble if story.ended else None
    return {
        "message_id": story.subject.id,
        "status": story.status,
        "ended": story.ended,
        "seq": story.seq,
        "step": story.step,
        "attempts": max(story.attempts, default=0),
        "error_class": trouble.error_class if trouble else None,
        "error_code": trouble.code if trouble else None,
        "submitted_at": min((each.submitted_at for each in known if each.submitted_at), default=None),
        "sent_at": min((each.sent_at for each in known if each.sent_at), default=None),
        "delivered_at": min((each.delivered_at for each in known if each.delivered_at), default=None),
        "read_at": min((each.read_at for each in known if each.read_at), default=None),
        "ended_at": story.ended_at,
    }


def _save_waiting(stories: Sequence[Story]) -> None:
    waiting, timed, done, untimed = [], [], [], []
    for story in stories:
        if story.waiting is None:
            done.append(story.subject.id)
        else:
            waiting.append(_waiting_row(story, story.waiting))
        moment = story.next_moment()
        if moment is None:
            untimed.append(story.subject.id)
        else:
            timed.append({"message_id": story.subject.id, "due_at": moment})
    _write(_SAVE_DUE, waiting)
    _write(_SAVE_TIMERS, timed)
    with connection.cursor() as cursor:
        if done:
            cursor.execute("DELETE FROM messaging_due WHERE message_id = ANY(%s::uuid[])", [_array(done)])
        if untimed:
            cursor.execute("DELETE FROM messaging_timer WHERE message_id = ANY(%s::uuid[])", [_array(untimed)])


def _waiting_row(story: Story, waiting: Waiting) -> dict[str, Any]:
    return {
        "message_id": story.subject.id,
        "business_id": story.subject.business_id,
        "lane": story.subject.lane,
        **{name: getattr(waiting, name) for name in Waiting.__slots__},
    }


def _save_references(stories: Sequence[Story]) -> tuple[list[dict[str, Any]], CursorWrapper | None]:
    rows: list[dict[str, Any]] = [
        {"account_id": attempt.account_id, "reference": reference, "message_id": story.subject.id, "attempt": number}
        | ({"parts": attempt.parts} if attempt.parts else {})
        for story in stories
        for number in story.newly_taken
        if (attempt := story.attempts[number])
        for reference in attempt.parts or (attempt.provider_reference,)
    ]
    return rows, _write(_SAVE_REFERENCES, rows)


def _check(references: tuple[list[dict[str, Any]], CursorWrapper | None]) -> None:
    rows, written = references
    if written is not None and written.rowcount < len(rows):
        doubles.tell(rows)


def _receipt_row(receipt: NewReceipt) -> dict[str, Any]:
    return {name: getattr(receipt, name) for name in NewReceipt.__slots__}
