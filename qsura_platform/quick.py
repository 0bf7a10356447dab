"""A small door before Django's, for the one request that comes most: POST /v1/messages.

It only ever says yes. What comes is taken together with whatever else comes at the same time, read, prepared and accepted by the same
deeds, in one commit, by one thread; the rest of a request's price is REST framework, and isn't paid here. Whatever is not plainly good
(another header, an odd field, a refusal) goes through to Django's door as it came, which answers as it always does (docs/decisions/).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.utils import timezone

from accounts import keys, limiting
from accounts.authentication import BROWSERS_HEADERS
from accounts.choices import Scope
from accounts.limiting import Standing
from accounts.refusals import Refusal
from messaging import accepting, idempotency, intake, reading
from messaging.gather import Gather
from messaging.intake import Answer, Asked
from qsura_platform import errors, proxies, wire
from qsura_platform.middleware import OF_THE_API, settle_id

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_PATH = "/v1/messages"
_JSON = frozenset({"application/json", "application/json; charset=utf-8"})
_ALLOW = "GET, POST, HEAD, OPTIONS"


@dataclass(frozen=True, slots=True)
class Knock:
    """A request as it came, once it is known to be for this door."""

    raw: bytes
    key: str
    address: str
    idempotency_key: str | None
    request_id: str
    at: datetime


def before(django: Application) -> Application:
    """The application with this door before it."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != _PATH or environ["REQUEST_METHOD"] != "POST" or not _is_plain(environ):
            return django(environ, start_response)
        request_id = settle_id(environ)
        raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        try:
            answer = _together.put(_knock(environ, raw, request_id))
        except Exception as error:  # noqa: BLE001 - whether it was stored nobody knows: it must not be sent through the other door as well
            return apologise(error, environ, request_id, start_response, allow=_ALLOW)
        if answer is None:
            return django(environ | {"wsgi.input": io.BytesIO(raw)}, start_response)
        return _say_yes(answer, environ, request_id, start_response)

    return application


def serve() -> None:
    """Give the writing a thread of its own, and so one connection to the database: for the process of a web server."""
    _together.serve()
    accepting.gathered.serve()


def _is_plain(environ: Environ) -> bool:
    """Whether nothing around the body asks for more than this door knows."""
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ.get("CONTENT_TYPE", "").lower() in _JSON
        and length.isdecimal()
        and 0 < int(length) <= wire.SINGLE
        and not environ.get("QUERY_STRING")
        and environ.get("HTTP_AUTHORIZATION", "")[:7].lower() == "bearer "
        and not any(header in environ for header in BROWSERS_HEADERS)
        and (not settings.SECURE_SSL_REDIRECT or is_secure(environ))
        and is_ours(environ.get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS))
    )


def _knock(environ: Environ, raw: bytes, request_id: str) -> Knock:
    seen = dict(environ)  # the other door settles its own
    proxies.settle(seen, trusted=settings.TRUSTED_PROXIES)
    return Knock(
        raw=raw,
        key=environ["HTTP_AUTHORIZATION"][7:].strip(),
        address=str(seen.get("REMOTE_ADDR", "")),
        idempotency_key=environ.get("HTTP_IDEMPOTENCY_KEY"),
        request_id=request_id,
        at=timezone.now(),
    )


@dataclass(frozen=True, slots=True)
class Yes:
    """An answer, and what is left of the caller's quotas."""

    answer: Answer
    standings: tuple[Standing, ...]


def _answer(knocks: list[Knock]) -> list[Yes | Exception | None]:
    accepting.freshen()
    asked = [_read(knock) for knock in knocks]
    answers = iter(intake.accept_together([each[0] for each in asked if each is not None]))
    return [None if each is None else _said(next(answers), *each) for each in asked]


def _said(answer: Answer | Exception | None, asked: Asked, standings: tuple[Standing, ...]) -> Yes | Exception | None:
    if isinstance(answer, Answer):
        return Yes(answer, standings)
    if answer is None:
        limiting.give_back(asked.caller)  # Django's door counts it
    return answer


def _read(knock: Knock) -> tuple[Asked, tuple[Standing, ...]] | None:
    """What is asked, if it is plainly good, by somebody who may and has not asked too often."""
    try:
        caller = keys.recognise_cached(knock.key, address=knock.address, at=knock.at)
        key = idempotency.read(knock.idempotency_key)
        body = wire.read(knock.raw)
    except (Refusal, Error):
        return None
    wanted = reading.plain(body)
    if wanted is None or Scope.MESSAGES_SEND not in caller.scopes:
        return None
    try:
        standings = limiting.take(caller)
    except limiting.RateLimited:
        return None
    return Asked(wanted, caller, key, intake.body_hash("message", body), knock.request_id, knock.at), standings


class _Together(Gather[Knock, Yes | Exception | None]):
    """What an order met is an answer here, to be raised in its own thread: another try could send the message twice."""

    def put(self, item: Knock) -> Yes | None:
        answer = super().put(item)
        if isinstance(answer, Exception):
            raise answer
        return answer


_together = _Together(_answer)


def _say_yes(yes: Yes, environ: Environ, request_id: str, start_response: StartResponse) -> Iterable[bytes]:
    answer = yes.answer
    headers = [("Content-Type", "application/json"), ("Allow", _ALLOW), *surroundings(answer.text, environ, request_id)]
    headers += limiting.fields(yes.standings).items()
    if answer.is_replay:
        headers.append(("Idempotency-Replayed", "true"))
    start_response("202 Accepted", headers)
    return [answer.text]


def apologise(error: Exception, environ: Environ, request_id: str, start_response: StartResponse, *, allow: str = "") -> Iterable[bytes]:
    """Answer as the API words an error of the platform's own, and log it. `allow`: what REST framework would add of its own."""
    refusal = errors.read(error)
    errors.log(error, refusal=refusal, request_id=request_id)
    text = orjson.dumps(errors.problem(refusal, request_id=request_id))
    headers = [("Content-Type", errors.CONTENT_TYPE), *errors.headers(refusal).items(), *surroundings(text, environ, request_id)]
    headers += [("Allow", allow)] if allow else []
    start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", headers)
    return [text]


def surroundings(text: bytes, environ: Environ, request_id: str) -> list[tuple[str, str]]:
    """The headers that the layers around a view add to its answer."""
    own = [("Content-Length", str(len(text))), ("X-Request-Id", request_id)]
    return [*own, *OF_THE_API.items(), *_security(is_secure=is_secure(environ))]


@lru_cache(maxsize=2)
def _security(*, is_secure: bool) -> list[tuple[str, str]]:
    """What Django's own layer adds to any answer."""
    request, response = HttpRequest(), HttpResponse()
    request.is_secure = lambda: is_secure  # type: ignore[method-assign]
    SecurityMiddleware(lambda _: response).process_response(request, response)
    return [(name, value) for name, value in response.items() if name != "Content-Type"]


def is_secure(environ: Environ) -> bool:
    """As HttpRequest.is_secure has it."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        if (claimed := environ.get(name)) is not None:
            return bool(claimed.split(",", 1)[0].strip() == value)
    return bool(environ.get("wsgi.url_scheme") == "https")


@lru_cache(maxsize=1024)
def is_ours(host: str, _: tuple[str, ...]) -> bool:
    """Whether ALLOWED_HOSTS names it; that setting is part of the question, so that an answer does not outlive it."""
    request = HttpRequest()
    request.META = {"HTTP_HOST": host, "SERVER_NAME": "", "SERVER_PORT": ""}
    try:
        return bool(host and request.get_host())
    except DisallowedHost:
        return False
