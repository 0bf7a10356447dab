from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.choices import Mode
from accounts.models import Business
from callbacks import endpoints, keyring
from callbacks.keyring import OVERLAP, Holder


class Command(BaseCommand):
    help = (
        "Prints what verifies the callbacks that a business's requests name, alone, on standard output: its secret (whsec_...), or the"
        " public key (whpk_...) if it has chosen v1a. For operators; the API shows a secret once only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--business", required=True, metavar="SLUG")
        parser.add_argument("--mode", required=True, choices=Mode.values)
        parser.add_argument("--rotate", action="store_true", help="Make a new one first; the old one signs beside it for a day.")
        parser.add_argument("--at-once", action="store_true", help="With --rotate: the old one signs no more, because it has become known.")

    def handle(self, *args: Any, **options: Any) -> None:
        business = Business.objects.filter(slug=options["business"]).first()
        if business is None:
            raise CommandError(f"There is no business {options['business']!r}.")
        if options["at_once"] and not options["rotate"]:
            raise CommandError("--at-once says how to --rotate; give both.")
        holder = Holder(business.id, options["mode"])
        secret = keyring.ensure(holder)
        if options["rotate"]:
            overlap = timedelta(0) if options["at_once"] else OVERLAP
            secret, _ = endpoints.rotate_of(holder, signature=None, overlap=overlap, at=timezone.now())
        shown = endpoints.show(secret)
        self.stdout.write(shown.secret or shown.public_key or "")
