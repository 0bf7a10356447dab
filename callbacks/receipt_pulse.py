"""How receipts are doing now, for the admin's first page; every count ends at a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.urls import reverse

from accounts.cards import MOST, Card, Figure
from callbacks.models import UnknownWord

_DAY = timedelta(days=1)

_COUNTS = """
WITH ours AS MATERIALIZED (
    SELECT id FROM routing_provideraccount WHERE %(business)s::uuid IS NULL OR business_id = %(business)s
)
SELECT
    (SELECT count(*) FROM (SELECT FROM callbacks_providercall WHERE state = 'unreadable' AND account_id IN (SELECT id FROM ours)
        LIMIT %(most)s) c),
    (SELECT count(*) FROM (SELECT FROM callbacks_parkedreceipt WHERE received_at < %(early)s AND account_id IN (SELECT id FROM ours)
        LIMIT %(most)s) p),
    (SELECT coalesce(sum(times), 0) FROM callbacks_forgedcalls WHERE minute >= %(since)s AND account_id IN (SELECT id FROM ours))
"""


def cards(business_id: Any, at: datetime) -> Sequence[Card]:
    """Of one business, or of all. Unknown words are the platform's, whoever heard them."""
    with connection.cursor() as cursor:
        asked = {"business": business_id, "most": MOST, "since": at - _DAY, "early": at - timedelta(minutes=10)}
        cursor.execute(_COUNTS, asked)
        unreadable, parked, forged = cursor.fetchone()
    unknown = UnknownWord.objects.filter(settled_at=None).count()
    calls, words = (reverse(f"admin:callbacks_{name}_changelist") for name in ("providercall", "unknownword"))
    return [
        Card(
            "Receipts",
            [
                Figure("unreadable calls", unreadable, "bad" if unreadable else "plain", link=f"{calls}?state__exact=unreadable"),
                Figure("of nothing of ours", parked, note="parked", link=reverse("admin:callbacks_parkedreceipt_changelist")),
                Figure("forged", forged, "care" if forged else "plain", note="in 24 hours"),
                Figure("unknown words", unknown, "care" if unknown else "plain", link=f"{words}?state=open"),
            ],
        )
    ]
