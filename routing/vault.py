"""Encryption at rest, and the keyed hash that finds what is encrypted.

AES-256-GCM (NIST SP 800-38D): one byte of version, the key's id, 12 random bytes of nonce, then ciphertext and tag. `bound_to` names the
row's place and goes into the tag, so that a sealed value copied to another row or column does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_VERSION = b"\x01"
_NONCE = 12


class CannotOpen(Exception):
    """The sealed value was made with a key that is not configured, for another place, or was altered."""


@lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def key_id() -> str:
    """The id of the key that seals now."""
    return next(iter(settings.QSURA_FIELD_KEYS))


def seal(plain: bytes, *, bound_to: str) -> bytes:
    """Encrypt with the current key."""
    name = key_id()
    nonce = os.urandom(_NONCE)
    head = _VERSION + bytes([len(name)]) + name.encode()
    return head + nonce + _cipher(settings.QSURA_FIELD_KEYS[name]).encrypt(nonce, plain, head + bound_to.encode())


def unseal(sealed: bytes, *, bound_to: str) -> bytes:
    """Decrypt; raises CannotOpen."""
    sealed = bytes(sealed)
    if len(sealed) < 2 or sealed[:1] != _VERSION:
        raise CannotOpen("not a sealed value")
    end = 2 + sealed[1]
    head, nonce, body = sealed[:end], sealed[end : end + _NONCE], sealed[end + _NONCE :]
    key = settings.QSURA_FIELD_KEYS.get(head[2:].decode(errors="replace"))
    if key is None:
        raise CannotOpen("sealed with a key that is not configured")
    try:
        return _cipher(key).decrypt(nonce, body, head + bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("altered, or sealed for another place") from error


def blind_index(text: str) -> bytes:
    """The keyed hash (HMAC-SHA256, 16 bytes) by which an encrypted recipient is found again."""
    return hmac.digest(settings.QSURA_INDEX_KEY, text.encode(), hashlib.sha256)[:16]
