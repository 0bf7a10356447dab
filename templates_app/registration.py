"""What providers say of our templates, taken in: joined, written into the history, and told to whoever must know.

News come by webhook, by our own looks, by the answers to submissions and by hand-offs that were refused. All of them pass here, inside one
transaction, so that none of it is told twice and none is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import Q

from routing import credentials
from routing.credentials import Account, Unusable
from routing.providers.base import TemplateNews
from templates_app import announcing, standing
from templates_app.choices import RegistrationStatus, Source, VersionStatus
from templates_app.hearing import Known, fact, join
from templates_app.models import Registration, RegistrationNews

SOONEST = timedelta(seconds=1)
_AT_MOST: dict[str, timedelta] = {
    RegistrationStatus.OWED: timedelta(hours=1),
    RegistrationStatus.PENDING: timedelta(hours=1),
    RegistrationStatus.APPROVED: timedelta(hours=6),
    RegistrationStatus.PAUSED: timedelta(hours=1),
    RegistrationStatus.REJECTED: timedelta(hours=24),
    RegistrationStatus.DISABLED: timedelta(hours=24),
    RegistrationStatus.GONE: timedelta(hours=24),
}
"""The longest time between two looks. A webhook may be lost; a look never is."""


def hear(account_id: UUID, news: Sequence[TemplateNews], *, source: Source, at: datetime) -> int:
    """Take in what a provider says to an account; returns how many registrations it was said of. A template that is not ours is nobody's
    business here."""
    with transaction.atomic():
        return sum(_hear_one(account_id, each, source=source, at=at) for each in news)


def hear_fault(version_id: UUID, account_id: UUID, *, raw_code: str, at: datetime) -> None:
    """What a refused hand-off says about the template itself; the provider is asked to confirm it at once."""
    try:
        registrar = credentials.by_id(account_id).adapter.registrar
    except Unusable:
        return
    status = registrar.read_fault(raw_code) if registrar else None
    if status is None:
        return
    with transaction.atomic():
        for row in _locked(Q(version_id=version_id, account_id=account_id)):
            take_in(row, TemplateNews(status=status, raw_status=raw_code), source=Source.HAND_OFF, at=at)
            row.due_at = at
            row.save()


def record(row_id: UUID, news: TemplateNews, *, source: Source, differs: bool | None = None, at: datetime, **stamps: Any) -> Registration:
    """Take in what was said of one registration, with what else is known of the call."""
    with transaction.atomic():
        (row,) = _locked(Q(pk=row_id))
        for name, value in stamps.items():
            setattr(row, name, value)
        take_in(row, news, source=source, differs=differs, at=at)
        row.save()
    return row


def take_in(row: Registration, news: TemplateNews, *, source: Source, differs: bool | None = None, at: datetime) -> None:
    """Join the news into a locked row, and tell what follows; the caller saves the row."""
    before = row.known()
    after = join(before, fact(news, differs=differs, at=at))
    # Whatever a provider said is history. A look that found nothing new said nothing; nor does the next of a thousand refused hand-offs.
    if source in (Source.WEBHOOK, Source.SUBMISSION) or _is_new(before, after):
        _write_down(row, news, source=source, differs=differs, at=at)
    row.believe(after)
    row.provider_id = row.provider_id or news.provider_id
    row.due_at = at if news.is_edited else next_look(row, at=at)
    announcing.tell(row, before=before, after=after, at=at)
    transaction.on_commit(standing.forget)


def next_look(row: Registration, *, at: datetime) -> datetime | None:
    """When to ask the provider again: soon after a submission, then less and less often; never for a version that is not sent any more."""
    if row.version.status == VersionStatus.RETIRED:
        return None
    wait = _AT_MOST[row.status]
    if row.status == RegistrationStatus.PENDING:
        wait = min(max((at - (row.submitted_at or at)) / 2, SOONEST), wait)
    until = row.known().paused_until
    return min(at + wait, until) if until and until > at else at + wait


def _hear_one(account_id: UUID, news: TemplateNews, *, source: Source, at: datetime) -> int:
    whose = Q(account_id__in=_partners(account_id))
    by_name = Q(provider_id="", name=news.name, language=news.language)
    rows = _locked(whose & (by_name if not news.provider_id else by_name | Q(provider_id=news.provider_id)))
    for row in rows:
        take_in(row, news, source=source, at=at)
        row.save()
    return len(rows)


def _partners(account_id: UUID) -> list[UUID]:
    """The account, and those of the same business that share its templates; never another business's."""
    everybody = credentials.directory()
    mine = everybody.get(account_id)
    if mine is None or mine.adapter.registrar is None:
        return [account_id]
    return [each.id for each in everybody.values() if _whose(each) == _whose(mine)]


def _whose(account: Account) -> tuple[Any, ...]:
    registrar = account.adapter.registrar
    owner = account.opened.settings.get(registrar.owner_setting) if registrar else None
    return (account.provider, account.mode, account.business_id, owner or account.id)


def _locked(which: Q) -> list[Registration]:
    """In one order everywhere, so that no two wait for each other."""
    rows = Registration.objects.select_for_update(of=("self",)).select_related("version__template", "account")
    return list(rows.filter(which).order_by("pk"))


def _is_new(before: Known, after: Known) -> bool:
    """Whether a look has found a change, and not only the time of the look."""

    def said(known: Known) -> tuple[Any, ...]:
        words = (known.category, known.quality, known.unknown)
        return (known.status, known.difference and known.difference.is_there, *(word and word.text for word in words))

    return said(before) != said(after)


def _write_down(row: Registration, news: TemplateNews, *, source: Source, differs: bool | None, at: datetime) -> None:
    occurred_at = news.occurred_at or at
    said: dict[str, Any] = {
        "status": news.status.value if news.status else "",
        "raw_status": news.raw_status,
        "reason": news.reason[:400],
        "pause": news.pause,
        "category": news.category,
        "quality": news.quality,
        "is_edited": news.is_edited,
        "differs": differs,
        "occurred_at": occurred_at,
    }
    digest = hashlib.sha256(orjson.dumps(said)).digest()
    line = RegistrationNews(registration=row, digest=digest, source=source, recorded_at=at, **said)
    RegistrationNews.objects.bulk_create([line], ignore_conflicts=True)
