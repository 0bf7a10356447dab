"""Replacing an account's secrets without losing a receipt: the old one goes on counting beside the new one, and ends by itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from routing import credentials, vault
from routing.credentials import PREVIOUS
from routing.models import ProviderAccount
from routing.providers import registry

log = logging.getLogger(__name__)

OVERLAP = timedelta(days=7)
"""Meta calls again for up to seven days, with what it signed at first."""


def replace(row: ProviderAccount, given: Mapping[str, str], *, overlap: timedelta, at: datetime) -> ProviderAccount:
    """Seal `given` as the row's secrets; the caller saves it. What signs receipts and is replaced counts until the overlap ends.

    No overlap is for a secret that has become known: it counts no more from now on. Raises credentials.LiveAtSimulator.
    """
    stored = _stored(row)
    secrets = _beside_those_before(stored, given, row.provider) if overlap else credentials.without_previous(given)
    before = {name: secret for name, secret in secrets.items() if name.endswith(PREVIOUS)}
    if not before:
        row.previous_until = None
    elif any(stored.get(name) != secret for name, secret in before.items()):
        row.previous_until = at + overlap
    return credentials.store(row, secrets)


def _beside_those_before(stored: Mapping[str, str], given: Mapping[str, str], provider: str) -> dict[str, str]:
    names = registry.get(provider).credential_fields
    replaced = [name for name in names if name + PREVIOUS in names and stored.get(name) and given.get(name) != stored[name]]
    # Whoever writes down another old one by hand knows better.
    kept = {name + PREVIOUS: stored[name] for name in replaced if given.get(name + PREVIOUS) == stored.get(name + PREVIOUS)}
    return {**given, **kept}


def _stored(row: ProviderAccount) -> dict[str, str]:
    try:
        return credentials.reveal(row)
    except vault.CannotOpen:
        return {}


def forget(*, at: datetime) -> int:
    """Erase the secrets whose overlap has ended; returns how many accounts had one."""
    with transaction.atomic():
        rows = list(ProviderAccount.objects.filter(previous_until__lte=at).select_for_update(skip_locked=True))
        for row in rows:
            _erase(row)
    return len(rows)


def _erase(row: ProviderAccount) -> None:
    try:
        credentials.store(row, credentials.without_previous(credentials.reveal(row)))
    except (vault.CannotOpen, credentials.LiveAtSimulator):
        log.warning("The provider account %s can't be opened, so its replaced secrets stay in it, where they count no more.", row.pk)
        return
    row.previous_until = None
    row.save(update_fields=["credentials", "credentials_key_id", "previous_until"])
