"""What surrounds every request: its id, its client's address, the limit of its size, and answers that fit the address."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.shortcuts import render

from accounts import limiting
from accounts.refusals import Refusal
from qsura_platform import errors, proxies
from qsura_platform.wire import BodyTooLarge

OF_THE_API = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Frame-Options": "DENY"}
"""What every answer under /v1/ bears."""
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MISSPELT = re.compile(r"/*v1(/|$)", re.IGNORECASE)


Way = Callable[[HttpRequest], HttpResponseBase]


class Surroundings:
    """The outermost layer. Under /v1/ no answer is ever HTML, whoever made it."""

    def __init__(self, get_response: Way) -> None:
        self.pages = get_response
        self.api = _to_the_api(self.process_exception)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = settle_id(request.META)
        proxies.settle(request.META, trusted=settings.TRUSTED_PROXIES)
        way = self._through_the_api if _is_api(request) else self.pages
        response = _too_large(request) or _unkeepable(request) or way(request)
        response.headers["X-Request-Id"] = request_id
        return response

    def _through_the_api(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self.api(request)
        if response.status_code >= 400 and not _is_json(response):
            response = _problem(request, errors.of_status(response.status_code), keep=response)
        for name, value in (OF_THE_API | limiting.fields(getattr(request, "standings", ()))).items():
            response.headers[name] = value
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A view outside REST framework refused, or met a database that is away; any other error takes Django's own way."""
        if isinstance(error, Refusal) and _is_api(request):
            return _problem(request, error)
        if not isinstance(error, errors.DATABASE_IS_AWAY):
            return None
        refusal = errors.read(error)
        errors.log(error, refusal=refusal, request_id=errors.request_id(request))
        if _is_api(request):
            return _problem(request, refusal)
        page = render(request, "503.html", {"problem": refusal}, status=503)
        for name, value in errors.headers(refusal).items():
            page.headers[name] = value
        return page


class ContentSecurity(CSPMiddleware):
    """The strict policy everywhere, the admin's own under /admin/."""

    def get_policy_parts(self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith("/admin/"):
            parts.replace = settings.ADMIN_CONTENT_SECURITY_POLICY
        return parts


class _Views(BaseHandler):
    """Django's own way from a request to its view, with nothing around it."""

    def __init__(self, process_exception: Callable[[HttpRequest, Exception], HttpResponse | None]) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware = [process_exception]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self._get_response(request)  # type: ignore[attr-defined]  # unknown to the stubs
        return response


def _to_the_api(process_exception: Callable[[HttpRequest, Exception], HttpResponse | None]) -> Any:
    """Straight to the views of /v1/. There are no sessions, cookies, forms or messages, and the layers for them cost half of a request."""
    views = convert_exception_to_response(_Views(process_exception))
    return convert_exception_to_response(SecurityMiddleware(CommonMiddleware(views)))


def settle_id(environ: dict[str, Any]) -> str:
    """The caller's id for the request where it is a sane one, else a new one; every room reads it from the same place."""
    given = environ.get("HTTP_X_REQUEST_ID", "")
    settled: str = given if _SANE_ID.fullmatch(given) else f"req_{uuid4().hex}"
    environ["HTTP_X_REQUEST_ID"] = settled
    return settled


def _too_large(request: HttpRequest) -> HttpResponse | None:
    """Refused by its own word (Content-Length), before a byte of it is read."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length = request.META.get("CONTENT_LENGTH") or "0"
    return _problem(request, BodyTooLarge(limit)) if length.isdecimal() and int(length) > limit else None


def _unkeepable(request: HttpRequest) -> HttpResponse | None:
    """A NUL is in no name that we could keep, and PostgreSQL does not even compare with one. Providers' calls are kept as they come."""
    if not _is_api(request) or request.path_info.startswith("/v1/providers/"):
        return None
    if "\0" in request.path_info:
        return _problem(request, errors.of_status(404))
    if "%00" in request.META.get("QUERY_STRING", ""):
        return _problem(request, errors.BadRequest("Leave out the NUL character (%00) of the address."))
    return None


def _is_api(request: HttpRequest) -> bool:
    """Misspelt addresses of the API too: whoever calls /V1/messages or //v1/messages reads JSON."""
    return request.path_info.startswith("/v1/") or _MISSPELT.match(request.path_info) is not None


def _is_json(response: HttpResponseBase) -> bool:
    return "json" in response.headers.get("Content-Type", "")


def _problem(request: HttpRequest, refusal: Refusal, *, keep: HttpResponseBase | None = None) -> HttpResponse:
    content = orjson.dumps(errors.problem(refusal, request_id=errors.request_id(request)))
    response = HttpResponse(content, status=refusal.status, content_type=errors.CONTENT_TYPE, headers=errors.headers(refusal))
    if keep is not None:
        response.status_code = keep.status_code
        for name, value in keep.headers.items():
            if name.lower() not in {"content-type", "content-length"}:
                response.headers[name] = value
    return response
