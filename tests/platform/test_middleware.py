from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

pytestmark = [pytest.mark.urls("tests.platform.doors")]


def policy(answer: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, _, sources in parts}


def test_every_request_gets_an_id_that_its_answer_bears(client: Client) -> None:
    answer = client.get("/v1/whoami")

    assert answer.headers["X-Request-Id"].startswith("req_")
    assert answer.content.decode().split()[2] == answer.headers["X-Request-Id"]
    assert client.get("/v1/whoami").headers["X-Request-Id"] != answer.headers["X-Request-Id"]


def test_a_sane_id_of_the_caller_s_own_is_kept(client: Client) -> None:
    assert client.get("/v1/whoami", headers={"X-Request-Id": "order-17.a_B"}).headers["X-Request-Id"] == "order-17.a_B"


@pytest.mark.parametrize("wild", ["", "a b", "a\nb", "é", "x" * 65, "<script>", "a;b"])
def test_a_wild_one_is_replaced(client: Client, wild: str) -> None:
    assert client.get("/v1/whoami", headers={"X-Request-Id": wild}).headers["X-Request-Id"].startswith("req_")


@pytest.mark.parametrize("path, sources", [("/", "'self'"), ("/docs", "'self'"), ("/v1/whoami", "'none'"), ("/v1/nothing", "'none'")])
def test_outside_the_admin_nothing_inline_runs(client: Client, path: str, sources: str) -> None:
    found = policy(client.get(path))

    assert found["default-src"] == sources
    assert found["frame-ancestors"] == "'none'"
    assert "unsafe" not in str(found)


def test_the_admin_s_theme_may_evaluate_and_may_still_not_run_inline_scripts(client: Client, db: None) -> None:
    found = policy(client.get("/admin/login/"))

    assert found["script-src"] == "'self' 'unsafe-eval'"
    assert found["style-src"] == "'self' 'unsafe-inline'"


@pytest.mark.parametrize("path", ["/", "/v1/whoami", "/v1/nothing"])
def test_every_answer_is_guarded_and_none_invites_other_origins(client: Client, path: str) -> None:
    headers = client.get(path, headers={"Origin": "https://evil.example"}).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_the_api_knows_no_sessions_and_sets_no_cookies(client: Client, db: None, admin_user: Any) -> None:
    client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.get("/v1/whoami")

    assert not answer.cookies
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_the_api_is_moved_to_tls_like_everything_else(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True

    answer = client.get("/v1/whoami")

    assert (answer.status_code, answer.headers["Location"]) == (301, "https://testserver/v1/whoami")


def test_nobody_s_word_about_forwarding_is_believed_without_a_proxy(client: Client) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}

    assert client.get("/v1/whoami", headers=claimed).content.startswith(b"127.0.0.1 http ")


def test_a_trusted_proxy_s_word_is(client: Client, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    claimed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}

    assert client.get("/v1/whoami", headers=claimed).content.startswith(b"203.0.113.9 https ")
