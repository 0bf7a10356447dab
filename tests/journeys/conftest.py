"""One platform of real processes for the journeys that don't break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qsura_platform.local import places
from tests.journeys.platform import Platform, running


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    # Not pytest's own folder: root's PostgreSQL runs as another user, who can't enter it.
    with places.throwaway() as home, running(home / "state") as platform:
        yield platform
