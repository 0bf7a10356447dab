"""Celery's doors into the room: wake-ups and sweeps. Each is idempotent, takes no argument and may run twice at once."""

from __future__ import annotations

import time

from celery import shared_task
from django.db import connection
from django.utils import timezone

from messaging import backtesting, bell, deadlines, detours, handoff, record, retention, slots, usage, watching
from messaging.inbound import settling
from messaging.lane import Lane
from messaging.suppressions import importing
from routing import binds, rebalancing

SLICE = 3.0
"""Seconds that one run claims for; then it rings for its successor, so that a worker that is told to stop can."""


def _hand_off(lane: str) -> None:
    with slots.held(f"hand-off {lane}") as is_ours:
        more = is_ours and Lane(lane).run(seconds=SLICE)
    if more:
        bell.ring(bell.HAND_OFF[lane])


@shared_task
def hand_off_authentication() -> None:
    _hand_off("authentication")


@shared_task
def hand_off_utility() -> None:
    _hand_off("utility")


@shared_task
def hand_off_marketing() -> None:
    _hand_off("marketing")


@shared_task
def ring_for_due() -> None:
    """Ring for every lane in which something is due: whatever a bell missed is found here, a second later."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lane FROM unnest(%s::text[]) AS lane WHERE EXISTS ("
            " SELECT FROM messaging_due d WHERE d.lane = lane.lane AND d.due_at <= clock_timestamp() AND d.calling_at IS NULL)",
            [list(bell.HAND_OFF)],
        )
        for (lane,) in cursor.fetchall():
            bell.ring(bell.HAND_OFF[lane])


@shared_task
def settle() -> None:
    """What time has decided, a batch at a time until nothing is left."""
    with slots.held("settle") as is_ours:
        if is_ours:
            handoff.rescue()
            detours.look()
        while is_ours and deadlines.find_lost() + deadlines.settle_timed() >= deadlines.BATCH:
            pass


@shared_task
def settle_inbound() -> None:
    """What follows from what people wrote, a batch at a time until nothing is left."""
    with slots.held("settle inbound") as is_ours:
        while is_ours and settling.settle() >= settling.AT_A_TIME:
            pass


@shared_task
def import_suppressions() -> None:
    """Files of suppressions, for the time of a slice; then it rings for its successor."""
    ends = time.monotonic() + SLICE
    with slots.held("import suppressions") as is_ours:
        while is_ours and importing.go_on(at=timezone.now()):
            if time.monotonic() >= ends:
                bell.ring(importing.BELL)
                return


@shared_task
def count_uses() -> None:
    """Who sends which template, for reviewers."""
    with slots.held("count uses") as is_ours:
        if is_ours:
            usage.count(at=timezone.now())


@shared_task
def backtest() -> None:
    """Drafts of routes are tested with what was sent, one after the other."""
    with slots.held("backtest") as is_ours:
        while is_ours and backtesting.go_on(at=timezone.now()):
            pass


@shared_task
def watch() -> None:
    """Report what staff must know of messages, and resolve what is over."""
    watching.look(at=timezone.now())
    binds.watch(at=timezone.now())


@shared_task
def expire() -> None:
    """End what waited in a queue past its deadline."""
    with slots.held("expire") as is_ours:
        while is_ours and deadlines.expire_waiting() >= deadlines.BATCH:
            pass


@shared_task
def rebalance() -> None:
    """Let the shares of accounts follow their health."""
    with slots.held("rebalance") as is_ours:
        if is_ours:
            rebalancing.rebalance(at=record.clock())


@shared_task
def prove() -> None:
    """The daily look at every message."""
    watching.prove(at=timezone.now())


@shared_task
def make_partitions() -> None:
    retention.make_partitions()


@shared_task
def forget() -> None:
    retention.forget()
