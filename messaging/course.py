"""What comes next for a message: a pure function of its plan, its attempts and the clock.

The table of error classes is lifecycle.md's, a class a line; docs/glossary.md explains them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from messaging.lifecycle import ARRIVED, NEGATIVE, RANK, AttemptStatus, Known, Status, Trouble
from routing.providers import registry
from routing.providers.base import ErrorClass

NEXT_CHANNEL = frozenset(
    {ErrorClass.UNREACHABLE, ErrorClass.INVALID_RECIPIENT_ON_CHANNEL, ErrorClass.WINDOW_CLOSED, ErrorClass.TEMPLATE_FAULT}
)
"""Another account of the same channel would fail alike."""
STOP = frozenset({ErrorClass.OPTED_OUT, ErrorClass.BLOCKED_CONTENT, ErrorClass.INVALID_RECIPIENT})
"""Nobody else is to be tried: the recipient or the content is the reason."""
RETRIED = frozenset({ErrorClass.THROTTLED, ErrorClass.PROVIDER_FAULT, ErrorClass.UNMAPPED})
"""The same attempt again, by backoff, until its step gives up."""

OUT_OF_SERVICE_WAIT = timedelta(seconds=15)
"""How soon a message whose only account is out of service looks again."""

SILENCE = "silence"
OUTCOME_UNKNOWN = Trouble("outcome_unknown", "outcome_unknown")
DEADLINE = Trouble("expired", "deadline")

PATIENCE = {"authentication": timedelta(seconds=60), "utility": timedelta(minutes=10), "marketing": timedelta(hours=1)}
"""How long a failing provider is tried again while another step is left; the last step is tried until the deadline."""


@dataclass(frozen=True, slots=True)
class Made:
    """An attempt, as far as the course needs to know it."""

    step: int
    account_id: UUID
    called_at: datetime
    known: Known
    is_call: bool = True
    """Not if it was skipped before anybody was called."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything that decides. `attempts` in order, those already made; `is_waiting` if a further one is due."""

    plan: Sequence[Mapping[str, Any]]
    lane: str
    expires_at: datetime
    attempts: Sequence[Made]
    is_waiting: bool
    grace: timedelta
    called: Made | None = None
    """What is due, if it is being handed off right now or has been before: no further one, and paid for."""


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt: this step, this account."""

    step: int
    account_id: UUID
    because: str


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is left to try, or no time."""

    status: Status
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Drop:
    """What is due is not needed any more: an earlier attempt has arrived after all."""


Move = Again | End | Drop


def next_move(view: View, *, at: datetime) -> Move | None:
    """What the facts and the clock have decided; None while there is only waiting."""
    has_arrived = any(made.known.status in ARRIVED for made in view.attempts)
    if view.is_waiting:
        return Drop() if has_arrived else End(Status.EXPIRED, DEADLINE) if at >= view.expires_at else None
    if not view.attempts:
        return None
    last = view.attempts[-1]
    if has_arrived:
        return _after_silence(view, last, at=at) if last.known.status in ARRIVED and at < view.expires_at else None
    if is_handed_over(view):
        return End(Status.SENT, None)
    if at >= view.expires_at:
        return _at_the_deadline(view, last)
    if last.known.status in NEGATIVE:
        return _after_trouble(view, last, at=at)
    if last.known.status is AttemptStatus.UNKNOWN:
        return _after_unknown(view, last, at=at)
    return _after_silence(view, last, at=at)


def next_moment(view: View) -> datetime | None:
    """When the clock alone decides next; None if it never will, or if the queue has its own time for what is due."""
    if view.is_waiting or not view.attempts:
        return None
    last = view.attempts[-1]
    silent_at = _silent_at(view, last)
    if any(made.known.status in ARRIVED for made in view.attempts):
        return silent_at if last.known.status in ARRIVED else None
    if last.known.status is AttemptStatus.UNKNOWN:
        return min(last.called_at + view.grace, view.expires_at)
    return min(silent_at or view.expires_at, view.expires_at)


def tells_arrival(view: View, made: Made) -> bool:
    """Whether the provider of that attempt ever says that a message has arrived, as far as the plan knows it."""
    accounts = view.plan[made.step]["accounts"]
    provider = next((account.get("provider", "") for account in accounts if account["id"] == str(made.account_id)), "")
    return provider not in registry.TELLING_NO_ARRIVAL


def is_handed_over(view: View) -> bool:
    """Whether it is with somebody who will not say more, unless it comes back; and no later step waits for a word of theirs."""
    if view.is_waiting or not view.attempts:
        return False
    last = view.attempts[-1]
    return last.known.status is AttemptStatus.SENT and not tells_arrival(view, last) and _silent_at(view, last) is None


def gives_up_at(
    plan: Sequence[Mapping[str, Any]],
    step: int,
    *,
    lane: str,
    expires_at: datetime,
    at: datetime,
    made: int = 0,
    spent: Decimal = Decimal(0),
) -> datetime | None:
    """When an attempt that is made again and again is given up for the next step; None where no step, or no attempt, is left.

    `made`: how many hand-offs there were before it. `spent`: what they cost, and it does itself.
    """
    budget = plan[step].get("budget") or {}
    if step + 1 >= len(plan) or made + 1 >= budget.get("attempts", made + 2):
        return None
    if not any(_can_pay(account, budget, spent) for later in plan[step + 1 :] for account in later["accounts"]):
        return None
    within, deadline = plan[step].get("within"), budget.get("deadline")
    patience = timedelta(seconds=within) if within else PATIENCE[lane]
    return min(at + min(patience, timedelta(seconds=deadline) if deadline else patience), expires_at)


def can_afford(view: View, *, at: datetime | None = None) -> bool:
    """Whether the plan's budget allows a further hand-off, then; without a moment, whether it allows one at all."""
    budget = view.plan[0].get("budget") or {}
    calls = [made.called_at for made in view.attempts if made.is_call]
    if len(calls) + (view.called is not None) >= budget.get("attempts", len(calls) + 2):
        return False
    if at is None or not calls or "deadline" not in budget:
        return True
    return at <= calls[0] + timedelta(seconds=budget["deadline"])


def spent(view: View) -> Decimal:
    """What the hand-offs so far cost, as far as the plan knows prices."""
    calls = [*(made for made in view.attempts if made.is_call), *([view.called] if view.called else [])]
    return sum((price_of(view.plan, made.step, made.account_id) or Decimal(0) for made in calls), Decimal(0))


def price_of(plan: Sequence[Mapping[str, Any]], step: int, account_id: UUID) -> Decimal | None:
    """What the message costs there; None if nobody has asked, or nobody knows."""
    said = next((account.get("price") for account in plan[step]["accounts"] if account["id"] == str(account_id)), None)
    return None if said is None else Decimal(said)


def _can_pay(account: Mapping[str, Any], budget: Mapping[str, Any], spent: Decimal) -> bool:
    """Whether its price is within what is left. An unknown one counts for nothing, like everywhere (docs/routes.md)."""
    price = account.get("price")
    return price is None or "cost" not in budget or spent + Decimal(price) <= Decimal(budget["cost"])


def way_out(view: View, step: int, tried: set[UUID], trouble: Trouble) -> Again | None:
    """Where an attempt that failed like that goes next: another account of its step, a later step, or nowhere."""
    if trouble.error_class in STOP or not can_afford(view):
        return None
    if trouble.error_class in NEXT_CHANNEL:
        return _next_step(view, step, trouble.error_class, other_than=view.plan[step]["channel"])
    if trouble.error_class != ErrorClass.EXPIRED and (account := _next_account(view, step, tried | _tried(view, step))):
        return Again(step, account, trouble.error_class)
    return _next_step(view, step, trouble.error_class)


def after_silence(view: View, step: int) -> Again | None:
    """Where the plan goes on from a step that has waited in vain, if anywhere."""
    return _next_step(view, step, SILENCE) if can_afford(view) else None


def _next_account(view: View, step: int, tried: set[UUID]) -> UUID | None:
    return next((account for account in _accounts(view, step) if account not in tried), None)


def _accounts(view: View, step: int) -> list[UUID]:
    """Those of the step that the budget can still pay."""
    budget = view.plan[0].get("budget") or {}
    paid = spent(view) if "cost" in budget else Decimal(0)
    return [UUID(account["id"]) for account in view.plan[step]["accounts"] if _can_pay(account, budget, paid)]


def _tried(view: View, step: int) -> set[UUID]:
    return {made.account_id for made in view.attempts if made.step == step}


def _next_step(view: View, after: int, because: str, *, other_than: str = "", avoiding: UUID | None = None) -> Again | None:
    for step in range(after + 1, len(view.plan)):
        accounts = [account for account in _accounts(view, step) if account != avoiding]
        if view.plan[step]["channel"] != other_than and accounts:
            return Again(step, accounts[0], because)
    return None


def _after_trouble(view: View, last: Made, *, at: datetime) -> Move | None:
    trouble = last.known.trouble or Trouble(ErrorClass.UNMAPPED, "unmapped")
    way = way_out(view, last.step, {last.account_id}, trouble) if can_afford(view, at=at) else None
    return way or _end_unless_open(view, trouble, at=at)


def _end_unless_open(view: View, trouble: Trouble, *, at: datetime) -> End | None:
    """The end, unless an earlier attempt may still arrive: that one has until the deadline. An unknown one has had its grace."""
    left = [made for made in view.attempts if made.known.status not in NEGATIVE]
    if any(made.known.status is not AttemptStatus.UNKNOWN or at < made.called_at + view.grace for made in left):
        return None
    if left:
        return End(Status.FAILED, OUTCOME_UNKNOWN)
    return End(Status.EXPIRED if trouble.error_class == ErrorClass.EXPIRED else Status.FAILED, trouble)


def _after_unknown(view: View, last: Made, *, at: datetime) -> Move | None:
    """After the grace, by traffic class: a code by another road, never the same account; useful news once more; nothing else."""
    if at < last.called_at + view.grace:
        return None
    if not can_afford(view, at=at):
        return End(Status.FAILED, OUTCOME_UNKNOWN)
    if view.lane == "authentication" and (move := _next_step(view, last.step, "unknown", avoiding=last.account_id)):
        return move
    unknowns = sum(made.known.status is AttemptStatus.UNKNOWN for made in view.attempts)
    if view.lane == "utility" and unknowns == 1 and last.account_id in _accounts(view, last.step):
        return Again(last.step, last.account_id, "unknown")
    return End(Status.FAILED, OUTCOME_UNKNOWN)


def _silent_at(view: View, made: Made) -> datetime | None:
    """When the step's patience ends, if what it waits for has not come and a next step exists."""
    step = view.plan[made.step]
    if not step.get("until") or made.step + 1 >= len(view.plan) or _has_reached(made.known, AttemptStatus(step["until"])):
        return None
    silent_at = (made.known.submitted_at or made.called_at) + timedelta(seconds=step["within"])
    return silent_at if can_afford(view, at=silent_at) and _next_step(view, made.step, SILENCE) else None


def _has_reached(known: Known, wanted: AttemptStatus) -> bool:
    return known.status not in NEGATIVE and RANK[known.status] >= RANK[wanted]


def _after_silence(view: View, last: Made, *, at: datetime) -> Move | None:
    silent_at = _silent_at(view, last)
    return _next_step(view, last.step, SILENCE) if silent_at is not None and at >= silent_at else None


def _at_the_deadline(view: View, last: Made) -> End:
    if last.known.status in NEGATIVE and not tells_arrival(view, last):  # it came back after it had been handed over in time
        return End(Status.FAILED, last.known.trouble or Trouble(ErrorClass.UNMAPPED, "unmapped"))
    statuses = {made.known.status for made in view.attempts}
    return End(Status.FAILED, OUTCOME_UNKNOWN) if statuses == {AttemptStatus.UNKNOWN} else End(Status.EXPIRED, DEADLINE)
