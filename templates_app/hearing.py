"""What a provider's news make of a registration: a join, so that neither their order nor their repetition matters.

A registration's state may go there and back (approved, paused, approved), so truth is not a maximum of states but the newest word: for each
group of facts the one that was said last counts, and of two said in the same second the graver one. That is a maximum over (time, weight,
words), and a maximum is commutative, associative and idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import NamedTuple

from routing.providers.base import TemplateNews, TemplateStatus
from templates_app.choices import RegistrationStatus

_WEIGHTS = (
    RegistrationStatus.OWED,
    RegistrationStatus.PENDING,
    RegistrationStatus.APPROVED,
    RegistrationStatus.PAUSED,
    RegistrationStatus.REJECTED,
    RegistrationStatus.DISABLED,
    RegistrationStatus.GONE,
)


class Standing(NamedTuple):
    at: datetime
    weight: int
    raw: str

    @property
    def status(self) -> RegistrationStatus:
        return _WEIGHTS[self.weight]


class Reason(NamedTuple):
    """Why it stands so. A look tells less than a webhook, so it is kept apart from the standing that it was told with."""

    at: datetime
    of: str
    text: str
    pause: str
    paused_for: int


class Word(NamedTuple):
    """A category, a quality, or a status word that no table knows."""

    at: datetime
    text: str


class Difference(NamedTuple):
    at: datetime
    is_there: bool


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a registration. None: nobody has said it yet."""

    standing: Standing | None = None
    reason: Reason | None = None
    category: Word | None = None
    quality: Word | None = None
    difference: Difference | None = None
    unknown: Word | None = None

    @property
    def status(self) -> RegistrationStatus:
        return self.standing.status if self.standing else RegistrationStatus.OWED

    @property
    def because(self) -> Reason | None:
        """The reason for the very status that it has now."""
        return self.reason if self.reason and self.reason.of == self.status else None

    @property
    def paused_until(self) -> datetime | None:
        because = self.because
        return because.at + timedelta(seconds=because.paused_for) if because and because.paused_for else None

    @property
    def obstacle(self) -> str:
        """Why it can't be sent, in a few words; empty if it can."""
        if self.status is not RegistrationStatus.APPROVED:
            return _OBSTACLES[self.status]
        return "the template there says something else" if self.difference and self.difference.is_there else ""


_OBSTACLES = {
    RegistrationStatus.OWED: "the template is not registered there yet",
    RegistrationStatus.PENDING: "the provider has not approved the template yet",
    RegistrationStatus.REJECTED: "the provider has rejected the template",
    RegistrationStatus.PAUSED: "the provider has paused the template",
    RegistrationStatus.DISABLED: "the provider has disabled the template",
    RegistrationStatus.GONE: "the template is not there any more",
}
UNREGISTERED = _OBSTACLES[RegistrationStatus.OWED]
NOTHING = Known()


def weight(status: str) -> int:
    """Of a status, for those who keep it by its word."""
    return _WEIGHTS.index(RegistrationStatus(status))


def fact(news: TemplateNews, *, differs: bool | None = None, at: datetime) -> Known:
    """What one piece of news says. `at` stands in for a time that the provider does not give."""
    when = news.occurred_at or at
    is_known = news.status is not None and news.status is not TemplateStatus.UNMAPPED
    status = RegistrationStatus(news.status.value) if news.status is not None and is_known else None
    has_reason = status is not None and bool(news.reason or news.pause)
    return Known(
        standing=Standing(when, _WEIGHTS.index(status), news.raw_status) if status else None,
        reason=Reason(when, status.value, news.reason[:400], news.pause, news.paused_for or 0) if status and has_reason else None,
        category=Word(when, news.category) if news.category else None,
        quality=Word(when, news.quality) if news.quality else None,
        difference=Difference(when, differs) if differs is not None else None,
        unknown=Word(when, news.raw_status) if news.status is TemplateStatus.UNMAPPED else None,
    )


def join(one: Known, other: Known) -> Known:
    """Both taken together."""
    pairs = ((getattr(one, each.name), getattr(other, each.name)) for each in fields(Known))
    return Known(*(max((each for each in pair if each is not None), default=None) for pair in pairs))
