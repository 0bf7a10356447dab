"""What an SMS costs, where the owner of the platform has said what a segment does (QSURA_SMS_SEGMENT_PRICE)."""

from __future__ import annotations

from django.conf import settings


def told(segments: int) -> str:
    """The price of so many segments, `EGP 0.70`; empty where nobody has named one."""
    if settings.SMS_SEGMENT_PRICE is None:
        return ""
    currency, price = settings.SMS_SEGMENT_PRICE
    return f"{currency} {price * segments:,f}"
