"""Taking a message back, while nobody has it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.keys import Caller
from accounts.refusals import NotFound, Refusal
from messaging import record
from messaging.lifecycle import Status


class TooLateToCancel(Refusal):
    """A provider has it, or may have it; or it has ended already."""

    status = 409
    code = "too_late_to_cancel"
    title = "The message can't be taken back any more."


def cancel(message_id: UUID, *, caller: Caller, at: datetime) -> None:
    """Take the message back; once more is no error. Raises NotFound or TooLateToCancel: it is canceled or it was sent, never both."""
    with transaction.atomic():
        story = record.load([message_id]).get(message_id)
        if story is None or (story.subject.business_id, story.subject.mode) != (caller.business_id, caller.mode):
            raise NotFound("There is no such message.")
        if story.status is Status.CANCELED:
            return
        if story.ended is not None or story.is_in_hands():
            raise TooLateToCancel(f"Its status is {story.status}; only a message that no provider has taken can be canceled.")
        story.cancel(at=at)
        record.save([story])
