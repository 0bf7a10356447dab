"""The other small door before Django's: for providers' calls, which come at three times the rate of what goes out.

It only ever says yes, like qsura_platform.quick. Its threads wait; one thread authenticates, seals and keeps all that came together, in one
commit. Whatever is not plainly a well-signed call of a known account goes through to Django's door, which refuses and counts.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from callbacks import calls, receipts, taking
from callbacks.calls import Authentic
from messaging.gather import Gather
from qsura_platform import proxies, quick
from qsura_platform.middleware import settle_id
from qsura_platform.quick import Application, Environ, StartResponse
from routing import credentials
from routing.providers.base import Incoming

_PATH = re.compile(r"/v1/providers/([A-Za-z0-9_-]{1,64})/callbacks", re.ASCII)
_AWAY = (OperationalError, InterfaceError)
_BESIDE = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}
"""Headers that WSGI names in another way."""


@dataclass(frozen=True, slots=True)
class Knock:
    """A call as it came, once it is known to be for this door."""

    token: str
    query: str
    headers: dict[str, str]
    body: bytes
    address: str
    at: datetime


def before(others: Application) -> Application:
    """The application with this door before it."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        found = _PATH.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
        if found is None or not _is_plain(environ):
            return others(environ, start_response)
        request_id = settle_id(environ)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        try:
            is_kept = _together.put(_knock(environ, found[1], body))
        except _AWAY as error:
            return quick.apologise(error, environ, request_id, start_response)
        if not is_kept:
            return others(environ | {"wsgi.input": io.BytesIO(body)}, start_response)
        start_response("200 OK", [("Content-Type", "text/plain"), *quick.surroundings(b"", environ, request_id)])
        return [b""]

    return application


def serve() -> None:
    """Give the keeping a thread of its own, and so one connection to the database: for the process of a web server."""
    _together.serve()


def _is_plain(environ: Environ) -> bool:
    """Whether nothing around the body asks for more than this door knows."""
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        length.isdecimal()
        and int(length) <= receipts.LARGEST
        and (not settings.SECURE_SSL_REDIRECT or quick.is_secure(environ))
        and quick.is_ours(environ.get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS))
    )


def _knock(environ: Environ, token: str, body: bytes) -> Knock:
    headers = {_BESIDE.get(name) or name[5:].replace("_", "-").lower(): value for name, value in environ.items() if _is_header(name)}
    seen = dict(environ)  # the other door settles its own
    proxies.settle(seen, trusted=settings.TRUSTED_PROXIES)
    return Knock(token, environ.get("QUERY_STRING", ""), headers, body, str(seen.get("REMOTE_ADDR", "")), timezone.now())


def _is_header(name: str) -> bool:
    return name.startswith("HTTP_") or name in _BESIDE


def _keep(knocks: Sequence[Knock]) -> list[bool | Exception]:
    """Of each, whether it is kept. A database that is away is away for each of them: it is told to all, and not asked again for each."""
    try:
        try:
            return _keep_at_once(knocks)
        except _AWAY:
            # A connection that a restart has cut is noticed only by using it. Keeping twice is keeping once.
            connection.close()
            return _keep_at_once(knocks)
    except _AWAY as error:
        connection.close()
        return [error] * len(knocks)


def _keep_at_once(knocks: Sequence[Knock]) -> list[bool | Exception]:
    judged = [_judge(knock) for knock in knocks]
    taking.keep([call for call in judged if call is not None])
    return [call is not None for call in judged]


def _judge(knock: Knock) -> Authentic | None:
    """The call as signed, if it is by whom it should be; what is refused or breaks is the other door's to word, and to count."""
    try:
        account = credentials.by_token(knock.token)
    except credentials.Unusable:
        return None
    url = account.opened.callback_url + (f"?{knock.query}" if knock.query else "")
    incoming = Incoming("POST", url, calls.query(url), knock.headers, knock.body)
    try:
        judged = taking.judge(account, incoming, address=knock.address, at=knock.at)
    except Exception:  # noqa: BLE001 - an adapter that breaks on one call must not fail its companions
        return None
    return judged if isinstance(judged, Authentic) else None


_together = Gather[Knock, "bool | Exception"](_keep)
