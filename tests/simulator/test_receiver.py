"""The customer's endpoint."""

from __future__ import annotations

import http.client
import json
import urllib.error
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from routing.providers.base import Answer
from tests.simulator.wire import World
from tests.simulator.wire import http as call

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
BODY = '{"type": "message.delivered", "note": "☃"}'


def configure(url: str, **wish: object) -> Answer:
    return call("PUT", url, body=json.dumps(wish).encode())


def deliver(url: str, *, body: str = BODY, secret: str = SECRET, age: int = 0, **changed: str) -> Answer:
    at = datetime.now(UTC) - timedelta(seconds=age)
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("evt_1", at, body),
        "content-type": "application/json",
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    return call("POST", url, body=body.encode(), headers=headers)


def events(url: str, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call("GET", f"{url}/events?{query}", timeout=60).body)["events"]
    return found


@pytest.fixture
def url(base_url: str, request: pytest.FixtureRequest) -> str:
    """A receiver of this test's own."""
    url = f"{base_url}/receiver/{abs(hash(request.node.name))}"
    configure(url, secret=SECRET)
    return url


def test_a_signed_webhook_is_verified_and_kept(url: str) -> None:
    answer = deliver(url)

    [event] = events(url)
    assert answer.status == 200
    assert event["verified"] is True
    assert (event["webhook_id"], event["body"]) == ("evt_1", json.loads(BODY))


@pytest.mark.parametrize(
    "change",
    [
        {"secret": OTHER},
        {"age": 301},
        {"age": -301},
        {"webhook_id": "evt_2"},
        {"webhook_signature": ""},
        {"webhook_signature": "v1"},
        {"webhook_signature": "v1,***"},
        {"webhook_timestamp": "soon"},
    ],
)
def test_any_other_webhook_is_kept_as_not_verified(url: str, change: dict[str, Any]) -> None:
    assert deliver(url, **change).status == 200
    assert [event["verified"] for event in events(url)] == [False]


def test_any_of_several_secrets_verifies(url: str) -> None:
    configure(url, secrets=[OTHER, SECRET])

    deliver(url)
    deliver(url, secret=OTHER)

    assert [event["verified"] for event in events(url)] == [True, True]


def test_equal_bytes_have_equal_digests(url: str) -> None:
    deliver(url)
    deliver(url, age=10)
    deliver(url, body=BODY + " ")

    first, second, third = [event["digest"] for event in events(url)]
    assert first == second != third


def test_a_body_that_is_no_json_is_kept_as_text(url: str) -> None:
    call("POST", url, body=b"\xff<html>")

    assert [event["body"] for event in events(url)] == ["\N{REPLACEMENT CHARACTER}<html>"]


def test_answers_are_used_up_one_a_call(url: str) -> None:
    configure(url, answers=[500, 410, 204])

    assert [deliver(url).status for _ in range(4)] == [500, 410, 204, 200]
    assert [event["answer"] for event in events(url)] == ["500", "410", "204", "200"]


def test_a_redirect_and_a_wait_can_be_asked_for(url: str) -> None:
    configure(url, answers=[429, 300], location="http://127.0.0.1/elsewhere", retry_after=7)

    assert deliver(url).headers["retry-after"] == "7"
    assert deliver(url).headers["location"] == "http://127.0.0.1/elsewhere"


def test_it_can_hang(url: str) -> None:
    configure(url, answers=["hang"])

    with pytest.raises(TimeoutError):
        call("POST", url, body=b"{}", timeout=0.3)
    assert deliver(url).status == 200


def test_it_can_cut_the_connection(url: str) -> None:
    configure(url, answers=["reset"])

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
        deliver(url)
    assert [event["answer"] for event in events(url)] == ["reset"]


def test_events_can_be_read_from_where_one_stopped(url: str) -> None:
    for _ in range(3):
        deliver(url)

    first = events(url)[0]
    assert [event["seq"] for event in events(url, f"after={first['seq']}")] == [2, 3]
    assert len(events(url, "webhook_id=evt_1&after=1")) == 2
    assert events(url, "webhook_id=evt_9") == []


def test_waiting_ends_when_there_is_enough(url: str) -> None:
    deliver(url)

    assert len(events(url, "count=1&wait=30")) == 1
    assert len(events(url, "count=2&wait=0.1")) == 1


@pytest.mark.parametrize(
    "wish",
    [{"secret": ""}, {"secret": "whsec_a"}, {"answers": [99]}, {"answers": ["dance"]}, {"answers": 7}, {"delay": "long"}, {"secrets": 7}],
)
def test_a_wish_that_makes_no_sense_is_refused(url: str, wish: dict[str, Any]) -> None:
    assert configure(url, **wish).status == 422
    deliver(url)
    assert [event["verified"] for event in events(url)] == [True]


@pytest.mark.parametrize("body", [b"{", b"[]", b"7"])
def test_a_wish_that_is_no_object_is_refused(url: str, body: bytes) -> None:
    assert call("PUT", url, body=body).status == 422


def test_a_receiver_that_nobody_made_is_not_there(world: World) -> None:
    url = f"{world.base_url}/receiver/nobody"

    assert call("POST", url, body=b"{}").status == 404
    assert call("GET", f"{url}/events").status == 404


def test_a_question_that_makes_no_sense_is_refused(url: str) -> None:
    assert call("GET", f"{url}/events?after=yesterday").status == 422
