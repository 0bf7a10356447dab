"""One-click unsubscription by an e-mail's link (RFC 8058): the address names its message by a sign that only we can make."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from uuid import UUID

from django.conf import settings

from accounts import ids
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.models import Message
from messaging.suppressions import keeping, learning
from messaging.suppressions.keeping import Wanted
from routing import vault
from routing.choices import Channel, TrafficClass

OFFERED = frozenset({TrafficClass.MARKETING.value})
"""The categories whose e-mails bear the link. Who has ordered is told of it, and a one-time code can't be unsubscribed from."""
PATH = "unsubscribe/"


def url(message_id: UUID) -> str:
    """The message's own address: no number, no name, nothing to guess (128 bits of a keyed hash)."""
    return f"{settings.PUBLIC_URL}/{PATH}{_token(message_id)}"


def read(token: str) -> UUID | None:
    """The message that a token names; None for one that is not ours. Asks no database."""
    message_id = ids.parse("u", f"u_{token[:32]}")
    return message_id if message_id and hmac.compare_digest(token.encode(errors="replace"), _token(message_id).encode()) else None


def unsubscribe(message: Message, *, at: datetime) -> None:
    """Its recipient gets no more such e-mails of this business; once more changes nothing."""
    wanted = Wanted(
        business_id=message.business_id,
        recipient_hash=bytes(message.recipient_hash),
        recipient=learning.recipient_of(message),
        mode=message.mode,
        channel=Channel.EMAIL,
        category=message.lane,
        reason=SuppressionReason.OPTED_OUT,
        origin=SuppressionOrigin.ONE_CLICK,
        source="the link of an e-mail",
        evidence={"message": ids.public("msg", message.id), "template": message.template_name},
    )
    keeping.add([wanted], at=at)


def _token(message_id: UUID) -> str:
    sign = base64.urlsafe_b64encode(vault.blind_index(f"unsubscribe:{message_id.hex}")).decode().rstrip("=")
    return f"{message_id.hex}{sign}"
