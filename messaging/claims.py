"""What a message uses up of its business's caps: pure values, claimed when it is prepared and counted when it is accepted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from accounts.choices import Mode
from accounts.refusals import FieldError, Refusal
from messaging.recipients import Recipient
from routing import allowances, prices
from routing.choices import Channel, TrafficClass
from routing.models import Limits
from routing.selection import Plan

DAY, HOUR, TEN_MINUTES = timedelta(days=1), timedelta(hours=1), timedelta(minutes=10)
MONTH = timedelta(days=31)
LAST_DIGITS = 4
"""Of a number, which its block leaves out."""


class CapReached(Refusal):
    status = 429
    code = "cap_reached"
    title = "The business has sent what it may send today."


class RecipientCapReached(Refusal):
    status = 429
    code = "recipient_cap_reached"
    title = "This recipient has been sent as much as one may be."


class SpendCapReached(Refusal):
    status = 429
    code = "spend_cap_reached"
    title = "The business has spent what it may spend."


class PumpingSuspected(Refusal):
    status = 429
    code = "pumping_suspected"
    title = "Too many one-time codes go to neighbouring numbers."


class CountryNotAllowed(Refusal):
    code = "country_not_allowed"
    title = "One-time codes don't go to that country."


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of cap. `lasts` is the window's length; a sliding one counts the window before it as well, by what is left of it."""

    name: str
    lasts: timedelta
    refusal: type[Refusal]
    is_sliding: bool = False
    is_told: bool = False
    """Whether staff are told when four fifths are used."""
    words: str = ""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("messages_day", DAY, CapReached, is_told=True, words="messages a day"),
        Kind("channel_day", DAY, CapReached, is_told=True, words="messages a day on one channel"),
        Kind("recipient_day", DAY, RecipientCapReached, is_sliding=True),
        Kind("recipient_soon", TEN_MINUTES, RecipientCapReached, is_sliding=True),
        Kind("block_hour", HOUR, PumpingSuspected, is_sliding=True),
        Kind("spend_day", DAY, SpendCapReached, is_told=True, words="spent a day"),
        Kind("spend_month", MONTH, SpendCapReached, is_told=True, words="spent a month"),
    )
}


@dataclass(frozen=True, slots=True)
class Claim:
    """So much of one window."""

    business_id: UUID
    mode: str
    kind: Kind
    subject: str
    opens_at: datetime
    at: datetime
    cap: Decimal
    used: Decimal

    ONE: ClassVar[Decimal] = Decimal(1)

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Which row counts it, as text: they are locked in this order."""
        return (str(self.business_id), self.mode, self.kind.name, self.subject, self.opens_at.isoformat())

    @property
    def before_at(self) -> datetime | None:
        """When the window before it opened, where that counts."""
        return self.opens_at - self.kind.lasts if self.kind.is_sliding else None

    def reaches(self, used: Decimal, before: Decimal) -> Decimal:
        """How much is used by then, of this window and what is left of the one before."""
        if not self.kind.is_sliding:
            return used
        left = 1 - (self.at - self.opens_at) / self.kind.lasts
        return used + before * Decimal(max(0.0, left))

    def refuse(self, used: Decimal, before: Decimal) -> Refusal:
        """The refusal of whoever comes after the cap, when so much of this window and of the one before it is used."""
        wait = math.floor((self._fits_at(used, before) - self.at).total_seconds()) + 1
        told = (
            f"At most {self.cap.normalize():f} in {_span(self.kind.lasts)}. Nothing was stored: send it again later, or ask staff for more."
        )
        is_about_recipient = self.kind.refusal in {RecipientCapReached, PumpingSuspected}
        errors = [FieldError("recipient", self.kind.refusal.code, told)] if is_about_recipient else []
        return self.kind.refusal(told, errors=errors, retry_after=wait)

    def _fits_at(self, used: Decimal, before: Decimal) -> datetime:
        """When there is room for it again, if nothing else comes."""
        ends, room = self._ends_at(), self.cap - self.used
        if not self.kind.is_sliding or room < 0:
            return ends
        if used <= room:  # what the window before it still weighs must melt
            return ends - float((room - used) / before) * self.kind.lasts if before else self.at
        return ends + (1 - float(room / used)) * self.kind.lasts  # its own weight melts in the next one

    def _ends_at(self) -> datetime:
        if self.kind.lasts != MONTH:
            return self.opens_at + self.kind.lasts
        return (self.opens_at + MONTH).replace(day=1)


def of(
    business_id: UUID,
    mode: str,
    *,
    traffic_class: str,
    recipient: Recipient,
    recipient_hash: bytes,
    plan: Plan,
    segments: int | None,
    at: datetime,
) -> tuple[Claim, ...]:
    """Everything that a message would use up; mostly nothing. Raises CountryNotAllowed."""
    limits = allowances.of(business_id, at=at)
    if traffic_class == TrafficClass.AUTHENTICATION and limits.code_countries and recipient.kind == "phone":
        _check_country(recipient, limits)
    first = plan.steps[0]
    found = [
        *_volume(limits, first.channel),
        *_velocity(limits, mode, traffic_class, recipient, recipient_hash, released=lambda block: _released(business_id, block, at)),
        *(_spend(limits, plan, traffic_class, recipient, segments, at=at) if mode == Mode.LIVE else ()),
    ]
    return tuple(Claim(business_id, mode, kind, subject, opens_at(kind, at), at, Decimal(cap), used) for kind, subject, cap, used in found)


def block_of(number: str) -> str:
    """The block of 10,000 numbers that it lies in."""
    return number[:-LAST_DIGITS]


_Found = tuple[Kind, str, Decimal | int, Decimal]


def _volume(limits: Limits, channel: str) -> Iterator[_Found]:
    if limits.messages_per_day is not None:
        yield KINDS["messages_day"], "", limits.messages_per_day, Claim.ONE
    cap = {Channel.WHATSAPP: limits.whatsapp_per_day, Channel.SMS: limits.sms_per_day, Channel.EMAIL: limits.email_per_day}.get(
        Channel(channel)
    )
    if cap is not None:
        yield KINDS["channel_day"], channel, cap, Claim.ONE


def _velocity(
    limits: Limits, mode: str, traffic_class: str, recipient: Recipient, recipient_hash: bytes, *, released: Callable[[str], bool]
) -> Iterator[_Found]:
    subject = f"{traffic_class}:{recipient_hash.hex()}"
    if traffic_class != TrafficClass.AUTHENTICATION:
        cap = limits.marketing_per_recipient if traffic_class == TrafficClass.MARKETING else limits.utility_per_recipient
        if cap is not None:
            yield KINDS["recipient_day"], subject, cap, Claim.ONE
        return
    if mode != Mode.LIVE:  # whoever tries a log-in sends themselves many codes, and nobody pays for them
        return
    for kind, cap in (("recipient_soon", limits.codes_per_recipient), ("recipient_day", limits.codes_per_recipient_day)):
        if cap is not None:
            yield KINDS[kind], subject, cap, Claim.ONE
    if limits.codes_per_block is not None and recipient.kind == "phone" and not released(block_of(recipient.text)):
        yield KINDS["block_hour"], block_of(recipient.text), limits.codes_per_block, Claim.ONE


def _released(business_id: UUID, block: str, at: datetime) -> bool:
    return allowances.is_released(business_id, block, at=at)


def _spend(limits: Limits, plan: Plan, traffic_class: str, recipient: Recipient, segments: int | None, *, at: datetime) -> Iterator[_Found]:
    """What the plan's first step costs; nothing is claimed where nobody knows."""
    if limits.spend_per_day is None and limits.spend_per_month is None:
        return
    step, account = plan.steps[0], plan.steps[0].accounts[0]
    amount = prices.table(at=at).find(
        account_id=account.id,
        provider=account.provider,
        channel=step.channel,
        category=traffic_class,
        country=recipient.country,
        number=recipient.text,
    )
    cost = prices.cost(amount, channel=step.channel, segments=segments)
    if not cost:
        return
    for kind, cap in (("spend_day", limits.spend_per_day), ("spend_month", limits.spend_per_month)):
        if cap is not None:
            yield KINDS[kind], "", cap, cost


def _check_country(recipient: Recipient, limits: Limits) -> None:
    if recipient.country not in limits.code_countries:
        message = f"One-time codes go to numbers of these countries only: {', '.join(limits.code_countries)}. Staff can add one."
        raise CountryNotAllowed(message, errors=[FieldError("recipient", "country_not_allowed", message)])


def opens_at(kind: Kind, at: datetime) -> datetime:
    """When the window opened that holds at that moment."""
    if kind.lasts == MONTH:
        return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    seconds = int(kind.lasts.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def _span(length: timedelta) -> str:
    return {MONTH: "a month", DAY: "a day", HOUR: "an hour"}.get(length, "10 minutes")
