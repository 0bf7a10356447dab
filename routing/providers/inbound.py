"""The words for what people send to our senders: plain values, as in base."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class InboundKind(StrEnum):
    """What came from a person, or what a provider tells of their will."""

    TEXT = "text"
    BUTTON = "button"  # a template's or a message's button was tapped
    LIST = "list"  # an item of a list, or a form that was filled in
    REACTION = "reaction"  # an emoji; an empty one takes it back
    MEDIA = "media"
    LOCATION = "location"
    ORDER = "order"
    UNKNOWN = "unknown"  # kept with the provider's own word for it
    OPT_OUT = "opt_out"  # told by the provider: a complaint, an unsubscription at its own page
    OPT_IN = "opt_in"


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing that a person sent to one of our senders, or that a provider tells of their will."""

    kind: InboundKind
    channel: str
    raw_kind: str
    """The provider's own word."""
    provider_id: str = ""
    """The provider's id of it."""
    sender: str = field(default="", repr=False)
    """A number with its plus, or an address; empty where only `user_id` is known."""
    user_id: str = field(default="", repr=False)
    """The provider's own id of the person, where it has one (WhatsApp's business-scoped user id)."""
    to: str = ""
    """Our sender, as the provider writes it."""
    to_id: str = ""
    """The setting by which the provider names our sender, where many share one URL (Meta's phone_number_id)."""
    context: str = ""
    """The provider's id of the message that this answers."""
    client_reference: str = ""
    """Our own id of the attempt that this answers."""
    text: str = field(default="", repr=False)
    payload: str = field(default="", repr=False)
    """A button's or item's id, as the template gave it."""
    keyword: str = ""
    """stop, start or help, where the provider itself has taken it for that."""
    category: str = ""
    """Of an opt-out: what it covers; empty for all."""
    occurred_at: datetime | None = None
    """The provider's own time, aware; None where it gives none."""


LONGEST_TEXT = 65_536
"""Characters; WhatsApp's and SMS's texts are far shorter."""


def text(value: object) -> str:
    """Whatever was written, storable (PostgreSQL takes no NUL, UTF-8 no lone surrogate) and of a sane length."""
    if not isinstance(value, str):
        return ""
    return value[:LONGEST_TEXT].replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def number(value: object) -> str:
    """A number as providers write it, with its plus; empty for what is none."""
    digits = text(value).strip().removeprefix("whatsapp:").removeprefix("+")
    return f"+{digits}" if digits.isascii() and digits.isdigit() and 3 <= len(digits) <= 20 else ""
