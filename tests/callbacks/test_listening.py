"""Events brought to a receiver on one's own machine: the same webhooks, tried politely."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson
import pytest
from aiohttp import web
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import news
from callbacks import feed, listening, own_feed, signing
from callbacks.feed import FeedAway, FeedRefused, Page, Source
from callbacks.listening import Away, Caught, Heard
from callbacks.models import Delivery
from tests import world
from tests.callbacks.receiver import Receiver, status
from tests.callbacks.webhooks import listen as register

KEY = "qs_test_abcdefghijkl_" + "x" * 43
ITEM: dict[str, Any] = {
    "id": "evt_0199d1f2b4c87a31b6d0e5f4a3c2b1d0",
    "type": "template.approved",
    "message": None,
    "occurred_at": "2026-01-01T00:00:00Z",
    "about": {"template": "order_shipped"},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_WAITS", (0.0,) * (listening.TRIES - 1))
    monkeypatch.setattr(listening, "_LOOK", 0.0)


def source(*pages: Page | Exception) -> Source:
    """A feed that says these, one after another, and then nothing new."""
    left = list(pages)

    def read(query: Mapping[str, str]) -> Page:
        said = left.pop(0) if left else Page([], "end", False)
        if isinstance(said, Exception):
            raise said
        return said

    return read


def told(source_: Source, receiver: Receiver, *, count: int, secret: str | None = None) -> list[Heard | Away | Caught]:
    all_ = listening.listen(source_, to=receiver.url(), secrets=[secret or signing.new_secret()], timeout=5.0)
    return list(islice(all_, count))


def test_an_event_arrives_signed_like_a_webhook(receiver: Receiver) -> None:
    secret = signing.new_secret()

    heard, _ = told(source(Page([ITEM], "one", False)), receiver, count=2, secret=secret)

    (received,) = receiver.got()
    received.verify(secret)
    assert (received.id, received.type) == (ITEM["id"], "template.approved")
    assert isinstance(heard, Heard)
    assert (heard.status, heard.tries, heard.is_taken) == (200, 1, True)


@pytest.mark.django_db(transaction=True)
def test_what_is_brought_is_what_an_endpoint_is_owed() -> None:
    alice = world.make("alice")
    register(alice.business)
    alice.accept(reference="order-17", metadata={"till": 3})
    news.tell(alice.business, type="provider.degraded", about={"provider": "meta", "mode": "test"}, at=timezone.now())

    items = own_feed.of(alice.business.id, mode="test")({"limit": "50"}).items

    owed = {
        f"evt_{event_id.hex}": body
        for event_id, body in Delivery.objects.exclude(type="endpoint.challenge").values_list("event_id", "body")
    }
    brought = {item["id"]: listening.body(item).decode() for item in items if item["id"] in owed}
    assert [orjson.loads(brought[id_]) for id_ in owed] == [orjson.loads(body) for body in owed.values()]
    assert len(brought) == 2


def test_a_receiver_that_is_being_restarted_gets_it_in_the_end(receiver: Receiver) -> None:
    answers = iter([503, 500])

    async def shaky(_: web.Request) -> web.Response:
        return web.Response(status=next(answers, 204))

    receiver.at("/hooks", shaky)

    heard, _ = told(source(Page([ITEM], "one", False)), receiver, count=2)

    assert isinstance(heard, Heard)
    assert (heard.status, heard.tries) == (204, 3)
    assert {each.id for each in receiver.got()} == {ITEM["id"]}


@pytest.mark.parametrize("code", [500, 410, 301])
def test_an_event_that_is_never_taken_is_passed_over(receiver: Receiver, code: int) -> None:
    receiver.at("/hooks", status(code, Location="/elsewhere"))

    heard, caught = told(source(Page([ITEM], "one", False)), receiver, count=2)

    assert isinstance(heard, Heard)
    assert (heard.status, heard.tries, heard.is_taken) == (code, listening.TRIES, False)
    assert caught == Caught("one", is_all=True)
    assert {each.path for each in receiver.received} == {"/hooks"}


def test_a_receiver_that_is_not_there_is_said_to_be_so() -> None:
    all_ = listening.listen(source(Page([ITEM], "one", False)), to="http://127.0.0.1:9/hooks", secrets=[signing.new_secret()], timeout=5.0)

    heard = next(all_)

    assert isinstance(heard, Heard)
    assert (heard.status, heard.error) == (None, "[Errno 111] Connection refused")


def test_a_feed_that_is_away_is_asked_again_after_a_while(receiver: Receiver) -> None:
    away = FeedAway("in need of rest", wait=timedelta(milliseconds=1))

    first, heard, _ = told(source(away, Page([ITEM], "one", False)), receiver, count=3)

    assert first == Away("in need of rest", 0.001)
    assert isinstance(heard, Heard)


def test_the_place_of_an_event_is_where_it_would_come_again(receiver: Receiver) -> None:
    pages = source(Page([], "start", False), Page([ITEM], "one", True), Page([ITEM], "two", False))

    places = [each.after for each in told(pages, receiver, count=5) if not isinstance(each, Away)]

    assert places == ["start", "start", "one", "one", "two"]


def test_the_secret_is_the_keys_own_and_does_not_lead_back() -> None:
    secret = listening.secret_of(KEY)

    assert secret == listening.secret_of(KEY) != listening.secret_of(KEY + "x")
    assert KEY not in secret
    signing.sign("evt_1", at=timezone.now(), body=b"", secrets=[secret])


# The feed over HTTP


def read(receiver: Receiver) -> Page:
    """From a server that answers in the platform's place."""
    return feed.remote(receiver.url(""), key=KEY)({"after": "x y", "limit": "20"})


def answering(body: bytes, code: int = 200, **headers: str) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def test_a_page_is_asked_for_with_the_key(receiver: Receiver) -> None:
    receiver.at("/v1/events", answering(orjson.dumps({"items": [ITEM], "next_cursor": "one", "has_more": False})))

    assert read(receiver) == Page([ITEM], "one", False)
    assert receiver.received[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("code", [400, 401, 403, 404])
def test_a_refusal_ends_the_listening_with_the_platforms_own_words(receiver: Receiver, code: int) -> None:
    receiver.at("/v1/events", answering(b'{"detail": "That key is none."}', code))

    with pytest.raises(FeedRefused, match=r"That key is none\."):
        read(receiver)


@pytest.mark.parametrize("code, retry_after, wait", [(429, "7", timedelta(seconds=7)), (503, "7", timedelta(seconds=7)), (502, "", None)])
def test_a_platform_that_needs_a_rest_gets_it(receiver: Receiver, code: int, retry_after: str, wait: timedelta | None) -> None:
    receiver.at("/v1/events", answering(b"<html>", code, Retry_After=retry_after))

    with pytest.raises(FeedAway) as away:
        read(receiver)

    assert away.value.wait == wait


def test_a_key_is_not_carried_along_a_redirect(receiver: Receiver) -> None:
    receiver.at("/v1/events", status(302, Location="/elsewhere"))

    with pytest.raises(FeedRefused):
        read(receiver)

    assert [each.path for each in receiver.received] == ["/v1/events"]


def test_a_platform_that_is_not_there_is_away() -> None:
    with pytest.raises(FeedAway, match="does not answer"):
        feed.remote("http://127.0.0.1:9", key=KEY)({})


# The command


def listen(**options: Any) -> None:
    call_command("listen", **{"forward_to": "http://127.0.0.1:9/hooks"} | options)


def test_without_a_key_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QSURA_API_KEY", raising=False)

    with pytest.raises(CommandError, match=r"QSURA_API_KEY .* messages:read"):
        listen()


@pytest.mark.django_db
def test_a_business_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="no business 'nobody'"):
        listen(business="nobody")


def test_a_place_and_a_time_are_one_too_many() -> None:
    with pytest.raises(CommandError, match="give one of them"):
        listen(since="2026-01-01T00:00:00Z", after="x")


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/x", "http://", "http://[", "http://127.0.0.1:99999/"])
def test_what_is_no_address_is_refused_before_anything_is_read(url: str) -> None:
    with pytest.raises(CommandError, match="--forward-to is no address"):
        listen(forward_to=url)


@pytest.mark.django_db
def test_a_type_that_is_none_ends_it() -> None:
    alice = world.make("alice")

    with pytest.raises(CommandError, match="Known here"):
        listen(business=alice.business.slug, types="message.gone")
