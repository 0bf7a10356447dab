"""The lifecycle of a message, as pure values: the join of all that is known of an attempt, and the status that follows for its message.

Providers repeat, reorder and delay what they say. So the status of an attempt is the *maximum* over every fact known of it, and the order
in which the facts came does not matter: `join` is commutative, associative and idempotent, `NOTHING_KNOWN` is its unit
(tests/messaging/test_lifecycle.py tries all permutations with repetitions).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The public statuses of a message, in the order in which it may pass them."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    SUBMITTED = "submitted"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    DELIVERED = "delivered"
    READ = "read"


class AttemptStatus(StrEnum):
    """What is known of an attempt, in the order of its ranks."""

    PENDING = "pending"
    UNKNOWN = "unknown"  # the call ended, and nobody knows whether the provider took it
    SUBMITTED = "submitted"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    FAILED = "failed"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    READ = "read"


RANK = {status: rank for rank, status in enumerate(AttemptStatus)}
NEGATIVE = frozenset({AttemptStatus.UNDELIVERABLE, AttemptStatus.EXPIRED, AttemptStatus.FAILED, AttemptStatus.REJECTED})
ARRIVED = frozenset({AttemptStatus.DELIVERED, AttemptStatus.READ})
ENDED = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELED})
"""Statuses that a message ends in without having arrived."""
ARRIVED_STATUSES = frozenset({Status.DELIVERED, Status.READ})
HAS_READ_RECEIPTS = frozenset({"whatsapp"})
"""Channels on which `delivered` is not the last word."""


@dataclass(frozen=True, slots=True, order=True)
class Trouble:
    """Why an attempt did not arrive: our class and code, and the provider's own word. Ordered, so that the join can choose."""

    error_class: str
    code: str
    raw_code: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one attempt: its status, and the earliest time given for each kind of fact."""

    status: AttemptStatus = AttemptStatus.PENDING
    submitted_at: datetime | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    """When it did not arrive, by the most weighty negative fact."""
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    trouble: Trouble | None = None
    weight: AttemptStatus = AttemptStatus.PENDING
    """The most weighty negative status ever heard; `ended_at` and `trouble` belong to it, whatever came after."""


NOTHING_KNOWN = Known()


def fact(status: AttemptStatus, at: datetime, trouble: Trouble | None = None) -> Known:
    """One statement about an attempt, as the smallest `Known` that contains it. `read` implies `delivered`."""
    negative = status in NEGATIVE
    return Known(
        status=status,
        submitted_at=at if status is AttemptStatus.SUBMITTED else None,
        sent_at=at if status is AttemptStatus.SENT else None,
        ended_at=at if negative else None,
        delivered_at=at if status in ARRIVED else None,
        read_at=at if status is AttemptStatus.READ else None,
        trouble=trouble if negative else None,
        weight=status if negative else AttemptStatus.PENDING,
    )


def join(one: Known, other: Known) -> Known:
    """The least that contains both. Any order, any repetition, any grouping gives the same."""
    ended_at, trouble, weight = _weightier(one, other)
    return Known(
        status=max(one.status, other.status, key=RANK.__getitem__),
        submitted_at=_earliest(one.submitted_at, other.submitted_at),
        sent_at=_earliest(one.sent_at, other.sent_at),
        ended_at=ended_at,
        delivered_at=_earliest(one.delivered_at, other.delivered_at),
        read_at=_earliest(one.read_at, other.read_at),
        trouble=trouble,
        weight=weight,
    )


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)


def _weightier(one: Known, other: Known) -> tuple[datetime | None, Trouble | None, AttemptStatus]:
    if one.weight is not other.weight:
        heavy = one if RANK[one.weight] > RANK[other.weight] else other
        return heavy.ended_at, heavy.trouble, heavy.weight
    # Same weight: the earliest time, and of two different troubles always the same one, so that order never matters.
    troubles = [known.trouble for known in (one, other) if known.trouble is not None]
    return _earliest(one.ended_at, other.ended_at), min(troubles, default=None), one.weight


def message_status(attempts: Iterable[Known], *, ended: Status | None, opened: Status) -> Status:
    """The message's public status: a pure function of what is known of its attempts and of our own decision to end it.

    `opened` is the status before any hand-off (`accepted` or `scheduled`); `ended` is set once, when nothing is left to try
    (`failed`), the deadline has passed (`expired`) or the business took it back (`canceled`). Arriving outweighs ending: what a
    recipient holds in his hand was delivered, whatever we had given up.
    """
    reached = [opened] if ended is None else [opened, ended]
    for known in attempts:
        if known.submitted_at:
            reached.append(Status.SUBMITTED)
        if known.sent_at:
            reached.append(Status.SENT)
        if known.status in ARRIVED:
            reached.append(Status(known.status))
    return max(reached, key=_ORDER.__getitem__)


_ORDER = {status: rank for rank, status in enumerate(Status)}


def is_final(status: Status, *, channel: str) -> bool:
    """Whether nothing more is expected: `delivered` is the last word where the channel has no read receipts."""
    return status in ENDED or status is Status.READ or (status is Status.DELIVERED and channel not in HAS_READ_RECEIPTS)
