"""An account that fails is left alone, tried again and used again; one that fails more than its neighbour gets less to do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.journeys.platform import Platform, wait_for

pytestmark = pytest.mark.journey

BROKEN, TWICE, GOOD = "+201000000033", "+201000000031", "+201001234567"


def told(platform: Platform, type_: str) -> list[dict[str, Any]]:
    """The business's own events of that type, oldest first."""
    answer = platform.call("GET", f"/v1/events?limit=100&type={type_}")
    assert answer.status == 200, answer
    return list(answer.body["items"])


def batch(platform: Platform, *recipients: str, **more: Any) -> list[str]:
    body = {"channel": "whatsapp", "template": "order_confirmed", "fallback": False, "items": [{"recipient": each} for each in recipients]}
    answer = platform.call("POST", "/v1/messages/batch", {**body, **more})
    assert answer.status == 202, answer
    return [item["message"]["id"] for item in answer.body["items"]]


def test_a_breaker_opens_the_business_hears_and_probes_close_it(platform: Platform) -> None:
    before = {type_: len(told(platform, type_)) for type_ in ("provider.degraded", "provider.recovered")}
    broken = batch(platform, *[BROKEN] * 12)
    (degraded,) = wait_for(lambda: told(platform, "provider.degraded")[before["provider.degraded"] :], bool)
    assert degraded["about"]["account"] == "Simulated Meta"
    for id_ in broken:
        platform.call("POST", f"/v1/messages/{id_}/cancel")

    waiting = batch(platform, *[GOOD] * 6)
    other = platform.send(GOOD, channel="sms")

    platform.when(other["id"], lambda message: message["status"] == "delivered")
    for id_ in waiting:
        platform.when(id_, lambda message: message["status"] == "read", seconds=60)
        assert len(platform.handoffs(id_)) == 1
    (recovered,) = wait_for(lambda: told(platform, "provider.recovered")[before["provider.recovered"] :], bool)
    assert recovered["about"]["because"] == "3 probes were answered well."


ROUTE = """
from django.utils import timezone
from accounts.models import Business
from routing import publishing
from routing.models import ProviderAccount, Route
twilio = ProviderAccount.objects.get(name="Simulated Twilio")
second, _ = ProviderAccount.objects.get_or_create(name="Second Twilio", defaults={"provider": "twilio", "mode": "test"})
route, _ = Route.objects.get_or_create(business=Business.objects.get(slug="demo"), name="pair", defaults={"position": 1})
one, two = {"account": str(twilio.pk)}, {"account": str(second.pk)}
by_sms = {"field": "channel", "in": ["sms"]}
rules = [
    {"when": [by_sms, {"field": "prefix", "in": ["+2010000"]}], "steps": [{"channel": "sms", "accounts": [one]}]},
    {"when": [by_sms, {"field": "country", "in": ["EG"]}], "steps": [{"channel": "sms", "accounts": [one, two]}]},
]
version = publishing.draft(route, rules=rules, by=None)
publishing.publish(version, by=None, because="a pair", at=timezone.now())
"""


@pytest.mark.slow
def test_an_account_that_fails_more_than_its_neighbour_loses_points(platform: Platform) -> None:
    """A third of one account's calls fail, none of the other's: within a minute or two it has ten points less."""
    platform.manage("shell", "-v", "0", "-c", ROUTE)

    def lost() -> list[int | None] | None:
        """Of the two accounts of the rule that takes a good number; None while the route is not known yet."""
        asked = {"channel": "sms", "template": "order_confirmed", "recipient": GOOD}
        rules = platform.call("POST", "/v1/messages/explain", asked).body["route"]["rules"]
        pair = next((rule for rule in rules if rule["route"] == "pair" and rule["held"]), None)
        return pair and [account.get("lost") for account in pair["steps"][0]["accounts"]]

    assert wait_for(lost, bool) == [None, None]

    def work() -> list[int | None] | None:
        batch(platform, *[TWICE] * 4, *[GOOD] * 24, channel="sms")
        time.sleep(2)
        return lost()

    assert wait_for(work, lambda seen: seen != [None, None], seconds=180) == [10, None]
