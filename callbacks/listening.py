"""Events brought to a receiver that nobody can reach from outside: read from the feed, signed and posted like webhooks.

For whoever writes a receiver, on their own machine: no row is written, and an event is passed over after a few tries.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any
from uuid import UUID

from accounts import ids
from accounts.signals import News
from callbacks import outbox, signing
from callbacks.feed import FeedAway, Page, Source
from messaging.beginning import NOW
from messaging.signals import NewEvent

TRIES = 5
_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between the tries of one event: long enough for a receiver that is being restarted."""
_LOOK = 1.0
"""Seconds between two looks at a feed that has nothing new."""
_PAGE = 20
"""Few, because a listener that is stopped goes on at the beginning of its page: at most so many come again."""
_LONGEST_WAIT = 30.0
_PLACEHOLDER = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one event at the receiver. `status` is its last answer; without one, `error` says why."""

    id: str
    type: str
    status: int | None
    error: str | None
    milliseconds: int
    tries: int
    after: str
    """Where to go on so that this one would come again."""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Away:
    """The feed was out of reach, and is asked again after so many seconds."""

    because: str
    wait: float


@dataclass(frozen=True, slots=True)
class Caught:
    """Everything up to this place has been brought. `is_all`: nothing more has happened yet."""

    after: str
    is_all: bool


def secret_of(key: str) -> str:
    """The secret that a listener with this API key signs with: the same each time, and nothing that leads back to the key."""
    return signing.SHARED + base64.b64encode(hmac.digest(key.encode(), b"qsura listen", hashlib.sha256)).decode()


def listen(
    source: Source, *, to: str, secrets: Sequence[str], types: str = "", since: str = "", after: str = "", timeout: float
) -> Iterator[Heard | Away | Caught]:
    """Bring event after event to the URL `to`, for ever, and tell what becomes of each.

    Begins behind `after`, at the time `since`, or now. `timeout`: seconds for each answer. Raises feed.FeedRefused.
    """
    begin = {"since": since} if since else {"after": after or NOW}
    failures = 0
    while True:
        try:
            page = source({"limit": str(_PAGE), **({"type": types} if types else {}), **begin})
        except FeedAway as away:
            wait = away.wait.total_seconds() if away.wait else min(2.0**failures, _LONGEST_WAIT)
            failures += 1
            yield Away(str(away), wait)
            time.sleep(wait)
            continue
        failures = 0
        yield from _bring(page, to=to, secrets=secrets, timeout=timeout, after=begin.get("after", ""))
        if page.after:
            begin = {"after": page.after}
            yield Caught(page.after, is_all=not page.has_more)
        if not page.has_more:
            time.sleep(_LOOK)


def _bring(page: Page, *, to: str, secrets: Sequence[str], timeout: float, after: str) -> Iterator[Heard]:
    for item in page.items:
        content = body(item)
        for number in range(1, TRIES + 1):
            headers = {"Content-Type": "application/json", "User-Agent": "Qsura/1"}
            headers |= signing.sign(item["id"], at=datetime.now(UTC), body=content, secrets=secrets)
            began = time.monotonic()
            status, error = _post(to, headers, content, timeout=timeout)
            heard = Heard(item["id"], item["type"], status, error, round((time.monotonic() - began) * 1_000), number, after)
            if heard.is_taken or number == TRIES:
                break
            time.sleep(_WAITS[number - 1])
        yield heard


def body(item: dict[str, Any]) -> bytes:
    """The webhook of an event in the feed, made by the hand that makes the real ones."""
    id_, occurred_at = ids.parse("evt", item["id"]) or _PLACEHOLDER, datetime.fromisoformat(item["occurred_at"])
    if item["message"] is None:
        return outbox.body_of_news(News(id_, _PLACEHOLDER, None, item["type"], item["about"] or {}, occurred_at))
    error = item["error"] or {}
    return outbox.body(
        NewEvent(
            id=id_,
            message_id=ids.parse("msg", item["message"]) or _PLACEHOLDER,
            business_id=_PLACEHOLDER,
            mode="",
            occurred_at=occurred_at,
            recorded_at=occurred_at,
            error_class=error.get("class"),
            error_code=error.get("code"),
            raw_code=error.get("provider_code"),
            detail={name: item[name] for name in ("fallback", "recovered", "late", "deferred")},
            **{name: item[name] for name in ("type", "seq", "previous_status", "status", "final", "channel", "reference", "metadata")},
        )
    )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is a failure, as it is for webhooks."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def _post(url: str, headers: dict[str, str], content: bytes, *, timeout: float) -> tuple[int | None, str | None]:
    request = urllib.request.Request(url, content, headers, method="POST")  # noqa: S310 - the user's own URL
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return int(answer.status), None
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, HTTPException) as error:
        return None, str(getattr(error, "reason", error) or type(error).__name__)
