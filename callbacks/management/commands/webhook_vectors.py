from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from callbacks import vectors


class Command(BaseCommand):
    help = "Writes the vectors by which integrators test their verification of our webhooks (docs/verify/vectors.json). Always the same."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, help="Where to write; standard output if left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        text = json.dumps(vectors.all_(), indent=1)
        if options["file"]:
            options["file"].write_text(text + "\n", encoding="utf-8")
        else:
            self.stdout.write(text)
