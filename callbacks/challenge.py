"""A receiver's proof that it wants to hear from us: it says back a word that only this webhook had.

The scheme is that of Slack's Events API (`url_verification`): the word comes in a signed POST, and the answer is 2xx with the word as its
whole body, or a JSON object with it as `challenge`. A server that only mirrors what it gets does not pass, for the word lies deeper there.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from accounts import ids
from callbacks.choices import CHALLENGE


def row(endpoint_id: UUID, *, business_id: UUID, mode: str, at: datetime) -> dict[str, Any]:
    """A new challenge, as outbox.owe_to takes it."""
    asked = {"endpoint": ids.public("whe", endpoint_id), "mode": mode, "challenge": secrets.token_urlsafe(32)}
    body = orjson.dumps({"type": CHALLENGE, "timestamp": at, "data": asked}, option=orjson.OPT_UTC_Z)
    return {
        "event_id": ids.new(),
        "message_id": None,
        "business_id": business_id,
        "mode": mode,
        "type": CHALLENGE,
        "body": body.decode(),
        "created_at": at,
    }


def is_answered(body: str, *, answer: bytes) -> bool:
    """Whether the answer to that challenge has its word."""
    word = orjson.loads(body)["data"]["challenge"]
    return secrets.compare_digest(_said(answer), word.encode())


def _said(answer: bytes) -> bytes:
    text = answer.strip()
    if not text.startswith(b"{"):
        return text
    try:
        said = orjson.loads(text)["challenge"]
    except (orjson.JSONDecodeError, KeyError):
        return b""
    return said.encode("utf-8", "surrogatepass") if isinstance(said, str) else b""
