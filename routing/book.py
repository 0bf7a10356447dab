"""A business's road book: its published routes and the accounts that they may use, as read at most five seconds ago."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.choices import Mode
from routing import facts, rules, stand_ins
from routing.choices import Breaker, RouteStatus
from routing.facts import Asked
from routing.models import Gate, ProviderAccount, RouteVersion
from routing.rules import Rule

_KEPT = timedelta(seconds=5)
_MOST_BOOKS = 10_000
_PUBLISHED = Q(status=RouteStatus.PUBLISHED)


@dataclass(frozen=True, slots=True)
class Road:
    """One published version."""

    version_id: UUID
    name: str
    number: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What choosing needs to know of an account."""

    id: str
    name: str
    provider: str
    mode: str
    out_of_service: str
    """What keeps it from serving, or nothing."""
    shut: str = ""
    """Why it lets nothing through at the moment, or nothing: it is tried last."""
    is_probing: bool = False
    """Its breaker is to be tried: a few messages go by it, and no codes."""
    lost: int = 0
    """Points of 100 that its share of every step is lowered by."""
    burst: float = 0.0
    tokens: float | None = None
    """What its bucket has, of `burst`; None where it has no rate."""


@dataclass(frozen=True, slots=True)
class Book:
    business_id: UUID
    read_at: datetime
    roads: tuple[Road, ...]
    accounts: dict[str, Known]
    stand_ins: dict[str, Known]
    """The platform's test accounts by provider."""
    asked: Asked = field(default_factory=Asked)
    """What the rules want to know of a message."""
    decided: dict[Any, Any] = field(default_factory=dict)
    """Decisions by wish: they can't change as long as the book is believed."""


_books: dict[UUID, Book] = {}


def book(business_id: UUID, *, at: datetime) -> Book:
    """The business's book; two queries, once in five seconds and process."""
    kept = _books.get(business_id)
    if kept is None or not kept.read_at <= at < kept.read_at + _KEPT:
        if len(_books) >= _MOST_BOOKS:
            _books.clear()
        kept = _books[business_id] = _read(business_id, at)
    return kept


def forget() -> None:
    """Read afresh next time (after a change in this very process)."""
    _books.clear()


def with_draft(version: RouteVersion, *, at: datetime) -> Book:
    """The business's book as it would be if that version decided for its route; read anew, never kept. The route comes with the row."""
    others = Q(status=RouteStatus.PUBLISHED) & ~Q(route_id=version.route_id)
    return _read(version.route.business_id, at, which=others | Q(pk=version.pk))


def _read(business_id: UUID, at: datetime, *, which: Q = _PUBLISHED) -> Book:
    versions = RouteVersion.objects.filter(which, route__business_id=business_id)
    roads = tuple(
        Road(version_id=version.pk, name=version.route.name, number=version.number, rules=rules.read(version.rules))
        for version in versions.select_related("route").order_by("route__position", "route__name")
    )
    rows = ProviderAccount.objects.filter(Q(business_id=business_id) | Q(business__isnull=True)).select_related("gate").order_by("-id")
    accounts = {str(row.pk): _know(row, at=at) for row in rows}
    # Without a simulator a test account leads nowhere, and it is better to say so than to accept.
    there = stand_ins.has_simulator()
    tests = {row.provider: accounts[str(row.pk)] for row in rows if there and row.business_id is None and row.mode == Mode.TEST}
    asked = facts.asked(condition for road in roads for rule in road.rules for condition in rule.when)
    return Book(business_id=business_id, read_at=at, roads=roads, accounts=accounts, stand_ins=tests, asked=asked)


def _know(row: ProviderAccount, *, at: datetime) -> Known:
    out_of_service = "" if row.is_in_service else "out of service"
    known = Known(id=str(row.pk), name=row.name, provider=row.provider, mode=row.mode, out_of_service=out_of_service)
    gate: Gate | None = getattr(row, "gate", None)
    if gate is None:
        return known
    known = replace(known, burst=row.most_at_once(), tokens=gate.tokens_at(at, of=row))
    shut = gate.shut(at, of=row)
    is_probing = not shut and gate.breaker != Breaker.CLOSED
    return replace(known, shut=shut, is_probing=is_probing, lost=gate.lost)
