"""What became of calls: recorded many in one transaction, and told to staff and to templates afterwards."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from messaging import aside, record, troubles
from messaging.calling import Answered
from messaging.course import OUT_OF_SERVICE_WAIT, RETRIED
from messaging.lifecycle import Trouble
from messaging.story import Story
from messaging.suppressions import learning
from messaging.troubles import Refused
from routing.providers import base
from routing.providers.base import ErrorClass
from templates_app import registration

logger = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds between two tries of a failing provider, at most."""


def finish(answered: Sequence[Answered]) -> None:
    """Record what became of calls, many in one transaction. What can't be recorded is unknown when its lease runs out."""
    try:
        at = _finish(answered, kept=_kept(answered))
    except aside.AWAY:
        raise
    except Exception:  # noqa: BLE001 - one answer must not spoil the others
        for each in answered:
            _finish_alone(each)
    else:
        _tell_staff(answered, at=at)
        _tell_templates(answered, at=at)


def _finish_alone(answered: Answered) -> None:
    """By what the database knows: the story that was kept has heard this answer already."""
    try:
        at = _finish([answered], kept={})
    except aside.AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - one answer must not spoil the others
        logger.error("What became of a call can't be recorded: %s.", type(error).__name__)  # noqa: TRY400 - a traceback may quote it
    else:
        _tell_staff([answered], at=at)


def _kept(answered: Sequence[Answered]) -> dict[UUID, record.Kept]:
    """Those whose lease still keeps others from settling the attempt, or setting it aside, without a word in its story."""
    now = time.monotonic() - settings.QSURA_PROVIDER_TIMEOUT
    return {each.ready.message_id: each.ready.kept for each in answered if each.ready.kept and now < each.ready.lease_ends}


def _finish(answered: Sequence[Answered], *, kept: Mapping[UUID, record.Kept]) -> datetime:
    with transaction.atomic():
        at = record.clock()
        stories = record.load_again({each.ready.message_id for each in answered}, kept=kept)
        for each in answered:
            _hear(stories[each.ready.message_id], each, at=at)
        record.save(stories.values())
        learning.learn(_opted_out(answered, stories), at=at)
    return at


def _opted_out(answered: Sequence[Answered], stories: Mapping[UUID, Story]) -> list[learning.Refusal]:
    return [
        learning.Refusal(
            each.ready.message_id,
            each.ready.account_id,
            stories[each.ready.message_id].attempts[each.ready.number].channel,
            each.outcome.fault.raw_code,
        )
        for each in answered
        if each.outcome.fault is not None and each.outcome.fault.error_class is ErrorClass.OPTED_OUT
    ]


def _tell_staff(answered: Sequence[Answered], *, at: datetime) -> None:
    refused = [
        Refused(each.ready.message_id, each.ready.account_id, each.ready.adapter.name, each.outcome.fault)
        for each in answered
        if each.outcome.fault is not None
    ]
    if refused:
        troubles.tell(refused, at=at)


def _tell_templates(answered: Sequence[Answered], *, at: datetime) -> None:
    """What was refused because of its template, a line a template and account: the provider's standing of it may have changed."""
    said = {
        (each.ready.version_id, each.ready.account_id, each.outcome.fault.raw_code)
        for each in answered
        if each.outcome.fault is not None and each.outcome.fault.error_class is ErrorClass.TEMPLATE_FAULT
    }
    for version_id, account_id, raw_code in sorted(said):
        registration.hear_fault(version_id, account_id, raw_code=raw_code, at=at)


def _hear(story: Story, answered: Answered, *, at: datetime) -> None:
    number, outcome = answered.ready.number, answered.outcome
    if outcome.reference:
        story.taken(number, outcome.reference, at=at, parts=outcome.parts)
    elif outcome.fault is None:
        story.lost_sight(number, at=at)
    else:
        _hear_fault(story, answered, outcome.fault, at=at)


def _hear_fault(story: Story, answered: Answered, fault: base.Fault, *, at: datetime) -> None:
    number = answered.ready.number
    trouble = Trouble(fault.error_class, fault.error_class, fault.raw_code)
    is_ours = story.waiting is not None and story.waiting.number == number and story.waiting.lease == answered.ready.lease
    if fault.error_class in RETRIED:
        if is_ours:
            story.postponed(number, trouble, until=at + _backoff(story, fault), at=at)
    elif fault.error_class is ErrorClass.ACCOUNT_FAULT and is_ours and not story.has_way_out(trouble):
        # Not the message's fault: it stays due until somebody has mended the account, or its deadline passes.
        story.postponed(number, trouble, until=at + OUT_OF_SERVICE_WAIT, at=at)
    else:
        story.refused(number, trouble, at=at)


def _backoff(story: Story, fault: base.Fault) -> timedelta:
    tries = story.waiting.tries if story.waiting else 1
    wait = min(LONGEST_WAIT, 2.0 ** (tries - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
    return timedelta(seconds=max(wait, fault.retry_after or 0.0))
