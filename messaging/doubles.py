"""A provider that gives one reference to two attempts: nothing is overwritten, and staff are told.

The first that had the reference keeps it, so a receipt that bears nothing else is never applied to the second, whoever's it is. Receipts
that bear our own reference find their attempt as always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.db import connection

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind

_DOUBLES = """
SELECT r.account_id, clock_timestamp()
FROM json_to_recordset(%s::json) AS r(account_id uuid, reference text, message_id uuid, attempt smallint)
JOIN messaging_providerreference p ON p.account_id = r.account_id AND p.reference = r.reference
WHERE (p.message_id, p.attempt) <> (r.message_id, r.attempt)
"""


def tell(rows: Sequence[Mapping[str, Any]]) -> None:
    """Open an alert for each account with a reference among these (account_id, reference, message_id, attempt) that is another's."""
    with connection.cursor() as cursor:
        cursor.execute(_DOUBLES, [orjson.dumps(rows).decode()])
        found = cursor.fetchall()
    for account_id, times in sorted(Counter(account_id for account_id, _ in found).items()):
        because = f"{times} attempts got a reference from the provider that an earlier attempt has. Nothing was overwritten."
        reporting.report(Kind.DOUBLE_REFERENCE, about=ids.public("pac", account_id), because=because, business=None, at=found[0][1])
