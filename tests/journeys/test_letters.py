"""Letters by SMTP and messages by a configured API, between real processes: taken, sent, bounced, told, and unsubscribed from."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.platform import Platform, wait_for

pytestmark = pytest.mark.journey

WAYS = """
from django.utils import timezone
from accounts.models import Person
from routing import credentials, publishing
from routing.models import ProviderAccount, Route
from templates_app import approval, writing
account = {row.provider: row for row in ProviderAccount.objects.filter(mode="test", business=None)}
step = lambda channel, provider: {"channel": channel, "accounts": [{"account": str(account[provider].pk), "weight": 1}]}
rule = lambda way, *steps: {"when": [{"field": "metadata", "name": "way", "in": [way]}], "steps": list(steps)}
route = Route.objects.get(business__slug="demo")
rules = route.versions.get(status="published").rules
own = [rule("smtp", step("email", "smtp")), rule("api", step("email", "signed_http"), step("sms", "signed_http"))]
version = publishing.draft(route, rules=own + rules, by=None, accept_double_delivery=True)
publishing.publish(version, by=None, because="Other ways for a test.", at=timezone.now())
author, approver = (Person.objects.get(username=name) for name in ("author", "approver"))
words = {"email": {"subject": "Books for less", "text": "Every book for less, this week alone. Nile Books"}}
version = writing.begin(route.business_id, name="sale", category="marketing", language="en", author=author, content=words, variables=[])
version = approval.submit(version, by=author, at=timezone.now())
version = approval.approve(version, by=approver, because="Short and clear.", at=timezone.now())
approval.publish(version, by=approver, at=timezone.now())
print(credentials.callback_url(account["smtp"]))
"""


@pytest.fixture(scope="module")
def ways(platform: Platform) -> Platform:
    """The platform with a route to both, and its mail server told where bounces go."""
    url = platform.manage("shell", "-c", WAYS).splitlines()[-1]
    assert platform.call("PUT", f"{platform.simulator}/smtp/reports", {"url": url}).status == 200
    return platform


def write(platform: Platform, recipient: str, *, way: str = "smtp", channel: str = "email", **more: Any) -> str:
    return str(platform.send(recipient, channel=channel, fallback=False, metadata={"way": way}, **more)["id"])


def told(platform: Platform, endpoint: str, id_: str, *, count: int) -> list[str]:
    """What the webhooks said, in the order of the story; every one of them proven."""
    webhooks = platform.received(endpoint, id_, count=count)
    assert all(webhook["verified"] for webhook in webhooks)
    bodies = sorted((webhook["body"] for webhook in webhooks), key=lambda body: body["data"]["seq"])
    return [body["type"].removeprefix("message.") for body in bodies]


def test_a_letter_that_a_mail_server_takes_ends_as_sent(ways: Platform) -> None:
    endpoint = ways.receiver("letters")
    id_ = write(ways, "sara@example.com", callback=endpoint)

    assert told(ways, endpoint, id_, count=3) == ["accepted", "submitted", "sent"]
    last = max((each["body"]["data"] for each in ways.received(endpoint, id_, count=3)), key=lambda data: data["seq"])
    assert (last["status"], last["final"]) == ("sent", True)
    assert [call["provider"] for call in ways.handoffs(id_)] == ["smtp"]


def test_a_letter_that_comes_back_has_failed_after_all(ways: Platform) -> None:
    endpoint = ways.receiver("bounces")
    id_ = write(ways, "sara0020@example.com", callback=endpoint)

    assert told(ways, endpoint, id_, count=4) == ["accepted", "submitted", "sent", "failed"]
    error = ways.events(id_)[-1]["error"]
    assert (ways.message(id_)["status"], error["class"], error["provider_code"]) == ("failed", "unreachable", "5.2.2")


def test_a_recipient_that_a_mail_server_does_not_know_fails_at_once(ways: Platform) -> None:
    id_ = write(ways, "sara0011@example.com")

    ways.when(id_, lambda each: each["status"] == "failed")
    assert ways.events(id_)[-1]["error"]["provider_code"] == "550 5.1.1"
    assert ways.handoffs(id_) == []


def test_a_mail_server_that_has_no_time_takes_it_once_in_the_end(ways: Platform) -> None:
    id_ = write(ways, "sara0030@example.com")

    ways.when(id_, lambda each: each["status"] == "sent")
    assert len(ways.handoffs(id_)) == 1


def test_a_connection_lost_behind_the_dot_is_said_to_be_unknown(ways: Platform) -> None:
    id_ = write(ways, "sara0043@example.com")

    message = ways.when(id_, lambda each: each["status"] == "failed")
    assert message["error"]["code"] == "outcome_unknown"
    assert len(ways.handoffs(id_)) == 2


def test_one_click_in_a_letter_ends_the_next_one(ways: Platform) -> None:
    letter = {"channel": "email", "template": "sale", "recipient": "omar@example.com", "metadata": {"way": "smtp"}}
    first = ways.call("POST", "/v1/messages", letter)
    ways.when(first.body["id"], lambda each: each["status"] == "sent")

    pressed = ways.call("POST", f"{ways.simulator}/people/omar@example.com", {"unsubscribe": True, "channel": "email"})

    assert (pressed.status, pressed.body["answered"]) == (200, 200)
    rows = ways.call("GET", "/v1/suppressions?recipient=omar@example.com").body["items"]
    assert [row["in_force"] for row in rows] == [True]
    assert ways.call("POST", "/v1/messages", letter).body["code"] == "recipient_suppressed"


@pytest.mark.parametrize(
    "channel, recipient, last", [("sms", "+201001230801", "delivered"), ("email", "laila@example.com", "read")], ids=["sms", "email"]
)
def test_a_configured_api_brings_it_there_and_says_so(ways: Platform, channel: str, recipient: str, last: str) -> None:
    endpoint = ways.receiver(f"api-{channel}")
    id_ = write(ways, recipient, way="api", channel=channel, callback=endpoint)

    wanted = ["accepted", "submitted", "sent", "delivered", "read"]
    wanted = wanted[: wanted.index(last) + 1]
    assert told(ways, endpoint, id_, count=len(wanted)) == wanted
    assert ways.message(id_)["status"] == last
    assert [call["provider"] for call in ways.handoffs(id_)] == ["signed_http"]


def test_what_a_configured_api_tells_as_failed_has_failed(ways: Platform) -> None:
    endpoint = ways.receiver("api-fails")
    id_ = write(ways, "+201000000020", way="api", channel="sms", callback=endpoint)

    wait_for(lambda: told(ways, endpoint, id_, count=4), lambda seen: seen[-1] == "failed")
    assert ways.message(id_)["error"]["class"] == "unreachable"
