from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Business


class Command(BaseCommand):
    help = "Makes a business: the tenant that sends through the platform."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="Lower-case letters, digits and hyphens: demo, acme-shop.")
        parser.add_argument("--name", help="As people call it; the slug if left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        business = Business(slug=options["slug"], name=options["name"] or options["slug"])
        try:
            business.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        business.save()
        self.stdout.write(business.slug)
