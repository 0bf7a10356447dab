from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from qsura_platform import example


class Command(BaseCommand):
    help = "Print where everything is, and the example's log-ins and keys."

    def handle(self, *args: Any, **options: Any) -> None:
        memory = example.remember()
        self.stdout.write(f"  Start     {settings.PUBLIC_URL}/")
        self.stdout.write(f"  Admin     {settings.PUBLIC_URL}/admin/")
        self.stdout.write(f"  API docs  {settings.PUBLIC_URL}/docs")
        self.stdout.write(f"  Simulator {settings.QSURA_SIMULATOR_URL}/\n")
        self.stdout.write("  Log-ins (user, password)")
        for name, password in memory["people"].items():
            self.stdout.write(f"    {name:<10}{password}")
        self.stdout.write("\n  Keys of the example business")
        self.stdout.write(f"    test      {memory['test_key']}")
        self.stdout.write(f"    live      {memory['live_key']}\n")
