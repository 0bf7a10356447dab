from __future__ import annotations

import os
import re
import subprocess
import sys

import psycopg
import pytest
from django.core.management import call_command

from qsura_platform.local import postgres
from tests.fixtures import ROOT
from tests.house import code


def test_every_migration_is_named_for_its_promise() -> None:
    files = [file for room in code.ROOMS for file in (ROOT / room).glob("migrations/[0-9]*.py")]

    assert files
    assert [code.place(file) for file in files if re.search(r"_auto_|_alter_|_and_more", file.stem)] == []


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.slow
def test_an_old_installation_is_brought_up_to_date() -> None:
    """From each room's first migration on: what looks into the database before it is migrated must know the columns of that time alone."""
    with postgres.throwaway() as server:
        env = os.environ | {"DATABASE_URL": server.url}

        def manage(*command: str) -> str:
            return subprocess.run(
                [sys.executable, "manage.py", *command], cwd=ROOT, env=env, check=True, text=True, stdout=subprocess.PIPE, timeout=300
            ).stdout

        for room in code.ROOMS:
            if (ROOT / room / "migrations").is_dir():
                manage("migrate", "-v", "0", room, "0001")
        with psycopg.connect(server.url) as old:
            old.execute(_OLD_ACCOUNT)
        manage("migrate", "-v", "0")

        assert "[ ]" not in manage("showmigrations")


_OLD_ACCOUNT = """
INSERT INTO routing_provideraccount (id, name, provider, mode, base_url, settings, credentials, credentials_key_id, callback_token,
    max_in_flight, is_in_service, out_of_service_because, created_at)
VALUES (gen_random_uuid(), 'Old', 'meta', 'live', '', '{}', '', '', 'token', 100, true, '', now())
"""
