"""Celery's doors into the room: sweeps. Each is idempotent, takes no argument and may run twice at once."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from templates_app import asking, owing


@shared_task
def owe_registrations() -> None:
    """Whatever should stand at a provider and has no row yet: a new route, a new account, a version from before registration."""
    owing.owe_all(at=timezone.now())


@shared_task
def register() -> None:
    """Submit what is owed and look at what may have changed."""
    while asking.work(at=timezone.now()) >= asking.AT_A_TIME:
        pass
