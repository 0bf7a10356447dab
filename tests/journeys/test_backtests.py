"""A draft is tested by the worker of a running platform with what was really sent."""

from __future__ import annotations

import json

import pytest

from tests.journeys.platform import Platform, wait_for

pytestmark = pytest.mark.journey

ASK = """
from datetime import timedelta
from django.utils import timezone
from messaging import backtesting
from routing import publishing
from routing.models import RouteVersion
published = RouteVersion.objects.select_related("route").get(route__business__slug="demo", status="published")
sms = [each for rule in published.rules for each in rule["steps"] if each["channel"] == "sms"][:1]
egypt = {"when": [{"field": "country", "in": ["EG"]}], "steps": [{name: sms[0][name] for name in ("channel", "accounts")}]}
draft = publishing.draft(published.route, rules=[egypt, *published.rules], by=None, accept_double_delivery=True)
now = timezone.now()
print(backtesting.ask(draft, since=now - timedelta(days=1), mode="test", by=None, at=now).pk)
"""
LOOK = """
import json
from messaging.backtest_records import Backtest
row = Backtest.objects.get(pk="{id}")
print(json.dumps([row.state, row.result]))
"""


def test_a_draft_is_tested_with_what_was_sent_and_decides_nothing(platform: Platform) -> None:
    for _ in range(3):
        sent = platform.send("+201001234567", channel="auto")
        platform.when(sent["id"], lambda each: each["status"] == "read")
    asked = platform.manage("shell", "-v", "0", "-c", ASK).splitlines()[-1]

    def look() -> tuple[str, dict[str, object]]:
        state, result = json.loads(platform.manage("shell", "-v", "0", "-c", LOOK.replace("{id}", asked)).splitlines()[-1])
        return state, result

    _, result = wait_for(look, lambda seen: seen[0] == "done", seconds=60)

    now, draft = result["now"], result["draft"]
    assert result["looked_at"] == result["messages"] >= 3
    assert result["changed"] >= 3
    assert (now["without_road"], draft["without_road"]) == (0, 0)
    assert now["fallback"] is not None
    assert {each["channel"] for each in draft["shares"]} >= {"sms"}
    assert platform.send("+201001234567", channel="auto")["route"]["version"] == sent["route"]["version"]
    assert "would take another road" in platform.manage("backtest", "demo", "default", "--mode", "test", "--days", "1")
