"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07)."""

from __future__ import annotations

from accounts.refusals import FieldError, Refusal

LONGEST = 255


class BadIdempotencyKey(Refusal):
    status = 400
    code = "bad_idempotency_key"
    title = "The idempotency key can't be used."


def read(header: str | None) -> str | None:
    """The key, or None where there is none; raises BadIdempotencyKey."""
    if header is None:
        return None
    if not 1 <= len(header) <= LONGEST or not (header.isascii() and header.isprintable()):
        message = f"Use 1 to {LONGEST} printable ASCII characters; a UUID is a good key."
        raise BadIdempotencyKey(message, errors=[FieldError("Idempotency-Key", "bad_idempotency_key", message)])
    return header
