"""What every adapter reads off the wire: JSON, words, times and signatures, from people who may mean us harm.

Nothing here raises anything but Unreadable, and nothing returns text that PostgreSQL would refuse (NUL, lone surrogates).
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from routing.providers.base import Answer, ErrorClass, Fault, Handoff, ProviderAccount, Unreadable

Codes = Mapping[Any, ErrorClass]
"""A provider's codes, numbers or words, and what each of them makes the platform do."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_LONGEST_WAIT = 86_400.0
_EARLIEST, _LATEST = 1_000_000_000, 4_102_444_800  # 2001 and 2100: milliseconds and garbage fall outside


def read_json(body: bytes) -> Any:
    """What the body says; raises Unreadable. Of a key that comes twice, the last counts."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _read_odd_json(body)


def fields(body: bytes) -> dict[str, Any]:
    """The JSON object that an answer is; empty for everything else."""
    try:
        said = read_json(body)
    except Unreadable:
        return {}
    return said if isinstance(said, dict) else {}


def _read_odd_json(body: bytes) -> Any:
    """The patient reader: one lone surrogate or one endless number shall not cost the receipts beside it."""
    try:
        return json.loads(body, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= 20 else digits


def word(value: object, *, longest: int = 64) -> str:
    """A status, a code: shortened and made storable; empty if it is neither text nor number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)[:longest])


def reference(value: object) -> str:
    """An id: whole and storable, or empty. Half an id could be somebody else's."""
    if not isinstance(value, str) or len(value) > 255 or _UNSTORABLE.search(value):
        return ""
    return value


def moment(value: object) -> datetime | None:
    """Unix seconds, as a number or as text; None for what can't be a time of ours."""
    text = word(value)
    if not (text.isascii() and text.isdigit() and len(text) == 10):
        return None
    seconds = int(text)
    return datetime.fromtimestamp(seconds, UTC) if _EARLIEST <= seconds < _LATEST else None


def instant(value: object) -> datetime | None:
    """An ISO 8601 time that names its offset, as UTC; None for what can't be a time of ours."""
    try:
        at = datetime.fromisoformat(word(value)).astimezone(UTC) if _OFFSET.search(word(value)) else None
    except (ValueError, OverflowError):
        return None
    return at if at is not None and _EARLIEST <= at.timestamp() < _LATEST else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, at most a day (RFC 9110, 10.2.3). A date is measured against the answer's own Date, so that no clock need agree."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        wait = (parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])).total_seconds()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)


def refusal(answer: Answer, code: str, table: Codes) -> Handoff:
    """What an answer other than 2xx means: by the provider's own code, else by the HTTP status."""
    if not code and answer.status == 504:
        return Handoff()  # the gateway gave up waiting: behind it, the message may well have been taken
    found = error_class(code, table)
    if found is ErrorClass.UNMAPPED and (answer.status == 429 or not code):
        found = _by_http_status(answer.status)
    return Handoff(fault=Fault(found, raw_code=code or f"http_{answer.status}", retry_after=retry_after(answer.headers)))


def error_class(code: str, table: Codes) -> ErrorClass:
    """The table's class; UNMAPPED for a code that nobody has judged yet."""
    is_number = code.isascii() and code.isdigit() and len(code) < 10
    return table.get(int(code) if is_number else code, ErrorClass.UNMAPPED)


def _by_http_status(status: int) -> ErrorClass:
    if status == 429:
        return ErrorClass.THROTTLED
    if status == 401:
        return ErrorClass.ACCOUNT_FAULT
    if status == 408 or status >= 500:
        return ErrorClass.PROVIDER_FAULT
    return ErrorClass.UNMAPPED


def secrets(account: ProviderAccount, *names: str) -> Iterator[bytes]:
    """The account's secrets of these names. An empty one is none: it would make everybody's signature valid."""
    for name in names:
        secret = account.credentials.get(name)
        if isinstance(secret, str) and secret:
            yield encode(secret)


def basic(user: str, password: str) -> str:
    """The value of an `Authorization` header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def same(given: str, expected: str) -> bool:
    """In constant time, and for any text (compare_digest refuses text that is not ASCII)."""
    return hmac.compare_digest(encode(given), encode(expected))


def encode(text: str) -> bytes:
    """UTF-8 for any text, lone surrogates too."""
    return text.encode("utf-8", "surrogatepass")
