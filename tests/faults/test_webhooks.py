"""Faults of customers' receivers: what is owed comes in the end, with one id and the same bytes, and nobody waits for somebody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults import audit
from tests.faults.books import batch
from tests.faults.rig import PATIENCE, wait_for
from tests.faults.story import Story

HASTEN = "UPDATE callbacks_deliverydue SET due_at = now() WHERE due_at > now() + interval '3 seconds'"
"""As if the hours of the schedule had passed."""


def distinct(story: Story, receiver: str) -> set[str]:
    return {event["webhook_id"] for event in story.rig.seen(receiver)}


def until_seen(story: Story, receiver: str, number: int) -> list[dict[str, Any]]:
    wait_for(lambda: distinct(story, receiver), lambda seen: len(seen) >= number, seconds=PATIENCE)
    return story.rig.seen(receiver)


def until_all_seen(story: Story, receiver: str) -> list[dict[str, Any]]:
    """Until every event of its messages has come. How many there are depends: a receipt that comes after a later one changes no status."""
    url = f"{story.rig.simulator}/receiver/{receiver}"
    wait_for(lambda: story.rig.sql(OWED, [url])[0][0] - len(distinct(story, receiver)), lambda left: left == 0, seconds=PATIENCE)
    return story.rig.seen(receiver)


OWED = "SELECT count(*) FROM messaging_event e JOIN messaging_message m ON m.id = e.message_id WHERE m.callback = %s"
WAITING = "SELECT count(*) FROM callbacks_deliverydue d JOIN callbacks_endpoint e ON e.id = d.endpoint_id WHERE e.url = %s"


def test_f40_an_endpoint_that_was_down_gets_everything_with_the_same_ids_and_a_fresh_timestamp(story: Story) -> None:
    endpoint = story.books.receiver("f40", answers=[500] * 15)
    story.inject("500", 15)
    id_ = story.send(callback=endpoint)
    story.until(id_, "read")

    seen = wait_for(lambda: _hastened(story, "f40"), lambda events: len({e["webhook_id"] for e in events if e["answer"] == "200"}) == 5)

    first = seen[0]["webhook_id"]
    tries = [event for event in seen if event["webhook_id"] == first]
    assert len({event["digest"] for event in tries}) == 1
    assert all(event["verified"] for event in seen)
    assert tries[-1]["webhook_timestamp"] >= tries[0]["webhook_timestamp"]


# Ten failures in a row give an endpoint a rest, for which time flies as well.
RESTED = "UPDATE callbacks_endpoint SET resting_until = NULL WHERE failures > 0"


def _hastened(story: Story, receiver: str) -> list[dict[str, Any]]:
    """What it saw, time flying."""
    story.rig.sql(HASTEN)
    story.rig.sql(RESTED)
    return story.rig.seen(receiver)


@pytest.mark.long
def test_f41_what_outlasts_the_whole_schedule_is_given_up_and_comes_by_replay(story: Story) -> None:
    endpoint = story.books.receiver("f41", answers=[500] * 40)
    story.inject("500", 40)
    id_ = story.send(callback=endpoint)
    story.until(id_, "read")
    wait_for(lambda: _hastened(story, "f41"), lambda seen: len(seen) == 40, seconds=PATIENCE)
    wait_for(lambda: story.rig.sql(EXHAUSTED, [endpoint])[0][0], lambda number: number == 5, seconds=PATIENCE)

    replay(story, endpoint, business="alice")

    until_200 = wait_for(lambda: story.rig.seen("f41"), lambda seen: sum(event["answer"] == "200" for event in seen) == 5, seconds=PATIENCE)
    assert len({event["webhook_id"] for event in until_200}) == 5


EXHAUSTED = """
SELECT count(*) FROM callbacks_deliverytry t JOIN callbacks_delivery d ON d.id = t.delivery_id
JOIN callbacks_endpoint e ON e.id = d.endpoint_id WHERE t.outcome = 'exhausted' AND e.url = %s
"""


def replay(story: Story, url: str, *, business: str) -> Any:
    """What the business asks for in one call: all that its endpoint is missing."""
    endpoints = story.rig.call("GET", "/v1/webhook-endpoints?kind=callback&limit=200", business=business)
    assert endpoints
    (id_,) = [each["id"] for each in endpoints.body["items"] if each["url"] == url]
    answer = story.rig.call(
        "POST",
        f"/v1/webhook-endpoints/{id_}/replay",
        {"missing_since": (datetime.now(UTC) - timedelta(hours=1)).isoformat()},
        business=business,
    )
    assert answer
    # Asked for while the same endpoint's is under way, it is refused: there is one at a time.
    assert answer.status in {202, 409}, answer
    return answer.body


@pytest.mark.long
def test_f42_an_answer_that_is_lost_brings_the_same_webhook_again(story: Story) -> None:
    endpoint = story.books.receiver("f42", answers=["reset", "reset"])
    story.inject("200 lost", 2)

    id_ = story.send(callback=endpoint)

    story.until(id_, "read")
    seen = wait_for(lambda: story.rig.seen("f42"), lambda events: len(events) >= 7, seconds=PATIENCE)
    assert len({event["webhook_id"] for event in seen}) == 5


@pytest.mark.long
def test_f43_a_receiver_that_hangs_delays_no_other_customer(story: Story) -> None:
    """Slow headers, endless chunks, gzip bombs: tests/callbacks/test_delivery.py has each of them, on a receiver of its own making."""
    hanging = story.books.receiver("f43-hangs", answers=["hang"] * 60)
    well = story.books.receiver("f43-well", business="bella")
    story.inject("hang", 60)
    slow = story.books.insist(story.key(), batch(60, callback=hanging))
    wait_for(lambda: len(story.rig.seen("f43-hangs")), bool, seconds=PATIENCE)

    ids = [story.send(business="bella", callback=well) for _ in range(5)]
    story.until(ids, "read")
    until_all_seen(story, "f43-well")

    assert story.rig.sql(WAITING, [hanging])[0][0] > 0, "bella's came past what still waits for alice"
    story.until(slow, "read", seconds=180)
    wait_for(lambda: story.rig.sql(HASTEN) or story.rig.sql(WAITING, [hanging])[0][0], lambda left: left == 0, seconds=180)


@pytest.mark.long
def test_f44_a_redirect_is_not_followed_and_is_a_failed_try(story: Story) -> None:
    trap = story.books.receiver("f44-trap")
    endpoint = story.books.receiver("f44", answers=[301, 307], location=trap)
    story.inject("redirect", 2)

    id_ = story.send(callback=endpoint)

    story.until(id_, "read")
    until_seen(story, "f44", 5)
    assert story.rig.seen("f44-trap") == []


@pytest.mark.long
def test_f47_a_receiver_that_asks_for_a_rest_gets_it(story: Story) -> None:
    endpoint = story.books.receiver("f47", answers=[429], retry_after=4)
    story.inject("429 with Retry-After")

    id_ = story.send(callback=endpoint)

    story.until(id_, "read")
    seen = wait_for(lambda: story.rig.seen("f47"), lambda events: len(events) >= 6, seconds=PATIENCE)
    asked_at = seen[0]["at"]
    assert seen[0]["answer"] == "429"
    tries = [event["at"] for event in seen if event["webhook_id"] == seen[0]["webhook_id"]]
    assert tries[1] - asked_at >= 4.0


def webhooks(story: Story, receiver: str) -> list[dict[str, Any]]:
    """What it saw, without the challenge."""
    return [event for event in story.rig.seen(receiver) if event["body"]["type"] != "endpoint.challenge"]


def verified(story: Story, url: str) -> Any:
    """An endpoint whose receiver has answered the challenge."""
    story.rig.call("PUT", url, {})
    made = story.rig.call("POST", "/v1/webhook-endpoints", {"url": url, "event_types": ["message.read"]}, business="otto")
    assert made
    assert made.status == 201, made
    wait_for(
        lambda: story.rig.call("GET", f"/v1/webhook-endpoints/{made.body['id']}", business="otto"),
        lambda answer: answer is not None and answer.body["status"] == "enabled",
        seconds=PATIENCE,
    )
    return made


def test_f47_a_receiver_that_is_gone_is_not_called_again(story: Story) -> None:
    url = f"{story.rig.simulator}/receiver/f47-gone"
    made = verified(story, url)
    assert made
    assert made.status == 201, made
    story.rig.call("PUT", url, {"secret": made.body["secret"], "answers": [410]})
    story.inject("410")

    story.until(story.send(business="otto"), "read")
    endpoint = wait_for(
        lambda: story.rig.call("GET", f"/v1/webhook-endpoints/{made.body['id']}", business="otto"),
        lambda answer: answer is not None and not answer.body["is_enabled"],
        seconds=PATIENCE,
    )
    story.until(story.send(business="otto"), "read")
    audit.settle(story.rig)

    assert endpoint.body["disabled_because"]
    assert [event["answer"] for event in story.rig.seen("f47-gone")] == ["200", "410"]


@pytest.mark.long
def test_f48_a_retry_after_a_rotation_bears_signatures_of_both_secrets(story: Story) -> None:
    url = f"{story.rig.simulator}/receiver/f48"
    made = verified(story, url)
    assert made
    story.rig.call("PUT", url, {"secret": made.body["secret"], "answers": [500]})
    story.until(story.send(business="otto"), "read")
    wait_for(lambda: webhooks(story, "f48"), bool, seconds=PATIENCE)

    rotated = story.rig.call("POST", f"/v1/webhook-endpoints/{made.body['id']}/rotate-secret", {}, business="otto")
    story.inject("secret rotated between tries")
    assert rotated
    assert rotated.status == 200, rotated
    story.rig.call("PUT", url, {"secret": rotated.body["secret"]})

    seen = wait_for(lambda: webhooks(story, "f48"), lambda events: len(events) >= 2, seconds=PATIENCE)
    assert [event["verified"] for event in seen[:2]] == [True, True]
    story.rig.call("DELETE", f"/v1/webhook-endpoints/{made.body['id']}", business="otto")


def test_f49_two_workers_pay_each_webhook_once(story: Story) -> None:
    endpoint = story.books.receiver("f49", delay=0.2)
    story.inject("two workers at one queue")

    ids = story.books.insist(story.key(), batch(60, callback=endpoint))

    story.until(ids, "read")
    seen = until_all_seen(story, "f49")
    assert len(seen) == len(distinct(story, "f49")) > 200


@pytest.mark.long
def test_f50_replaying_the_dead_letters_twice_sends_each_once_more(story: Story) -> None:
    endpoint = story.books.receiver("f50", answers=[500] * 800)
    ids = story.books.insist(story.key(), batch(20, callback=endpoint))
    story.until(ids, "read")
    wait_for(lambda: _hastened(story, "f50") and story.rig.sql(EXHAUSTED, [endpoint])[0][0], lambda number: number == 100, seconds=180)
    before = len(story.rig.seen("f50"))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: replay(story, endpoint, business="alice"), range(2)))
    story.inject("replay of 100", 2)

    seen = wait_for(
        lambda: story.rig.seen("f50"), lambda events: sum(event["answer"] == "200" for event in events) >= 100, seconds=PATIENCE
    )
    audit.settle(story.rig)
    assert len(story.rig.seen("f50")) - before == 100, len(seen)
