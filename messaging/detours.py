"""Messages that wait for an account which lets nothing through: they go round it where their plan has a way, or rest till it is tried.

The claim leaves such rows alone (routing.gates), so somebody must see to it that a code does not wait behind a dead account, that a step
gives up when it should, and that what is past its deadline ends.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from messaging import aside, record
from messaging.lifecycle import Trouble
from messaging.story import Story
from routing import gates
from routing.choices import TrafficClass
from routing.providers.base import ErrorClass

BATCH = 500
MOST = 4
"""Batches in one look at one account: others are looked at too, and the next look is a second later."""
AT_REST = 20_000
"""Rows that one statement puts to rest."""
LONGEST_REST = timedelta(seconds=60)
"""How soon it is looked again: staff may let the account be tried before its time."""
SHUT = Trouble(ErrorClass.PROVIDER_FAULT, "account_shut")

# Set by set: a hundred thousand that can do nothing but wait must not be read one by one.
_REST = """
WITH waiting AS (
    SELECT d.message_id FROM messaging_due d JOIN messaging_message m ON m.id = d.message_id
    WHERE d.lane = %(lane)s AND d.account_id = %(account)s AND d.due_at <= statement_timestamp() AND d.calling_at IS NULL
        AND m.expires_at > %(until)s AND (d.gives_up_at IS NULL OR (d.gives_up_at > %(until)s AND d.lane <> 'authentication'))
        AND jsonb_array_length(m.plan -> d.step::integer -> 'accounts') = 1
    LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED
)
UPDATE messaging_due d SET due_at = %(until)s FROM waiting WHERE d.message_id = waiting.message_id
"""
_PICK = """
SELECT message_id FROM messaging_due
WHERE lane = %(lane)s AND account_id = %(account)s AND due_at <= statement_timestamp() AND calling_at IS NULL
LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""


def look() -> int:
    """Send messages round the accounts that are shut; returns how many were looked at. One small query while none is."""
    shut = gates.shut()
    return sum(_see_to(account_id, lane, shut=shut) for account_id in sorted(shut) for lane in TrafficClass.values)


def _see_to(account_id: UUID, lane: str, *, shut: dict[UUID, tuple[datetime, datetime]]) -> int:
    until, now = shut[account_id]
    until = min(until, now + LONGEST_REST)
    asked: dict[str, Any] = {"lane": lane, "account": account_id, "until": until, "most": AT_REST}
    with connection.cursor() as cursor:
        cursor.execute(_REST, asked)
        seen: int = cursor.rowcount
    for _ in range(MOST):
        seen += (found := _batch(asked | {"most": BATCH}, until=until, shut=shut.keys()))
        if found < BATCH:
            break
    return seen


def _batch(asked: dict[str, Any], *, until: datetime, shut: Collection[UUID]) -> int:
    """Some of them in one transaction; if one message breaks it, each in its own."""
    found: list[UUID] = []
    go_round = partial(_go_round, until=until, shut=shut)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_PICK, asked)
                found = [message_id for (message_id,) in cursor.fetchall()]
            go_round(found)
    except aside.AWAY:
        raise
    except Exception:
        if not found:
            raise
        aside.each_alone(found, go_round, place="detour")
    return len(found)


def _go_round(message_ids: list[UUID], *, until: datetime, shut: Collection[UUID]) -> None:
    stories = record.load(message_ids, skip_locked=True)
    at = record.clock()
    for story in stories.values():
        story.move_on(at=at)
        if (
            story.waiting is not None
            and story.waiting.calling_at is None
            and story.waiting.account_id in shut
            and story.waiting.due_at <= at
        ):
            _send_round(story, until=until, shut=shut, at=at)
    record.save(stories.values())


def _send_round(story: Story, *, until: datetime, shut: Collection[UUID], at: datetime) -> None:
    """At once to another account of the step, and a code to the next step as well; others give the account its step's patience first."""
    waiting, way = story.due, story.way_out(SHUT)
    is_code = story.subject.lane == TrafficClass.AUTHENTICATION
    if way is not None and (is_code or (way.step == waiting.step and way.account_id not in shut)):
        story.give_up(SHUT, at=at)
    else:
        story.postponed(waiting.number, SHUT, until=until, at=at)
