"""Where providers call in: authenticated on raw bytes, kept whole, answered; only then does anybody read what was said."""

from __future__ import annotations

import logging

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.urls import re_path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.refusals import Refusal
from callbacks import calls, taking
from routing import credentials
from routing.credentials import Account
from routing.providers.base import Incoming

logger = logging.getLogger(__name__)

LARGEST = 3 * 1024 * 1024
"""Bytes. Meta's webhooks are the largest, with up to 3 MB."""


class AccountClosed(Refusal):
    """We know the account but can't open its credentials just now: the provider shall try again."""

    status = 503
    code = "account_unavailable"
    title = "The provider account is not available for the moment."


class TooLarge(Refusal):
    """More than any provider sends."""

    status = 413
    code = "body_too_large"
    title = "The body is too large."


class CutOff(Refusal):
    """The connection ended before the body did."""

    status = 400
    code = "incomplete_body"
    title = "The body is incomplete."


@csrf_exempt
def take(request: HttpRequest, token: str) -> HttpResponse:
    """One call of a provider: GET to prove who owns the URL, POST with receipts. A database that is away makes 503, never 200."""
    at = timezone.now()
    account = _account(token)
    incoming = _incoming(request, account)
    if request.method == "POST":
        taking.take(account, incoming, address=request.META.get("REMOTE_ADDR", ""), at=at)
        return HttpResponse(content_type="text/plain")
    challenge = taking.prove(account, incoming, at=at) if request.method == "GET" else None
    return HttpResponseNotAllowed(["POST"]) if challenge is None else HttpResponse(challenge, content_type="text/plain")


def _account(token: str) -> Account:
    try:
        return credentials.by_token(token)
    except credentials.NoSuchAccount as stranger:
        raise Http404 from stranger
    except credentials.Unusable as problem:
        logger.exception("A provider's call can't be authenticated.")
        raise AccountClosed("The platform can't authenticate this account's calls; call again.", retry_after=60) from problem


def _incoming(request: HttpRequest, account: Account) -> Incoming:
    """The call as made to the account's public URL, whatever stands between: Twilio signs the very URL that it called."""
    called = request.META.get("QUERY_STRING", "")
    url = f"{account.opened.callback_url}?{called}" if called else account.opened.callback_url
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Incoming(method=request.method or "", url=url, query=calls.query(url), headers=headers, body=_body(request))


def _body(request: HttpRequest) -> bytes:
    """The raw bytes, never more than the limit. Django itself reads nothing that comes in chunks, without Content-Length."""
    environ = getattr(request, "environ", {})
    is_chunked = not request.META.get("CONTENT_LENGTH") and environ.get("wsgi.input_terminated")
    try:
        body: bytes = environ["wsgi.input"].read(LARGEST + 1) if is_chunked else request.body
    except (UnreadablePostError, OSError) as error:
        raise CutOff("The connection ended before the whole body had come.") from error
    if len(body) > LARGEST:
        raise TooLarge(f"The body may have {LARGEST} bytes at most.")
    return body


urlpatterns = [re_path(r"^providers/(?P<token>[A-Za-z0-9_-]{1,64})/callbacks\Z", take, name="provider-callbacks")]
