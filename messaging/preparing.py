"""Everything about a request that can be known at once, checked at once: what leaves here can be sent.

Reads only what the process keeps for a few seconds (templates, routes); the statement that accepts it checks their versions again
(messaging.accepting), so that what was retired a moment ago is refused all the same.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from accounts import ids
from accounts.keys import Caller
from accounts.refusals import FieldError, Refusal
from messaging import claims, deferral, recipients, service_window
from messaging.claims import Claim
from messaging.deferral import Deferral
from messaging.recipients import Recipient
from messaging.service_window import Look
from routing import facts, guard, prices, selection, spending, vault
from routing.conditions import Words
from routing.providers.base import Text
from routing.selection import Book, Plan
from routing.spending import Purchase
from templates_app import catalogue, rendering, segments, standing
from templates_app.catalogue import Entry

LASTS = {"authentication": timedelta(minutes=10), "utility": timedelta(hours=24), "marketing": timedelta(hours=72)}
"""The deadline of each traffic class, where a request names none."""
FURTHEST = timedelta(days=35)
"""How far ahead `send_at` may be."""

_dice = random.Random()  # noqa: S311 - it weighs accounts, it guards nothing


class InvalidSchedule(Refusal):
    code = "invalid_send_at"
    title = "The message can't be scheduled for that time."


class CallbackNotAllowed(Refusal):
    code = "callback_not_allowed"
    title = "The callback is not on an origin that this business has registered."


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request to send, in the right shape."""

    channel: str
    template: str
    recipient: str = field(repr=False)
    callback: str | None = field(default=None, repr=False)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    language: str | None = None
    reference: str | None = None
    metadata: dict[str, Any] | None = None
    send_at: datetime | None = None
    timezone: str | None = None
    """The recipient's, by its IANA name."""
    expires_in: int | None = None
    fallback: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that may be accepted."""

    id: UUID
    caller: Caller
    wanted: Wanted
    entry: Entry
    plan: Plan
    segments: int | None
    recipient: Recipient
    recipient_hash: bytes
    at: datetime
    send_at: datetime | None
    """As asked for, or the end of the quiet hours that it falls into."""
    expires_at: datetime
    deferral: Deferral | None = None
    claims: tuple[Claim, ...] = ()
    """What it uses up of caps."""

    @property
    def channels(self) -> list[str]:
        return sorted({step.channel for step in self.plan.steps})


def prepare(wanted: Wanted, *, caller: Caller, at: datetime, book: Book | None = None, window: str | None = None) -> Prepared:
    """Check one request wholly; raises a Refusal that names the field and the way out.

    `book`: other routes than the business's own. `window`: what `windows` has found for it.
    """
    recipient = recipients.read(wanted.recipient, channel=wanted.channel)
    entry = catalogue.live(caller.business_id, wanted.template, wanted.language, at=at)
    id_ = ids.new()
    road = plan(wanted, caller, entry, recipient, at=at, book=book, window=window)
    channels = {step.channel for step in road.steps}
    checked = rendering.check(entry, wanted.variables, channels=channels)
    if wanted.callback is not None:
        _check_callback(wanted.callback, caller)
    send_at = _send_at(wanted, at=at)
    put_off = deferral.look(caller.business_id, entry.category, recipient=lambda: recipient.text, zone=wanted.timezone, at=send_at or at)
    send_at = put_off.until if put_off else send_at
    expires_at = (send_at or at) + (timedelta(seconds=wanted.expires_in) if wanted.expires_in else LASTS[entry.category])
    length = _segments(entry, checked) if "sms" in channels else None
    road = weigh(road, entry, recipient, segments=length, at=at)
    hash_ = recipients.hash_of(recipient.text)
    return Prepared(
        id=id_,
        caller=caller,
        wanted=wanted,
        entry=entry,
        plan=road,
        segments=length if any(step.channel == "sms" for step in road.steps) else None,
        recipient=recipient,
        recipient_hash=hash_,
        at=at,
        send_at=send_at,
        expires_at=expires_at,
        deferral=put_off,
        claims=claims.of(
            caller.business_id,
            caller.mode,
            traffic_class=entry.category,
            recipient=recipient,
            recipient_hash=hash_,
            plan=road,
            segments=length,
            at=at,
        ),
    )


def windows(asked: Sequence[tuple[Wanted | Refusal, Caller]], *, at: datetime) -> dict[int, str]:
    """WhatsApp's service window for each request, by its place, whose business's rules ask for it: one query for all, or none."""
    looks: dict[int, Look] = {}
    for place, (wanted, caller) in enumerate(asked):
        if isinstance(wanted, Refusal) or "window" not in selection.book(caller.business_id, at=at).asked.fields:
            continue
        # What is wrong with a recipient is said where it is checked.
        with contextlib.suppress(Refusal):
            recipient = recipients.read(wanted.recipient, channel=wanted.channel)
            if recipient.kind == "phone":
                looks[place] = _look(wanted, caller, recipient, at=at)
    return dict(zip(looks, service_window.look(list(looks.values())), strict=True))


def _look(wanted: Wanted, caller: Caller, recipient: Recipient, *, at: datetime) -> Look:
    return Look(caller.business_id, caller.mode, recipients.hash_of(recipient.text), at, _due_at(wanted, at=at))


def _due_at(wanted: Wanted, *, at: datetime) -> datetime:
    return max(wanted.send_at or at, at)


def _window(wanted: Wanted, caller: Caller, recipient: Recipient, book: Book, *, at: datetime, found: str | None) -> Words:
    if "window" not in book.asked.fields or recipient.kind != "phone":
        return ()
    return (found or service_window.look([_look(wanted, caller, recipient, at=at)])[0],)


def plan(
    wanted: Wanted,
    caller: Caller,
    entry: Entry,
    recipient: Recipient,
    *,
    at: datetime,
    book: Book | None = None,
    window: str | None = None,
) -> Plan:
    """By which road it would go; raises NoRoute."""
    book = book or selection.book(caller.business_id, at=at)
    subject = facts.Subject(
        number=recipient.text if recipient.kind == "phone" else "",
        metadata=wanted.metadata,
        tags=entry.tags,
        key=(caller.key_name, caller.key_prefix),
        due_at=_due_at(wanted, at=at),
        window=_window(wanted, caller, recipient, book, at=at, found=window),
    )
    wish = selection.Wish(
        business_id=caller.business_id,
        mode=caller.mode,
        channel=wanted.channel,
        lane=entry.category,
        template=entry.name,
        language=entry.language,
        country=recipient.country,
        kind=recipient.kind,
        channels=entry.channels,
        fallback=wanted.fallback,
        obstacles=standing.board(entry.version_id, at=at).obstacles if "whatsapp" in entry.channels else None,
        facts=facts.see(book.asked, subject),
    )
    return selection.plan(book, wish, pick=_dice)


def weigh(road: Plan, entry: Entry, recipient: Recipient, *, segments: int | None, at: datetime) -> Plan:
    """The road by what its accounts cost this message, if its rule asks for that; raises NoRoute."""
    if not road.asks_prices:
        return road
    purchase = Purchase(entry.category, recipient.country, recipient.text, segments)
    return spending.weigh(road, purchase, table=prices.table(at=at))


def _check_callback(callback: str, caller: Caller) -> None:
    guard.check_url(callback, field="callback")
    parts = urlsplit(callback)
    if caller.callback_origins and f"{parts.scheme}://{parts.netloc}".lower() not in caller.callback_origins:
        message = f"Use a callback on one of the registered origins: {', '.join(caller.callback_origins)}."
        raise CallbackNotAllowed(message, errors=[FieldError("callback", "callback_not_allowed", message)])


def _send_at(wanted: Wanted, *, at: datetime) -> datetime | None:
    """When it is due; None for now, and for a time that has just passed."""
    if wanted.send_at is None or at - timedelta(minutes=5) <= wanted.send_at <= at:
        return None
    if not at < wanted.send_at <= at + FURTHEST:
        message = f"Choose a time from now to {FURTHEST.days} days ahead."
        raise InvalidSchedule(message, errors=[FieldError("send_at", "invalid_send_at", message)])
    return wanted.send_at


def _segments(entry: Entry, checked: Mapping[str, str]) -> int | None:
    content = rendering.fill(entry, checked, channel="sms")
    return segments.measure(content.text).segments if isinstance(content, Text) else None


def seal(prepared: Prepared) -> tuple[bytes, bytes | None]:
    """The recipient and the variables, encrypted for this very message."""
    place = f"message:{prepared.id}"
    variables = prepared.wanted.variables
    sealed = vault.seal(orjson.dumps(variables), bound_to=place) if variables else None
    return vault.seal(prepared.recipient.text.encode(), bound_to=place), sealed
