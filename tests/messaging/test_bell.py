"""Rings hang in a queue until a worker comes, and never more than it needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from celery import current_app
from django.utils import timezone

from messaging import bell
from qsura_platform.management.commands.run_beat import Clock

TASK = "messaging.tasks.settle"


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    current_app.control.purge()
    yield
    current_app.control.purge()


def hanging() -> int:
    with current_app.pool.acquire(block=True) as line:
        return int(line.default_channel.queue_declare(queue="sweeps", passive=True).message_count)


def test_a_queue_without_rings_is_not_crowded() -> None:
    assert not bell.is_crowded(TASK)


def test_a_queue_is_crowded_when_enough_rings_hang_in_it() -> None:
    for _ in range(bell.ENOUGH):
        current_app.send_task(TASK)

    assert bell.is_crowded(TASK)


def test_a_beat_fills_no_broker_while_no_worker_listens() -> None:
    clock = Clock(app=current_app)

    for _ in range(bell.ENOUGH):
        clock._due_at.clear()  # as if each period had passed
        clock.tick()

    assert hanging() == bell.ENOUGH


def test_a_wall_clock_that_jumps_back_stops_no_sweep() -> None:
    clock = Clock(app=current_app)
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=True):
        clock.tick()
    rung = hanging()

    clock._due_at[next(iter(clock.schedule))] = 0.0
    wait = clock.tick()

    assert (rung > 0, hanging()) == (True, rung + 1)
    assert wait <= 1.0
