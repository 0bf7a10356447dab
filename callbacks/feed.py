"""The event feed of any platform, read over HTTP page by page. Needs no settings: who listens may have nothing but a checkout and a key."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any

import orjson

from callbacks import schedule

_TIMEOUT = 30.0
_PASSING = {408, 429, 500, 502, 503, 504}


class FeedRefused(Exception):
    """The feed can't be read so, now or later; the text says why."""


class FeedAway(Exception):
    """The feed can't be read now. `wait` is how long the platform asked to be left alone, if it did."""

    def __init__(self, because: str, *, wait: timedelta | None = None) -> None:
        super().__init__(because)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, oldest first. `after` is the place behind the last of them."""

    items: list[dict[str, Any]]
    after: str
    has_more: bool


Source = Callable[[Mapping[str, str]], Page]
"""Asked with the query of GET /v1/events. Raises FeedRefused or FeedAway."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def remote(url: str, *, key: str) -> Source:
    """The feed of the platform at that URL, for whom the key speaks."""

    def read(query: Mapping[str, str]) -> Page:
        asked = f"{url}/v1/events?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(asked, headers={"Authorization": f"Bearer {key}", "Accept": "application/json"})  # noqa: S310 - the user's own URL
        try:
            with _opener.open(request, timeout=_TIMEOUT) as answer:
                return page(orjson.loads(answer.read()))
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, HTTPException, orjson.JSONDecodeError) as error:
            raise FeedAway(f"{url} does not answer: {getattr(error, 'reason', error)}") from None

    return read


def page(answer: dict[str, Any]) -> Page:
    """What the API answers."""
    return Page(answer["items"], answer["next_cursor"] or "", answer["has_more"])


def _refusal(error: urllib.error.HTTPError) -> FeedRefused | FeedAway:
    """A page of the error catalogue, or whatever a proxy in between says."""
    because = f"{error.code} {error.reason}"
    with contextlib.suppress(ValueError, KeyError, TypeError, OSError, HTTPException):
        because = str(orjson.loads(error.read())["detail"])
    if error.code in _PASSING:
        return FeedAway(because, wait=schedule.asked_rest(error.headers.get("Retry-After"), at=datetime.now(UTC)))
    return FeedRefused(because)
