"""One message's story while a transaction works on it: what is known, what follows, and what is to be written.

Plain values without the database: `messaging.record` loads stories under lock and saves what they collected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts import ids
from messaging import course, lifecycle
from messaging.choices import EventType
from messaging.deferral import Deferral
from messaging.lifecycle import AttemptStatus, Known, Status, Trouble
from messaging.signals import NewEvent


class NothingDue(Exception):
    """No attempt is due: a bug in whoever asked."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What of the message its story needs, as it was accepted."""

    id: UUID
    business_id: UUID
    mode: str
    lane: str
    plan: Sequence[Mapping[str, Any]]
    expires_at: datetime
    reference: str | None
    metadata: dict[str, Any] | None
    callback: str | None


@dataclass(slots=True)
class Try:
    """An attempt: which step it made with which account, and all that is known of it."""

    number: int
    step: int
    channel: str
    account_id: UUID
    called_at: datetime
    tries: int = 0
    known: Known = lifecycle.NOTHING_KNOWN
    provider_reference: str | None = None
    parts: tuple[str, ...] = ()
    """The references of all parts, while they are new: what the provider took in several."""

    def made(self) -> course.Made:
        """The same for those who decide what comes next."""
        return course.Made(self.step, self.account_id, self.called_at, self.known, is_call=self.tries > 0)


@dataclass(slots=True)
class Waiting:
    """The attempt that is due: a row of the queue."""

    number: int
    step: int
    channel: str
    account_id: UUID
    due_at: datetime
    gives_up_at: datetime | None
    lease: UUID | None = None
    calling_at: datetime | None = None
    tries: int = 0
    error_class: str | None = None
    """Why it was put off last."""
    raw_code: str | None = None


@dataclass(slots=True)
class Story:
    """A message under lock."""

    subject: Subject
    grace: timedelta
    """How long an unknown outcome may settle by itself."""
    opened: Status
    status: Status
    ended: Status | None
    seq: int
    step: int
    trouble: Trouble | None
    ended_at: datetime | None
    attempts: dict[int, Try]
    waiting: Waiting | None
    new_events: list[NewEvent] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    """Numbers of the attempts that must be written."""
    newly_taken: set[int] = field(default_factory=set)
    """Numbers of the attempts whose provider reference is new."""
    moved: bool = False
    """Whether the queue's row or the timer must be written."""

    @property
    def due(self) -> Waiting:
        """The attempt that is due, for those who know that there is one."""
        if self.waiting is None:
            raise NothingDue
        return self.waiting

    def turn_the_page(self) -> None:
        """What it collected is written; what comes is new."""
        self.new_events, self.touched, self.newly_taken, self.moved = [], set(), set(), False

    # What has been said

    def hear(self, number: int, said: Known, *, at: datetime, occurred_at: datetime | None = None) -> None:
        """Join a fact about an attempt, tell the change of status that follows, and move on."""
        attempt = self.attempts[number]
        before, attempt.known = attempt.known, lifecycle.join(attempt.known, said)
        if attempt.known == before:
            return
        self.touched.add(number)
        self.moved = True
        if before.status in lifecycle.ARRIVED and before.weight is not attempt.known.weight and before.weight is AttemptStatus.PENDING:
            # Kept in the story, changes nothing: what has arrived does not un-arrive.
            self._tell(EventType.FAILED, at=at, occurred_at=occurred_at, attempt=attempt, trouble=said.trouble, detail={"late": True})
        self._settle(at=at, occurred_at=occurred_at, attempt=attempt)
        self.move_on(at=at)

    def taken(self, number: int, reference: str, *, at: datetime, parts: tuple[str, ...] = ()) -> None:
        """The provider has it, under that id of its own, or in several parts under an id each."""
        if self.attempts[number].provider_reference != reference:  # else a receipt was faster than the answer
            self.attempts[number].provider_reference = reference
            self.attempts[number].parts = parts
            self.newly_taken.add(number)
        self._call_is_over(number, lifecycle.fact(AttemptStatus.SUBMITTED, at), at=at)
        if not course.tells_arrival(self._view(), self.attempts[number].made()):
            self.hear(number, lifecycle.fact(AttemptStatus.SENT, at), at=at)

    def refused(self, number: int, trouble: Trouble, *, at: datetime) -> None:
        """The provider will not have it."""
        self._call_is_over(number, lifecycle.fact(AttemptStatus.REJECTED, at, trouble), at=at)

    def lost_sight(self, number: int, *, at: datetime) -> None:
        """The call ended, and nobody knows whether the provider took it."""
        self._call_is_over(number, lifecycle.fact(AttemptStatus.UNKNOWN, at), at=at)

    def postponed(self, number: int, trouble: Trouble, *, until: datetime, at: datetime) -> None:
        """The same attempt again later, unless its step gives up before that."""
        waiting = self.waiting
        if waiting is None or waiting.number != number:
            return
        if waiting.gives_up_at is not None and until >= waiting.gives_up_at:
            self.give_up(trouble, at=at)
            return
        waiting.due_at = min(until, self.subject.expires_at)
        waiting.lease = waiting.calling_at = None
        waiting.error_class, waiting.raw_code = trouble.error_class, trouble.raw_code
        self.moved = True

    def put_off(self, deferral: Deferral, *, at: datetime) -> None:
        """The due attempt waits for the end of quiet hours, or for the deadline if that comes first. Waiting so is no failing."""
        waiting = self.due
        until = min(deferral.until, self.subject.expires_at)
        if waiting.gives_up_at is not None:
            waiting.gives_up_at = min(waiting.gives_up_at + (until - at), self.subject.expires_at)
        waiting.due_at = until
        waiting.lease = waiting.calling_at = None
        self._tell(EventType.SCHEDULED, at=at, attempt=self.attempts.get(waiting.number), detail=replace(deferral, until=until).tell())

    def give_up(self, trouble: Trouble, *, at: datetime) -> None:
        """The due attempt is not tried again, or not at all; what follows is the course's."""
        number = self.due.number
        if number not in self.attempts:
            self.skip(trouble, at=at)
        else:
            self._call_is_over(number, lifecycle.fact(AttemptStatus.FAILED, at, trouble), at=at)

    def _call_is_over(self, number: int, said: Known, *, at: datetime) -> None:
        """Nothing that is new need be said by that: a receipt that was faster may have waited for the call's end alone."""
        self._clear(number)
        self.hear(number, said, at=at)
        self.move_on(at=at)

    def has_way_out(self, trouble: Trouble) -> bool:
        """Whether, if the due attempt failed like that, another account or step would be tried."""
        return self.way_out(trouble) is not None

    def way_out(self, trouble: Trouble) -> course.Again | None:
        """Which one."""
        waiting = self.due
        return course.way_out(self._view(), waiting.step, {waiting.account_id}, trouble)

    # What is done

    def begin(self, *, at: datetime) -> Try:
        """Write the due attempt down; its call follows, so from here on a crash leaves its outcome unknown."""
        waiting = self.due
        attempt = self.attempts.get(waiting.number)
        if attempt is None:
            attempt = Try(waiting.number, waiting.step, waiting.channel, waiting.account_id, at)
            self.attempts[waiting.number] = attempt
        attempt.tries += 1
        attempt.called_at = waiting.calling_at = at
        waiting.tries += 1
        self.touched.add(waiting.number)
        self.moved = True
        return attempt

    def skip(self, trouble: Trouble, *, at: datetime) -> None:
        """The due attempt is not made: consent or content forbids it. It counts as rejected, after no call at all."""
        attempt = self.begin(at=at)
        attempt.tries -= 1
        self.refused(attempt.number, trouble, at=at)

    def cancel(self, trouble: Trouble | None = None, *, at: datetime) -> None:
        """The business takes it back, or its recipient does (`trouble`); whether they still can is `is_in_hands`."""
        self._end(Status.CANCELED, trouble, at=at)

    def replied(self, detail: Mapping[str, Any], *, attempt: int | None, occurred_at: datetime, at: datetime) -> None:
        """The recipient has answered it, which changes no status."""
        made = self.attempts.get(attempt) if attempt else None
        self._tell(EventType.REPLIED, at=at, occurred_at=occurred_at, attempt=made, detail={"reply": dict(detail)})

    def is_in_hands(self) -> bool:
        """Whether a provider has it, or may have it, right now."""
        if self.waiting is not None and self.waiting.calling_at is not None:
            return True
        return any(made.known.status not in lifecycle.NEGATIVE for made in self._view().attempts)

    def is_final(self) -> bool:
        """Whether no further status is expected, on any channel by which it has arrived."""
        if self.status is Status.SENT:
            return course.is_handed_over(self._view())
        arrived = [attempt.channel for attempt in self.attempts.values() if attempt.known.status in lifecycle.ARRIVED]
        return all(lifecycle.is_final(self.status, channel=channel) for channel in arrived or [self.subject.plan[self.step]["channel"]])

    # What follows

    def move_on(self, *, at: datetime) -> None:
        """Whatever the facts and the clock have decided: another step or account, the end, or nothing yet."""
        if self.ended is Status.SENT:
            self.ended = None  # what was handed over may come back, and then other steps are left, or a failure is
        if self.ended is not None:
            self._drop()
            return
        match course.next_move(self._view(), at=at):
            case course.Again(step, account_id, because):
                self._go_on(step, account_id, because=because, at=at)
            case course.End(status, trouble) if self.waiting is None or self.waiting.calling_at is None:
                self._end(status, trouble, at=at)
            case course.Drop():
                self._drop()

    def next_moment(self) -> datetime | None:
        """When the clock alone will decide something; None if it never will."""
        return None if self.ended is not None else course.next_moment(self._view())

    def _view(self) -> course.View:
        due = self.waiting.number if self.waiting else None
        made = [attempt.made() for number, attempt in sorted(self.attempts.items()) if number != due]
        subject = self.subject
        begun = self.attempts.get(due) if due else None
        called = begun.made() if begun and begun.tries else None
        return course.View(subject.plan, subject.lane, subject.expires_at, made, self.waiting is not None, self.grace, called)

    def _go_on(self, step: int, account_id: UUID, *, because: str, at: datetime) -> None:
        last = self.attempts[max(self.attempts)]
        subject = self.subject
        channel = subject.plan[step]["channel"]
        made = sum(attempt.tries > 0 for attempt in self.attempts.values())
        spent = course.spent(self._view()) + (course.price_of(subject.plan, step, account_id) or 0)
        gives_up_at = course.gives_up_at(
            subject.plan, step, lane=subject.lane, expires_at=subject.expires_at, at=at, made=made, spent=spent
        )
        self.waiting = Waiting(last.number + 1, step, channel, account_id, at, gives_up_at)
        self.step = step
        self.moved = True
        if step != last.step:
            fallback = {"from": last.channel, "to": channel, "because": because}
            self._tell(EventType.FALLBACK, at=at, attempt=last, trouble=last.known.trouble, detail={"fallback": fallback})

    def _clear(self, number: int) -> None:
        if self.waiting is not None and self.waiting.number == number:
            self.waiting = None
            self.moved = True

    def _drop(self) -> None:
        # One that is being called can't be taken back: its answer will be heard like any other.
        if self.waiting is not None and self.waiting.calling_at is None:
            self._clear(self.waiting.number)

    def _end(self, status: Status, trouble: Trouble | None, *, at: datetime) -> None:
        self.ended, self.trouble = status, trouble
        self._drop()
        self.moved = True
        self._settle(at=at, attempt=self.attempts[max(self.attempts)] if self.attempts else None)

    # What is told

    def _settle(self, *, at: datetime, occurred_at: datetime | None = None, attempt: Try | None) -> None:
        known = [each.known for each in self.attempts.values()]
        status = lifecycle.message_status(known, ended=self.ended, opened=self.opened)
        if status is self.status:
            return
        had_failed = self.status in lifecycle.ENDED or (attempt is not None and attempt.known.weight is not AttemptStatus.PENDING)
        has_come = status in lifecycle.ARRIVED_STATUSES and self.status not in lifecycle.ARRIVED_STATUSES
        detail = {**({"recovered": True} if had_failed and has_come else {}), **self._road(attempt)}
        before, self.status = self.status, status
        if status in lifecycle.ENDED:
            self.ended_at = at
        trouble = self.trouble if status in lifecycle.ENDED else None
        self._tell(
            EventType(f"message.{status}"),
            at=at,
            occurred_at=occurred_at,
            before=before,
            attempt=attempt,
            trouble=trouble,
            detail=detail or None,
        )

    def _road(self, attempt: Try | None) -> dict[str, Any]:
        """How the message came to this attempt's channel, where it is not the first that was tried."""
        before = max(
            (each for each in self.attempts.values() if attempt and each.step < attempt.step), key=lambda each: each.number, default=None
        )
        if before is None or attempt is None:
            return {}
        because = (
            before.known.trouble.error_class
            if before.known.trouble
            else ("unknown" if before.known.status is AttemptStatus.UNKNOWN else course.SILENCE)
        )
        return {"fallback": {"from": before.channel, "to": attempt.channel, "because": because}}

    def _tell(
        self,
        type_: EventType,
        *,
        at: datetime,
        occurred_at: datetime | None = None,
        before: Status | None = None,
        attempt: Try | None,
        trouble: Trouble | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self.seq += 1
        self.moved = True
        subject = self.subject
        self.new_events.append(
            NewEvent(
                id=ids.new(),
                message_id=subject.id,
                seq=self.seq,
                business_id=subject.business_id,
                mode=subject.mode,
                type=type_,
                previous_status=before or self.status,
                status=self.status,
                final=self.is_final(),
                occurred_at=occurred_at or at,
                recorded_at=at,
                attempt=attempt.number if attempt else None,
                channel=attempt.channel if attempt else subject.plan[self.step]["channel"],
                account_id=attempt.account_id if attempt else None,
                error_class=trouble.error_class if trouble else None,
                error_code=trouble.code if trouble else None,
                raw_code=trouble.raw_code if trouble else None,
                detail=detail,
                reference=subject.reference,
                metadata=subject.metadata,
                callback=subject.callback,
            )
        )
