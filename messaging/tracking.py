"""What providers say about attempts, applied to many messages in one transaction."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from accounts import ids
from messaging import lifecycle, parts, record
from messaging.lifecycle import AttemptStatus, Trouble
from messaging.signals import NewEvent
from messaging.story import Story, Try
from messaging.suppressions import learning
from routing import tally
from routing.providers.base import ErrorClass


@dataclass(frozen=True, slots=True)
class Said:
    """One statement of a provider about one attempt. `status` None: a word that no table knows, kept and without effect."""

    message_id: UUID
    attempt: int
    account_id: UUID
    status: AttemptStatus | None
    occurred_at: datetime | None
    received_at: datetime
    raw_status: str
    trouble: Trouble | None = None
    raw_code: str | None = None
    call_id: UUID | None = None
    provider_reference: str = ""
    parts: tuple[str, ...] = ()
    """Where it speaks of one part of the attempt: the references of all of them."""


class Joined(NamedTuple):
    """What came of what was said."""

    events: list[NewEvent]
    strangers: list[Said]
    """What names no attempt of that very account. Nothing was changed by it, so that no account can speak about another's messages."""


def apply(said: Sequence[Said], *, at: datetime) -> list[NewEvent]:
    """Join what was said into its messages; returns the new events. What names strangers is left out."""
    return join(said, at=at).events


def join(said: Sequence[Said], *, at: datetime) -> Joined:
    """Join what was said into its messages: statuses, events, receipts' history and whatever follows, all in one transaction."""
    with transaction.atomic():
        stories = record.load({each.message_id for each in said})
        ours: list[Said] = []
        strangers: list[Said] = []
        for each in said:
            (ours if _is_about(stories.get(each.message_id), each) else strangers).append(each)
        receipts = []
        was_on_the_way = {id(attempt): attempt for attempt in _attempts(ours, stories) if attempt.known.delivered_at is None}
        for _, group in itertools.groupby(sorted(ours, key=lambda each: each.message_id), key=lambda each: each.message_id):
            for each in group:
                _hear(stories[each.message_id], each, at=at)
                receipts.append(_receipt(each))
        events = record.save(stories.values(), receipts=receipts)
        learning.learn(_opted_out(ours, stories), at=at)
        tally.note_delivered(
            (attempt.account_id, (attempt.known.delivered_at - attempt.called_at).total_seconds())
            for attempt in was_on_the_way.values()
            if attempt.known.delivered_at is not None
        )
        return Joined(events, strangers)


def _attempts(said: Sequence[Said], stories: Mapping[UUID, Story]) -> Iterator[Try]:
    yield from (stories[each.message_id].attempts[each.attempt] for each in said)


def _opted_out(said: Sequence[Said], stories: Mapping[UUID, Story]) -> list[learning.Refusal]:
    return [
        learning.Refusal(each.message_id, each.account_id, stories[each.message_id].attempts[each.attempt].channel, each.raw_code or "")
        for each in said
        if each.trouble is not None and each.trouble.error_class == ErrorClass.OPTED_OUT
    ]


class Found(NamedTuple):
    """What an account's provider calls by a reference: an attempt, or one of the parts in which it went out."""

    message_id: UUID
    attempt: int
    parts: tuple[str, ...]


def find(account_id: UUID, references: Collection[str]) -> dict[str, Found]:
    """The attempts that an account's provider knows under those references."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reference, message_id, attempt, parts FROM messaging_providerreference WHERE account_id = %s AND reference = ANY(%s)",
            [account_id, list(references)],
        )
        return {row[0]: Found(row[1], row[2], tuple(row[3] or ())) for row in cursor.fetchall()}


def _is_about(story: Story | None, said: Said) -> bool:
    attempt = story.attempts.get(said.attempt) if story else None
    return attempt is not None and attempt.account_id == said.account_id


def _hear(story: Story, said: Said, *, at: datetime) -> None:
    attempt = story.attempts[said.attempt]
    if said.provider_reference and attempt.provider_reference is None:
        # The receipt overtook the answer to the hand-off, or the answer was lost: now the provider's id is known after all.
        attempt.provider_reference = said.provider_reference
        story.newly_taken.add(said.attempt)
        story.touched.add(said.attempt)
    status = parts.join(said.account_id, said.parts, reference=said.provider_reference, status=said.status) if said.parts else said.status
    if status is not None:
        occurred_at = said.occurred_at or said.received_at
        story.hear(said.attempt, lifecycle.fact(status, occurred_at, said.trouble), at=at, occurred_at=occurred_at)


def _receipt(said: Said) -> record.NewReceipt:
    return record.NewReceipt(
        message_id=said.message_id,
        id=ids.new(),
        attempt=said.attempt,
        status=said.status or "unmapped",
        raw_status=said.raw_status[:64],
        raw_code=said.raw_code,
        occurred_at=said.occurred_at,
        received_at=said.received_at,
        call_id=said.call_id,
    )
