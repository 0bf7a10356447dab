"""Headers that an endpoint wants with each of its webhooks: a gateway's key, a tenant's name. Kept sealed, for most are secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

import orjson

from accounts.refusals import FieldError, Refusal
from routing import vault

MOST, LONGEST = 20, 1_000
"""Headers of one endpoint; characters of a value."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # a token (RFC 9110, 5.6.2)
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")  # visible ASCII, spaces inside: what every server reads in the same way
# What says where a message begins and ends, how it travels, who it is for, or that it is ours.
_RESERVED = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "date", "expect", "forwarded", "host"}
    | {"keep-alive", "origin", "range", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "via"}
)
_RESERVED_BEGINNINGS = ("webhook-", "proxy-", "sec-", "x-forwarded-", ":")


class HeaderRefused(Refusal):
    """A header that can't be sent with a webhook."""

    code = "header_refused"
    title = "The header can't be sent."


def check(headers: Mapping[str, str]) -> None:
    """Raises HeaderRefused, naming each wrong one; a value is never repeated."""
    errors = [
        FieldError(f"headers.{name[:64]}", "header_refused", problem)
        for name, value in headers.items()
        if (problem := _problem(name, value))
    ]
    if len({name.lower() for name in headers}) < len(headers):
        errors.append(FieldError("headers", "header_refused", "Name each header once: upper and lower case are the same name."))
    if len(headers) > MOST:
        errors.append(FieldError("headers", "header_refused", f"Leave some out: {MOST} are the most."))
    if errors:
        raise HeaderRefused("Correct the headers named in `errors`.", errors=errors)


def _problem(name: str, value: str) -> str | None:
    if not _NAME.fullmatch(name):
        return "Use letters, digits and hyphens, up to 64."
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_BEGINNINGS):
        return "Choose another name: this one is ours, or the connection's, to set."
    if len(value) > LONGEST or not _VALUE.fullmatch(value):
        return f"Use 1 to {LONGEST:,} printable ASCII characters, without a space at either end."
    return None


def seal(headers: Mapping[str, str], *, endpoint_id: UUID) -> bytes | None:
    """What the row keeps; None for none."""
    return vault.seal(orjson.dumps(dict(headers)), bound_to=_place(endpoint_id)) if headers else None


def unseal(sealed: bytes | memoryview | None, *, endpoint_id: UUID) -> dict[str, str]:
    """Raises vault.CannotOpen."""
    return dict(orjson.loads(vault.unseal(bytes(sealed), bound_to=_place(endpoint_id)))) if sealed else {}


def _place(endpoint_id: UUID) -> str:
    return f"callbacks_endpoint.headers:{endpoint_id}"
