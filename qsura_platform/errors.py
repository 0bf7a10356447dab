"""Every error of the API as `application/problem+json` (RFC 9457), made in one place."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, UnreadablePostError
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import limiting, shapes
from accounts.limiting import RateLimited
from accounts.refusals import NotFound, Refusal, Unauthenticated
from qsura_platform.wire import BATCH, BodyTooLarge, MalformedJson

CONTENT_TYPE = "application/problem+json"
DATABASE_IS_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

_log = logging.getLogger(__name__)


class BadRequest(Refusal):
    """The request can't be understood at all."""

    status = 400
    code = "bad_request"
    title = "The request can't be understood."


class Forbidden(Refusal):
    """Understood, and not allowed."""

    status = 403
    code = "forbidden"
    title = "This is not allowed."


class MethodNotAllowed(Refusal):
    """The address is right, the method is not."""

    status = 405
    code = "method_not_allowed"
    title = "This address does not take this method."


class UnsupportedMediaType(Refusal):
    """The body is in a form that this door does not read."""

    status = 415
    code = "unsupported_media_type"
    title = "The body must be JSON."


class InternalError(Refusal):
    """A mistake of the platform's own."""

    status = 500
    code = "internal_error"
    title = "Something went wrong on our side."


class DatabaseUnavailable(Refusal):
    """Nothing was accepted; the same request may be sent again."""

    status = 503
    code = "database_unavailable"
    title = "The platform is not available for the moment."


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """REST framework's exception handler."""
    request: Request | None = context.get("request")
    refusal = read(error)
    if refusal.status >= 500:
        log(error, refusal=refusal, request_id=request_id(request))
    return Response(
        problem(refusal, request_id=request_id(request)),
        status=refusal.status,
        headers=headers(refusal),
        content_type=CONTENT_TYPE,
    )


def problem(refusal: Refusal, *, request_id: str) -> dict[str, Any]:
    """The envelope."""
    return {
        "type": f"{settings.PUBLIC_URL}/docs/errors#{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "errors": [{"field": each.field, "code": each.code, "message": each.message} for each in refusal.errors],
        "request_id": request_id,
    }


def headers(refusal: Refusal) -> dict[str, str]:
    """What goes with the answer: how to authenticate, and when to come again."""
    found = {"Cache-Control": "no-store"}
    if refusal.status == 401:
        found["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after is not None:
        found["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, RateLimited):
        found |= limiting.fields(refusal.standings)
    return found


def request_id(request: Request | HttpRequest | None) -> str:
    """The id that qsura_platform.middleware settled at the door."""
    return str(request.META.get("HTTP_X_REQUEST_ID", "")) if request is not None else ""


def log(error: BaseException, *, refusal: Refusal, request_id: str) -> None:
    """What broke, and where; qsura_platform.logs keeps out the words of it, which may be a customer's."""
    _log.error("%s on request %s: %s", refusal.code, request_id, type(error).__name__, exc_info=error)


def read(error: BaseException) -> Refusal:
    """The refusal that an exception means; what nobody foresaw is an internal error."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, DATABASE_IS_AWAY):
        return DatabaseUnavailable("The database can't be reached. Nothing was accepted: send the same request again.", retry_after=5)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return _of_django(error)


def of_status(status: int) -> Refusal:
    """The refusal for an answer that something else made, and of which only the status is known."""
    return _BY_STATUS.get(status, _BY_STATUS[500] if status >= 500 else _BY_STATUS[400])


def _of_framework(error: exceptions.APIException) -> Refusal:
    match error:
        case exceptions.ValidationError():
            return Refusal("Some fields are wrong; `errors` names each one and the way out.", errors=shapes.flatten(error.detail))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return Unauthenticated()
        case exceptions.ParseError():
            return MalformedJson(str(error.detail))
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed(str(error.detail))
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType("Send the body as JSON, with `Content-Type: application/json`.")
        case exceptions.Throttled():
            wait = error.wait  # type: ignore[attr-defined]  # set in its __init__ only
            return RateLimited((), retry_after=None if wait is None else int(wait))
    return of_status(error.status_code)


def _of_django(error: BaseException) -> Refusal:
    match error:
        case Http404():
            return of_status(404)
        case PermissionDenied():
            return of_status(403)
        case RequestDataTooBig():
            return BodyTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        case SuspiciousOperation() | UnreadablePostError():
            return of_status(400)
    return of_status(500)


_BY_STATUS: dict[int, Refusal] = {
    400: BadRequest("The request can't be understood; see the documentation of this address."),
    401: Unauthenticated(),
    403: Forbidden("This request is not allowed."),
    404: NotFound("There is nothing at this address, or it is not yours."),
    405: MethodNotAllowed("This address does not take this method."),
    413: BodyTooLarge(BATCH),
    415: UnsupportedMediaType("Send the body as JSON, with `Content-Type: application/json`."),
    422: Refusal("Some fields are wrong; `errors` names each one and the way out."),
    429: RateLimited(()),
    500: InternalError("The platform made a mistake. It is logged under the request's id; sending the same again may work."),
    503: DatabaseUnavailable("The platform is not available for the moment; send the same request again.", retry_after=5),
}
