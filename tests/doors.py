"""The platform's front as a WSGI server sees it: Django's door alone, or with the quick ones before it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import orjson
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory
from django.utils.datastructures import CaseInsensitiveMapping

from qsura_platform import quick, quick_receipts


class Front:
    """Which one answers."""

    quick = False


@dataclass
class Told:
    status_code: int
    headers: CaseInsensitiveMapping
    content: bytes
    went_through: bool
    """Whether Django's door was asked."""

    def json(self) -> Any:
        return orjson.loads(self.content)


class _Django:
    """Django's door, which remembers whether it was used."""

    def __init__(self) -> None:
        self._handler = WSGIHandler()
        self.was_used = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.was_used = True
        return self._handler(environ, start_response)


def ask(method: str, path: str, body: bytes = b"", **environ: str) -> Told:
    """What the front tells; `environ` as in WSGI (HTTP_AUTHORIZATION=...). In the test's own thread and transaction."""
    path, _, query = path.partition("?")
    given = {
        "HTTP_HOST": "testserver",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "QUERY_STRING": query,
        **environ,
    }
    asked = RequestFactory()._base_environ(
        REQUEST_METHOD=method, PATH_INFO=path, **given, **{"wsgi.input": BytesIO(body), "wsgi.errors": sys.stderr}
    )
    django = _Django()
    application = quick_receipts.before(quick.before(django)) if Front.quick else django
    heard: list[Any] = []
    _keep_connections()
    try:
        answer = application(asked, lambda status, headers: heard.append((status, headers)))
        content = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
    finally:
        _close_connections_again()
    status, headers = heard[0]
    return Told(int(status[:3]), CaseInsensitiveMapping(headers), content, django.was_used)


def _keep_connections() -> None:
    """As Django's own test client does: the test's transaction must outlive the request."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)


def _close_connections_again() -> None:
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)
