"""Reading what providers said: kept calls become receipts, receipts become facts about attempts, all in one transaction a batch.

A call that can't be read is set aside and spoils nothing for its companions; nor does one broken receipt for those beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from callbacks import bulletins, calls, matching, offering, parking, replies, words
from callbacks.choices import CallState
from callbacks.matching import Heard
from callbacks.offering import Offered
from messaging import tracking
from routing import credentials, vault
from routing.providers import base, registry
from routing.providers.base import Incoming, ProviderAccount

logger = logging.getLogger(__name__)

AT_A_TIME = 200
_AWAY = (OperationalError, InterfaceError)
"""The database's trouble, not the call's: whatever waited goes on waiting."""


@dataclass(slots=True)
class Claimed:
    """A call under lock, and what reading it has found so far."""

    id: UUID
    account_id: UUID
    provider: str
    received_at: datetime
    content: bytes = field(repr=False)
    state: CallState = CallState.READ
    heard: list[Heard] = field(default_factory=list)
    incoming: Incoming | None = field(default=None, repr=False)
    """None until it is opened, and where it does not open."""


def read(*, at: datetime, limit: int = AT_A_TIME) -> int:
    """Read what waits longest, up to `limit` calls, and apply what was said; returns how many calls it took."""
    claimed: list[Claimed] = []
    try:
        with transaction.atomic():
            claimed = _claim(limit)
            _take_in(claimed, at=at)
    except _AWAY:
        raise
    except Exception:  # noqa: BLE001 - whatever one call brought about must not hold back the others
        logger.warning("A batch of %d calls could not be read at once; each is read alone.", len(claimed))
        for call in claimed:
            read_alone(call.id, at=at)
    return len(claimed)


def read_alone(id_: UUID, *, at: datetime) -> None:
    """Read one call receipt by receipt; those that can't be applied are left out, and the call is set aside as unreadable."""
    with transaction.atomic():
        for call in _claim(1, only=id_):
            understand(call)
            for heard in call.heard:
                try:
                    with transaction.atomic():
                        apply([heard], at=at)
                except _AWAY:
                    raise
                except Exception:  # the receipts beside it still count
                    call.state = CallState.UNREADABLE
                    logger.exception("A receipt in the call %s can't be applied.", call.id)
            _offer_alone(call, at=at)
            mark([call], at=at)
            note_words([call], at=at)


def _offer_alone(call: Claimed, *, at: datetime) -> None:
    try:
        with transaction.atomic():
            offer([call], at=at)
    except _AWAY:
        raise
    except Exception:  # what a reader can't take in is kept for a better one
        call.state = CallState.UNREADABLE
        logger.exception("What else stands in the call %s can't be taken in.", call.id)


def apply(heard: Sequence[Heard], *, at: datetime) -> None:
    """Tell the messages what was said of them; park what speaks of none yet."""
    said, unmatched = matching.match(heard)
    if said:
        parking.park_strangers(tracking.join(said, at=at).strangers)
    if unmatched:
        parking.park(unmatched)


def offer(claimed: Sequence[Claimed], *, at: datetime) -> None:
    """Show the calls to those who read more than receipts."""
    opened = [Offered(call.id, call.account_id, call.provider, call.received_at, call.incoming) for call in claimed if call.incoming]
    bulletins.read(opened, at=at)
    replies.read(opened)
    offering.offer(opened, at=at)


def _take_in(claimed: Sequence[Claimed], *, at: datetime) -> None:
    for call in claimed:
        understand(call)
    apply([heard for call in claimed for heard in call.heard], at=at)
    offer(claimed, at=at)
    mark(claimed, at=at)
    note_words(claimed, at=at)


_CLAIM = """
SELECT c.id, c.account_id, a.provider, c.received_at, c.content
FROM callbacks_providercall c JOIN routing_provideraccount a ON a.id = c.account_id
WHERE c.state = 'pending' AND (%(only)s::uuid IS NULL OR c.id = %(only)s)
ORDER BY c.received_at LIMIT %(limit)s FOR UPDATE OF c SKIP LOCKED
"""


def _claim(limit: int, *, only: UUID | None = None) -> list[Claimed]:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"limit": limit, "only": only})
        return [Claimed(*row) for row in cursor.fetchall()]


def understand(call: Claimed) -> None:
    """Open it and have its provider's adapter read it. What can't be read says nothing, and is kept for a better adapter."""
    try:
        call.incoming = calls.unseal(call.content, id_=call.id)
        receipts = registry.get(call.provider).read_receipts(_account(call), call.incoming)
    except (base.Unreadable, vault.CannotOpen, registry.UnknownProvider) as error:
        _set_aside(call, str(error))
    except Exception:  # an adapter's mistake about one call must not stop the batch
        call.state = CallState.UNREADABLE
        logger.exception("Reading the call %s failed.", call.id)
    else:
        call.heard = [Heard(call.account_id, call.id, call.received_at, receipt) for receipt in receipts]
        _look_for_oddities(call)


def _account(call: Claimed) -> ProviderAccount:
    """As its adapter sees it; bare where it does not open, for few adapters need more than the call itself to read it."""
    try:
        return credentials.by_id(call.account_id).opened
    except credentials.Unusable:
        return ProviderAccount(id=str(call.account_id), base_url="", callback_url="")


def _set_aside(call: Claimed, because: str) -> None:
    call.state = CallState.UNREADABLE
    logger.error("The call %s of a %s account can't be read: %s.", call.id, call.provider, because)


def _look_for_oddities(call: Claimed) -> None:
    if any(heard.names_nobody() for heard in call.heard):
        _set_aside(call, "one of its receipts names no message")


def note_words(claimed: Sequence[Claimed], *, at: datetime) -> None:
    """Count the words in them that no table knows."""
    found = (words.unknown(heard.receipt, provider=call.provider, account_id=call.account_id) for call in claimed for heard in call.heard)
    words.note([each for some in found for each in some], at=at)


_MARK = """
UPDATE callbacks_providercall c SET state = r.state, receipts = r.receipts, read_at = coalesce(c.read_at, %s)
FROM unnest(%s::uuid[], %s::text[], %s::smallint[]) AS r (id, state, receipts) WHERE c.id = r.id
"""


def mark(claimed: Sequence[Claimed], *, at: datetime) -> None:
    """Write down what became of them. The first reading counts for a call's short life."""
    rows = [(call.id, str(call.state), min(len(call.heard), 32_767)) for call in claimed]
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [at, *([list(column) for column in zip(*rows, strict=True)] or [[], [], []])])
