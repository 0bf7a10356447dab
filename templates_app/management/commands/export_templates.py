from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Business
from accounts.refusals import NotFound
from templates_app import exporting, files
from templates_app.bundles import name_of
from templates_app.exporting import Which


class Command(BaseCommand):
    help = "Writes each of a business's templates to a file of its own, to be kept in a repository or taken to another installation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="Where the files are; made if there is none.")
        parser.add_argument("--business", required=True, metavar="SLUG")
        parser.add_argument("--names", nargs="+", default=[], metavar="NAME", help="Only these.")
        parser.add_argument(
            "--which",
            choices=list(Which),
            default=Which.LIVE,
            help="live: what is sent, and where nothing is, the newest (the default); newest: drafts before what is live.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        business = Business.objects.filter(slug=options["business"]).first()
        if business is None:
            raise CommandError(f"There is no business {options['business']!r}.")
        try:
            told = exporting.export(business.id, names=options["names"], which=Which(options["which"]))
        except NotFound as refusal:
            raise CommandError(refusal.detail) from refusal
        folder: Path = options["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        written = [file for file in told if _write(folder / name_of(file["name"]), files.dump(file))]
        for file in written:
            self.stdout.write(f"{name_of(file['name'])} written")
        self.stdout.write(f"{len(told)} templates, {len(told) - len(written)} of them as they were.")


def _write(place: Path, text: str) -> bool:
    """Whether the file is another one now."""
    if place.is_file() and place.read_text(encoding="utf-8") == text:
        return False
    place.write_text(text, encoding="utf-8")
    return True
