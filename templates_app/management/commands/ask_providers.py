"""`manage.py ask_providers`: submit what is owed and look at what waits for an answer, until nothing does or the patience ends."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from templates_app import asking, owing
from templates_app.choices import RegistrationStatus
from templates_app.models import Registration


class Command(BaseCommand):
    help = "Submits templates to their providers and follows them, without waiting for the sweeps. Prints how all of them stand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=10.0, help="How long to wait for providers that are still looking.")

    def handle(self, *_: Any, **options: Any) -> None:
        owing.owe_all(at=timezone.now())
        follow(seconds=options["seconds"])
        for row in Registration.objects.select_related("version__template", "account").order_by("account__name", "name"):
            self.stdout.write(f"{row.account.name}: {row.version} as {row.name}: {row.status}{f' ({row.problem})' if row.problem else ''}")


def follow(*, seconds: float) -> None:
    waiting = Registration.objects.filter(status__in=[RegistrationStatus.OWED, RegistrationStatus.PENDING], due_at__isnull=False)
    stop = time.monotonic() + seconds
    while waiting.exists() and time.monotonic() < stop:
        if not asking.work(at=timezone.now()):
            time.sleep(0.1)
