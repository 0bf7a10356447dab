"""What is made ahead and what is cleared behind: partitions, idempotency keys, provider references."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from messaging.inbound_records import Inbound
from messaging.models import IdempotencyKey, ProviderReference, Tally
from routing import tally
from templates_app import uses

logger = logging.getLogger(__name__)

WEEKS_AHEAD = 4
KEYS_KEPT = timedelta(hours=24)
TALLIES_KEPT = timedelta(days=3)
"""A window of a day, and the one before it. A month's begins with the month."""
MONTHS_KEPT = timedelta(days=70)
REFERENCES_KEPT = timedelta(days=30)
"""WhatsApp's read receipts come for as long as the message lies unread; providers stop telling after a month."""

INBOUND_KEPT = timedelta(days=30)
"""As long as a provider's reference, by which one is linked to what it answers. Its events stay, and have no text."""


def make_partitions() -> int:
    """The coming weeks' partitions of every partitioned table; returns how many were missing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT qsura_make_partitions(%s)", [WEEKS_AHEAD])
        made: int = cursor.fetchone()[0]
    if made:
        logger.info("Made %d partitions.", made)
    return made


def forget() -> None:
    """Clear what has served: idempotency keys after a day, counts of calls after two, what was counted for caps after three, provider
    references after a month, counts of templates after three."""
    now = timezone.now()
    IdempotencyKey.objects.filter(created_at__lt=now - KEYS_KEPT).delete()
    ProviderReference.objects.filter(created_at__lt=now - REFERENCES_KEPT).delete()
    Inbound.objects.filter(received_at__lt=now - INBOUND_KEPT).delete()
    Tally.objects.filter(opens_at__lt=now - TALLIES_KEPT).exclude(kind="spend_month").delete()
    Tally.objects.filter(opens_at__lt=now - MONTHS_KEPT).delete()
    uses.forget(at=now)
    tally.forget()
