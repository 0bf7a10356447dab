from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import ids
from callbacks import rereading
from messaging.signals import NewEvent
from routing.models import ProviderAccount


class Command(BaseCommand):
    help = "Reads a provider's kept calls once more with today's tables. Lists what would change; --apply changes it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, help="The provider account's name.")
        parser.add_argument(
            "--since", required=True, help="When the first call to read came: 2026-11-22T12:00 (UTC unless it says otherwise)."
        )
        parser.add_argument("--apply", action="store_true", help="Change what a run without it has listed.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = ProviderAccount.objects.filter(name=options["account"]).first()
        if account is None:
            raise CommandError(f"There is no provider account called {options['account']!r}.")
        events = 0
        for batch in rereading.reread(account.id, since=_moment(options["since"]), at=timezone.now(), is_dry=not options["apply"]):
            events += len(batch)
            self.stdout.writelines(_line(event) for event in batch)
        verb = "are made" if options["apply"] else "would be made; --apply makes them"
        self.stdout.write(f"{events} changes {verb}.")


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise CommandError(f"{text!r} is no time; write it as 2026-11-22T12:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _line(event: NewEvent) -> str:
    return f"{ids.public('msg', event.message_id)}  {event.previous_status} -> {event.status}  {event.type}"
