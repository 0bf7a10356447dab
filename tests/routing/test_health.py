from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from routing import credentials, health
from routing.models import ProviderAccount
from tests.routing.conftest import AT

Make = Callable[..., ProviderAccount]


def test_the_first_reason_stays_and_is_told_once(account: Make, caplog: pytest.LogCaptureFixture) -> None:
    row = account("a")
    with caplog.at_level(logging.ERROR):
        health.out_of_service(row.pk, because="the provider said 401", at=AT)
        health.out_of_service(row.pk, because="the provider said 403", at=AT + timedelta(hours=1))
    row.refresh_from_db()
    assert (row.is_in_service, row.out_of_service_because, row.out_of_service_at) == (False, "the provider said 401", AT)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_an_account_comes_back(account: Make) -> None:
    row = account("a", is_in_service=False)
    health.back_in_service(row.pk, at=AT)
    row.refresh_from_db()
    assert (row.is_in_service, row.out_of_service_because, row.out_of_service_at) == (True, "", None)


def test_this_process_knows_at_once(account: Make) -> None:
    row = account("a")
    assert credentials.by_id(row.pk).is_in_service
    health.out_of_service(row.pk, because="x" * 500, at=AT)
    assert not credentials.by_id(row.pk).is_in_service


def test_an_unknown_account_is_no_error(db: None) -> None:
    health.back_in_service(ProviderAccount().pk, at=AT)
    health.out_of_service(ProviderAccount().pk, because="gone", at=AT)
