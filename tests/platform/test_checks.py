from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from qsura_platform import checks

RANDOM = [
    base64.b64decode(text) for text in ("4sW6yMhGq0e3v5c0V2mY7hT1kQx9ZbLr8NnJ6dFuPwA=", "Zk1xWv8sT3rLq9YbN0mH7cJ2dF5gKp6AeUoIiRtXwQs=")
]


@pytest.fixture
def production(settings: Any) -> Any:
    """What docs/configuration.md tells a production to set."""
    settings.PUBLIC_URL = "https://qsura.example"
    settings.ALLOWED_HOSTS = ["qsura.example"]
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []
    settings.QSURA_SIMULATOR_URL = "http://simulator.internal:8001"
    settings.QSURA_FIELD_KEYS = {"k1": bytes(range(32))}
    settings.QSURA_INDEX_KEY, settings.QSURA_KEY_PEPPER = RANDOM
    settings.EMAIL_URL = "smtp+tls://qsura:secret@mail.internal:587"
    settings.ALERT_EMAILS, settings.ALERT_EMAIL_FROM = ["night-shift@qsura.example"], "qsura@qsura.example"
    settings.SECRET_KEY = "Qw3rTy7uIo9pAs1dFg5hJk2lZx8cVb4nM6qWe0rTyUiOpAsDfGhJk"
    return settings


def found(tests: tuple[Callable[..., list[Any]], ...] = checks.ALWAYS + checks.DEPLOY) -> set[str]:
    return {message.id for check in tests for message in check()}


def test_the_documented_production_has_nothing_to_report(production: Any) -> None:
    assert found() == set()


def test_the_tests_own_settings_are_no_mistake() -> None:
    assert found(checks.ALWAYS) == set()


@pytest.mark.parametrize(
    "url", ["qsura.example", "ftp://qsura.example", "https://", "https://qsura.example/path", "https://qsura.example?x=1"]
)
def test_a_public_url_is_an_origin(production: Any, url: str) -> None:
    production.PUBLIC_URL = url

    assert "qsura.E001" in found(checks.ALWAYS)


@pytest.mark.parametrize("name", ["QSURA_INDEX_KEY", "QSURA_KEY_PEPPER"])
def test_one_key_for_two_purposes_is_a_mistake(production: Any, name: str) -> None:
    setattr(production, name, bytes(range(32)))

    assert found() == {"qsura.E002"}


@pytest.mark.parametrize(
    "setting, value, expected",
    [
        ("TRUSTED_PROXIES", ["10.0.0.0/8", "proxy.internal"], "qsura.E003"),
        ("QSURA_ALLOWED_PRIVATE_TARGETS", ["hooks.internal:8443"], "qsura.E004"),
        ("QSURA_SIMULATOR_SECRET", "short", "qsura.E005"),
    ],
)
def test_a_wrong_value_is_found_at_start(production: Any, setting: str, value: Any, expected: str) -> None:
    setattr(production, setting, value)

    messages = [message for check in checks.ALWAYS for message in check()]

    assert [message.id for message in messages] == [expected]
    assert messages[0].hint


def test_another_database_than_postgresql_is_found_at_start(production: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")

    assert found(checks.ALWAYS) == {"qsura.E006"}


@pytest.mark.parametrize(
    "setting, value, expected",
    [
        ("PUBLIC_URL", "http://qsura.example", "qsura.W001"),
        ("QSURA_ALLOWED_PRIVATE_TARGETS", ["127.0.0.1/32:9000"], "qsura.W002"),
        ("ALLOWED_HOSTS", ["other.example"], "qsura.W003"),
        ("QSURA_KEY_PEPPER", b"p" * 32, "qsura.W004"),
        ("QSURA_SIMULATOR_URL", "", "qsura.I001"),
    ],
)
def test_what_is_unsafe_in_production_is_reported_there_only(production: Any, setting: str, value: Any, expected: str) -> None:
    setattr(production, setting, value)

    assert found(checks.ALWAYS) == set()
    assert found(checks.DEPLOY) == {expected}


def test_the_allow_list_is_named_by_check_deploy(production: Any) -> None:
    production.QSURA_ALLOWED_PRIVATE_TARGETS = ["10.1.2.3/32:8443"]

    with pytest.raises(SystemCheckError, match=r"10\.1\.2\.3/32:8443"):
        call_command("check", deploy=True, fail_level="WARNING", tags=["qsura"])


def test_check_deploy_passes_for_the_documented_production(production: Any) -> None:
    call_command("check", deploy=True, fail_level="WARNING", tags=["qsura"])


def test_a_lease_must_outlast_what_is_done_under_it(settings: Any) -> None:
    settings.QSURA_LEASE, settings.QSURA_WEBHOOK_TIMEOUT = 18, 15.0

    (message,) = checks.leases()

    assert (message.id, "23 seconds" in (message.hint or "")) == ("qsura.E007", True)


@pytest.mark.parametrize(
    "wrong, id_",
    [
        ({"ALERT_EMAILS": ["night shift"]}, "qsura.E008"),
        ({"ALERT_EMAIL_FROM": ""}, "qsura.E008"),
        ({"EMAIL_URL": ""}, "qsura.E009"),
        ({"EMAIL_URL": "smtps://mail.internal:465"}, "qsura.E009"),
        ({"ALERT_WEBHOOK_URL": "http://pager.example/hooks", "ALERT_WEBHOOK_SECRET": "whsec_" + "MDEy" * 10}, "qsura.E010"),
        ({"ALERT_WEBHOOK_URL": "https://pager.example/hooks", "ALERT_WEBHOOK_SECRET": "secret"}, "qsura.E011"),
        ({"ALERT_WEBHOOK_URL": "https://pager.example/hooks"}, "qsura.E011"),
        ({"METRICS_TOKEN": "1234"}, "qsura.E012"),
        ({"QSURA_CURRENCY": "pounds"}, "qsura.E013"),
        ({"ALERT_EMAILS": []}, "qsura.W005"),
    ],
)
def test_staff_who_could_not_be_told_of_alerts_are_a_mistake(production: Any, wrong: dict[str, Any], id_: str) -> None:
    for name, value in wrong.items():
        setattr(production, name, value)

    assert found() == {id_}


def test_a_webhook_alone_tells_staff_as_well(production: Any) -> None:
    production.ALERT_EMAILS = []
    production.ALERT_WEBHOOK_URL, production.ALERT_WEBHOOK_SECRET = "https://pager.example/hooks", "whsec_" + "MDEy" * 10

    assert found() == set()
