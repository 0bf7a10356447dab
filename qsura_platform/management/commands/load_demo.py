from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from qsura_platform import example


class Command(BaseCommand):
    help = "Make whatever of the example business is missing: staff, keys, templates, a route. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        example.load()
