"""The API of messages, at its door: shapes, refusals, tenants, pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from accounts import ids, keys
from accounts.models import ApiKey
from messaging.models import Message
from tests import doors, world
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db

GOOD: dict[str, Any] = {"channel": "whatsapp", "template": "order_shipped", "recipient": NUMBER, "variables": {"order_id": "A-17"}}


@pytest.fixture(autouse=True, params=["django", "quick"])
def _door(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every story here is the same whichever door it comes through."""
    doors.Front.quick = request.param == "quick"
    yield
    doors.Front.quick = False


@pytest.fixture
def alice() -> World:
    return world.make("alice")


def call(world_: World, method: str, path: str, body: object = None, **headers: str) -> Any:
    given = {"HTTP_AUTHORIZATION": f"Bearer {world_.key}", **headers}
    return doors.ask(method, path, b"" if body is None else orjson.dumps(body), **given)


def fields(answer: Any) -> dict[str, str]:
    """What the problem says of each field."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def test_a_message_is_accepted_and_read_back(alice: World) -> None:
    answer = call(alice, "POST", "/v1/messages", {**GOOD, "reference": "order-17"})
    told = call(alice, "GET", f"/v1/messages/{answer.json()['id']}").json()

    assert answer.status_code == 202
    assert (told["status"], told["reference"], told["recipient"], told["attempts"]) == ("accepted", "order-17", "+20*******567", [])
    assert NUMBER not in answer.content.decode()


@pytest.mark.parametrize(
    "change, field, code",
    [
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"status": "delivered"}, "status", "unknown_field"),
        ({"business_id": "x"}, "business_id", "unknown_field"),
        ({"channel": "pigeon"}, "channel", "invalid_choice"),
        ({"recipient": None}, "recipient", "null"),
        ({"recipient": ["+20"]}, "recipient", "invalid"),
        ({"template": ""}, "template", "blank"),
        ({"variables": "A-17"}, "variables", "not_a_dict"),
        ({"reference": "x" * 256}, "reference", "max_length"),
        ({"reference": "order\u202e71"}, "reference", "unreadable"),
        ({"reference": "two\nlines"}, "reference", "unreadable"),
        ({"metadata": {"shop": "\x1b[31mnile"}}, "metadata", "unreadable"),
        ({"metadata": {"sh\x07op": "nile"}}, "metadata", "unreadable"),
        ({"metadata": {"a": {"b": 1}}}, "metadata", "not_flat"),
        ({"metadata": {"a": float(2**70)}}, "metadata", "too_large"),
        ({"metadata": {"a": "x" * 2100}}, "metadata", "too_long"),
        ({"expires_in": 5}, "expires_in", "min_value"),
        ({"expires_in": 10**9}, "expires_in", "max_value"),
        ({"send_at": "tomorrow"}, "send_at", "invalid"),
        ({"send_at": "2026-12-01T10:00:00"}, "send_at", "no_zone"),
        ({"send_at": "9999-12-31T23:59:59Z"}, "send_at", "invalid_send_at"),
        ({"language": "!"}, "language", "invalid"),
        ({"callback": "http://shop.example/"}, "callback", "url_refused"),
        ({"variables": {}}, "variables.order_id", "missing_variable"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(alice: World, change: dict[str, Any], field: str, code: str) -> None:
    answer = call(alice, "POST", "/v1/messages", {**GOOD, **change})

    assert answer.status_code == 422
    assert fields(answer)[field] == code
    assert not Message.objects.exists()


def test_a_wrong_choice_is_told_the_right_ones(alice: World) -> None:
    errors = call(alice, "POST", "/v1/messages", {**GOOD, "channel": "fax"}).json()["errors"]

    assert errors == [{"field": "channel", "code": "invalid_choice", "message": "Choose one of whatsapp, sms, email, auto."}]


def test_however_many_fields_are_unknown_the_answer_stays_short(alice: World) -> None:
    answer = call(alice, "POST", "/v1/messages", {**GOOD, **{f"field_{number:04}": 1 for number in range(3_000)}})

    errors = answer.json()["errors"]
    assert (answer.status_code, len(errors)) == (422, 20)
    assert "2980 more are unknown" in errors[0]["message"]
    assert sum("Known here" in error["message"] for error in errors) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "käse", "a\tb"])
def test_an_idempotency_key_that_is_none_is_refused(alice: World, key: str) -> None:
    answer = call(alice, "POST", "/v1/messages", GOOD, HTTP_IDEMPOTENCY_KEY=key)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


def test_a_repetition_says_that_it_is_one(alice: World) -> None:
    first, second = (call(alice, "POST", "/v1/messages", GOOD, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))

    assert second.json() == first.json()
    assert ("Idempotency-Replayed" in first.headers, second.headers["Idempotency-Replayed"]) == (False, "true")


def test_a_batch_names_its_wrong_items_by_index(alice: World) -> None:
    items = [{"recipient": NUMBER}, {"recipient": "+20"}, {"recipient": NUMBER, "colour": "red"}, {"recipient": NUMBER, "variables": {}}]
    answer = call(alice, "POST", "/v1/messages/batch", {**GOOD, "recipient": None} | {"items": items})
    assert fields(answer) == {"recipient": "unknown_field"}

    shared = {name: value for name, value in GOOD.items() if name != "recipient"}
    told = call(alice, "POST", "/v1/messages/batch", {**shared, "items": items}).json()

    assert told["accepted"] == 2
    assert [item.get("error", {}).get("code") for item in told["items"]] == [None, "invalid_recipient", "invalid_request", None]


@pytest.mark.parametrize(
    "query, field",
    [
        ("status=gone", "status"),
        ("channel=pigeon", "channel"),
        ("created_after=yesterday", "created_after"),
        ("recipient=0100", "recipient"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=!!!", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("statuss=failed", "statuss"),
    ],
)
def test_a_list_that_cannot_be_is_refused_by_its_parameter(alice: World, query: str, field: str) -> None:
    answer = call(alice, "GET", f"/v1/messages?{query}")

    assert answer.status_code in {400, 422}
    assert field in fields(answer)


def test_pages_follow_each_other_without_gap_or_repetition(alice: World) -> None:
    sent = [alice.accept(reference=f"order-{number}").body["id"] for number in range(7)]

    seen, cursor = [], ""
    while cursor is not None:
        page = call(alice, "GET", f"/v1/messages?limit=3&cursor={cursor}").json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert seen == sent[::-1]


@pytest.mark.parametrize(
    "query, expected",
    [
        ("reference=order-1", 1),
        ("recipient=%2B201001234567", 2),
        ("recipient=%2B201007654321", 0),
        ("template=order_shipped", 2),
        ("template=other", 0),
        ("status=accepted,sent", 2),
        ("status=read", 0),
        ("channel=sms", 0),
        ("created_after=2100-01-01T00:00:00Z", 0),
        ("created_before=2100-01-01T00:00:00Z", 2),
        ("created_after=1960-01-01T00:00:00Z", 2),
        ("created_before=0001-01-01T00:00:00%2B23:59", 0),
    ],
)
def test_filters_find_what_they_say(alice: World, query: str, expected: int) -> None:
    alice.accept(reference="order-1")
    alice.accept(reference="order-2")

    assert len(call(alice, "GET", f"/v1/messages?{query}").json()["items"]) == expected


PATHS = [("GET", ""), ("GET", "/events"), ("POST", "/cancel")]


@pytest.mark.parametrize("method, path", PATHS)
def test_a_stranger_sees_no_difference_between_anothers_message_and_none(alice: World, method: str, path: str) -> None:
    id_ = alice.accept().body["id"]
    bob = world.make("bob")
    strange, absent = (call(bob, method, f"/v1/messages/{each}{path}").json() for each in (id_, ids.public("msg", ids.new())))

    assert strange["status"] == 404
    assert strange | {"request_id": ""} == absent | {"request_id": ""}
    assert call(alice, "GET", f"/v1/messages/{id_}").json()["status"] == "accepted"


@pytest.mark.parametrize("method, path", PATHS)
def test_the_other_world_is_a_stranger_too(alice: World, method: str, path: str) -> None:
    id_ = alice.accept().body["id"]
    _, alice.key = keys.create(alice.business, name="live", mode="live")

    assert call(alice, method, f"/v1/messages/{id_}{path}").status_code == 404


@pytest.mark.parametrize("id_", ["msg_", "msg_xyz", "x" * 40, "msg_" + "0" * 32, "evt_" + "0" * 32])
def test_an_id_that_is_none_is_not_found(alice: World, id_: str) -> None:
    assert call(alice, "GET", f"/v1/messages/{id_}").status_code == 404


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/events"])
def test_a_key_without_the_scope_is_told_which(alice: World, path: str) -> None:
    _, alice.key = keys.create(alice.business, name="narrow", mode="test", scopes=["messages:send"])

    answer = call(alice, "GET", path)

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert "messages:read" in answer.json()["detail"]


def test_the_feed_leaves_out_what_a_running_transaction_may_precede(alice: World) -> None:
    alice.accept()

    # This test's own transaction is still open, so nobody who reads now may pass it.
    assert call(alice, "GET", "/v1/events").json()["items"] == []


@pytest.mark.parametrize(
    "query, field",
    [("after=!!", "after"), ("after=eHg", "after"), ("after=wrI", "after"), ("cursor=eHg", "cursor"), ("type=message.gone", "type")],
)
def test_a_feed_that_cannot_be_is_refused(alice: World, query: str, field: str) -> None:
    answer = call(alice, "GET", f"/v1/events?{query}")

    assert answer.status_code == 400
    assert field in fields(answer)


def test_taking_back_is_final(alice: World) -> None:
    id_ = alice.accept(send_at=timezone.now() + timedelta(hours=1)).body["id"]

    first, second = (call(alice, "POST", f"/v1/messages/{id_}/cancel") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "canceled")
    assert (second.status_code, second.json()["status"]) == (200, "canceled")
    assert [event["type"] for event in call(alice, "GET", f"/v1/messages/{id_}/events").json()["items"]][-1] == "message.canceled"


@pytest.mark.parametrize(
    "path, status",
    [("/v1/messages?template=%00", 400), ("/v1/messages?reference=a%00b", 400), ("/v1/templates/%00", 404), ("/v1/messages/%00", 404)],
)
def test_a_nul_in_the_address_is_no_mistake_of_ours(alice: World, path: str, status: int) -> None:
    assert call(alice, "GET", path).status_code == status


def test_metadata_may_hold_nothing(alice: World) -> None:
    assert call(alice, "POST", "/v1/messages", {**GOOD, "metadata": {"a": None}}).json()["metadata"] == {"a": None}


def test_times_are_written_alike_everywhere(alice: World) -> None:
    sent = call(alice, "POST", "/v1/messages", GOOD).json()

    assert call(alice, "GET", f"/v1/messages/{sent['id']}").json()["created_at"] == sent["created_at"]


# Rate limits


def limited(world_: World, quota: int) -> None:
    ApiKey.objects.filter(pk=world_.caller.key_id).update(requests_per_minute=quota)


def test_every_answer_says_what_is_left_and_the_one_too_many_is_refused(alice: World) -> None:
    limited(alice, 3)

    answers = [call(alice, "POST", "/v1/messages", GOOD, HTTP_IDEMPOTENCY_KEY=f"order-{number}") for number in range(4)]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [f'"key";r={left}' for left in (2, 1, 0, 0)]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"key";q=3;w=60'}
    refused = answers[3]
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert Message.objects.count() == 3
    limited(alice, 9)
    keys._cache.clear()
    assert call(alice, "POST", "/v1/messages", GOOD, HTTP_IDEMPOTENCY_KEY="order-3").status_code == 202


def test_reading_counts_as_well(alice: World) -> None:
    limited(alice, 1)

    assert [call(alice, "GET", "/v1/messages").status_code for _ in range(2)] == [200, 429]


def test_a_request_that_both_doors_look_at_counts_once(alice: World) -> None:
    limited(alice, 2)

    wrong = call(alice, "POST", "/v1/messages", {**GOOD, "template": "nothing"})

    assert wrong.status_code == 422
    assert wrong.headers["RateLimit"].startswith('"key";r=1;')


def test_a_batch_counts_its_items(alice: World) -> None:
    limited(alice, 10)
    body = {name: value for name, value in GOOD.items() if name != "recipient"} | {"items": [{"recipient": NUMBER}] * 6}

    assert [call(alice, "POST", "/v1/messages/batch", body).status_code for _ in range(2)] == [202, 429]
    assert Message.objects.count() == 6
