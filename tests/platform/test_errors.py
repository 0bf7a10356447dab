from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from qsura_platform.logs import Line
from tests.platform import doors

pytestmark = [pytest.mark.urls("tests.platform.doors")]

MEMBERS = ["type", "title", "status", "code", "detail", "errors", "request_id"]


@pytest.fixture
def cut(transactional_db: None) -> Iterator[None]:
    """A database whose connection the test may lose."""
    yield
    connection.close()


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the settings' own handler writes."""
    stream = io.StringIO()
    handler = next(each for each in logging.getLogger().handlers if isinstance(each.formatter, Line))
    monkeypatch.setattr(handler, "stream", stream)
    return stream


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert list(problem) == MEMBERS
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"http://testserver/docs/errors#{code}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("way", ["fail", "plain"])
@pytest.mark.parametrize(
    "how, status, code",
    [
        ("http404", 404, "not_found"),
        ("denied", 403, "forbidden"),
        ("suspicious", 400, "bad_request"),
        ("bug", 500, "internal_error"),
    ],
)
def test_every_failure_under_v1_is_a_problem_whoever_made_it(client: Client, way: str, how: str, status: int, code: str) -> None:
    answer = client.get(f"/v1/{way}/{how}")

    assert_problem(answer, status, code)
    assert b"secret thing" not in answer.content


@pytest.mark.usefixtures("cut")
@pytest.mark.parametrize("way", ["fail", "plain"])
def test_a_database_that_is_away_is_said_with_a_time_to_come_again(client: Client, way: str) -> None:
    answer = client.get(f"/v1/{way}/database")

    assert_problem(answer, 503, "database_unavailable")
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.usefixtures("cut")
def test_a_page_for_people_says_it_in_words(client: Client) -> None:
    answer = client.get("/page/database")

    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Retry-After"] == "5"
    assert b"Not available for the moment" in answer.content


def test_a_refusal_names_each_field_and_the_way_out(client: Client) -> None:
    problem = assert_problem(client.get("/v1/fail/refusal"), 422, "invalid_request")

    assert problem["detail"] == "Two are wrong."
    assert problem["errors"] == [{"field": "a.b", "code": "wrong", "message": "Mend it."}]


def test_a_refusal_may_say_when_to_come_again(client: Client) -> None:
    assert client.get("/v1/fail/later").headers["Retry-After"] == "7"
    assert "Retry-After" not in client.get("/v1/fail/refusal").headers


def test_a_throttled_caller_is_told_how_long_to_wait(client: Client) -> None:
    answer = client.get("/v1/fail/throttled")

    assert_problem(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == "4"


def test_whoever_is_not_known_is_told_how_to_be(client: Client) -> None:
    answer = client.get("/v1/fail/unauthenticated")

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_missing_thing_is_said_in_the_room_s_own_words(client: Client) -> None:
    assert assert_problem(client.get("/v1/fail/missing"), 404, "not_found")["detail"] == "There is no such message."


def test_a_client_that_went_away_in_mid_request_is_no_fault_of_ours(client: Client) -> None:
    assert_problem(client.get("/v1/fail/gone"), 400, "bad_request")


def test_an_unknown_address_is_a_problem_too(client: Client) -> None:
    assert_problem(client.get("/v1/nothing/at/all"), 404, "not_found")


def test_an_unknown_host_is_a_problem_too(client: Client) -> None:
    assert_problem(client.get("/v1/echo", headers={"Host": "evil.example"}), 400, "bad_request")


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_a_method_that_is_not_there_is_refused_with_those_that_are(client: Client, method: str) -> None:
    answer = getattr(client, method)("/v1/echo")

    assert_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("debug", [True, False])
def test_debug_changes_no_answer_under_v1(client: Client, settings: Any, debug: bool) -> None:
    settings.DEBUG = debug

    assert_problem(client.get("/v1/nothing"), 404, "not_found")
    assert_problem(client.get("/v1/plain/bug"), 500, "internal_error")


def test_wrong_fields_are_named_by_their_path(client: Client) -> None:
    order = {"number": 0, "email": "nobody", "items": [{"sku": "abc"}, {"sku": "too long"}, {}], "tags": ["ok", "long"]}

    problem = assert_problem(client.post("/v1/validate", order, content_type="application/json"), 422, "invalid_request")

    assert [(error["field"], error["code"]) for error in problem["errors"]] == [
        ("number", "min_value"),
        ("email", "invalid"),
        ("items[1].sku", "max_length"),
        ("items[2].sku", "required"),
        ("tags[1]", "max_length"),
    ]


def test_what_is_wrong_with_the_whole_names_no_field(client: Client) -> None:
    order = {"number": 13, "email": "a@shop.example", "items": []}

    problem = assert_problem(client.post("/v1/validate", order, content_type="application/json"), 422, "invalid_request")

    assert problem["errors"] == [{"field": "", "code": "unlucky", "message": "Thirteen is not sold."}]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*"])
def test_the_answer_is_json_whatever_was_asked_for(client: Client, accept: str) -> None:
    fine = client.post("/v1/echo", {"a": 1}, content_type="application/json", headers={"Accept": accept})

    assert (fine.status_code, fine.headers["Content-Type"]) == (200, "application/json")
    assert_problem(client.get("/v1/fail/http404", headers={"Accept": accept}), 404, "not_found")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "nonsense"])
def test_a_body_that_is_no_json_is_refused_by_its_type(client: Client, content_type: str) -> None:
    answer = client.generic("POST", "/v1/echo", b"a=1", content_type=content_type)

    assert_problem(answer, 415, "unsupported_media_type")


def test_a_bug_is_logged_where_it_is_and_without_what_was_sent(client: Client, stderr: io.StringIO) -> None:
    answer = client.get("/v1/fail/bug", headers={"X-Request-Id": "find-me"})

    logged = stderr.getvalue()
    assert doors.CANARY.encode() not in answer.content
    assert b"KeyError" not in answer.content
    assert "find-me" in logged
    assert "doors.py" in logged
    assert "KeyError: (its words are kept out)" in logged
    assert doors.CANARY not in logged


@pytest.mark.parametrize("how", ["http404", "denied", "suspicious", "bug"])
def test_people_get_a_page_without_a_stack_trace(client: Client, how: str) -> None:
    answer = client.get(f"/page/{how}")

    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"<title>" in answer.content
    assert b"Traceback" not in answer.content
    assert b"secret thing" not in answer.content


@pytest.mark.parametrize("path", ["/v1", "/V1/messages", "//v1/messages", "/v1//messages"])
def test_a_misspelt_address_of_the_api_is_answered_in_json(client: Client, path: str) -> None:
    assert_problem(client.get(f"http://testserver{path}" if path.startswith("//") else path), 404, "not_found")
