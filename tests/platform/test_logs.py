from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError

from qsura_platform import logs

KEY = "qs_live_abcdefghijkl_" + "Zx9" * 14 + "Q"

SECRETS = [
    KEY,
    "qs_test_abcdefghijkl_" + "a1B" * 14 + "c",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw==",
    "+201001234567",
    "+20 100 123 4567",
    "+1 (415) 555-0132",
    "00201001234567",
    "%2B201001234567",
    "201001234567",
    "mona.ali+shop@mail.example",
    "mona%40mail.example",
]

LINES = [
    "sent to {}",
    "recipient={}",
    "recipient={}&status=sent",
    "'{}' is wrong",
    '{{"to": "{}"}}',
    "GET /v1/messages?recipient={} HTTP/1.1",
    "{}",
    "[{}]",
    "({})",
    "whatsapp:{}",
    "a {}, b",
]


def core(secret: str) -> str:
    """The part that must not be seen."""
    return secret.rpartition("_")[2] if secret.startswith("qs_") else secret


def written(message: str, *args: Any, exc_info: Any = None, **extra: Any) -> str:
    record = logging.LogRecord("room", logging.ERROR, __file__, 1, message, args, exc_info)
    record.__dict__.update(extra)
    return logs.Line("{levelname} {name}: {message}", style="{").format(record)


def caught(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    try:
        raise error
    except BaseException:  # noqa: BLE001 - whatever it is, it is what was asked for
        return sys.exc_info()  # type: ignore[return-value]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("line", LINES)
def test_no_line_holds_a_key_a_secret_or_a_recipient(line: str, secret: str) -> None:
    assert core(secret) not in written(line.format(secret))
    assert core(secret) not in written(line.replace("{}", "%s").replace("{{", "{").replace("}}", "}"), secret)


@pytest.mark.parametrize(
    "line, kept",
    [
        (f"key {KEY}", "key qs_live_abcdefghijkl_[redacted]"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer [redacted]"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic [redacted]"),
        ("postgres://qsura:hunter2@db:5432/qsura", "postgres://qsura:[redacted]@db:5432/qsura"),
        ("POST /v1/providers/Ab3_x-9/callbacks 200", "POST /v1/providers/[redacted]/callbacks 200"),
    ],
)
def test_what_is_needed_to_find_the_cause_stays(line: str, kept: str) -> None:
    assert written(line).endswith(kept)


@pytest.mark.parametrize(
    "line",
    [
        "message msg_01a20485e5447e3da8b22c3feaa15514 handed off",
        "message 01a20485-e544-7e3d-a8b2-c3feaa15514d handed off",
        "hand-off of 500 in 12.345678901 s at 2026-03-01T12:00:00.123456+00:00",
        "listening at http://127.0.0.1:8000",
        "qsura 2026.10.1, PostgreSQL 18.6.3",
        "error 131026 from account 7 (HTTP 404)",
        "basic needs, bearer of news",
    ],
)
def test_ids_times_and_versions_are_left_as_they_are(line: str) -> None:
    assert written(line) == f"ERROR room: {line}"


def test_an_exception_shows_its_type_and_places_and_not_its_words() -> None:
    line = written("it broke", exc_info=caught(KeyError("Mona Ali")))

    assert "test_logs.py" in line
    assert line.endswith("KeyError: (its words are kept out)")
    assert "Mona" not in line


def test_what_led_to_it_is_shown_as_quietly() -> None:
    error = ValueError("Mona Ali")
    error.__cause__ = KeyError("Omar Ali")

    line = written("it broke", exc_info=caught(error))

    assert line.index("KeyError") < line.index("which led to") < line.index("ValueError")
    assert "Ali" not in line


def test_words_about_the_program_are_shown_without_data() -> None:
    telling = written("it broke", exc_info=caught(OperationalError("connection refused\nDETAIL:  Key (name)=(Mona) exists.")))

    assert "OperationalError: connection refused" in telling
    assert "Mona" not in telling
    assert "ImproperlyConfigured: Set X" in written("it broke", exc_info=caught(ImproperlyConfigured("Set X")))
    assert "Mona" not in written("it broke", exc_info=caught(IntegrityError("Key (name)=(Mona) exists.")))


def test_a_failed_task_s_words_are_kept_out_of_celery_s_own_line() -> None:
    context = {"id": "7c1f", "name": "messaging.tasks.settle", "exc": "ValueError('Mona')", "traceback": "ValueError: Mona", "args": "()"}

    line = written(
        "Task %(name)s[%(id)s] raised unexpected: %(exc)s\n%(traceback)s", context, exc_info=caught(ValueError("Mona")), data=context
    )

    assert line.startswith("ERROR room: Task messaging.tasks.settle (7c1f) failed\n")
    assert "Mona" not in line


def test_the_settings_own_handler_writes_such_lines() -> None:
    assert [handler for handler in logging.getLogger().handlers if isinstance(handler.formatter, logs.Line)]
