"""Reading suppressions, for the API and for files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import ids, pages
from accounts.keys import Caller
from accounts.pages import BadFilter
from accounts.refusals import FieldError, NotFound
from messaging import recipients
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.models import Suppression
from messaging.suppressions import keeping
from routing import vault
from routing.choices import Channel, TrafficClass

FILTERS = ("recipient", "channel", "category", "reason", "origin", "in_force")
_WORDS: Mapping[str, list[str]] = {
    "channel": Channel.values,
    "category": TrafficClass.values,
    "reason": SuppressionReason.values,
    "origin": SuppressionOrigin.values,
}
COLUMNS = ("recipient", "channel", "category", "reason", "origin", "source", "created_at", "expires_at")
"""Of the file; the first four and the last are read back by an import."""


def own(caller: Caller) -> QuerySet[Suppression]:
    """The caller's business's, of its world or of both."""
    return Suppression.objects.filter(business=caller.business_id, mode__in=("", caller.mode))


def find(id_: UUID | None, *, caller: Caller) -> Suppression:
    """The caller's own; raises NotFound."""
    found = own(caller).filter(pk=id_).first() if id_ else None
    if found is None:
        raise NotFound("There is no such suppression.")
    return found


def page(query: Mapping[str, str], *, caller: Caller, at: datetime) -> dict[str, Any]:
    """A page, newest first. Raises BadFilter, BadPage, or InvalidRecipient."""
    pages.refuse_others(query, known=(*FILTERS, "limit", "cursor"))
    size, cursor = pages.limit(query), pages.cursor(query)
    rows = own(caller).filter(*_filters(query, at=at))
    if cursor:
        rows = rows.filter(id__lt=_place(cursor))
    found = list(rows.order_by("-id")[: size + 1])
    return pages.page(found, size=size, place=lambda row: row.id.hex, show=lambda row: show(row, at=at))


def show(row: Suppression, *, at: datetime, openly: bool = False) -> dict[str, Any]:
    """As the API tells it: the recipient in part, or `openly`, to whoever asks for this very one."""
    return {
        "id": ids.public("sup", row.id),
        "recipient": _recipient(row) if openly else masked(row),
        "channel": row.channel or None,
        "category": row.category or None,
        "reason": row.reason,
        "origin": row.origin,
        "source": row.source,
        "evidence": row.evidence or {},
        "in_force": row.lifted_at is None and (row.expires_at is None or row.expires_at > at),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "lifted_at": row.lifted_at,
        "lifted_because": row.lifted_because or None,
    }


def export(rows: QuerySet[Suppression], *, at: datetime) -> Iterator[str]:
    """Those in force as CSV (RFC 4180), a line at a time; one whose recipient nobody gave is left out, for a hash is no use elsewhere."""
    line = csv.writer(_Echo())
    yield line.writerow(COLUMNS)
    in_force = rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), lifted_at__isnull=True, sealed__isnull=False)
    for row in in_force.order_by("id").iterator(chunk_size=2_000):
        recipient = _recipient(row)
        if recipient is not None:
            expires_at = row.expires_at.isoformat() if row.expires_at else ""
            words = (row.channel, row.category, row.reason, row.origin, _harmless(row.source))
            yield line.writerow((recipient, *words, row.created_at.isoformat(), expires_at))


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _harmless(text: str) -> str:
    """No spreadsheet shall take a source for a formula (OWASP, CSV injection). A number's plus is its own: E.164 begins so."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def masked(row: Suppression) -> str | None:
    """The recipient in part; None where nobody gave it."""
    recipient = _recipient(row)
    return recipients.mask(recipient) if recipient else None


def _recipient(row: Suppression) -> str | None:
    if row.sealed is None:
        return None
    try:
        return vault.unseal(bytes(row.sealed), bound_to=keeping.sealed_at(row.recipient_hash)).decode()
    except vault.CannotOpen:
        return None


def _filters(query: Mapping[str, str], *, at: datetime) -> Iterator[Q]:
    for name, known in _WORDS.items():
        if word := query.get(name):
            if word not in known:
                raise _refused(name, f"Known here: {', '.join(known)}.")
            yield Q(**{name: word})
    if recipient := query.get("recipient"):
        yield Q(recipient_hash=recipients.hash_of(recipients.read(recipient, channel="auto").text))
    if word := query.get("in_force"):
        if word not in {"true", "false"}:
            raise _refused("in_force", "Use true or false.")
        holds = Q(Q(expires_at__isnull=True) | Q(expires_at__gt=at), lifted_at__isnull=True)
        yield holds if word == "true" else ~holds


def _refused(name: str, message: str) -> BadFilter:
    return BadFilter(message, errors=[FieldError(name, "bad_filter", message)])


def _place(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise pages.refused() from None
