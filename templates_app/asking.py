"""Talking with providers about templates: what is owed is submitted, and what may have changed is looked at.

A row is claimed by moving its `due_at` past any call (a lease), the talk is held without a transaction, what it told is recorded in one.
So a crash loses nothing: the row is due again, and the adapters find what an unanswered call has made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from routing import credentials, transport
from routing.credentials import Account, Unusable
from routing.providers.base import (
    ErrorClass,
    Registrar,
    Steps,
    TemplateNews,
    TemplateRef,
    TemplateRefused,
    TemplateStatus,
    Unsendable,
)
from routing.transport import NoAnswer, NotSent
from templates_app import announcing, owing, registration
from templates_app.choices import RegistrationStatus, Source, VersionStatus
from templates_app.models import Registration

T = TypeVar("T")

AT_A_TIME = 100
LEASE = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
_CAP = 8_000_000
"""Bytes of an answer: a page holds a hundred templates."""
_NOT_THE_WORDS = frozenset({ErrorClass.THROTTLED, ErrorClass.PROVIDER_FAULT, ErrorClass.UNMAPPED, ErrorClass.ACCOUNT_FAULT})
"""A submission refused like that says nothing about the template."""


class Unanswered(Exception):
    """The provider was asked and told nothing; the text is for staff."""


def work(*, at: datetime, limit: int = AT_A_TIME) -> int:
    """Submit and look at what is due; returns how many registrations that were. Not to be called inside a transaction."""
    rows = _claim(at=at, limit=limit)
    for account_id, group in groupby(rows, key=lambda row: row.account_id):
        _talk(account_id, list(group), at=at)
    return len(rows)


def again(row: Registration, *, at: datetime) -> None:
    """What staff ask for: submit what is not there, replace what was rejected or differs, else look. Raises Unanswered.

    Not to be called inside a transaction: it waits for the network.
    """
    account, registrar = _open(row.account_id)
    try:
        if not row.provider_id or row.status in (RegistrationStatus.GONE, RegistrationStatus.OWED):
            _submit(row, account, registrar, at=at)
        elif row.status == RegistrationStatus.REJECTED or row.differs:
            spoken = owing.words(row.version, name=row.name)
            news = drive(registrar.edit(account.opened, row.provider_id, spoken))
            _record_submission(row, news, registrar.is_same(spoken, news), at=at)
        else:
            _look([row], account, registrar, at=at)
    except (TemplateRefused, Unsendable) as refusal:
        raise Unanswered(_told(refusal)) from refusal


def look_at(version_id: UUID, *, at: datetime) -> int:
    """Look at all registrations of a version that a provider has; returns how many. Raises Unanswered."""
    rows = [row for row in _rows().filter(version_id=version_id).order_by("account_id") if row.provider_id]
    for account_id, group in groupby(rows, key=lambda row: row.account_id):
        account, registrar = _open(account_id)
        try:
            _look(list(group), account, registrar, at=at)
        except TemplateRefused as refusal:
            raise Unanswered(_told(refusal)) from refusal
    return len(rows)


def drive(steps: Steps[T]) -> T:
    """Hold a talk to its end over the shared transport. Raises Unanswered, and what the talk itself raises."""
    way = transport.shared()
    try:
        call = next(steps)
        while True:
            call = steps.send(way.run(way.send(call, timeout=settings.QSURA_PROVIDER_TIMEOUT, cap=_CAP)))
    except StopIteration as end:
        told: T = end.value
        return told
    except (NotSent, NoAnswer) as failure:
        raise Unanswered(f"The call to the provider failed ({failure.reason}).") from failure


def _rows() -> Any:
    return Registration.objects.select_related("version__template__business", "account")


def _claim(*, at: datetime, limit: int) -> list[Registration]:
    with transaction.atomic():
        rows = list(_rows().select_for_update(of=("self",), skip_locked=True).filter(due_at__lte=at).order_by("due_at")[:limit])
        Registration.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=at + LEASE, tries=F("tries") + 1)
        retired = [row for row in rows if row.version.status == VersionStatus.RETIRED]
        for row in sorted(retired, key=lambda row: row.pk):
            announcing.settle(row, at=at)
        Registration.objects.filter(pk__in=[row.pk for row in retired]).update(due_at=None)
    return sorted((row for row in rows if row not in retired), key=lambda row: (row.account_id, row.pk))


def _talk(account_id: UUID, rows: Sequence[Registration], *, at: datetime) -> None:
    """All that is due at one account. Where the first call finds nobody there, the others are not made: a sweep must not wait for each."""
    left = list(rows)
    try:
        account, registrar = _open(account_id)
        for row in [row for row in rows if not row.provider_id]:
            left.remove(row)
            _try_to_submit(row, account, registrar, at=at)
        if left:
            _look(left, account, registrar, at=at)
    except (Unanswered, TemplateRefused, Unsendable) as trouble:
        _put_off(left, _told(trouble), at=at)


def _open(account_id: UUID) -> tuple[Account, Registrar]:
    try:
        account = credentials.by_id(account_id)
    except Unusable as problem:
        raise Unanswered(f"The account can't be used: {problem}.") from problem
    if account.adapter.registrar is None:
        raise Unanswered(f"{account.provider} approves no templates.")
    return account, account.adapter.registrar


def _try_to_submit(row: Registration, account: Account, registrar: Registrar, *, at: datetime) -> None:
    try:
        _submit(row, account, registrar, at=at)
    except Unanswered as trouble:
        _put_off([row], _told(trouble), at=at)
        raise
    except (TemplateRefused, Unsendable) as trouble:
        _put_off([row], _told(trouble), at=at)


def _submit(row: Registration, account: Account, registrar: Registrar, *, at: datetime) -> None:
    spoken = owing.words(row.version, name=row.name)
    try:
        news = drive(registrar.submit(account.opened, spoken, is_repeat=row.tries > 0))
    except (TemplateRefused, Unsendable) as refusal:
        if _error_class(refusal) in _NOT_THE_WORDS:
            raise
        news = TemplateNews(status=TemplateStatus.REJECTED, raw_status=_code(refusal), reason=_told(refusal))
        registration.record(row.pk, news, source=Source.SUBMISSION, at=at, submitted_at=at, checked_at=at, tries=0, problem="")
        return
    is_same = registrar.is_same(spoken, news)
    if is_same is False and not owing.has_own_name(row.version):
        _rename(row, at=at)  # somebody made another template of this name there; it is left alone
        return
    _record_submission(row, news, is_same, at=at)


def _record_submission(row: Registration, news: TemplateNews, is_same: bool | None, *, at: datetime) -> None:
    stamps = {"submitted_at": at, "checked_at": at, "tries": 0, "problem": "", "provider_id": news.provider_id or row.provider_id}
    registration.record(row.pk, news, source=Source.SUBMISSION, differs=None if is_same is None else not is_same, at=at, **stamps)


def _rename(row: Registration, *, at: datetime) -> None:
    name = owing.free_name(row.version, account_id=row.account_id, language=row.language)
    Registration.objects.filter(pk=row.pk).update(name=name, due_at=at, tries=0)


def _look(rows: Sequence[Registration], account: Account, registrar: Registrar, *, at: datetime) -> None:
    refs = [TemplateRef(row.provider_id, row.name, row.language) for row in rows]
    for row, news in zip(rows, drive(registrar.look(account.opened, refs)), strict=True):
        is_same = registrar.is_same(owing.words(row.version, name=row.name), news)
        differs = None if is_same is None else not is_same
        registration.record(row.pk, news, source=Source.LOOK, differs=differs, at=at, checked_at=at, tries=0, problem="")


def _put_off(rows: Sequence[Registration], problem: str, *, at: datetime) -> None:
    """The call told nothing: again later, by growing waits."""
    for row in rows:
        wait = min(registration.SOONEST * 2 ** min(row.tries, 12), LONGEST_WAIT)
        Registration.objects.filter(pk=row.pk).update(problem=problem[:300], due_at=at + wait)


def _error_class(refusal: TemplateRefused | Unsendable) -> ErrorClass:
    return refusal.fault.error_class if isinstance(refusal, TemplateRefused) else refusal.error_class


def _code(refusal: TemplateRefused | Unsendable) -> str:
    return refusal.fault.raw_code if isinstance(refusal, TemplateRefused) else "unsendable"


def _told(trouble: Exception) -> str:
    code = trouble.fault.raw_code if isinstance(trouble, TemplateRefused) else ""
    return f"{trouble} ({code})" if code else str(trouble)
