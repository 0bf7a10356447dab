"""People who answer: STOP ends what waits, START begins again, a reply finds its message, a link unsubscribes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.journeys.platform import Platform, wait_for

pytestmark = pytest.mark.journey


def say(platform: Platform, number: str, **said: Any) -> None:
    answer = platform.call("POST", f"{platform.simulator}/people/{number}", said)
    assert (answer.status, answer.body["answered"]) == (200, 200), answer


def arrived(platform: Platform, number: str, **more: Any) -> str:
    id_ = platform.send(number, **more)["id"]
    platform.when(id_, lambda message: message["status"] in {"delivered", "read"})
    return str(id_)


def story(platform: Platform, id_: str, type_: str) -> dict[str, Any]:
    told = wait_for(lambda: [event for event in platform.events(id_) if event["type"] == type_], bool)
    return dict(told[0])


def test_stop_between_schedule_and_release_cancels_and_start_begins_again(platform: Platform) -> None:
    number, url = "+201001230701", platform.receiver("stop")
    arrived(platform, number, channel="sms")
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    waiting = platform.send(number, channel="sms", send_at=later, callback=url)["id"]

    say(platform, number, text="Stop!", channel="sms")

    platform.when(waiting, lambda message: message["status"] == "canceled")
    event = wait_for(lambda: platform.received(url, waiting), lambda seen: any(each["body"]["type"] == "message.canceled" for each in seen))
    (canceled,) = [each["body"]["data"] for each in event if each["body"]["type"] == "message.canceled"]
    assert canceled["error"] == {"class": "opted_out", "code": "suppressed", "provider_code": None}
    refused = platform.call(
        "POST", "/v1/messages", {"channel": "sms", "template": "order_confirmed", "recipient": number, "fallback": False}
    )
    assert refused.body["code"] == "recipient_suppressed"

    say(platform, number, text="START", channel="sms")

    rows = lambda: platform.call("GET", f"/v1/suppressions?recipient=%2B{number[1:]}").body["items"]  # noqa: E731 - looked at again and again
    wait_for(rows, lambda items: [item["in_force"] for item in items] == [False])
    arrived(platform, number, channel="sms", fallback=False)


def test_a_reply_is_linked_by_its_context_and_by_recency(platform: Platform) -> None:
    number = "+201001230702"
    id_ = arrived(platform, number)

    say(platform, number, button="Track it", payload="track")
    by_context = story(platform, id_, "message.replied")
    say(platform, number, text="Thanks", with_context=False)

    replies = wait_for(
        lambda: [event["reply"] for event in platform.events(id_) if event["type"] == "message.replied"], lambda found: len(found) == 2
    )
    assert [reply["linked_by"] for reply in replies] == ["context", "recency"]
    told = platform.call("GET", f"/v1/inbound/{by_context['reply']['inbound']}").body
    assert (told["text"], told["payload"], told["sender"], told["message"]) == ("Track it", "track", number, id_)
