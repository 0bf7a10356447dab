"""Receipts that speak of no attempt yet: kept until the hand-off that they ran ahead of is recorded, at most 72 hours."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from callbacks import matching
from callbacks.matching import Heard
from callbacks.models import ParkedReceipt
from messaging import references, tracking
from messaging.models import ProviderReference
from messaging.tracking import Said
from routing import sharing
from routing.providers.base import ErrorClass, Fault, Receipt, ReceiptStatus

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=72)
MOST = 100_000
"""Parked receipts of one account. Who sends from the same number without us brings receipts of messages that were never ours."""
STRAY_AFTER, STRAY_SPAN, MANY_STRAYS = timedelta(minutes=10), timedelta(hours=1), 50
"""An early receipt is matched within seconds. So many of one account that are older, within the span, make an alert."""
AT_A_TIME = 500
_MOST_ROUNDS = 20
_NO_CALL = UUID(int=0)
_AWAY = (OperationalError, InterfaceError)


def park(heard: Sequence[Heard]) -> None:
    """Keep them for later; those that give no provider's reference have no later."""
    ParkedReceipt.objects.bulk_create([_row(each) for each in heard if each.provider_reference])


def park_strangers(said: Sequence[Said]) -> None:
    """Keep what names an attempt that its account never made, though the name is of our making: it changes nothing, and staff see it.

    A database that was put back to yesterday brings these, a provider that mixes up two of its customers, or a swindler. Should its
    provider's reference become known for that very account, it counts like any other.
    """
    if not said:
        return
    ParkedReceipt.objects.bulk_create([_stranger(each) for each in said])
    for account_id, times in Counter(each.account_id for each in said).items():
        logger.warning("The provider account %s brought %d receipts of attempts that it never made.", account_id, times)


def match(*, at: datetime) -> int:
    """Apply and remove those whose attempt is known by now, ten thousand at most; returns how many."""
    matched = 0
    for _ in range(_MOST_ROUNDS):
        rows = _match_some(at=at)
        matched += rows
        if rows < AT_A_TIME:
            break
    return matched


def _match_some(*, at: datetime) -> int:
    rows: list[ParkedReceipt] = []
    try:
        with transaction.atomic():
            rows = list(_known()[:AT_A_TIME])
            _settle(rows, at=at)
    except _AWAY:
        raise
    except Exception:  # noqa: BLE001 - one receipt that can't be applied must not park the others for ever
        for row in rows:
            _settle_alone(row, at=at)
    return len(rows)


def _known() -> QuerySet[ParkedReceipt]:
    known = Q(Exists(ProviderReference.objects.filter(account_id=OuterRef("account_id"), reference=OuterRef("provider_reference"))))
    for account_id in ParkedReceipt.objects.values_list("account_id", flat=True).distinct():
        known = known | _known_to_partners(account_id)
    return ParkedReceipt.objects.filter(known).order_by("id").select_for_update(skip_locked=True)


def _known_to_partners(account_id: UUID) -> Q:
    """Of what came to this account's URL: what its partners' provider knows, for one URL may serve several numbers."""
    partners = sharing.partners(account_id)
    if not partners:
        return Q()
    theirs = ProviderReference.objects.filter(account_id__in=partners, reference=OuterRef("provider_reference"))
    return Q(Exists(theirs), account_id=account_id)


def _settle(rows: Sequence[ParkedReceipt], *, at: datetime) -> None:
    said, _ = matching.match([_heard(row) for row in rows])
    tracking.apply(said, at=at)
    ParkedReceipt.objects.filter(id__in=[row.id for row in rows]).delete()


def _settle_alone(row: ParkedReceipt, *, at: datetime) -> None:
    try:
        with transaction.atomic():
            _settle([row], at=at)
    except _AWAY:
        raise
    except Exception:  # given up; its call is still kept and can be read again
        logger.exception("A parked receipt of the call %s can't be applied.", row.call_id)
        row.delete()


_STRAYS = """
SELECT p.account_id, a.name, a.business_id, count(*) FILTER (WHERE p.received_at > %(since)s),
    count(*) FILTER (WHERE p.received_at > %(since)s AND p.client_reference <> '')
FROM callbacks_parkedreceipt p JOIN routing_provideraccount a ON a.id = p.account_id
WHERE p.received_at > %(before)s AND p.received_at <= %(until)s GROUP BY p.account_id, a.name, a.business_id ORDER BY p.account_id
"""


def watch(*, at: datetime) -> None:
    """Open an alert for each account that brings many receipts of nothing of ours, and resolve it once they have stopped."""
    span = {"until": at - STRAY_AFTER, "since": at - STRAY_AFTER - STRAY_SPAN, "before": at - STRAY_AFTER - 2 * STRAY_SPAN}
    with connection.cursor() as cursor:
        cursor.execute(_STRAYS, span)
        rows = cursor.fetchall()
    for account_id, name, business_id, times, foreign in rows:
        about = ids.public("pac", account_id)
        if times >= MANY_STRAYS:
            because = f"{times} receipts of an hour came to {name} and speak of no message of its own; {foreign} of them name another's."
            reporting.report(Kind.STRAY_RECEIPTS, about=about, because=because, business=business_id, at=at)
        elif not times:
            reporting.resolve(Kind.STRAY_RECEIPTS, about=about, at=at)


_EXPIRE = "DELETE FROM callbacks_parkedreceipt WHERE received_at < %s"
_CROWD = """
WITH crowded AS MATERIALIZED (
    SELECT account_id, (array_agg(id ORDER BY id DESC))[%(most)s + 1] AS newest
    FROM callbacks_parkedreceipt GROUP BY account_id HAVING count(*) > %(most)s
)
DELETE FROM callbacks_parkedreceipt p USING crowded c WHERE p.account_id = c.account_id AND p.id <= c.newest
"""


def forget(*, at: datetime, most: int = MOST) -> int:
    """Remove what has waited for 72 hours, and of each account what exceeds `most`, oldest first; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, [at - KEPT])
        expired: int = cursor.rowcount
        cursor.execute(_CROWD, {"most": most})
        crowded: int = cursor.rowcount
    if expired or crowded:
        logger.warning("Parked receipts that spoke of no message of ours are forgotten: %d after 72 hours, %d too many.", expired, crowded)
    return expired + crowded


def _row(heard: Heard) -> ParkedReceipt:
    receipt, fault = heard.receipt, heard.receipt.fault
    return ParkedReceipt(
        account_id=heard.account_id,
        provider_reference=heard.provider_reference,
        status=receipt.status,
        raw_status=receipt.raw_status,
        error_class=fault.error_class if fault else None,
        raw_code=fault.raw_code if fault else None,
        occurred_at=receipt.occurred_at,
        received_at=heard.received_at,
        call_id=heard.call_id,
    )


def _stranger(said: Said) -> ParkedReceipt:
    return ParkedReceipt(
        account_id=said.account_id,
        client_reference=references.write(said.message_id, said.attempt),
        provider_reference=said.provider_reference,
        status=said.status or ReceiptStatus.UNMAPPED,
        raw_status=said.raw_status,
        error_class=said.trouble.error_class if said.trouble else None,
        raw_code=said.raw_code,
        occurred_at=said.occurred_at,
        received_at=said.received_at,
        call_id=said.call_id or _NO_CALL,
    )


def _heard(row: ParkedReceipt) -> Heard:
    receipt = Receipt(
        status=ReceiptStatus(row.status),
        raw_status=row.raw_status,
        occurred_at=row.occurred_at,
        provider_reference=row.provider_reference,
        fault=Fault(ErrorClass(row.error_class), row.raw_code or "") if row.error_class else None,
    )
    return Heard(row.account_id, row.call_id, row.received_at, receipt)
