"""What follows from what people wrote: it is linked to the message that it answers, words are obeyed, and the business hears of it.

A batch in one transaction. Words come first, so that nobody is written to while the rest is done; stories that others hold are left for
the next round, a moment later, instead of being waited for under other locks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from accounts import ids, news
from accounts.choices import BusinessEventType
from messaging import recipients, record
from messaging.choices import Keyword, SuppressionOrigin, SuppressionReason
from messaging.inbound import linking
from messaging.inbound.linking import Linked
from messaging.inbound_records import Inbound
from messaging.suppressions import keeping, keywords, lifting
from messaging.suppressions.keeping import Wanted
from messaging.suppressions.learning import COMPLAINTS
from routing.credentials import directory
from routing.providers.inbound import InboundKind

logger = logging.getLogger(__name__)

AT_A_TIME = 100
_AWAY = (OperationalError, InterfaceError)
_WISHES = frozenset({InboundKind.OPT_OUT, InboundKind.OPT_IN})
"""What a provider tells of somebody's will: nobody wrote, so nothing is told of a reply."""


def settle(*, limit: int = AT_A_TIME) -> int:
    """Follow up what waits longest; returns how many were done."""
    found: list[UUID] = []
    try:
        with transaction.atomic():
            rows = list(_open()[:limit])
            found = [row.id for row in rows]
            return _settle(rows)
    except _AWAY:
        raise
    except Exception:  # noqa: BLE001 - one of them must not hold back the others
        logger.warning("A batch of %d inbound messages could not be followed up at once; each is alone.", len(found))
        return sum(_settle_alone(id_) for id_ in found)


def _open() -> QuerySet[Inbound]:
    return Inbound.objects.filter(settled_at__isnull=True).order_by("id").select_for_update(skip_locked=True)


def _settle_alone(id_: UUID) -> int:
    try:
        with transaction.atomic():
            return _settle(list(_open().filter(id=id_)))
    except _AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - kept as it came, and not tried for ever
        logger.error("The inbound message %s can't be followed up: %s.", id_, type(error).__name__)  # noqa: TRY400 - it may quote a text
        Inbound.objects.filter(id=id_).update(settled_at=record.clock())
        return 1


def _settle(rows: Sequence[Inbound]) -> int:
    if not rows:
        return 0
    at = record.clock()
    linked = [linking.link(row) for row in rows]
    keeping.add([wanted for each in linked for wanted in _stops(each)], at=at)
    for each in linked:
        _start(each, at=at)
    done = _tell_messages(linked, at=at)
    for each in done:
        _tell_business(each)
        row = each.row
        row.business_id, row.message_id, row.linked_by, row.settled_at = each.business_id, each.message_id, each.linked_by, at
    Inbound.objects.bulk_update([each.row for each in done], ["business_id", "message_id", "linked_by", "settled_at"])
    return len(done)


# Words


def _stops(linked: Linked) -> Iterator[Wanted]:
    """What STOP, or a provider's word for it, puts in force: for every business that has written to this person by this sender."""
    row = linked.row
    is_told = row.kind == InboundKind.OPT_OUT
    if row.keyword != Keyword.STOP and not is_told:
        return
    raw = linked.said.get("raw_kind") or ""
    provider, sender = _provider(row), linked.said.get("sender")
    for business_id in sorted(linked.businesses):
        for hash_ in sorted(linked.hashes):
            yield Wanted(
                business_id=business_id,
                recipient_hash=hash_,
                mode=row.mode,
                channel=row.channel,
                category=(linked.said.get("category") or "") if is_told else keywords.CATEGORY[row.channel],
                reason=SuppressionReason.COMPLAINT if raw in COMPLAINTS else SuppressionReason.OPTED_OUT,
                origin=SuppressionOrigin.PROVIDER if is_told else SuppressionOrigin.KEYWORD,
                source=f"{provider} {raw}".strip() if is_told else "STOP",
                recipient=sender if sender and recipients.hash_of(sender) == hash_ else None,
                evidence={"inbound": ids.public("inb", row.id), "provider": provider, "message": _message_of(linked, business_id)},
            )


def _start(linked: Linked, *, at: datetime) -> None:
    row = linked.row
    if row.keyword != Keyword.START and row.kind != InboundKind.OPT_IN:
        return
    for business_id in sorted(linked.businesses):
        message = _message_of(linked, business_id)
        source = f"START ({ids.public('inb', row.id)})"
        lifting.start(linked.hashes, business_id=business_id, mode=row.mode, channel=row.channel, source=source, message=message, at=at)


def _message_of(linked: Linked, business_id: UUID) -> str | None:
    """The answered message's id, where it is that business's own."""
    return ids.public("msg", linked.message_id) if linked.message_id and linked.business_id == business_id else None


def _provider(row: Inbound) -> str:
    account = directory().get(row.account_id)
    return account.provider if account else ""


# What is told


def _tell_messages(linked: Sequence[Linked], *, at: datetime) -> list[Linked]:
    """A line in the story of each message that was answered; returns those that are done, as some stories are held by others."""
    answered = {each.message_id for each in linked if each.message_id and each.row.kind not in _WISHES}
    stories = record.load(answered, skip_locked=True)
    done = []
    for each in linked:
        if each.message_id not in answered:
            done.append(each)
        elif (story := stories.get(each.message_id)) is not None:
            detail = {"inbound": ids.public("inb", each.row.id), "kind": each.row.kind, "linked_by": str(each.linked_by)}
            story.replied(detail, attempt=each.attempt, occurred_at=each.row.occurred_at, at=at)
            done.append(each)
    record.save(stories.values())
    return done


def _tell_business(linked: Linked) -> None:
    row = linked.row
    if linked.business_id is None or row.kind in _WISHES:
        return
    about = {
        "id": ids.public("inb", row.id),
        "channel": row.channel,
        "kind": row.kind,
        "keyword": row.keyword or None,
        "message": ids.public("msg", linked.message_id) if linked.message_id else None,
        "linked_by": str(linked.linked_by) or None,
        "mode": row.mode,
    }
    news.tell(linked.business_id, type=BusinessEventType.INBOUND_RECEIVED, about=about, at=row.occurred_at)
