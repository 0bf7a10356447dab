from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from qsura_platform import health

pytestmark = [pytest.mark.urls("tests.platform.doors")]


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    health._migrated.clear()
    yield
    health._migrated.clear()


@pytest.fixture
def away(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that refuses connections."""
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", "1")
        yield
        connection.close()


def test_a_process_without_a_database_is_alive_and_not_ready(client: Client, away: None) -> None:
    assert client.get("/livez").json() == {"status": "alive"}

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"status": "unready", "because": "database_unavailable"})
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.django_db
def test_a_migrated_database_is_ready(client: Client) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_a_missing_migration_is_an_obstacle(client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="accounts").delete()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["because"]) == (503, "migrations_pending")


@pytest.mark.django_db
def test_migrations_are_looked_for_once(client: Client, django_assert_num_queries: object) -> None:
    client.get("/readyz")

    with django_assert_num_queries(1):  # type: ignore[operator]
        client.get("/readyz")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_only_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
