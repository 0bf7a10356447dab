"""The quick door says what Django's would say, to the byte and the header; and whoever is to be told no is told so by Django's."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from django.db import connection, connections
from pytest_django import Settings

from accounts import keys
from messaging.models import Message
from tests import doors, world
from tests.doors import Told
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db

GOOD: dict[str, Any] = {"channel": "whatsapp", "template": "order_shipped", "recipient": NUMBER, "variables": {"order_id": "A-17"}}


@pytest.fixture
def alice() -> World:
    return world.make("alice")


@pytest.fixture(autouse=True)
def _front() -> Iterator[None]:
    yield
    doors.Front.quick = False


def post(alice: World, body: object = GOOD, *, quick: bool = True, **environ: str) -> Told:
    doors.Front.quick = quick
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return doors.ask("POST", "/v1/messages", raw, **{"HTTP_AUTHORIZATION": f"Bearer {alice.key}", "HTTP_X_REQUEST_ID": "req-1", **environ})


def without_what_differs(told: Told) -> tuple[int, dict[str, str], str]:
    """Ids, times and what is left of a quota apart, which no two messages share."""
    text = re.sub(r"msg_[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z", "*", told.content.decode())
    headers = {name.lower(): re.sub(r";[rt]=\d+", "", value) for name, value in told.headers.items() if name.lower() != "content-length"}
    return told.status_code, headers, text


@pytest.mark.parametrize(
    "body, environ",
    [
        (GOOD, {}),
        (GOOD, {"CONTENT_TYPE": "application/json; charset=utf-8"}),
        (GOOD, {"HTTP_AUTHORIZATION": "Bearer qs_test_aaaaaaaaaaaa_" + "a" * 43}),
        (GOOD, {"HTTP_AUTHORIZATION": "Basic YTpi"}),
        (GOOD, {"HTTP_ORIGIN": "https://shop.example"}),
        (GOOD, {"HTTP_HOST": "evil.example"}),
        (GOOD, {"HTTP_IDEMPOTENCY_KEY": "x" * 256}),
        (GOOD, {"CONTENT_TYPE": "text/plain"}),
        (GOOD, {"CONTENT_LENGTH": ""}),
        (GOOD, {"CONTENT_LENGTH": str(10**9)}),
        (GOOD, {"QUERY_STRING": "a=%00"}),
        (GOOD, {"QUERY_STRING": "a=1"}),
        (b"{", {}),
        (b"[]", {}),
        (b'{"channel":"\\u0000"}', {}),
        (b'{"a":' * 40 + b"1" + b"}" * 40, {}),
        ({**GOOD, "colour": "red"}, {}),
        ({**GOOD, "recipient": "+20"}, {}),
        ({**GOOD, "recipient": f" {NUMBER} "}, {}),
        ({**GOOD, "variables": {}}, {}),
        ({**GOOD, "send_at": "2020-01-01T00:00:00Z"}, {}),
        ({**GOOD, "callback": "http://10.0.0.1/"}, {}),
        ({**GOOD, "reference": "Bestellung 17 – für Sara", "metadata": {"price": 1.0, "note": None}}, {}),
    ],
)
def test_both_doors_answer_alike(alice: World, body: object, environ: dict[str, str]) -> None:
    assert without_what_differs(post(alice, body, **environ)) == without_what_differs(post(alice, body, quick=False, **environ))


@pytest.mark.parametrize("is_tls", [False, True])
def test_they_answer_alike_behind_a_proxy(alice: World, settings: Settings, is_tls: bool) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1/32"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    forwarded = {"HTTP_X_FORWARDED_PROTO": "https" if is_tls else "http", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}

    quick, slow = (post(alice, quick=quick, **forwarded) for quick in (True, False))

    assert without_what_differs(quick) == without_what_differs(slow)
    assert (quick.status_code, quick.went_through) == ((202, False) if is_tls else (301, True))


def test_a_good_request_does_not_go_through(alice: World) -> None:
    told = post(alice)

    assert (told.status_code, told.went_through) == (202, False)


def test_a_replay_is_the_first_answer_to_the_byte_whichever_door_gave_it(alice: World) -> None:
    first, *again = (post(alice, quick=quick, HTTP_IDEMPOTENCY_KEY="k") for quick in (True, True, False))

    assert [told.content for told in again] == [first.content] * 2
    assert [told.headers.get("Idempotency-Replayed") for told in (first, *again)] == [None, "true", "true"]
    assert [told.went_through for told in (first, *again)] == [False, False, True]


def test_a_key_without_the_scope_is_refused_by_the_other_door(alice: World) -> None:
    _, text = keys.create(alice.business, name="reader", mode="test", scopes=["messages:read"])
    told = post(alice, HTTP_AUTHORIZATION=f"Bearer {text}")

    assert (told.status_code, told.json()["code"], told.went_through) == (403, "missing_scope", True)


def test_a_key_is_only_heard_from_its_own_addresses(alice: World, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1/32"]
    _, text = keys.create(alice.business, name="office", mode="test", allowed_addresses=["192.0.2.0/24"])
    inside, outside = (
        post(alice, HTTP_AUTHORIZATION=f"Bearer {text}", HTTP_X_FORWARDED_FOR=address) for address in ("192.0.2.7", "203.0.113.7")
    )

    assert (inside.status_code, inside.went_through) == (202, False)
    assert (outside.status_code, outside.went_through) == (401, True)


def test_a_wild_request_id_is_replaced_once_for_both_doors(alice: World) -> None:
    told = post(alice, {**GOOD, "colour": "red"}, HTTP_X_REQUEST_ID="a b")

    assert told.headers["X-Request-Id"] == told.json()["request_id"]
    assert told.headers["X-Request-Id"].startswith("req_")


@pytest.mark.django_db(transaction=True)
class TestTrouble:
    def test_a_request_that_breaks_the_statement_is_not_sent_through_the_other_door_too(self, alice: World) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE messaging_message ADD CONSTRAINT no_such_luck CHECK (reference <> 'unlucky')")
        try:
            told = post(alice, {**GOOD, "reference": "unlucky"})
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE messaging_message DROP CONSTRAINT no_such_luck")

        assert (told.status_code, told.json()["code"], told.went_through) == (500, "internal_error", False)
        assert not Message.objects.exists()

    def test_a_connection_that_was_cut_is_made_anew(self, alice: World) -> None:
        assert post(alice).status_code == 202
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with ThreadPoolExecutor(1) as other:
            other.submit(cut, pid).result()

        assert [post(alice).status_code for _ in range(3)][-1] == 202

    def test_a_crowd_gets_each_its_own_answer(self, alice: World) -> None:
        start = threading.Barrier(16)

        def ask(number: int) -> list[str]:
            start.wait()
            try:
                return [post(alice, {**GOOD, "reference": f"{number}-{turn}"}).json()["reference"] for turn in range(10)]
            finally:
                connections.close_all()

        with ThreadPoolExecutor(16) as threads:
            told = list(threads.map(ask, range(16)))

        assert told == [[f"{number}-{turn}" for turn in range(10)] for number in range(16)]
        assert Message.objects.count() == 160


def cut(pid: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        connections.close_all()
