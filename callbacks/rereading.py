"""History read once more with a corrected table: first as a dry run, which lists what would change and changes nothing.

Staff ask for it with a row; a worker reads on from where the row says, batch by batch, each in one transaction with the row, so that a
worker that dies costs at most the batch it had begun.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import ids
from accounts.models import Person
from callbacks import matching, parking, reading
from callbacks.choices import CallState, RereadingState
from callbacks.models import ProviderCall, Rereading
from callbacks.reading import Claimed
from messaging import tracking
from messaging.signals import NewEvent
from routing.models import ProviderAccount

AT_A_TIME = 200
LISTED = 200
"""Changes that a rereading lists by message; the others are counted."""
_OPEN = (RereadingState.WAITING, RereadingState.RUNNING)


class NotTriedYet(Exception):
    """Only a dry run that has ended can be applied, and only once."""


# Asked for by staff, done by a worker


def ask(account: ProviderAccount, *, since: datetime, by: Person | None, at: datetime) -> Rereading:
    """Ask for a dry run."""
    return Rereading.objects.create(account=account, since=since, until=at, asked_by=by, asked_at=at)


def carry_out(dry_run: Rereading, *, by: Person | None, at: datetime) -> Rereading:
    """Ask for what a dry run has listed to be done; the same calls are read. Raises NotTriedYet."""
    if dry_run.dry_run_id is not None or dry_run.state != RereadingState.DONE:
        raise NotTriedYet
    try:
        with transaction.atomic():
            return Rereading.objects.create(
                account=dry_run.account, since=dry_run.since, until=dry_run.until, dry_run=dry_run, asked_by=by, asked_at=at
            )
    except IntegrityError as error:
        raise NotTriedYet from error


def is_waiting() -> bool:
    """Whether anybody has asked for anything that is not done."""
    return bool(Rereading.objects.filter(state__in=_OPEN).exists())


def go_on(*, at: datetime) -> bool:
    """Read one more batch of the oldest that is not done; False if there is none."""
    with transaction.atomic():
        asked = Rereading.objects.filter(state__in=_OPEN).order_by("id").select_for_update(skip_locked=True).first()
        if asked is None:
            return False
        batch = _batch(asked.account_id, since=asked.since, until=asked.until, after=asked.place)
        _note(asked, batch, _reread(batch, at=at, is_dry=asked.dry_run_id is None), at=at)
    return True


def _note(asked: Rereading, batch: Sequence[Claimed], events: Sequence[NewEvent], *, at: datetime) -> None:
    asked.calls += len(batch)
    asked.changes += len(events)
    asked.listed += [_line(event) for event in events[: max(0, LISTED - len(asked.listed))]]
    if batch:
        asked.state, asked.place = RereadingState.RUNNING, batch[-1].id
    else:
        asked.state, asked.ended_at = RereadingState.DONE, at
    asked.save(update_fields=["calls", "changes", "listed", "state", "place", "ended_at"])


def _line(event: NewEvent) -> dict[str, str]:
    return {
        "message": ids.public("msg", event.message_id),
        "from": event.previous_status or "",
        "to": event.status,
        "event": event.type,
    }


# Done at once, for the command


def reread(account_id: UUID, *, since: datetime, at: datetime, is_dry: bool) -> Iterator[list[NewEvent]]:
    """Read again, batch by batch, the calls that came since then, and yield the events that follow from each.

    Only what changes something is written down: a receipt that says the same as before gets no second line in its message's history.
    A dry run weighs each batch by itself, so that what two batches would bring about together shows as both.
    """
    after = UUID(int=0)
    while batch := _batch(account_id, since=since, until=at, after=after):
        after = batch[-1].id
        yield _reread(batch, at=at, is_dry=is_dry)


def _batch(account_id: UUID, *, since: datetime, until: datetime, after: UUID) -> list[Claimed]:
    rows = ProviderCall.objects.filter(account_id=account_id, received_at__gte=since, received_at__lte=until, id__gt=after)
    columns = ("id", "account_id", "account__provider", "received_at", "content")
    return [Claimed(*row) for row in rows.exclude(state=CallState.PENDING).order_by("id").values_list(*columns)[:AT_A_TIME]]


def _reread(batch: Sequence[Claimed], *, at: datetime, is_dry: bool) -> list[NewEvent]:
    for call in batch:
        reading.understand(call)
    said, unmatched = matching.match([heard for call in batch for heard in call.heard])
    with transaction.atomic():
        events = tracking.apply(said, at=at)
        transaction.set_rollback(True)
    changed = {event.message_id for event in events}
    if is_dry:
        return events
    with transaction.atomic():
        events = tracking.apply([each for each in said if each.message_id in changed], at=at)
        parking.park(unmatched)
        reading.offer(batch, at=at)
        reading.mark(batch, at=at)
        reading.note_words(batch, at=at)
    return events
