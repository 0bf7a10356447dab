"""Our own id of an attempt, as it travels with a hand-off and comes back in receipts: `<32 hexadecimal digits>.<attempt>`."""

from __future__ import annotations

from uuid import UUID


def write(message_id: UUID, number: int) -> str:
    return f"{message_id.hex}.{number}"


def read(text: str) -> tuple[UUID, int] | None:
    """The message and the attempt's number, or None if the text is not one of ours."""
    digits, _, number = text.partition(".")
    if len(digits) != 32 or len(number) > 4 or not (number.isascii() and number.isdigit()):
        return None
    try:
        return UUID(hex=digits), int(number)
    except ValueError:
        return None
