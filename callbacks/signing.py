"""Signatures of webhooks, by Standard Webhooks 1.0.0: `v1` (HMAC-SHA256, `whsec_`) and `v1a` (Ed25519, `whsk_`, verified with `whpk_`).

What is signed is `id.timestamp.body`, each time with every live secret, so that a receiver may change to a new one in its own time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SHARED, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
_LEAST, _MOST = 24, 64  # bytes of a shared secret, by the specification
_SEED = 32


class UnusableSecret(ValueError):
    """The secret is empty, of the wrong length, or none that signs."""


def new_secret() -> str:
    """A shared secret of 256 bits, for `v1`."""
    return SHARED + _text(os.urandom(32))


def new_private_key() -> str:
    """A private key, for `v1a`: the seed and, as the reference implementation writes it, the public key behind it."""
    seed = os.urandom(_SEED)
    return PRIVATE + _text(seed + _public_bytes(seed))


def public_key(secret: str) -> str | None:
    """What verifies a private key's signatures; None for a shared secret, which verifies its own."""
    return PUBLIC + _text(_public_bytes(_bytes(secret)[:_SEED])) if secret.startswith(PRIVATE) else None


def check(secret: str) -> None:
    """Raises UnusableSecret for one that can't sign."""
    _signature(secret, b"")


def sign(id_: str, *, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers. `id_` has no full stop in it, or one webhook could pass for another; raises UnusableSecret."""
    if "." in id_ or not secrets:
        raise UnusableSecret("a webhook needs an id without a full stop, and a secret")
    timestamp = str(int(at.timestamp()))
    content = b".".join((id_.encode(), timestamp.encode(), body))
    signatures = " ".join(_signature(secret, content) for secret in secrets)
    return {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def _signature(secret: str, content: bytes) -> str:
    if secret.startswith(PRIVATE):
        return "v1a," + _text(_private_key(secret).sign(content))
    return "v1," + _text(hmac.digest(_shared(secret), content, hashlib.sha256))


def _shared(secret: str) -> bytes:
    key = _bytes(secret)
    if not _LEAST <= len(key) <= _MOST:
        raise UnusableSecret(f"a shared secret has {_LEAST} to {_MOST} bytes")
    return key


@lru_cache(maxsize=256)
def _private_key(secret: str) -> Ed25519PrivateKey:
    key = _bytes(secret)
    if len(key) not in (_SEED, 2 * _SEED):
        raise UnusableSecret("an Ed25519 private key has 32 bytes, or 64 with its public key")
    return Ed25519PrivateKey.from_private_bytes(key[:_SEED])


def _public_bytes(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _bytes(secret: str) -> bytes:
    text = secret.removeprefix(SHARED).removeprefix(PRIVATE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise UnusableSecret("a secret is written in base64") from error


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
