"""Log lines that hold nobody's number, address or secret.

Every line is searched for what looks like one. Of an exception the type and the places are written, and its words only where they are
about the program and not about its data: `KeyError('+20...')` and PostgreSQL's `DETAIL: Key (...)` carry what a customer sent.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import psycopg
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.db import OperationalError

REDACTED = "[redacted]"

ABOUT_THE_PROGRAM = (
    AttributeError,
    DisallowedHost,
    ImportError,
    ImproperlyConfigured,
    NameError,
    OperationalError,
    OSError,
    TypeError,
    psycopg.OperationalError,
)

_PATTERNS: list[tuple[re.Pattern[str], str]] = [
    # API keys: the prefix finds the key in the admin, and opens nothing.
    (re.compile(r"\b(qs_(?:live|test)_[a-z0-9]{1,16}_)[A-Za-z0-9]+"), rf"\1{REDACTED}"),
    (re.compile(r"\bwhs(?:ec|k|pk)_[A-Za-z0-9+/=_-]+"), REDACTED),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{REDACTED}@"),
    # The token in a provider account's callback URL is all that keeps strangers out before the signature.
    (re.compile(r"(/v1/providers/)[^/\s?]+"), rf"\1{REDACTED}"),
    (re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE), REDACTED),
    # E.164 as people and URLs write it, then bare: nine to fifteen digits that are no part of an id, a version or a decimal.
    (re.compile(r"(?:\+|%2B|\b00)\d(?:[\s().-]{0,2}\d){6,16}", re.IGNORECASE), REDACTED),
    (re.compile(r"(?<![\w.-])\d{9,15}(?![\w-]|\.\d)"), REDACTED),
]


def redact(text: str) -> str:
    """The text without what looks like a key, a secret, an e-mail address or a telephone number."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


class Line(logging.Formatter):
    """One record, redacted."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(_without_task_failure(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return "\n".join(_describe(ei[1], ei[2]))


def _describe(error: BaseException, trace: TracebackType | None) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _describe(cause, cause.__traceback__)
        yield "which led to"
    yield from (line.rstrip("\n") for line in traceback.format_tb(trace))
    name = type(error).__qualname__
    words = str(error).partition("\nDETAIL")[0] if isinstance(error, ABOUT_THE_PROGRAM) else "(its words are kept out)"
    yield f"{name}: {words}"


def _without_task_failure(record: logging.LogRecord) -> logging.LogRecord:
    """Celery writes a failed task's exception and traceback into the very message; the exception is described below it anyway."""
    context = getattr(record, "data", None)
    if not isinstance(context, dict) or "traceback" not in context:
        return record
    mended = logging.makeLogRecord(record.__dict__)
    mended.msg, mended.args = "Task %s (%s) failed", (context.get("name"), context.get("id"))
    return mended
