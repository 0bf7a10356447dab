"""The surroundings of every test: a throw-away PostgreSQL and fixed keys, ready before Django is set up.

This happens while the file is imported, because the conftest files below it may import models. Under pytest-xdist the workers inherit
the variables, so there is one cluster, and pytest-django gives each worker a database of its own.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import os
from collections.abc import Iterator

import django
import pytest

from qsura_platform.local import places, postgres, valkey

# Known to everybody, and good for nothing else.
KEYS = {
    "SECRET_KEY": "test " * 12,
    "QSURA_FIELD_KEYS": ",".join(f"{name}:{base64.b64encode(name.encode() * 16).decode()}" for name in ("k1", "k0")),
    "QSURA_INDEX_KEY": base64.b64encode(b"i" * 32).decode(),
    "QSURA_KEY_PEPPER": base64.b64encode(b"p" * 32).decode(),
    "QSURA_SIMULATOR_SECRET": "the tests' own simulator secret",
}
WORLD = {
    "DEBUG": "false",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "PUBLIC_URL": "http://testserver",
    "QSURA_SIMULATOR_URL": "http://127.0.0.1:9",  # the discard port: nobody is there
    "QSURA_SIMULATOR_SMPP": "127.0.0.1:9",
    "QSURA_ALLOWED_PRIVATE_TARGETS": "127.0.0.1/32",
    "CELERY_BROKER_URL": "memory://",
}

_session = contextlib.ExitStack()


def _surround() -> None:
    os.environ.update(KEYS | WORLD)
    os.environ["DJANGO_SETTINGS_MODULE"] = "qsura_platform.settings"
    # An empty state folder: what a developer's own `make run` has written is none of the tests' business.
    os.environ["QSURA_STATE"] = str(_session.enter_context(places.throwaway()))
    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = _session.enter_context(postgres.throwaway()).url
        _session.callback(os.environ.pop, "DATABASE_URL")


atexit.register(_session.close)  # where pytest ends before it is configured
_surround()
django.setup()


def pytest_unconfigure() -> None:
    """Stops the cluster and leaves no folder behind."""
    _session.close()


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The URL of a real broker, for tests that start real workers."""
    with valkey.throwaway() as server:
        yield server.url
