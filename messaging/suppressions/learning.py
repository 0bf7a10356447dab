"""What providers know of opt-outs becomes our own suppression, in the transaction that records what they said: nobody is asked twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import ids
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.models import Message
from messaging.suppressions import keeping
from messaging.suppressions.keeping import Wanted
from routing import vault
from routing.credentials import directory

NARROW = {("meta", "131050"): "marketing"}
"""Codes that speak of one category alone: who has "stopped marketing messages" in WhatsApp is still told of their order."""
COMPLAINTS = frozenset({"complained", "spam"})
"""The words with which e-mail services tell that somebody has called it spam."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A provider's word that a recipient has opted out, about an attempt."""

    message_id: UUID
    account_id: UUID
    channel: str
    raw_code: str


def learn(refusals: Sequence[Refusal], *, at: datetime) -> None:
    """Put in force what these say; inside the caller's transaction. Repetition makes no second one."""
    if not refusals:
        return
    messages = Message.objects.in_bulk({each.message_id for each in refusals})
    keeping.add([_wanted(each, messages[each.message_id]) for each in refusals if each.message_id in messages], at=at, holds_stories=True)


def _wanted(refusal: Refusal, message: Message) -> Wanted:
    account = directory().get(refusal.account_id)
    provider = account.provider if account else ""
    return Wanted(
        business_id=message.business_id,
        recipient_hash=bytes(message.recipient_hash),
        mode=message.mode,
        channel=refusal.channel,
        category=NARROW.get((provider, refusal.raw_code), ""),
        reason=SuppressionReason.COMPLAINT if refusal.raw_code in COMPLAINTS else SuppressionReason.OPTED_OUT,
        origin=SuppressionOrigin.PROVIDER,
        source=f"{provider} {refusal.raw_code}".strip()[:200],
        recipient=recipient_of(message),
        evidence={"provider": provider, "code": refusal.raw_code, "message": ids.public("msg", message.id)},
    )


def recipient_of(message: Message) -> str | None:
    """Whom it was for; None where that can't be opened any more."""
    try:
        return vault.unseal(bytes(message.recipient), bound_to=f"message:{message.id}").decode()
    except vault.CannotOpen:
        return None
