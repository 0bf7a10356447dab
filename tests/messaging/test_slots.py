"""A slot for each loop, over all processes."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from pytest_django import Settings

from messaging import slots

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Another process's session, which has the only slot."""
    parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    with psycopg.connect(**parameters, autocommit=True) as session:
        session.execute("SELECT pg_try_advisory_lock(hashtext('a loop'), 0)")
        yield session


def test_one_at_a_time_has_the_slot(other: object) -> None:
    with slots.held("a loop") as is_ours:
        assert not is_ours
    with slots.held("another loop") as is_ours:
        assert is_ours


def test_a_slot_is_free_again_after_its_block() -> None:
    for _ in range(2):
        with slots.held("a loop") as is_ours:
            assert is_ours


def test_a_holder_that_has_said_nothing_for_a_lease_holds_up_nobody(other: object, settings: Settings) -> None:
    settings.QSURA_LEASE = 0

    with slots.held("a loop") as is_ours:
        assert is_ours


def test_a_holder_that_wakes_up_still_has_its_own_slot(other: psycopg.Connection[tuple[object, ...]], settings: Settings) -> None:
    settings.QSURA_LEASE = 0
    with slots.held("a loop"):
        pass

    (is_unlocked,) = other.execute("SELECT pg_advisory_unlock(hashtext('a loop'), 0)").fetchone() or (False,)

    assert is_unlocked
