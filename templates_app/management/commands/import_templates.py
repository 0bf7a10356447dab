from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Business, Person
from accounts.refusals import Refusal
from templates_app import files, importing
from templates_app.files import File
from templates_app.importing import Outcome, Plan, Step

_SHOWN = 60
"""Characters of a value that a line shows."""


class Command(BaseCommand):
    help = (
        "Makes drafts of the templates in files (export_templates writes them, and a file may be in Meta's own form). What a version says"
        " already is left alone. Each file is taken whole or not at all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="Every *.json in it is a template; a single file will do, too.")
        parser.add_argument("--business", required=True, metavar="SLUG")
        parser.add_argument("--by", metavar="USERNAME", help="Whose drafts they are: that person's, who then doesn't approve them.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would change.")
        parser.add_argument("--submit", action="store_true", help="Put the drafts before the reviewers at once.")

    def handle(self, *args: Any, **options: Any) -> None:
        business = Business.objects.filter(slug=options["business"]).first()
        if business is None:
            raise CommandError(f"There is no business {options['business']!r}.")
        by = None if options["dry_run"] else _person(options["by"], business)
        refused, names = 0, dict[str, str]()
        for place in _places(options["folder"]):
            try:
                file = files.load(_text(place))
                _refuse_second(file, place.name, names)
                self._tell(place.name, _take(business, file, source=place.name, by=by, is_submitted=options["submit"]), by is None)
            except Refusal as refusal:
                refused += 1
                self.stderr.writelines(_mistakes(place.name, refusal))
        if refused:
            raise CommandError(f"{refused} of the files were refused, and nothing of them was taken.")

    def _tell(self, name: str, plan: Plan, is_dry: bool) -> None:
        for step in plan.steps:
            self.stdout.write(f"{name}: {step.language} {_words(step, is_dry)}{', of a new template' if plan.is_new else ''}")
            for each in step.differences:
                self.stdout.write(f"    {each.field}: {_short(each.before)} -> {_short(each.after)}")


def _take(business: Business, file: File, *, source: str, by: Person | None, is_submitted: bool) -> Plan:
    if by is None:
        return importing.plan(business.id, file)
    return importing.carry_out(business.id, file, source=source, by=by, is_submitted=is_submitted, at=timezone.now())


def _person(name: str | None, business: Business) -> Person:
    if name is None:
        raise CommandError("Say with --by whose drafts they are to be, or look first with --dry-run.")
    person = Person.objects.filter(username=name, is_active=True).first()
    if person is None or person.business_id not in {None, business.pk}:
        raise CommandError(f"There is nobody called {name!r} who could write for {business.slug}.")
    return person


def _places(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise CommandError(f"There is neither a folder nor a file {folder}.")
    return sorted(folder.glob("*.json"))


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise files.UnreadableFile("It is not written in UTF-8.") from error


def _refuse_second(file: File, place: str, names: dict[str, str]) -> None:
    if file.name in names:
        raise files.UnreadableFile(f"{names[file.name]} is of the template {file.name} as well. Leave one.")
    names[file.name] = place


def _mistakes(name: str, refusal: Refusal) -> Iterator[str]:
    """A line for each, with the file and the field where it stands."""
    yield from (f"{name}: {error.field}: {error.message}" for error in refusal.errors)
    if not refusal.errors:
        yield f"{name}: {refusal.detail}"


def _words(step: Step, is_dry: bool) -> str:
    if step.outcome == Outcome.UNCHANGED:
        return f"unchanged: version {step.number} ({step.status.replace('_', ' ')}) says this"
    against = f", against version {step.against}" if step.against else ""
    if is_dry:
        return f"would be drafted{against}"
    return f"drafted as version {step.number}{' and submitted' if step.status == 'in_review' else ''}{against}"


def _short(value: str | None) -> str:
    if value is None:
        return "(nothing)"
    return repr(value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}...")
