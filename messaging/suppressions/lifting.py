"""Lifting suppressions: the recipient may be written to again, and that somebody was not to be stays known."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import ids, news
from accounts.choices import BusinessEventType
from accounts.keys import Caller
from accounts.refusals import NotFound, Refusal
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.models import Suppression

UNDONE_BY_START = (SuppressionOrigin.KEYWORD, SuppressionOrigin.PROVIDER)
"""What a recipient did by a word, or at the provider that keeps such words itself. A complaint was more than that."""


class LiftedByStaffOnly(Refusal):
    """Staff have put it in force, and know why."""

    status = 409
    code = "suppression_of_staff"
    title = "Staff have put this suppression in force."


def lift(suppression: Suppression, *, by: str, because: str, at: datetime) -> Suppression:
    """Take it out of force; once more changes nothing, and the first word counts."""
    Suppression.objects.filter(pk=suppression.pk, lifted_at__isnull=True).update(
        lifted_at=at, lifted_by=by[:200], lifted_because=because[:500]
    )
    suppression.refresh_from_db()
    return suppression


def lift_for(caller: Caller, id_: UUID | None, *, because: str, at: datetime) -> Suppression:
    """The same by API. Raises NotFound, and LiftedByStaffOnly for what staff decided."""
    found = Suppression.objects.filter(pk=id_, business=caller.business_id, mode__in=("", caller.mode)).first() if id_ else None
    if found is None:
        raise NotFound("There is no such suppression.")
    if found.origin == SuppressionOrigin.STAFF:
        raise LiftedByStaffOnly("Ask the platform's staff to lift it.")
    return lift(found, by=f"API key {ids.public('key', caller.key_id)}", because=because, at=at)


def start(hashes: Collection[bytes], *, business_id: UUID, mode: str, channel: str, source: str, message: str | None, at: datetime) -> int:
    """A recipient has written START: what STOP had set on that channel is lifted, and the business hears of it. Returns how many."""
    with transaction.atomic():
        rows = Suppression.objects.select_for_update().filter(
            business=business_id,
            mode=mode,
            channel=channel,
            recipient_hash__in=list(hashes),
            reason=SuppressionReason.OPTED_OUT,
            origin__in=UNDONE_BY_START,
            lifted_at__isnull=True,
        )
        lifted = [lift(row, by="the recipient", because=source, at=at) for row in rows.order_by("pk")]
        for row in lifted:
            about = {
                "suppression": ids.public("sup", row.pk),
                "channel": channel,
                "category": row.category or None,
                "message": message,
                "mode": mode,
            }
            news.tell(business_id, type=BusinessEventType.OPTED_IN, about=about, at=at)
    return len(lifted)
