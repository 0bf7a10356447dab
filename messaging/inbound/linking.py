"""Which of our messages an inbound one answers, and who has written to that person by that account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from accounts import ids
from messaging import references, tracking
from messaging.choices import LinkedBy
from messaging.inbound import taking
from messaging.inbound_records import Inbound
from messaging.models import Attempt, Message
from routing import sharing, vault

RECENT = timedelta(hours=72)
"""How long after our last message what comes without a word of the provider's is still taken for its answer."""
REMEMBERED = timedelta(days=30)
"""How long ago a business that shares a sender may have written to somebody who says STOP there, to be meant as well."""
MOST = 500
"""Messages to one person that are looked through."""


@dataclass(slots=True)
class Linked:
    """An inbound row with all that is known of it."""

    row: Inbound
    said: dict[str, Any] = field(repr=False)
    message_id: UUID | None = None
    attempt: int | None = None
    linked_by: str = ""
    hashes: set[bytes] = field(default_factory=set)
    """Of the person: the number that wrote, and the one that the answered message was for."""
    businesses: set[UUID] = field(default_factory=set)
    """Who has written to that person by that account."""
    business_id: UUID | None = None


def link(row: Inbound) -> Linked:
    """Find out; changes nothing. Raises vault.CannotOpen."""
    linked = Linked(row, orjson.loads(vault.unseal(bytes(row.said), bound_to=taking.sealed_at(row.id))), business_id=row.business_id)
    if row.sender_hash is not None:
        linked.hashes.add(bytes(row.sender_hash))
    elif (known := _known_by(row)) is not None:
        linked.hashes.add(known)
    accounts = [row.account_id, *sharing.partners(row.account_id)]
    if not _by_context(linked, accounts):
        _by_recency(linked, accounts)
    if linked.business_id is not None:
        linked.businesses.add(linked.business_id)
    return linked


def _known_by(row: Inbound) -> bytes | None:
    """The number of somebody whom the provider now names by its own id alone, from when it told both."""
    if row.user_hash is None:
        return None
    found = Inbound.objects.filter(user_hash=bytes(row.user_hash), sender_hash__isnull=False).order_by("-id").values_list("sender_hash")
    first = found.first()
    return bytes(first[0]) if first and first[0] is not None else None


def _by_context(linked: Linked, accounts: Sequence[UUID]) -> bool:
    place = references.read(linked.said.get("client_reference") or "")
    context = linked.said.get("context")
    if place is None and context:
        found = (tracking.find(account_id, [context]).get(context) for account_id in accounts)
        place = next((each[:2] for each in found if each), None)
    if place is None or not Attempt.objects.filter(message_id=place[0], number=place[1], account_id__in=accounts).exists():
        return False
    message = Message.objects.filter(id=place[0]).first()
    if message is None:
        return False
    linked.message_id, linked.attempt = place
    linked.linked_by, linked.business_id = LinkedBy.CONTEXT, message.business_id
    linked.hashes.add(bytes(message.recipient_hash))
    return True


_LATEST = """
SELECT DISTINCT ON (m.business_id) m.business_id, m.id, a.number, a.called_at FROM (
    SELECT id, business_id FROM messaging_message
    WHERE recipient_hash = ANY(%(hashes)s::bytea[]) AND id >= %(since)s AND mode = %(mode)s ORDER BY id DESC LIMIT %(most)s
) m JOIN messaging_attempt a ON a.message_id = m.id AND a.account_id = ANY(%(accounts)s::uuid[]) AND a.tries > 0
WHERE a.called_at <= %(at)s
ORDER BY m.business_id, a.called_at DESC
"""


def _by_recency(linked: Linked, accounts: Collection[UUID]) -> None:
    """The last message that went to this person by this account, whoever's it was; and all who wrote to them by it lately."""
    row = linked.row
    if not linked.hashes:
        return
    found = _latest(linked.hashes, accounts=accounts, mode=row.mode, at=max(row.occurred_at, row.received_at))
    linked.businesses = {business_id for business_id, *_ in found}
    recent = [each for each in found if each[3] >= row.occurred_at - RECENT]
    if recent:
        business_id, linked.message_id, linked.attempt, _ = max(recent, key=lambda each: each[3])
        linked.linked_by, linked.business_id = LinkedBy.RECENCY, business_id


def _latest(hashes: Collection[bytes], *, accounts: Collection[UUID], mode: str, at: datetime) -> list[tuple[UUID, UUID, int, datetime]]:
    since = ids.first_at(at - REMEMBERED - timedelta(days=35))
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, {"hashes": list(hashes), "since": since, "accounts": list(accounts), "mode": mode, "at": at, "most": MOST})
        return [row for row in cursor.fetchall() if row[3] >= at - REMEMBERED]
