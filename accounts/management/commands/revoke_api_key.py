from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey


class Command(BaseCommand):
    help = "Revokes an API key: from the next request on it opens nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="The key's prefix (12 letters and digits), qs_live_<prefix>, or the whole key.")

    def handle(self, *args: Any, **options: Any) -> None:
        prefix = _prefix(options["key"])
        key = ApiKey.objects.filter(prefix=prefix).first()
        if key is None:
            raise CommandError("There is no such key; give its prefix, the part after qs_test_ or qs_live_.")
        keys.revoke(key, at=timezone.now())
        self.stdout.write(f"qs_{key.mode}_{key.prefix}_... is revoked since {key.revoked_at:%Y-%m-%d %H:%M:%S} UTC")


def _prefix(text: str) -> str:
    parts = text.split("_")
    return parts[2] if len(parts) >= 3 and parts[0] == "qs" else text
