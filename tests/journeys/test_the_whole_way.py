"""From one request to a signed webhook, between real processes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.platform import Platform, wait_for

pytestmark = pytest.mark.journey

GOOD = "+201001234567"


def fault(code: str) -> str:
    """A number that meets that fault of the simulator (docs/simulator.md)."""
    return f"+2010000000{code}"


def types(events: list[dict[str, object]]) -> list[str]:
    return [str(event["type"]).removeprefix("message.") for event in events]


def test_the_briefs_four_fields_are_enough(platform: Platform) -> None:
    endpoint = platform.receiver("four-fields")
    message = platform.send(GOOD, callback=endpoint)

    webhooks = platform.received(endpoint, message["id"], count=5)

    assert [webhook["body"]["type"] for webhook in sorted(webhooks, key=lambda each: each["body"]["data"]["seq"])] == [
        f"message.{status}" for status in ("accepted", "submitted", "sent", "delivered", "read")
    ]
    assert all(webhook["verified"] for webhook in webhooks)
    assert len({webhook["webhook_id"] for webhook in webhooks}) == 5
    assert platform.message(message["id"])["status"] == "read"
    assert len(platform.handoffs(message["id"])) == 1


def test_a_webhook_tells_the_story_and_neither_recipient_nor_text(platform: Platform) -> None:
    endpoint = platform.receiver("thin")
    message = platform.send(GOOD, callback=endpoint, reference="order-17", metadata={"shop": "nile"})

    last = max(platform.received(endpoint, message["id"], count=5), key=lambda each: each["body"]["data"]["seq"])

    data = last["body"]["data"]
    assert (data["status"], data["previous_status"], data["final"], data["seq"]) == ("read", "delivered", True, 5)
    assert (data["reference"], data["metadata"]) == ("order-17", {"shop": "nile"})
    assert GOOD not in json.dumps(last)


@pytest.mark.parametrize("code", ["03", "21", "50", "51", "52", "53", "54", "55", "57"])
def test_receipts_may_come_in_any_order_and_dress(platform: Platform, code: str) -> None:
    """Read without delivered, failed then delivered, reversed, tripled, early, unknown words, nameless, timeless, forged first."""
    message = platform.send(fault(code), fallback=False)

    arrived = platform.when(message["id"], lambda each: each["status"] in {"delivered", "read"})

    events = platform.events(message["id"])
    assert arrived["delivered_at"] is not None
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len(platform.handoffs(message["id"])) == 1


def test_a_late_failure_does_not_undo_a_delivery(platform: Platform) -> None:
    message = platform.send(fault("22"), fallback=False)

    platform.when(message["id"], lambda _: types(platform.events(message["id"]))[-1] == "failed")

    last = platform.events(message["id"])[-1]
    assert (last["late"], last["status"]) == (True, "delivered")
    assert platform.message(message["id"])["status"] == "delivered"


@pytest.mark.parametrize("code, because", [("14", "unreachable"), ("20", "unreachable"), ("13", "template_fault"), ("23", "window_closed")])
def test_an_error_on_whatsapp_leads_to_sms(platform: Platform, code: str, because: str) -> None:
    endpoint = platform.receiver(f"fallback-{code}")
    message = platform.send(fault(code), callback=endpoint)

    platform.when(message["id"], lambda each: len(each["attempts"]) == 2)

    (fallback,) = [event for event in platform.events(message["id"]) if event["type"] == "message.fallback"]
    assert fallback["fallback"] == {"from": "whatsapp", "to": "sms", "because": because}
    webhooks = wait_for(
        lambda: platform.received(endpoint, message["id"]), lambda seen: "message.fallback" in {each["body"]["type"] for each in seen}
    )
    assert all(webhook["verified"] for webhook in webhooks)


@pytest.mark.parametrize("code, error", [("12", "opted_out"), ("11", "invalid_recipient_on_channel")])
def test_an_error_that_stops_or_fails_everywhere_ends_the_message(platform: Platform, code: str, error: str) -> None:
    message = platform.send(fault(code), fallback=False)

    ended = platform.when(message["id"], lambda each: each["status"] == "failed")

    assert ended["error"]["class"] in {error, "invalid_recipient"}
    assert platform.handoffs(message["id"]) == []


def test_silence_on_whatsapp_leads_to_sms(platform: Platform) -> None:
    platform.manage("shell", "-c", SHORT_PATIENCE)
    message = platform.send(fault("04"))

    platform.when(message["id"], lambda each: len(each["attempts"]) == 2)

    (fallback,) = [event for event in platform.events(message["id"]) if event["type"] == "message.fallback"]
    assert fallback["fallback"] == {"from": "whatsapp", "to": "sms", "because": "silence"}


SHORT_PATIENCE = """
from django.utils import timezone
from routing import publishing
from routing.models import Route
route = Route.objects.get(business__slug="demo")
rules = route.versions.get(status="published").rules
rules[-1]["steps"][0]["within"] = 10
version = publishing.draft(route, rules=rules, by=None, accept_double_delivery=True)
publishing.publish(version, by=None, because="Silence is to be heard within a test.", at=timezone.now())
"""


@pytest.mark.parametrize("code", ["30", "31"])
def test_trouble_that_passes_ends_in_one_hand_off(platform: Platform, code: str) -> None:
    """Throttled, or broken: taken once in the end."""
    message = platform.send(fault(code), fallback=False)

    platform.when(message["id"], lambda each: each["status"] in {"delivered", "read"})

    assert len(platform.handoffs(message["id"])) == 1


@pytest.mark.parametrize("code", ["40", "43", "44"])
def test_a_receipt_settles_a_hand_off_that_nobody_answered(platform: Platform, code: str) -> None:
    message = platform.send(fault(code), fallback=False)

    platform.when(message["id"], lambda each: each["status"] == "read")

    assert len(platform.handoffs(message["id"])) == 1


def test_an_outcome_that_nothing_settles_is_tried_once_more_and_then_said(platform: Platform) -> None:
    message = platform.send(fault("41"), fallback=False)

    ended = platform.when(message["id"], lambda each: each["status"] == "failed")

    assert ended["error"]["code"] == "outcome_unknown"
    assert len(platform.handoffs(message["id"])) == 2


def test_50_equal_requests_at_once_make_one_message(platform: Platform) -> None:
    body = {"channel": "whatsapp", "template": "order_confirmed", "recipient": GOOD, "reference": "fifty"}

    with ThreadPoolExecutor(50) as threads:
        answers = list(
            threads.map(lambda _: platform.call("POST", "/v1/messages", body, headers={"Idempotency-Key": "fifty at once"}), range(50))
        )

    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len(platform.call("GET", "/v1/messages?reference=fifty").body["items"]) == 1

    other = platform.call("POST", "/v1/messages", {**body, "reference": "other"}, headers={"Idempotency-Key": "fifty at once"})
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_an_endpoint_that_fails_first_gets_the_same_webhook_again(platform: Platform) -> None:
    endpoint = platform.receiver("shaky", answers=[500])
    message = platform.send(GOOD, callback=endpoint)

    webhooks = platform.received(endpoint, message["id"], count=6)

    seen: dict[str, list[str]] = {}
    for webhook in webhooks:
        seen.setdefault(webhook["webhook_id"], []).append(webhook["digest"])
    assert len(seen) == 5
    assert max(len(digests) for digests in seen.values()) == 2
    assert all(len(set(digests)) == 1 for digests in seen.values())


def test_a_registered_endpoint_hears_what_it_asked_for(platform: Platform) -> None:
    url = f"{platform.simulator}/receiver/registered"
    platform.call("PUT", url, {})  # so that somebody is there to answer the challenge
    made = platform.call("POST", "/v1/webhook-endpoints", {"url": url, "event_types": ["message.read"]})
    assert made.status == 201, made
    platform.call("PUT", url, {"secret": made.body["secret"]})

    message = platform.send(GOOD)

    (webhook,) = platform.received(url, message["id"])
    assert (webhook["verified"], webhook["body"]["type"]) == (True, "message.read")
    platform.call("DELETE", f"/v1/webhook-endpoints/{made.body['id']}")


def test_a_live_key_never_reaches_the_simulator(platform: Platform) -> None:
    live = platform.manage("create_api_key", "--business", "demo", "--mode", "live")

    answer = platform.call("POST", "/v1/messages", {"channel": "whatsapp", "template": "order_confirmed", "recipient": GOOD}, key=live)

    assert (answer.status, answer.body["code"]) == (422, "no_route")


def test_a_revoked_key_is_refused_from_the_next_request_on(platform: Platform) -> None:
    key = platform.manage("create_api_key", "--business", "demo", "--mode", "test")
    body = {"channel": "whatsapp", "template": "order_confirmed", "recipient": GOOD}
    assert platform.call("POST", "/v1/messages", body, key=key).status == 202

    platform.manage("revoke_api_key", key)

    assert platform.call("POST", "/v1/messages", body, key=key).status == 401
    assert platform.call("GET", "/v1/messages", key=key).status == 401


def test_a_scheduled_message_can_be_taken_back_and_a_sent_one_not(platform: Platform) -> None:
    scheduled = platform.send(GOOD, send_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    sent = platform.send(GOOD)
    platform.when(sent["id"], lambda each: each["status"] == "read")

    assert platform.call("POST", f"/v1/messages/{scheduled['id']}/cancel").body["status"] == "canceled"
    assert platform.call("POST", f"/v1/messages/{scheduled['id']}/cancel").status == 200
    late = platform.call("POST", f"/v1/messages/{sent['id']}/cancel")
    assert (late.status, late.body["code"]) == (409, "too_late_to_cancel")


def test_whoever_reads_on_in_the_feed_misses_nothing(platform: Platform) -> None:
    sent = {platform.send(GOOD, reference=f"feed-{number}")["id"] for number in range(5)}
    for id_ in sent:
        platform.when(id_, lambda each: each["status"] == "read")

    seen, after = [], ""
    while (page := platform.call("GET", f"/v1/events?limit=7&after={after}").body)["items"]:
        seen += page["items"]
        after = page["next_cursor"]

    for id_ in sent:
        assert [event["seq"] for event in seen if event["message"] == id_] == [1, 2, 3, 4, 5]
    assert len({event["id"] for event in seen}) == len(seen)
