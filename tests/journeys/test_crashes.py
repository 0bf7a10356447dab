"""kill -9 in mid-batch: nothing is lost, and only what the lifecycle allows is doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from qsura_platform.local import places
from tests.journeys.platform import Platform, running, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.slow]

MESSAGES = 600


@pytest.fixture
def platform() -> Iterator[Platform]:
    with places.throwaway() as home, running(home / "state") as platform:
        yield platform


def listed(platform: Platform) -> list[dict[str, Any]]:
    """Every message of this test, as the API lists them."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = platform.call("GET", f"/v1/messages?limit=200&reference=crash&cursor={cursor}").body
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def test_killing_the_workers_in_mid_batch_loses_nothing(platform: Platform) -> None:
    items = [{"recipient": f"+2010012{number:05}"} for number in range(34500, 34500 + MESSAGES)]
    body = {"channel": "whatsapp", "template": "order_confirmed", "reference": "crash", "fallback": False, "items": items}
    accepted = platform.call("POST", "/v1/messages/batch", body)
    assert (accepted.status, accepted.body["accepted"]) == (202, MESSAGES)

    def taken() -> list[dict[str, Any]]:
        return [call for call in platform.call("GET", f"{platform.simulator}/log/calls").body["calls"] if call["outcome"] == "accepted"]

    wait_for(lambda: len(taken()), lambda count: count > MESSAGES // 10)
    assert platform.kill_workers() > 0

    messages = wait_for(lambda: listed(platform), lambda seen: all(each["status"] == "read" for each in seen), seconds=90)

    handed = Counter(call["reference"].partition(".")[0] for call in taken())
    assert len(messages) == len(handed) == MESSAGES
    assert max(handed.values()) <= 2, "utility messages are sent once more after an unknown outcome, and never a third time"
