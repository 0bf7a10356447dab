"""The API's door: who asks, and may they?

REST framework loads this file while it loads its own views, which can therefore not be imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import keys, limiting
from accounts.refusals import KeyInBrowser, MissingScope, Unauthenticated

# Only browsers send these, and scripts in a page can't take them away (Fetch standard, forbidden request-headers). Sec-Fetch-Mode is not
# among them: Node's own fetch sends it from servers.
BROWSERS_HEADERS = ("HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_DEST", "HTTP_SEC_FETCH_USER")


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer qs_...`; `request.user` and `request.auth` are the Caller."""

    recognise: ClassVar[Callable[..., keys.Caller]] = staticmethod(keys.recognise)

    def authenticate(self, request: Request) -> tuple[keys.Caller, keys.Caller] | None:
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            return None
        at = timezone.now()
        caller = self.recognise(text.strip(), address=request.META.get("REMOTE_ADDR", ""), at=at)
        if any(header in request.META for header in BROWSERS_HEADERS):
            keys.report_browser(caller, at=at)
            raise KeyInBrowser
        request._request.standings = limiting.take(caller)  # type: ignore[attr-defined]  # told by qsura_platform.middleware
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class CachedApiKeyAuthentication(ApiKeyAuthentication):
    """For a hot door whose deed checks the key again in its own statement."""

    recognise = staticmethod(keys.recognise_cached)


def caller_of(request: Request) -> keys.Caller:
    """Who asks, in a view that HasScope has let him into."""
    return cast("keys.Caller", request.auth)


class HasScope(BasePermission):
    """The key has the view's `required_scope`, or the one for this method in `required_scopes`. Raises what it refuses with."""

    def has_permission(self, request: Request, view: Any) -> bool:
        caller: object = request.auth
        if not isinstance(caller, keys.Caller):
            raise Unauthenticated
        scope = _scope(view, request.method or "")
        if scope is not None and scope not in caller.scopes:
            raise MissingScope(scope)
        return True


def _scope(view: Any, method: str) -> str | None:
    """None where the view has no such method: that is answered by 405."""
    if method == "OPTIONS" or not hasattr(view, method.lower()):
        return None
    by_method: dict[str, str] = getattr(view, "required_scopes", {})
    # HEAD is GET without its body. A view that names no scope is a bug: 500.
    return by_method.get("GET" if method == "HEAD" else method) or str(view.required_scope)
