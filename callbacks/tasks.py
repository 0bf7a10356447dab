"""Celery's doors into the room: wake-ups and sweeps. Each is idempotent, takes no argument and may run twice at once."""

from __future__ import annotations

import time
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from alerts import fading
from callbacks import (
    alarms,
    bodies,
    calls,
    clearing,
    debts,
    forgeries,
    keyring,
    parking,
    reading,
    rereading,
    resending,
    rounds,
    silence,
    watching,
    words,
)
from messaging import bell, record, slots
from routing import rotating, tally

SLICE = 5.0
"""Seconds that one run claims for; then it rings for its successor, so that a worker that is told to stop can."""
PAYERS = 2
"""Rounds at the same time, over all worker processes: one may freeze, and receivers that hang can't occupy every process of a worker."""
CALLS_KEPT = timedelta(days=7)

DELIVER = "callbacks.tasks.deliver"
READ_RECEIPTS = "callbacks.tasks.read_receipts"
REREAD = "callbacks.tasks.reread"
REPLAY = "callbacks.tasks.replay"


@shared_task
def deliver() -> None:
    """Pay the webhooks that are due."""
    until = time.monotonic() + SLICE
    with slots.held("webhooks", of=PAYERS) as is_ours:
        if is_ours:
            rounds.pay(until=until)
    if is_ours and time.monotonic() >= until:
        bell.ring(DELIVER)


@shared_task
def replay() -> None:
    """Go on with what is to be sent again, until it is done or the receivers have enough."""
    until = time.monotonic() + SLICE
    with slots.held("replays") as is_ours:
        while is_ours and resending.advance(at=timezone.now()):
            if time.monotonic() >= until:
                bell.ring(REPLAY)
                return


@shared_task
def read_receipts() -> None:
    """Read what providers said, batch by batch, until nothing waits."""
    until = time.monotonic() + SLICE
    # What a receipt sets going is due by this clock: a worker whose own is an hour ahead would put a fallback off for an hour.
    while reading.read(at=record.clock()) == reading.AT_A_TIME:
        tally.settle()
        if time.monotonic() >= until:
            bell.ring(READ_RECEIPTS)
            return
    tally.settle()


@shared_task
def match_parked() -> None:
    """Apply the receipts that ran ahead of hand-offs recorded since."""
    with slots.held("match parked") as is_ours:
        if is_ours:
            parking.match(at=record.clock())


@shared_task
def watch_receipts() -> None:
    """Notice what is wrong with receipts: forged, of nothing of ours, or not coming at all."""
    with slots.held("watch receipts") as is_ours:
        if is_ours:
            at = timezone.now()
            forgeries.watch(at=at)
            parking.watch(at=at)
            silence.watch(at=at)


@shared_task
def reread() -> None:
    """Read history again where somebody has asked for it, batch by batch."""
    until = time.monotonic() + SLICE
    with slots.held("reread") as is_ours:
        while is_ours and (is_more := rereading.go_on(at=record.clock())):
            if time.monotonic() >= until:
                break
    if is_ours and is_more:
        bell.ring(REREAD)


@shared_task
def ring_for_due() -> None:
    """Ring for whatever a bell missed, and for webhooks whose next try has come."""
    if calls.are_waiting():
        bell.ring(READ_RECEIPTS)
    if debts.are_due():
        bell.ring(DELIVER)
    if rereading.is_waiting():
        bell.ring(REREAD)
    if resending.are_open():
        bell.ring(REPLAY)


@shared_task
def watch() -> None:
    """Report what staff must know of callbacks, and resolve what is over."""
    watching.look(at=timezone.now())


@shared_task
def prove() -> None:
    """The daily look at every debt."""
    watching.prove(at=timezone.now())


@shared_task
def tell_staff() -> None:
    """Tell staff of alerts: those that are over are resolved first. One round at a time, so that what comes together is one mail."""
    with slots.held("tell staff") as is_ours:
        if is_ours:
            fading.fade(at=timezone.now())
            alarms.tell(at=timezone.now())


@shared_task
def forget() -> None:
    """Clear what has served: secrets that no longer sign, calls that were read, receipts that waited for their attempt in vain."""
    at = timezone.now()
    keyring.forget(at=at)
    bodies.forget(at=at)
    calls.forget(at - CALLS_KEPT)
    parking.forget(at=at)
    forgeries.forget(at=at)
    silence.forget(at=at)
    words.forget(at=at)
    rotating.forget(at=at)


@shared_task
def clear_unused() -> None:
    """Clear the endpoints of callbacks that nobody has named for long."""
    clearing.clear(at=timezone.now())
