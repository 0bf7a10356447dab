"""Quiet hours between real processes: three zones, one instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.journeys.platform import Platform, wait_for

pytestmark = pytest.mark.journey

GOOD = "+201001234567"
KATHMANDU, ST_JOHNS = "Asia/Kathmandu", "America/St_Johns"

SET = """
from datetime import time
from accounts.models import Business
from routing.models import QuietHours
QuietHours.objects.filter(business__slug="demo").delete()
QuietHours.objects.create(business=Business.objects.get(slug="demo"), traffic_class="utility",
    begins=time.fromisoformat("{begins}"), ends=time.fromisoformat("{ends}"))
"""


def test_what_is_quiet_in_one_of_three_zones_waits_there_and_goes_elsewhere(platform: Platform) -> None:
    wall = datetime.now(ZoneInfo(KATHMANDU)).replace(tzinfo=None, microsecond=0)
    begins, ends = (wall - timedelta(minutes=30)).time(), (wall + timedelta(seconds=35)).time()
    platform.manage("shell", "-c", SET.format(begins=begins, ends=ends))
    endpoint = platform.receiver("quiet-hours")

    first = wait_for(
        lambda: platform.send(GOOD, callback=endpoint, timezone=KATHMANDU), lambda told: told["status"] == "scheduled", seconds=20
    )
    others = [platform.send(GOOD, timezone=zone) for zone in (ST_JOHNS, None)]

    for told in others:
        assert told["status"] == "accepted"
        platform.when(told["id"], lambda each: each["status"] in {"delivered", "read"})
    assert platform.handoffs(first["id"]) == []
    platform.when(first["id"], lambda each: each["status"] in {"delivered", "read"}, seconds=60)
    (call,) = platform.handoffs(first["id"])
    assert call["outcome"] == "accepted"
    until = datetime.fromisoformat(first["send_at"])
    submitted = datetime.fromisoformat(platform.message(first["id"])["submitted_at"])
    assert until == (wall + timedelta(seconds=35)).replace(tzinfo=ZoneInfo(KATHMANDU)).astimezone(UTC)
    assert until <= submitted < until + timedelta(seconds=10)
    scheduled = next(each for each in platform.received(endpoint, first["id"], count=4) if each["body"]["type"] == "message.scheduled")
    assert scheduled["body"]["data"]["deferred"] == {"because": "quiet_hours", "until": first["send_at"]}
