from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import keys
from accounts.choices import Mode, Scope
from accounts.models import Business


class Command(BaseCommand):
    help = "Makes an API key and prints it, alone, on standard output. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--business", required=True, metavar="SLUG")
        parser.add_argument("--mode", required=True, choices=Mode.values, help="test speaks to the simulator only, live to real providers.")
        parser.add_argument("--name", help="What uses it: shop, crm. The mode if left out.")
        parser.add_argument("--scope", action="append", choices=Scope.values, help="May be given several times; every scope if left out.")
        parser.add_argument("--expires-in-days", type=int, metavar="DAYS")
        parser.add_argument("--allow", action="append", default=[], metavar="NETWORK", help="192.0.2.0/24; may be given several times.")

    def handle(self, *args: Any, **options: Any) -> None:
        business = Business.objects.filter(slug=options["business"]).first()
        if business is None:
            raise CommandError(
                f"There is no business {options['business']!r}; make it with: manage.py create_business {options['business']}"
            )
        days = options["expires_in_days"]
        try:
            _, text = keys.create(
                business,
                name=options["name"] or options["mode"],
                mode=options["mode"],
                scopes=options["scope"],
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
                allowed_addresses=options["allow"],
            )
        except ValueError as error:
            raise CommandError(f"--allow: {error}; write a network as 192.0.2.0/24 or 2001:db8::/32.") from error
        self.stdout.write(text)
