"""Who sends what: a roll-up by hour, key and version, so that a reviewer sees whom a change concerns without a look at any message.

`messaging` counts (it has the messages), this room keeps and tells. Only the names of variables are kept, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, QuerySet, Sum

from templates_app.models import TemplateUse

LOOKED_BACK = timedelta(days=30)
KEPT = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class Count:
    """One hour of one key and one version."""

    hour: datetime
    api_key_id: UUID
    version_id: UUID
    messages: int
    sms: int
    """Messages whose plan has an SMS in it."""
    segments: int
    """What these SMS would have been together."""
    variables: tuple[str, ...]
    """The names that the hour's last message gave."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A key that sends a template, and what it gives."""

    key: str
    mode: str
    messages: int
    last_at: datetime
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Volume:
    """What went out in a language of a template."""

    messages: int
    sms: int
    segments: int


def keep(counts: Iterable[Count]) -> None:
    """Write the counts, in the place of former ones of the same hour, key and version."""
    TemplateUse.objects.bulk_create(
        [
            TemplateUse(
                hour=each.hour,
                api_key_id=each.api_key_id,
                version_id=each.version_id,
                messages=each.messages,
                sms=each.sms,
                segments=each.segments,
                variables=list(each.variables),
            )
            for each in counts
        ],
        batch_size=1_000,
        update_conflicts=True,
        unique_fields=["hour", "api_key", "version"],
        update_fields=["messages", "sms", "segments", "variables"],
    )


def last_hour() -> datetime | None:
    """The newest hour that was counted."""
    return TemplateUse.objects.aggregate(last=Max("hour"))["last"]  # type: ignore[no-any-return]


def forget(*, at: datetime) -> None:
    """Clear what nobody asks for any more."""
    TemplateUse.objects.filter(hour__lt=at - KEPT).delete()


def senders(template_id: UUID, *, language: str, at: datetime) -> list[Sender]:
    """The keys that sent the template in that language in the last 30 days, the busiest first."""
    found: dict[UUID, Sender] = {}
    for use in _recent(template_id, language=language, at=at).select_related("api_key"):
        before = found.get(use.api_key_id)
        found[use.api_key_id] = Sender(
            key=use.api_key.name,
            mode=use.api_key.mode,
            messages=use.messages + (before.messages if before else 0),
            last_at=max(use.hour, before.last_at) if before else use.hour,
            variables=frozenset(use.variables) | (before.variables if before else frozenset()),
        )
    return sorted(found.values(), key=lambda sender: (-sender.messages, sender.key))


def volume(template_id: UUID, *, language: str, at: datetime) -> Volume:
    """What went out in the last 30 days."""
    sums = _recent(template_id, language=language, at=at).filter(api_key__mode="live").aggregate(*map(Sum, ("messages", "sms", "segments")))
    return Volume(**{name: sums[f"{name}__sum"] or 0 for name in ("messages", "sms", "segments")})


def _recent(template_id: UUID, *, language: str, at: datetime) -> QuerySet[TemplateUse]:
    return TemplateUse.objects.filter(version__template_id=template_id, version__language=language, hour__gte=at - LOOKED_BACK)
