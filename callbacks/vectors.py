"""Vectors for whoever verifies our webhooks: signed examples, and what must be refused. docs/verify/vectors.json is what `all_` returns.

Everything is derived from fixed words, so that the same code always makes the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from callbacks import signing

TOLERANCE = 300
"""Seconds: how far a timestamp may be off (Standard Webhooks 1.0.0)."""

_ID = "evt_0199d1f2b4c87a31b6d0e5f4a3c2b1d0"
_NOW = datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
_BODY = (
    '{"type":"message.delivered","timestamp":"2026-01-01T00:00:05Z","data":{"id":"msg_0199d1f2b4c87a31b6d0e5f4a3c2b1d0","seq":4,'
    '"previous_status":"sent","status":"delivered","final":true,"channel":"sms","reference":"order-17","metadata":{},"error":null,'
    '"fallback":null}}'
)
_UNICODE = _BODY.replace("order-17", "Zo\u00eb \U0001f989 \u0645\u0631\u062d\u0628\u0627 \\u0000 \u2028")
_ESCAPED = _UNICODE.replace("\u00eb", "\\u00eb")


def _bytes(word: str) -> bytes:
    return hashlib.sha256(b"qsura vectors: " + word.encode()).digest()


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


OURS = signing.SHARED + _text(_bytes("shared secret"))
OTHER = signing.SHARED + _text(_bytes("another shared secret"))
PRIVATE = signing.PRIVATE + _text(_bytes("private key"))
OTHER_PRIVATE = signing.PRIVATE + _text(_bytes("another private key"))
PUBLIC = signing.public_key(PRIVATE) or ""


def all_() -> dict[str, Any]:
    """The whole file."""
    return {
        "about": "Webhooks as Qsura signs them, and what must be refused; docs/verify/README.md says how to use them. Known to everybody: "
        "never use these keys.",
        "tolerance_seconds": TOLERANCE,
        "vectors": [*_shared(), *_broken(), *_public()],
    }


def _case(name: str, note: str, *, valid: bool, key: str = OURS, body: str = _BODY, **headers: str | None) -> dict[str, Any]:
    """`headers` replace those of a good webhook; None leaves one out."""
    named = {f"webhook-{word}": value for word, value in headers.items()}
    signed = _sign(OURS if key == OURS else PRIVATE) | named
    return {
        "name": name,
        "note": note,
        "valid": valid,
        "key": key,
        "now": int(_NOW.timestamp()),
        "headers": {header: value for header, value in signed.items() if value is not None},
        "body": body,
    }


def _sign(*secrets: str, body: str = _BODY, seconds: int = 0) -> dict[str, str]:
    return signing.sign(_ID, at=_NOW + timedelta(seconds=seconds), body=body.encode(), secrets=secrets)


def _signature(*secrets: str, body: str = _BODY) -> str:
    return _sign(*secrets, body=body)["webhook-signature"]


def _aged(seconds: int, *, secret: str = OURS) -> dict[str, str]:
    signed = _sign(secret, seconds=seconds)
    return {"timestamp": signed["webhook-timestamp"], "signature": signed["webhook-signature"]}


def _shared() -> Iterator[dict[str, Any]]:
    """With a shared secret."""
    unknown = "v9,bm90IG9mIHRoaXMgdmVyc2lvbg=="
    yield _case("good", "As it usually comes.", valid=True)
    yield _case(
        "unicode", "Letters, an owl and escapes: verify bytes.", valid=True, body=_UNICODE, signature=_signature(OURS, body=_UNICODE)
    )
    yield _case("as_old_as_may_be", "300 seconds old.", valid=True, **_aged(-TOLERANCE))
    yield _case("as_early_as_may_be", "300 seconds from now: clocks differ.", valid=True, **_aged(TOLERANCE))
    yield _case("rotating", "A secret is being changed; the old one is yours.", valid=True, signature=_signature(OTHER, OURS))
    yield _case("rotating_to_a_public_key", "One signature of each kind.", valid=True, signature=_signature(PRIVATE, OURS))
    yield _case("an_unknown_version_first", "Pass over what you don't know.", valid=True, signature=f"{unknown} {_signature(OURS)}")
    yield _case("wrong_secret", "Somebody else's signature.", valid=False, signature=_signature(OTHER))
    yield _case("wrong_secrets", "Two of somebody else's.", valid=False, signature=_signature(OTHER, PRIVATE))
    yield _case("too_old", "301 seconds old: perhaps replayed by a thief.", valid=False, **_aged(-TOLERANCE - 1))
    yield _case("from_the_future", "301 seconds from now.", valid=False, **_aged(TOLERANCE + 1))
    yield _case("tampered_body", "One letter is another.", valid=False, body=_BODY.replace("order-17", "order-18"))
    yield _case("longer_body", "A line's end was added.", valid=False, body=_BODY + "\n")
    yield _case(
        "written_again",
        "The same JSON, parsed and written again: verify the bytes that came.",
        valid=False,
        body=_ESCAPED,
        signature=_signature(OURS, body=_UNICODE),
    )
    yield _case("another_id", "Not the id that was signed.", valid=False, id=_ID[:-1] + "1")
    yield _case("another_timestamp", "Fresh, but not the one that was signed.", valid=False, timestamp=str(int(_NOW.timestamp()) + 1))


def _broken() -> Iterator[dict[str, Any]]:
    """Headers that are not as they should be. All of these are refused, and none is a crash."""
    good = _signature(OURS)
    bare = good.removeprefix("v1,")
    yield _case("no_id", "A header is missing.", valid=False, id=None)
    yield _case("no_timestamp", "A header is missing.", valid=False, timestamp=None)
    yield _case("no_signature", "A header is missing.", valid=False, signature=None)
    yield _case("empty_timestamp", "No number.", valid=False, timestamp="")
    yield _case("timestamp_in_words", "No number.", valid=False, timestamp="just now")
    yield _case("timestamp_without_bounds", "More digits than any clock has.", valid=False, timestamp="9" * 40)
    yield _case("negative_timestamp", "Before 1970.", valid=False, timestamp="-1767225605")
    yield _case("empty_signature", "Nothing in the header.", valid=False, signature="")
    yield _case("version_alone", "Nothing after the comma.", valid=False, signature="v1,")
    yield _case("no_version", "The right text without its version.", valid=False, signature=bare)
    yield _case("unknown_version", "The right text under another version.", valid=False, signature=f"v9,{bare}")
    yield _case("version_of_the_other_kind", "The right text, said to be of a public key.", valid=False, signature=f"v1a,{bare}")
    yield _case("cut_signature", "Its last letters are missing.", valid=False, signature=good[:-4])
    yield _case("longer_signature", "The right text, and more.", valid=False, signature=f"v1,AAAA{bare}")
    yield _case("no_base64", "Letters that base64 doesn't have.", valid=False, signature="v1,%%%%")


def _public() -> Iterator[dict[str, Any]]:
    """With a public key."""
    yield _case("v1a_good", "As it usually comes.", valid=True, key=PUBLIC)
    yield _case("v1a_unicode", "Letters and an owl.", valid=True, key=PUBLIC, body=_UNICODE, signature=_signature(PRIVATE, body=_UNICODE))
    yield _case("v1a_rotating", "The old key is yours.", valid=True, key=PUBLIC, signature=_signature(OTHER_PRIVATE, PRIVATE))
    yield _case("v1a_beside_v1", "A shared secret signs as well.", valid=True, key=PUBLIC, signature=_signature(OURS, PRIVATE))
    yield _case("v1a_wrong_key", "Somebody else's signature.", valid=False, key=PUBLIC, signature=_signature(OTHER_PRIVATE))
    yield _case("v1a_only_v1", "A shared secret's signature alone.", valid=False, key=PUBLIC, signature=_signature(OURS))
    yield _case("v1a_too_old", "301 seconds old.", valid=False, key=PUBLIC, **_aged(-TOLERANCE - 1, secret=PRIVATE))
    yield _case("v1a_from_the_future", "301 seconds from now.", valid=False, key=PUBLIC, **_aged(TOLERANCE + 1, secret=PRIVATE))
    yield _case("v1a_tampered_body", "One letter is another.", valid=False, key=PUBLIC, body=_BODY.replace("order-17", "order-18"))
    yield _case("v1a_another_id", "Not the id that was signed.", valid=False, key=PUBLIC, id=_ID[:-1] + "1")
    yield _case("v1a_version_alone", "Nothing after the comma.", valid=False, key=PUBLIC, signature="v1a,")
    yield _case("v1a_cut_signature", "Its last letters are missing.", valid=False, key=PUBLIC, signature=_signature(PRIVATE)[:-4])
    yield _case("v1a_no_base64", "Letters that base64 doesn't have.", valid=False, key=PUBLIC, signature="v1a,%%%%")
