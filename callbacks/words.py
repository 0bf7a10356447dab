"""Words of providers that no table of ours knows: counted for staff as they are heard, so that the table can be taught them.

They change nothing by themselves: the receipt is kept as `unmapped`, and history is read again once the table knows better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from alerts import reporting
from alerts.kinds import Kind
from callbacks.choices import WordKind
from callbacks.models import UnknownWord
from routing.providers.base import ErrorClass, Receipt, ReceiptStatus

MOST = 1_000
"""Of one provider. One that sends prose instead of words fills no table."""
KEPT = timedelta(days=90)


class Unknown(NamedTuple):
    """One word, and the account that heard it."""

    provider: str
    kind: str
    word: str
    account_id: UUID


def unknown(receipt: Receipt, *, provider: str, account_id: UUID) -> Iterable[Unknown]:
    """What of this receipt no table knows: its status, its error code, nearly always neither."""
    if receipt.status is ReceiptStatus.UNMAPPED and receipt.raw_status:
        yield Unknown(provider, WordKind.STATUS, receipt.raw_status, account_id)
    if receipt.fault is not None and receipt.fault.error_class is ErrorClass.UNMAPPED and receipt.fault.raw_code:
        yield Unknown(provider, WordKind.CODE, receipt.fault.raw_code[:128], account_id)


_NOTE = """
INSERT INTO callbacks_unknownword AS u (provider, kind, word, times, first_at, last_at, last_account_id)
SELECT r.provider, r.kind, r.word, r.times, %(at)s, %(at)s, r.account_id
FROM unnest(%(providers)s::text[], %(kinds)s::text[], %(words)s::text[], %(accounts)s::uuid[], %(times)s::int[])
    AS r (provider, kind, word, account_id, times)
WHERE EXISTS (SELECT FROM callbacks_unknownword k WHERE (k.provider, k.kind, k.word) = (r.provider, r.kind, r.word))
    OR (SELECT count(*) FROM callbacks_unknownword k WHERE k.provider = r.provider) < %(most)s
ON CONFLICT (provider, kind, word) DO UPDATE SET times = u.times + EXCLUDED.times, last_at = greatest(u.last_at, EXCLUDED.last_at),
    last_account_id = EXCLUDED.last_account_id, settled_at = NULL
RETURNING provider, kind, word
"""


def note(heard: Sequence[Unknown], *, at: datetime) -> None:
    """Count them, inside the caller's transaction; one statement, and none where every word is known."""
    accounts = {(each.provider, each.kind, each.word): each.account_id for each in heard}
    counted = sorted(Counter((each.provider, each.kind, each.word) for each in heard).items())
    if not counted:
        return
    given: dict[str, list[Any]] = {
        "providers": [provider for (provider, _, _), _ in counted],
        "kinds": [kind for (_, kind, _), _ in counted],
        "words": [word for (_, _, word), _ in counted],
        "accounts": [accounts[key] for key, _ in counted],
        "times": [times for _, times in counted],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {**given, "at": at, "most": MOST})
        noted = sorted(cursor.fetchall())
    for provider, kind, word in noted:
        because = f"{provider} says the {kind} {word!r}, which no table knows. It is kept, and changes nothing."
        reporting.report(Kind.UNMAPPED_CODE, about=_about(provider, kind, word), because=because, business=None, at=at)


def settle(word: UnknownWord, *, at: datetime) -> None:
    """Somebody has looked after it: the table knows it now, or it may stay unknown. It opens again when it is heard again."""
    UnknownWord.objects.filter(pk=word.pk).update(settled_at=at)
    reporting.resolve(Kind.UNMAPPED_CODE, about=_about(word.provider, word.kind, word.word), at=at)


def _about(provider: str, kind: str, word: str) -> str:
    return f"{provider} {kind} {word}"


def forget(*, at: datetime) -> None:
    """Clear words that nobody has said for long."""
    UnknownWord.objects.filter(last_at__lt=at - KEPT).delete()
