from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.choices import Role
from accounts.models import Business, Person


class Command(BaseCommand):
    help = "Makes a member of staff who may log in to the admin. The password is asked for, or read from a pipe."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", action="append", default=[], choices=Role.values, help="May be given several times.")
        parser.add_argument("--business", metavar="SLUG", help="Whose staff; the platform's own, who see every business, if left out.")
        parser.add_argument("--email", default="")
        parser.add_argument("--superuser", action="store_true", help="May do everything, except change history.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = Person(
            username=options["username"],
            email=options["email"],
            business=_business(options["business"]),
            is_staff=True,
            is_superuser=options["superuser"],
        )
        password = _password()
        try:
            person.full_clean(exclude=["password"])
            validate_password(password, person)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        person.set_password(password)
        with transaction.atomic():
            person.save()
            person.groups.set(Group.objects.filter(name__in=options["role"]))
        self.stdout.write(person.username)


def _business(slug: str | None) -> Business | None:
    if slug is None:
        return None
    business = Business.objects.filter(slug=slug).first()
    if business is None:
        raise CommandError(f"There is no business {slug!r}; make it with: manage.py create_business {slug}")
    return business


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("The two passwords differ.")
    return password
