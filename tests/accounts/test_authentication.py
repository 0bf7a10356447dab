from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import Business
from alerts.models import Alert

pytestmark = [pytest.mark.urls("tests.accounts.doors"), pytest.mark.django_db]

BOTH = ["/v1/one", "/v1/hot"]


def get(path: str, text: str, **headers: str) -> Any:
    return Client(raise_request_exception=False).get(path, headers={"Authorization": f"Bearer {text}"} | headers)


@pytest.mark.parametrize("path", BOTH)
def test_a_key_opens_the_door_of_its_business(demo: Business, path: str) -> None:
    _, text = keys.create(demo, name="shop", mode="test")

    answer = get(path, text)

    assert answer.status_code == 200
    assert answer.json() == {"business": str(demo.pk), "mode": "test"}


@pytest.mark.parametrize("path", BOTH)
def test_the_word_bearer_may_be_written_in_any_case(demo: Business, path: str) -> None:
    _, text = keys.create(demo, name="shop", mode="test")

    assert Client().get(path, headers={"Authorization": f"bEARER {text}"}).status_code == 200


@pytest.mark.parametrize("path", BOTH)
def test_nobody_learns_which_keys_exist(demo: Business, path: str) -> None:
    key, good = keys.create(demo, name="shop", mode="test")
    _, elsewhere = keys.create(demo, name="far", mode="test", allowed_addresses=["192.0.2.0/24"])
    _, ended = keys.create(demo, name="old", mode="test", expires_at=timezone.now() - timedelta(days=1))
    revoked, gone = keys.create(demo, name="gone", mode="test")
    keys.revoke(revoked, at=timezone.now())
    tries = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {good}"},
        {"Authorization": good},
        *({"Authorization": f"Bearer {text}"} for text in ("nonsense", good[:-1], good + "x", elsewhere, ended, gone)),
        {"Authorization": f"Bearer qs_test_{key.prefix}_{'A' * 43}"},
    ]

    answers = [Client().get(path, headers={"X-Request-Id": "same", **headers}) for headers in tries]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["code"] == "unauthenticated"


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Sec-Fetch-User"])
def test_a_key_from_a_browser_is_refused_and_its_owner_alerted(
    demo: Business, path: str, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    key, text = keys.create(demo, name="shop", mode="test")

    answer = get(path, text, **{header: "https://shop.example"})

    key.refresh_from_db()
    assert (answer.status_code, answer.json()["code"]) == (403, "key_in_browser")
    assert key.browser_seen_at is not None
    assert "ALERT" in caplog.text
    assert key.pk.hex in caplog.text
    assert text not in caplog.text


def test_a_key_in_a_page_that_many_visit_is_one_alert_and_a_report_a_minute(demo: Business) -> None:
    key, text = keys.create(demo, name="shop", mode="test")

    for _ in range(3):
        get("/v1/one", text, Origin="https://shop.example")

    alert = Alert.objects.get()
    assert (alert.kind, alert.about, alert.business, alert.times) == ("key_in_browser", f"key_{key.pk.hex}", demo, 1)


def test_a_browser_without_a_good_key_learns_nothing(db: None) -> None:
    assert get("/v1/one", "qs_test_nonsense", Origin="https://shop.example").json()["code"] == "unauthenticated"


def test_no_answer_invites_browsers(demo: Business) -> None:
    _, text = keys.create(demo, name="shop", mode="test")

    preflight = Client().options("/v1/one", headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"})
    answer = get("/v1/one", text, Origin="https://shop.example")

    assert preflight.status_code == 401
    assert not [name for each in (preflight, answer) for name in each.headers if name.lower().startswith("access-control")]


def test_a_missing_scope_is_named(demo: Business) -> None:
    _, text = keys.create(demo, name="shop", mode="test", scopes=["messages:send"])

    answer = get("/v1/one", text)

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert "`messages:read`" in answer.json()["detail"]


def test_each_method_has_its_scope(demo: Business) -> None:
    _, text = keys.create(demo, name="shop", mode="test", scopes=["templates:read"])
    bearer = {"Authorization": f"Bearer {text}"}

    read = Client().get("/v1/several", headers=bearer)
    wrote = Client().post("/v1/several", {}, content_type="application/json", headers=bearer)

    assert read.status_code == 200
    assert (wrote.status_code, wrote.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize("method", ["put", "options"])
def test_a_method_that_a_door_lacks_is_no_question_of_scopes(demo: Business, method: str) -> None:
    _, text = keys.create(demo, name="shop", mode="test", scopes=["templates:read"])

    answer = getattr(Client(), method)("/v1/several", headers={"Authorization": f"Bearer {text}"})

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_head_needs_the_scope_of_get(demo: Business) -> None:
    _, reads = keys.create(demo, name="shop", mode="test", scopes=["templates:read"])
    _, writes = keys.create(demo, name="crm", mode="test", scopes=["templates:write"])

    assert Client().head("/v1/several", headers={"Authorization": f"Bearer {reads}"}).status_code == 200
    assert Client().head("/v1/several", headers={"Authorization": f"Bearer {writes}"}).status_code == 403


def test_a_door_that_names_no_scope_lets_nobody_in(demo: Business) -> None:
    _, text = keys.create(demo, name="shop", mode="test")

    answer = get("/v1/forgotten", text)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


def test_revocation_holds_from_the_next_request_on(demo: Business) -> None:
    key, text = keys.create(demo, name="shop", mode="test")
    assert get("/v1/one", text).status_code == 200

    keys.revoke(key, at=timezone.now())

    assert get("/v1/one", text).status_code == 401
