"""Time zones by their IANA names."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})


@cache
def names() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if name not in _NO_PLACES)


def check(name: str) -> None:
    """Raises ValidationError unless it names a zone."""
    if name not in names():
        raise ValidationError("Write the IANA name of a time zone, such as Africa/Cairo.", code="unknown_zone")
