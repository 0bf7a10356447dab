from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.choices import Mode
from accounts.models import Business
from callbacks import endpoints, keyring, listener, own_feed
from callbacks.feed import Source
from callbacks.keyring import Holder
from callbacks.listener import CannotListen


class Command(BaseCommand):
    help = (
        "Brings events to a receiver on your own machine while you write it: reads GET /v1/events with the API key in QSURA_API_KEY"
        " (scope messages:read), and posts each event signed like a webhook. Nothing has to reach this machine from outside."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        listener.add_wishes(parser)
        parser.add_argument("--url", default=settings.PUBLIC_URL, help="The platform; default: PUBLIC_URL.")
        parser.add_argument("--business", metavar="SLUG", help="With the database at hand, instead of an API key: this business's events.")
        parser.add_argument("--mode", choices=Mode.values, default=Mode.TEST.value, help="With --business; default: test.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            listener.check(options)
            if options["business"]:
                source, secrets = self._by_database(options["business"], options["mode"])
            else:
                source, secrets = listener.by_key(options["url"], write=self._write)
            listener.follow(source, secrets=secrets, wishes=options, write=self._write)
        except CannotListen as reason:
            raise CommandError(str(reason)) from reason

    def _by_database(self, slug: str, mode: str) -> tuple[Source, list[str]]:
        business = Business.objects.filter(slug=slug).first()
        if business is None:
            raise CommandError(f"There is no business {slug!r}.")
        holder = Holder(business.id, mode)
        shown = endpoints.show(keyring.ensure(holder))
        self._write(f"Listening to {business.slug} ({mode}). Verify with {shown.secret or shown.public_key}")
        return own_feed.of(business.id, mode=mode), keyring.live([holder])[holder]

    def _write(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
