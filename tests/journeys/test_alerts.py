"""Staff hear of a trouble, and of its end, while the platform runs as real processes: by mail and by a signed webhook."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from callbacks import signing
from qsura_platform.local import places
from tests.callbacks.postbox import Postbox
from tests.callbacks.receiver import Receiver
from tests.journeys.platform import Platform, running, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.slow]

SECRET = signing.new_secret()
ROUND = 60.0
"""Seconds in which a round from beat must have come."""


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with Postbox() as running_:
        yield running_


@pytest.fixture
def pager() -> Iterator[Receiver]:
    with Receiver() as running_:
        yield running_


@pytest.fixture
def platform(postbox: Postbox, pager: Receiver) -> Iterator[Platform]:
    told = {
        "EMAIL_URL": f"smtp://127.0.0.1:{postbox.port}",
        "ALERT_EMAILS": "night-shift@qsura.example",
        "ALERT_EMAIL_FROM": "qsura@qsura.example",
        "ALERT_WEBHOOK_URL": pager.url(),
        "ALERT_WEBHOOK_SECRET": SECRET,
        "QSURA_ALLOWED_PRIVATE_TARGETS": "127.0.0.1/32",
    }
    with places.throwaway() as home, running(home / "state", variables=told) as platform:
        yield platform


def test_a_key_in_a_browser_is_told_and_so_is_its_end(platform: Platform, postbox: Postbox, pager: Receiver) -> None:
    refused = platform.call("GET", "/v1/messages", headers={"Origin": "https://shop.example"})
    assert (refused.status, refused.body["code"]) == (403, "key_in_browser")

    wait_for(lambda: [postbox.mails, pager.received], all, seconds=ROUND)
    platform.manage("revoke_api_key", platform.key.split("_")[2])
    wait_for(lambda: (len(postbox.mails), len(pager.received)), lambda told: min(told) >= 2, seconds=ROUND)

    for each in pager.received:
        each.verify(SECRET)
    assert [each.type for each in pager.received] == ["alert.opened", "alert.resolved"]
    assert {orjson.loads(each.body)["data"]["business"] for each in pager.received} == {"demo"}
    subjects = [str(mail.message["Subject"]) for mail in postbox.mails]
    assert "URGENT: API key in a browser" in subjects[0]
    assert "resolved: API key in a browser" in subjects[1]
    assert platform.key not in "".join(mail.text for mail in postbox.mails)
