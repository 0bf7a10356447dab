"""`manage.py connect_account NAME`: tell the provider where this account's receipts go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from routing import connecting
from routing.connecting import NotConnected
from routing.credentials import Unusable
from routing.models import ProviderAccount


class Command(BaseCommand):
    help = "Tells the provider to send this account's receipts to the account's own URL, and prints it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The provider account's name.")

    def handle(self, *_: Any, **options: Any) -> None:
        row = ProviderAccount.objects.filter(name=options["name"]).first()
        if row is None:
            raise CommandError(f"There is no provider account {options['name']!r}.")
        try:
            self.stdout.write(connecting.connect(row))
        except (NotConnected, Unusable) as problem:
            raise CommandError(str(problem)) from problem
