"""Who must know that a template can be sent, or can't any more: staff by an alert, the business by an event."""

from __future__ import annotations

from datetime import datetime

from accounts import ids, news
from accounts.choices import BusinessEventType
from alerts import reporting
from alerts.kinds import Kind
from templates_app.choices import RegistrationStatus, VersionStatus
from templates_app.hearing import Known
from templates_app.models import Registration

_SILENT = (RegistrationStatus.OWED, RegistrationStatus.PENDING)


def tell(row: Registration, *, before: Known, after: Known, at: datetime) -> None:
    """Report and resolve what the change means, in the caller's transaction; nothing where nothing changed."""
    if row.version.status == VersionStatus.RETIRED:
        return
    _tell_category(row, before=before, after=after, at=at)
    if after.obstacle == before.obstacle:
        return
    if not after.obstacle:
        settle(row, at=at)
        _tell_business(row, BusinessEventType.TEMPLATE_APPROVED, after, at=at)
    elif before.obstacle and after.status in _SILENT:
        return  # it was not sent before, and is only on its way through their approval
    else:
        _tell_trouble(row, after, at=at)


def settle(row: Registration, *, at: datetime) -> None:
    """Its troubles are over: it is sent again, or never will be asked for."""
    for kind in (Kind.TEMPLATE_PAUSED, Kind.TEMPLATE_REJECTED_BY_PROVIDER):
        reporting.resolve(kind, about=_about(row), at=at)


def _tell_trouble(row: Registration, after: Known, *, at: datetime) -> None:
    is_no = after.status is RegistrationStatus.REJECTED
    kinds = (Kind.TEMPLATE_PAUSED, Kind.TEMPLATE_REJECTED_BY_PROVIDER)
    kind, other = reversed(kinds) if is_no else kinds
    reporting.resolve(other, about=_about(row), at=at)
    event = BusinessEventType.TEMPLATE_REJECTED if is_no else BusinessEventType.TEMPLATE_PAUSED
    _tell_business(row, event, after, at=at)
    # Last: the alert's row stays locked until the transaction ends.
    reporting.report(kind, about=_about(row), because=_because(row, after), business=row.version.template.business_id, at=at)


def _tell_business(row: Registration, event: BusinessEventType, after: Known, *, at: datetime) -> None:
    version, account = row.version, row.account
    about = {"template": version.template.name, "version": version.number, "language": version.language, "provider": account.provider}
    # The platform's own accounts are nobody's to know.
    whose = {"account": account.name} if account.business_id else {}
    because = {"because": after.obstacle} if after.obstacle else {}
    news.tell(version.template.business_id, type=event, about={**about, **whose, **because, "mode": account.mode}, at=at)


def _tell_category(row: Registration, *, before: Known, after: Known, at: datetime) -> None:
    asked, now = row.version.template.category, after.category.text if after.category else ""
    if now == (before.category.text if before.category else "") or not now:
        return
    if now == asked:
        reporting.resolve(Kind.TEMPLATE_CHANGED, about=_about(row), at=at)
        return
    because = f"{row.account.name} sees {row.version} as {now}; it was asked for as {asked}."
    reporting.report(Kind.TEMPLATE_CHANGED, about=_about(row), because=because, business=row.version.template.business_id, at=at)


def _because(row: Registration, after: Known) -> str:
    told = f"{after.because.pause} {after.because.text}".strip() if after.because else ""
    return f"{row.version} at {row.account.name}: {after.obstacle}{f' ({told})' if told else ''}."


def _about(row: Registration) -> str:
    return ids.public("reg", row.pk)
