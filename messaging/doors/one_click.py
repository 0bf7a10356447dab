"""The page behind an e-mail's unsubscription link: GET only asks, POST does it, for people and for mail programs alike (RFC 8058)."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.models import Business
from messaging.models import Message
from messaging.suppressions import unsubscribing

WRONG, WITHIN, MOST = 20, 60.0, 10_000
"""So many wrong tokens of one address within so many seconds; so many addresses are remembered."""


class _Guesses:
    """Counts wrong tokens by address, in this process. Right ones are never held up: a mail service unsubscribes thousands from one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def are_too_many(self, address: str) -> bool:
        now = time.monotonic()
        with self._lock:
            since, times = self._seen.pop(address, (now, 0))
            since, times = (now, 0) if now - since > WITHIN else (since, times)
            self._seen[address] = (since, times + 1)
            if len(self._seen) > MOST:
                self._seen.popitem(last=False)
            return times >= WRONG

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()


guesses = _Guesses()


# No cookie plays a part, and mail programs have none: the token is the proof.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    message_id = unsubscribing.read(token)
    if message_id is None and guesses.are_too_many(request.META.get("REMOTE_ADDR", "")):
        return _page(request, "messaging/unsubscribe_unknown.html", status=429)
    message = Message.objects.filter(id=message_id).first() if message_id else None
    business = Business.objects.filter(id=message.business_id).first() if message else None
    if message is None or business is None:
        return _page(request, "messaging/unsubscribe_unknown.html", status=404)
    if request.method == "POST":
        unsubscribing.unsubscribe(message, at=timezone.now())
        return _page(request, "messaging/unsubscribed.html", business=business.name)
    return _page(request, "messaging/unsubscribe.html", business=business.name)


def _page(request: HttpRequest, template: str, *, status: int = 200, **context: str) -> HttpResponse:
    answer = render(request, template, context, status=status)
    # The address is the proof: it belongs in no cache, no search engine, and no other site's log.
    answer["Cache-Control"], answer["X-Robots-Tag"], answer["Referrer-Policy"] = "no-store", "noindex", "no-referrer"
    return answer


urlpatterns = [path(f"{unsubscribing.PATH}<str:token>", unsubscribe, name="unsubscribe")]
