"""The values of a message's timeline, and the place where rooms above add theirs.

A moment is one thing that happened (or is still awaited), told for people. Messaging may not look up at callbacks, so callbacks registers
a source here that knows a message's webhooks. No model is imported: sources are registered before models are ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What sort of thing happened. Things of one instant are told in this order: what was said stands before what followed from it."""

    REQUEST = "request"
    CALL = "call"
    ANSWER = "answer"
    RECEIPT = "receipt"
    REPLY = "reply"
    EVENT = "event"
    WEBHOOK = "webhook"
    CLOCK = "clock"


class Tone(StrEnum):
    """What it means for the message."""

    PLAIN = "plain"
    MOVING = "moving"
    GOOD = "good"
    CARE = "care"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Fact:
    """One detail. `is_code`: a machine's word, shown as such; `is_id`: a long one, of which the end is enough for the eye.

    A datetime is a moment of another clock, or one that is yet to come.
    """

    label: str
    value: str | int | datetime
    is_code: bool = False
    is_id: bool = False

    @property
    def is_time(self) -> bool:
        return isinstance(self.value, datetime)


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry. `at` is our own clock's: providers' clocks are coarse and wrong, and would put answers before their questions."""

    at: datetime
    kind: Kind
    title: str
    tone: Tone = Tone.PLAIN
    text: str = ""
    facts: tuple[Fact, ...] = ()
    marks: tuple[str, ...] = ()
    """Short words that stand out: final, recovered, late."""
    label: str = ""
    """What tells it from others of its kind: the number of an event."""
    order: int = 0
    """Among moments of the same kind and instant."""
    is_ahead: bool = False
    """Awaited, not yet happened."""
    inbound_id: UUID | None = None
    """Of a reply: what is told here has a page, where it can be opened."""

    @property
    def place(self) -> tuple[datetime, int, int]:
        return (self.at, _ORDER[self.kind], self.order)


_ORDER = {kind: rank for rank, kind in enumerate(Kind)}

Source = Callable[[UUID], Iterable[Moment]]
"""All moments of a message that a room knows; asked with the message's id."""

sources: list[Source] = []
"""Of the rooms above messaging: each adds its own when it is ready."""


def gather(message_id: UUID, own: Iterable[Moment]) -> list[Moment]:
    """Our own moments and every other room's, in the order of time; what is awaited comes last."""
    moments = [*own, *(moment for source in sources for moment in source(message_id))]
    return sorted(moments, key=lambda moment: (moment.is_ahead, moment.place))
