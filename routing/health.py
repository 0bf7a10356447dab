"""Whether an account is in service: taken out at once when it can't work, brought back by staff."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import ids
from alerts import reporting
from alerts.kinds import Kind
from routing import book, changes, credentials
from routing.choices import Change
from routing.models import ProviderAccount

log = logging.getLogger(__name__)


def out_of_service(account_id: UUID, *, because: str, at: datetime) -> None:
    """Take the account out of every plan to come. Idempotent: the first reason stays, and only it is told."""
    with transaction.atomic():
        changed = ProviderAccount.objects.filter(pk=account_id, is_in_service=True).update(
            is_in_service=False, out_of_service_because=because[:200], out_of_service_at=at
        )
        if changed:
            changes.note(account_id, Change.OUT_OF_SERVICE, because=because, at=at)
            account = ProviderAccount.objects.select_related("business").get(pk=account_id)
            reporting.report(
                Kind.ACCOUNT_OUT_OF_SERVICE,
                about=ids.public("pac", account_id),
                because=f"{account.name}: {because}",
                business=account.business,
                at=at,
            )
    _forget()


def back_in_service(account_id: UUID, *, at: datetime) -> None:
    """Let plans use the account again. Idempotent."""
    with transaction.atomic():
        changed = ProviderAccount.objects.filter(pk=account_id, is_in_service=False).update(
            is_in_service=True, out_of_service_because="", out_of_service_at=None
        )
        if changed:
            changes.note(account_id, Change.BACK_IN_SERVICE, because="It is put back.", at=at)
        reporting.resolve(Kind.ACCOUNT_OUT_OF_SERVICE, about=ids.public("pac", account_id), at=at)
    if changed:
        log.warning("The provider account %s is back in service since %s.", account_id, at.isoformat())
    _forget()


def _forget() -> None:
    book.forget()
    credentials.forget()
