from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from hypothesis import given
from hypothesis import strategies as st

from qsura_platform.moments import UtcLoader

pytestmark = pytest.mark.django_db


class Djangos(BaseTzLoader):
    timezone = UTC


def asked(sql: str, *parameters: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_comes_back_as_it_went(moment: datetime) -> None:
    found = asked("SELECT %s::timestamptz", moment)

    assert found == moment
    assert found.tzinfo is UTC  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "written", ["2026-11-22 21:16:03+00", "2026-11-22 21:16:03.5+00", "0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"]
)
def test_it_reads_as_django_does(written: str) -> None:
    assert UtcLoader(0).load(written.encode()) == Djangos(0).load(written.encode())


@pytest.mark.parametrize("beyond", ["infinity", "-infinity", "4000-01-01 BC", "20000-01-01"])
def test_what_no_datetime_can_hold_is_refused_as_ever(beyond: str) -> None:
    with pytest.raises(DataError):
        asked("SELECT %s::text::timestamptz", beyond)
