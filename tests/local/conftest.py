"""Homes for embedded servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qsura_platform.local import environment, places


@pytest.fixture
def home() -> Iterator[Path]:
    """A state folder as `make run` makes it; pytest's own folders can't be entered by the user that root hands PostgreSQL to."""
    with places.throwaway() as folder:
        environment.prepare(folder)
        yield folder
