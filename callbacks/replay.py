"""Asking for webhooks to be sent again: one delivery, everything since a moment, or what an endpoint is missing.

One is sent at once. The others are a row that `resending` works through in the background, no faster than the receiver takes it; each
endpoint has one at a time, and whoever asks for the same again is shown the one that runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts import ids
from accounts.refusals import NotFound, Refusal
from callbacks import endpoints, resending
from callbacks.choices import ReplayKind, ReplayState
from callbacks.endpoints import EndpointDisabled
from callbacks.models import Delivery, Endpoint, Replay
from messaging import bell

BELL = "callbacks.tasks.replay"
OPEN = (ReplayState.WAITING, ReplayState.RUNNING)
_LAST_TRIES = timedelta(days=2)
"""What failed first may have been owed so long before: a delivery is tried for some 28 hours."""


class ReplayRunning(Refusal):
    """The endpoint has another replay under way."""

    status = 409
    code = "replay_running"
    title = "Another replay is under way."


def find(public_id: str, *, endpoint: Endpoint) -> Delivery:
    """A delivery of the endpoint. Raises NotFound."""
    id_ = ids.parse("dlv", public_id)
    delivery: Delivery | None = Delivery.objects.filter(id=id_, endpoint_id=endpoint.id).first() if id_ else None
    if delivery is None:
        raise NotFound("There is no such delivery.")
    return delivery


def find_replay(public_id: str, *, endpoint: Endpoint) -> Replay:
    """A replay of the endpoint. Raises NotFound."""
    id_ = ids.parse("rpl", public_id)
    replay = Replay.objects.filter(id=id_, endpoint=endpoint).first() if id_ else None
    if replay is None:
        raise NotFound("There is no such replay.")
    return replay


def one(delivery: Delivery, *, endpoint: Endpoint, by: str, at: datetime) -> Replay:
    """Send a delivery again, now, whatever became of it. Raises EndpointDisabled."""
    _check(endpoint)
    with transaction.atomic():
        queued = resending.queue([delivery.id])
        return Replay.objects.create(
            endpoint=endpoint,
            kind=ReplayKind.ONE,
            state=ReplayState.DONE,
            delivery_id=delivery.id,
            looked_at=1,
            queued=queued,
            asked_by=by[:200],
            created_at=at,
            started_at=at,
            ended_at=at,
        )


def several(deliveries: Sequence[Delivery], *, at: datetime, by: str) -> int:
    """The same for some of them, of any endpoints; returns how many are sent, for those of disabled endpoints are not."""
    owners = Endpoint.objects.in_bulk({delivery.endpoint_id for delivery in deliveries})
    sent = [each for each in deliveries if each.endpoint_id in owners and owners[each.endpoint_id].is_enabled]
    for delivery in sent:
        one(delivery, endpoint=owners[delivery.endpoint_id], by=by, at=at)
    return len(sent)


def since(endpoint: Endpoint, *, begin: datetime, end: datetime | None = None, by: str, at: datetime) -> Replay:
    """Send again what happened from `begin` until `end` (else until now), delivered or not. Raises EndpointDisabled or ReplayRunning."""
    return _begin(endpoint, kind=ReplayKind.SINCE, begin=begin, end=end, by=by, at=at)


def missing(endpoint: Endpoint, *, begin: datetime, end: datetime | None = None, by: str, at: datetime) -> Replay:
    """Send what the endpoint asked for and never took, and what happened while it was not listening. Raises EndpointDisabled or
    ReplayRunning."""
    return _begin(endpoint, kind=ReplayKind.MISSING, begin=begin, end=end, by=by, at=at)


def come_back(endpoint: Endpoint, *, by: str, at: datetime) -> tuple[Endpoint, Replay | None]:
    """Enable a disabled endpoint and send it what it missed; None where nothing can be missing. Raises ReplayRunning."""
    away_since = min((moment for moment in (endpoint.failing_since, endpoint.disabled_at) if moment), default=None)
    with transaction.atomic():
        back = endpoints.change(endpoint, changes={"is_enabled": True}, at=at)
        if endpoint.is_enabled or away_since is None:
            return back, None
        return back, missing(back, begin=away_since - _LAST_TRIES, by=by, at=at)


def cancel(replay: Replay, *, at: datetime) -> Replay:
    """Queue no more of it; what is queued already is sent. One that has ended stays as it ended."""
    with transaction.atomic():
        row = Replay.objects.select_for_update().get(id=replay.id)
        if row.state in OPEN:
            row.state, row.ended_at, row.because = ReplayState.CANCELED, at, "It was canceled."
            row.save()
    return row


def progress(replay: Replay) -> int:
    """How much of it is done, in percent of its time."""
    if replay.state not in OPEN:
        return 100 if replay.state == ReplayState.DONE else _percent(replay)
    return min(_percent(replay), 99)


def _percent(replay: Replay) -> int:
    if replay.begin is None or replay.end is None:
        return 0
    span = max((replay.end - replay.begin).total_seconds(), 0.001)
    gone = (ids.made_at(replay.place) - replay.begin).total_seconds() if replay.place else 0.0
    return int(100 * (replay.phase + min(max(gone / span, 0.0), 1.0)) / resending.PHASES)


def _begin(endpoint: Endpoint, *, kind: ReplayKind, begin: datetime, end: datetime | None, by: str, at: datetime) -> Replay:
    _check(endpoint)
    with transaction.atomic():
        # Two who ask at once follow each other. The weak lock leaves deliveries, which only refer to the endpoint, alone.
        Endpoint.objects.select_for_update(no_key=True).get(id=endpoint.id)
        running = Replay.objects.filter(endpoint=endpoint, state__in=OPEN).first()
        if running is not None:
            return _same(running, kind=kind, begin=begin, end=end)
        transaction.on_commit(ring)
        return Replay.objects.create(endpoint=endpoint, kind=kind, begin=begin, end=end or at, asked_by=by[:200], created_at=at)


def _same(running: Replay, *, kind: ReplayKind, begin: datetime, end: datetime | None) -> Replay:
    if running.kind == kind and running.begin == begin and end in {None, running.end}:
        return running
    raise ReplayRunning(f"Wait until {ids.public('rpl', running.id)} has ended, or cancel it.")


def ring() -> None:
    """Wake whoever works on replays."""
    bell.ring(BELL)


def _check(endpoint: Endpoint) -> None:
    if not endpoint.is_enabled or endpoint.removed_at is not None:
        raise EndpointDisabled
