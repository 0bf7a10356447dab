"""`manage.py import_provider_templates --account NAME`: what exists at a provider becomes drafts; a dry run unless told otherwise."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Business, Person
from routing.models import ProviderAccount
from templates_app import adopting
from templates_app.asking import Unanswered


class Command(BaseCommand):
    help = "Lists the templates of a provider account and what each would become; with --write it makes drafts of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, help="The provider account's name.")
        parser.add_argument("--business", help="The slug of the business that gets the drafts; by default the account's own.")
        parser.add_argument("--author", help="The user name of the person whose drafts they are; needed with --write.")
        parser.add_argument("--write", action="store_true", help="Make the drafts; without it nothing is changed.")

    def handle(self, *_: Any, **options: Any) -> None:
        account = ProviderAccount.objects.select_related("business").filter(name=options["account"]).first()
        if account is None:
            raise CommandError(f"There is no provider account {options['account']!r}.")
        try:
            found = adopting.look(account)
        except Unanswered as trouble:
            raise CommandError(str(trouble)) from trouble
        if not options["write"]:
            self.stdout.write("\n".join([*adopting.tell(found), "Nothing was changed. --write makes drafts."]))
            return
        business = Business.objects.filter(slug=options["business"]).first() if options["business"] else account.business
        author = Person.objects.filter(username=options["author"] or "").first()
        if business is None or author is None:
            raise CommandError("Name the business that gets the drafts (--business) and the person whose drafts they are (--author).")
        self.stdout.write("\n".join(adopting.write(found, business=business, author=author) or ["Nothing to import."]))
