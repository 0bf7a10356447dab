from __future__ import annotations

import re

import pytest
from django.core.management import call_command

from tests.fixtures import ROOT
from tests.house import code


def test_every_migration_is_named_for_its_promise() -> None:
    files = [file for room in code.ROOMS for file in (ROOT / room).glob("migrations/[0-9]*.py")]

    assert files
    assert [code.place(file) for file in files if re.search(r"_auto_|_alter_|_and_more", file.stem)] == []


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
