"""The secrets that sign webhooks: made, kept sealed, handed over from old to new.

A registered endpoint has its own; callbacks share their business's.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts import ids
from accounts.models import Business
from callbacks import signing
from callbacks.models import SigningSecret
from routing import vault

logger = logging.getLogger(__name__)

OVERLAP = timedelta(hours=24)
"""How long the old secret signs beside the new one, unless told otherwise."""
MOST_LIVE = 5
"""Secrets that sign at once; whoever rotates faster loses the oldest."""


class Signature(StrEnum):
    """How webhooks are signed: with a secret that both sides know, or with a private key that a public one verifies."""

    SHARED = "v1"
    PUBLIC = "v1a"


_NEW = {Signature.SHARED: signing.new_secret, Signature.PUBLIC: signing.new_private_key}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose secret it is: an endpoint's, or (without endpoint) the business's in one mode."""

    business_id: UUID
    mode: str
    endpoint_id: UUID | None = None


def current(holder: Holder) -> SigningSecret | None:
    """The newest secret, if there is one."""
    return _of(holder).filter(expires_at__isnull=True).first()


def reveal(secret: SigningSecret) -> str:
    """Its text. Raises vault.CannotOpen."""
    return _open(secret.id, secret.secret)


def ensure(holder: Holder) -> SigningSecret:
    """The current secret, made now if there is none; many at once make one."""
    if (found := current(holder)) is not None:
        return found
    _make(holder, Signature.SHARED)
    return _of(holder).get(expires_at__isnull=True)


def rotate(holder: Holder, *, signature: Signature, overlap: timedelta, at: datetime) -> SigningSecret:
    """A new secret takes over, or is the first; the old ones sign beside it for `overlap`, or to their own end if that is sooner."""
    with transaction.atomic():
        # Two rotations at once follow each other. The weak lock leaves messages, which only refer to the business, alone.
        Business.objects.select_for_update(no_key=True).get(id=holder.business_id)
        old = _of(holder).exclude(expires_at__lt=at + overlap)
        old.update(expires_at=at + overlap)
        surplus = _of(holder).filter(expires_at__gt=at).order_by("-created_at", "-id")[MOST_LIVE - 1 :]
        _of(holder).filter(id__in=[secret.id for secret in surplus]).update(expires_at=at)
        _make(holder, signature)
        return _of(holder).get(expires_at__isnull=True)


def live(holders: Collection[Holder]) -> dict[Holder, list[str]]:
    """Every secret that signs now, newest first."""
    businesses = list({holder.business_id for holder in holders})
    endpoints = list({holder.endpoint_id for holder in holders if holder.endpoint_id})
    found: dict[Holder, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [businesses, endpoints])
        for id_, business_id, mode, endpoint_id, sealed in cursor.fetchall():
            try:
                found[Holder(business_id, mode, endpoint_id)].append(_open(id_, sealed))
            except vault.CannotOpen as error:
                logger.error("The signing secret %s does not open: %s.", id_, error)  # noqa: TRY400 - the text says all, a traceback nothing
    return found


def forget(*, at: datetime) -> int:
    """Remove the secrets that no longer sign; returns how many."""
    return SigningSecret.objects.filter(expires_at__lt=at).delete()[0]


_LIVE = """
SELECT id, business_id, mode, endpoint_id, secret FROM callbacks_signingsecret
WHERE business_id = ANY(%s::uuid[]) AND (endpoint_id IS NULL OR endpoint_id = ANY(%s::uuid[]))
    AND (expires_at IS NULL OR expires_at > statement_timestamp())
ORDER BY created_at DESC, id DESC
"""
_INSERT = """
INSERT INTO callbacks_signingsecret (id, business_id, mode, endpoint_id, secret, created_at)
VALUES (%s, %s, %s, %s, %s, statement_timestamp()) ON CONFLICT DO NOTHING
"""


def _of(holder: Holder) -> QuerySet[SigningSecret]:
    secrets = SigningSecret.objects.filter(business_id=holder.business_id, mode=holder.mode)
    return secrets.filter(endpoint_id=holder.endpoint_id) if holder.endpoint_id else secrets.filter(endpoint__isnull=True)


def _make(holder: Holder, signature: Signature) -> None:
    """A new current secret, unless another already stands there."""
    id_ = ids.new()
    sealed = vault.seal(_NEW[signature]().encode(), bound_to=_place(id_))
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [id_, holder.business_id, holder.mode, holder.endpoint_id, sealed])


def _open(id_: UUID, sealed: bytes | memoryview) -> str:
    return vault.unseal(bytes(sealed), bound_to=_place(id_)).decode()


def _place(id_: UUID) -> str:
    return f"callbacks_signingsecret.secret:{id_}"
