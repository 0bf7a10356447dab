"""API keys: `qs_live_<prefix>_<secret>`, shown once, kept as a keyed hash (HMAC-SHA256 with QSURA_KEY_PEPPER).

The prefix finds the row and is no secret; the secret has 256 bits, so a fast hash is enough. The hash is taken over the whole text, so
that a key whose mode was altered is another key.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import networks, signals
from accounts.choices import Mode
from accounts.models import ApiKey, Business, every_scope
from accounts.refusals import Unauthenticated

CACHED_FOR = timedelta(seconds=30)
NOTED_EVERY = timedelta(minutes=1)

_SHAPE = re.compile(r"qs_(?:live|test)_([a-z0-9]{12})_[A-Za-z0-9]{43}")
_PREFIX_LETTERS = string.ascii_lowercase + string.digits
_SECRET_LETTERS = string.ascii_letters + string.digits  # 43 of 62 letters: 256 bits
_NOBODY = secrets.token_bytes(32)
_MANY = 10_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an API key, and what it needs to know of its business."""

    key_id: UUID
    business_id: UUID
    mode: str
    scopes: frozenset[str]
    default_language: str
    callback_origins: tuple[str, ...]
    requests_per_minute: int | None = None
    """None: QSURA_RATE_LIMIT; 0: no limit."""
    business_requests_per_minute: int | None = None
    """Of all its keys together; None or 0: no limit."""
    key_name: str = ""
    key_prefix: str = ""
    """Its public part."""


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    prefix: str
    allowed: tuple[networks.Network, ...]
    expires_at: datetime | None
    fresh_until: datetime


_cache: dict[bytes, _Known] = {}


def create(
    business: Business,
    *,
    name: str,
    mode: str,
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
    allowed_addresses: Iterable[str] = (),
    requests_per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """The new key and its text, which is shown this once and can't be had again. Raises ValueError for a network that is none."""
    key = ApiKey(
        business=business,
        name=name,
        mode=Mode(mode),
        scopes=every_scope() if scopes is None else list(scopes),
        expires_at=expires_at,
        allowed_addresses=[str(each) for each in networks.networks(allowed_addresses)],
        requests_per_minute=requests_per_minute,
    )
    return key, issue(key)


def issue(key: ApiKey) -> str:
    """Give a key that is not saved yet its prefix and secret, and save it: the text, shown this once."""
    key.prefix = _letters(_PREFIX_LETTERS, 12)
    text = f"qs_{key.mode}_{key.prefix}_{_letters(_SECRET_LETTERS, 43)}"
    key.secret_hash = _digest(text)
    key.save(force_insert=True)
    return text


def revoke(key: ApiKey, *, at: datetime) -> ApiKey:
    """Shut the door to a key, from the next request on. A key revoked before keeps its first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=at)
    for digest in [digest for digest, known in list(_cache.items()) if known.caller.key_id == key.pk]:
        _cache.pop(digest, None)
    key.refresh_from_db(fields=["revoked_at"])
    return key


def rotate(key: ApiKey, *, overlap: timedelta, at: datetime) -> tuple[ApiKey, str]:
    """A successor with the same rights and its text; the old key works on for `overlap`, or till its own expiry if that is sooner."""
    with transaction.atomic():
        old = ApiKey.objects.select_for_update(of=("self",)).select_related("business").get(pk=key.pk)
        made = create(
            old.business,
            name=old.name,
            mode=old.mode,
            scopes=old.scopes,
            expires_at=old.expires_at,
            allowed_addresses=old.allowed_addresses,
            requests_per_minute=old.requests_per_minute,
        )
        old.expires_at = min(at + overlap, old.expires_at or datetime.max.replace(tzinfo=at.tzinfo))
        old.save(update_fields=["expires_at"])
    return made


def recognise(text: str, *, address: str, at: datetime) -> Caller:
    """Who holds this key, asked of the database each time. Raises Unauthenticated, the same for every reason."""
    return _admit(_look_up(text, at=at), address=address, at=at)


def recognise_cached(text: str, *, address: str, at: datetime) -> Caller:
    """Like `recognise`, but remembered for 30 seconds by this process: only for a deed whose own statement checks the key again."""
    digest = _digest(text)
    known = _cache.get(digest)
    if known is None or known.fresh_until <= at:
        known = _look_up(text, at=at)
        if len(_cache) >= _MANY:
            _cache.clear()
        _cache[digest] = known
    return _admit(known, address=address, at=at)


def is_known(text: str) -> bool:
    """Whether this is a key of this installation, revoked or not; one query."""
    return bool(_SHAPE.fullmatch(text)) and ApiKey.objects.filter(prefix=_prefix(text), secret_hash=_digest(text)).exists()


def report_browser(caller: Caller, *, at: datetime) -> None:
    """Tell, at most once a minute, that the key is in a web page, where everybody can read it: its owner is alerted."""
    with transaction.atomic():
        if _note("browser_seen_at", caller.key_id, at=at):
            signals.key_exposed.send(sender=None, key_id=caller.key_id, business_id=caller.business_id, mode=caller.mode, at=at)


def _look_up(text: str, *, at: datetime) -> _Known:
    # One query and one comparison whatever is asked, so that the time taken tells nothing of which prefixes exist.
    row = ApiKey.objects.usable(at).select_related("business").filter(prefix=_prefix(text)).first()
    is_right = hmac.compare_digest(_digest(text), bytes(row.secret_hash) if row else _NOBODY)
    if row is None or not is_right:
        raise Unauthenticated
    if row.last_used_at is None or row.last_used_at <= at - NOTED_EVERY:
        _note("last_used_at", row.pk, at=at)
    return _known(row, at=at)


def caller_of(row: ApiKey) -> Caller:
    """Who would ask with that key; the business must have been selected with the row."""
    return Caller(
        key_id=row.pk,
        business_id=row.business_id,
        mode=row.mode,
        scopes=frozenset(row.scopes),
        default_language=row.business.default_language,
        callback_origins=tuple(row.business.callback_origins),
        requests_per_minute=row.requests_per_minute,
        business_requests_per_minute=row.business.requests_per_minute,
        key_name=row.name,
        key_prefix=row.prefix,
    )


def _known(row: ApiKey, *, at: datetime) -> _Known:
    return _Known(caller_of(row), row.prefix, networks.networks(row.allowed_addresses), row.expires_at, at + CACHED_FOR)


def _admit(known: _Known, *, address: str, at: datetime) -> Caller:
    if known.expires_at is not None and known.expires_at <= at:
        raise Unauthenticated
    if known.allowed and not networks.is_within(address, known.allowed):
        # The caller is told nothing, for the key may be stolen; the owner finds the reason here.
        _log.warning("API key %s was used from an address outside its list", known.caller.key_id)
        raise Unauthenticated
    return known.caller


def _note(field: str, key_id: UUID, *, at: datetime) -> bool:
    """Whether it was noted: once a minute is enough, for a key in steady use must not write a row for each request."""
    is_old = Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__lte": at - NOTED_EVERY})
    return bool(ApiKey.objects.filter(is_old, pk=key_id).update(**{field: at}))


def _digest(text: str) -> bytes:
    return hmac.digest(settings.QSURA_KEY_PEPPER, text.encode(errors="surrogateescape"), hashlib.sha256)


def _prefix(text: str) -> str:
    shape = _SHAPE.fullmatch(text)
    return shape[1] if shape else ""


def _letters(alphabet: str, number: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(number))
