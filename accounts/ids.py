"""Ids: UUIDv7 (RFC 9562, 5.7), made here so that they are time-ordered on every PostgreSQL."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_lock = threading.Lock()
_last = 0

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_LAST_MILLISECOND = (1 << 48) - 1
_MOST_AHEAD = 10_000 * 4096
"""Ten seconds of ticks: a clock that was ahead by more and has been set right must not leave its hour in what is made from now on."""


def new() -> UUID:
    """A UUIDv7 that sorts after every other one made by this process, unless its clock is set back by more than ten seconds."""
    global _last  # noqa: PLW0603 - one clock for the whole process
    # RFC 9562, 6.2, method 3: 48 bits of milliseconds, then 12 bits of the millisecond's fraction, kept increasing.
    ticks = time.time_ns() * 4096 // 1_000_000
    with _lock:
        if _last - ticks < _MOST_AHEAD:
            ticks = max(ticks, _last + 1)
        _last = ticks
    return UUID(int=(ticks >> 12) << 80 | _VERSION_7 | (ticks & 0xFFF) << 64 | _VARIANT | int.from_bytes(os.urandom(8)) >> 2)


def first_at(at: datetime) -> UUID:
    """The lowest UUIDv7 of that moment: the bound of a partition, or of a page."""
    return UUID(int=min(max(int(at.timestamp() * 1000), 0), _LAST_MILLISECOND) << 80)


def made_at(id_: UUID) -> datetime:
    """The moment, to the millisecond, at which a UUIDv7 was made."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, tz=UTC)


def public(prefix: str, id_: UUID) -> str:
    """An id as the outside sees it: `msg_0199...` (32 hexadecimal digits)."""
    return f"{prefix}_{id_.hex}"


def parse(prefix: str, text: str) -> UUID | None:
    """The UUID behind a public id, or None if the text is none of that prefix."""
    head, _, digits = text.partition("_")
    if head != prefix or len(digits) != 32 or not digits.isascii():
        return None
    try:
        return UUID(hex=digits)
    except ValueError:
        return None
