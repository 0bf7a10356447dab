"""How accounts are doing, in plain words: for the admin's pages, and for a business whose routes use an account of the platform."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum

from routing import breaker, gates, rules, shares
from routing.choices import Breaker, RouteStatus
from routing.models import Gate, Outcome, ProviderAccount, RouteVersion

HEALTHY, CARE, BAD = "success", "warning", "danger"


@dataclass(frozen=True, slots=True)
class State:
    """A word, how bad it is, and the whole sentence."""

    word: str
    tone: str
    sentence: str


def with_figures(rows: QuerySet[ProviderAccount], *, at: datetime) -> QuerySet[ProviderAccount]:
    """The accounts with their gates and the figures of the last minute, for `tell`."""
    minute = Outcome.objects.filter(account_id=OuterRef("pk"), at__gt=at - breaker.WINDOW).order_by().values("account_id")
    bad = F("failed") + F("unanswered")
    return rows.select_related("business", "gate").annotate(
        minute_failed=Subquery(minute.annotate(sum=Sum(bad)).values("sum")),
        minute_calls=Subquery(minute.annotate(sum=Sum(bad + F("taken") + F("refused"))).values("sum")),
    )


def tell(row: Any, *, at: datetime) -> State:
    """Of a row of `with_figures`."""
    if not row.is_in_service:
        return State("out of service", BAD, f"Out of service: {row.out_of_service_because}")
    gate: Gate | None = getattr(row, "gate", None)
    if gate is not None and (found := _by_gate(gate, at=at)) is not None:
        return found
    failed, calls = row.minute_failed or 0, row.minute_calls or 0
    lost = f" Its share of every step is lowered by {gate.lost} points." if gate is not None and gate.lost else ""
    if failed and failed >= breaker.SHARE * calls / 5:
        return State("degraded", CARE, f"Degraded: {failed:,} of {calls:,} failed in the last minute.{lost}")
    if lost:
        return State("degraded", CARE, f"Degraded.{lost}")
    return State("healthy", HEALTHY, "Healthy" if not calls else f"Healthy: {calls - failed:,} of {calls:,} went well in the last minute.")


def _by_gate(gate: Gate, *, at: datetime) -> State | None:
    if gate.breaker == Breaker.OPEN and gate.next_probe_at is not None:
        wait = (gate.next_probe_at - at).total_seconds()
        when = f"next probe in {wait:.0f} s" if wait > 0 else "the next message is a probe"
        return State("open", BAD, f"Open: {when}.")
    if gate.breaker == Breaker.HALF_OPEN:
        return State("half open", CARE, f"Half open: {gate.probed} of {gates.PROBES} probes were answered well.")
    if gate.not_before is not None and at < gate.not_before:
        return State(
            "resting", CARE, f"Resting: its provider asked to be left alone for {(gate.not_before - at).total_seconds():.0f} s more."
        )
    return None


def of_candidates(account_ids: Collection[UUID], *, at: datetime) -> list[dict[str, Any]]:
    """How each does, what its share has lost, and what its rate allows now; as JSON, by name."""
    rows = with_figures(ProviderAccount.objects.filter(pk__in=account_ids), at=at).order_by("name")
    return [_candidate(row, at=at) for row in rows]


def _candidate(row: ProviderAccount, *, at: datetime) -> dict[str, Any]:
    state, gate = tell(row, at=at), getattr(row, "gate", None) or Gate(account=row)
    tokens = gate.tokens_at(at, of=row)
    return {
        "account": row.name,
        "health": state.word,
        "says": state.sentence,
        "breaker": gate.breaker,
        "lost": gate.lost,
        "rate": float(row.rate) if row.rate is not None else None,
        "allows_now": max(0, int(tokens)) if tokens is not None else None,
    }


def shares_of(row: ProviderAccount) -> list[dict[str, Any]]:
    """What each published route gives the account at rest, and now: in hundredths of a step's messages."""
    named = [{"steps": [{"accounts": [{"account": str(row.pk)}]}]}]
    versions = RouteVersion.objects.filter(status=RouteStatus.PUBLISHED, rules__contains=named).select_related("route__business")
    lost = dict(Gate.objects.values_list("account_id", "lost"))
    found = []
    for version in versions.order_by("route__business__name", "route__position", "route__name"):
        for step in (step for rule in rules.read(version.rules) for step in rule.steps):
            names = [share.account for share in step.accounts]
            if str(row.pk) in names:
                weights, place = [share.weight for share in step.accounts], names.index(str(row.pk))
                resting = shares.effective(weights, [0] * len(weights))[place]
                now = shares.effective(weights, [lost.get(UUID(name), 0) for name in names])[place]
                found.append({"route": str(version), "channel": step.channel, "resting": resting, "now": now})
    return found


def of_routes(business_id: UUID, *, at: datetime) -> Sequence[tuple[ProviderAccount, State]]:
    """The accounts that the business's published routes name, the platform's among them, each with its state."""
    versions = RouteVersion.objects.filter(route__business_id=business_id, status=RouteStatus.PUBLISHED).values_list("rules", flat=True)
    named = {share["account"] for rules in versions for rule in rules for step in rule["steps"] for share in step["accounts"]}
    rows = ProviderAccount.objects.filter(Q(business_id=business_id) | Q(business__isnull=True), pk__in=named).order_by("name")
    return [(row, tell(row, at=at)) for row in with_figures(rows, at=at)]
