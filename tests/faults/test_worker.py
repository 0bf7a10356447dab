"""Faults between the queue and the providers: nothing is lost, and only what the lifecycle allows is handed over twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from tests.faults.books import GOOD, batch, fault
from tests.faults.proxy import Moment, Trap
from tests.faults.rig import PATIENCE, PUT_BACK, Member, wait_for
from tests.faults.story import Story

BEGUN = "INTO messaging_attempt"
"""The first transaction with it, of a message that nothing was done for, is the one that begins its attempt."""
_SAID = b'{"error":{"message":"Invalid OAuth access token","type":"OAuthException","code":190}}'
REVOKED = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    len(_SAID),
    _SAID,
)


def trap_and_send(story: Story, moment: Moment, recipient: str = GOOD) -> tuple[str, Member, Trap]:
    """A message whose worker is held up at the COMMIT that begins its attempt."""
    traps = [(worker, worker.door.catch(BEGUN, moment)) for worker in story.rig.workers if worker.door]
    id_ = story.send(recipient)
    worker, trap = wait_for(lambda: [pair for pair in traps if pair[1].caught.is_set()], bool, seconds=PATIENCE)[0]
    for each in story.rig.workers:
        if each.door:
            each.door.trap = None
    return id_, worker, trap


@pytest.mark.parametrize("moment", [Moment.BEFORE, pytest.param(Moment.AFTER, marks=pytest.mark.long)], ids=["claim-undone", "claim-done"])
def test_f10_a_worker_killed_between_claim_and_call_leaves_the_call_to_another(story: Story, moment: Moment) -> None:
    id_, worker, _ = trap_and_send(story, moment)

    worker.kill()
    story.inject("kill -9 worker")

    story.until(id_, "read")
    assert story.taken(id_) == 1


def kill_workers(story: Story) -> None:
    for worker in story.rig.workers:
        worker.kill()
        story.inject("kill -9 worker")
    for worker in story.rig.workers:
        worker.start()


@pytest.mark.long
def test_f11_a_receipt_closes_a_hand_off_whose_worker_was_killed(story: Story) -> None:
    id_ = story.send(fault("34"))
    story.until_taken(id_)

    kill_workers(story)

    story.until(id_, "read")
    assert story.taken(id_) == 1


@pytest.mark.long
@pytest.mark.parametrize("business, most", [("alice", 2), ("molly", 1)], ids=["utility", "marketing"])
def test_f11_without_a_receipt_the_class_decides_how_often_it_is_handed_over(story: Story, business: str, most: int) -> None:
    id_ = story.send(fault("41"), business=business)
    story.until_taken(id_)

    kill_workers(story)

    story.until(id_, "failed")
    assert story.taken(id_) == most
    assert story.message(id_, business=business)["error"]["code"] == "outcome_unknown"


@pytest.mark.parametrize("code", ["40", "43", "44"], ids=["no-answer", "cut", "page"])
def test_f12_an_ambiguous_call_is_neither_failed_nor_sent_again_and_its_receipt_settles_it(story: Story, code: str) -> None:
    """F18, too: a page of HTML for an answer is no success and no crash."""
    story.inject({"40": "time-out", "43": "cut instead of an answer", "44": "HTML for an answer"}[code])

    id_ = story.send(fault(code), fallback=True)

    story.until(id_, "read")
    assert story.taken(id_) == 1
    assert [channel for *_, channel in story.attempts(id_)] == ["whatsapp"]


def test_f13_a_provider_that_refuses_connections_is_tried_again_and_takes_it_once(story: Story) -> None:
    story.rig.road.close()
    story.inject("connection refused")
    ids = [story.send(), story.send(business="molly")]
    wait_for(lambda: [row for id_ in ids for row in story.attempts(id_)], lambda rows: len(rows) == 2 and all(row[2] >= 2 for row in rows))

    story.rig.road.open()

    story.until(ids, "read")
    assert [story.taken(id_) for id_ in ids] == [1, 1]


@pytest.mark.long
def test_f13_a_provider_that_resets_connections_takes_it_once_in_the_end(story: Story) -> None:
    """Nobody here can know what was read before the reset, so it is ambiguous, and goes once more after the grace."""
    story.rig.road.shut()
    story.inject("connection reset")
    id_ = story.send()
    wait_for(lambda: story.attempts(id_), lambda rows: [row[1] for row in rows] == ["unknown"])

    story.rig.road.heal()

    story.until(id_, "read")
    assert story.taken(id_) == 1


@pytest.mark.long
@pytest.mark.parametrize("code", ["31"])
def test_f14_a_provider_that_fails_twice_takes_it_once(story: Story, code: str) -> None:
    story.inject("500", 2)

    id_ = story.send(fault(code))

    story.until(id_, "read")
    assert [call["outcome"] for call in story.calls(id_)][-1] == "accepted"
    assert len(story.calls(id_)) == 3
    assert story.taken(id_) == 1


@pytest.mark.long
def test_f15_a_retry_after_is_waited_for_and_other_accounts_go_on(story: Story) -> None:
    story.inject("429 with Retry-After", 2)
    id_ = story.send(fault("30"))
    wait_for(lambda: story.calls(id_), bool)

    other = story.send(channel="sms", business="bella")

    story.until([id_, other])
    calls = story.calls(id_)
    assert [call["outcome"] for call in calls][-1] == "accepted"
    assert all(later["at"] - earlier["at"] >= 1.0 for earlier, later in pairwise(calls)), "Retry-After: 1"
    assert story.calls(other)[0]["at"] < calls[-1]["at"], "an SMS does not wait for WhatsApp"


def test_f16_a_permanent_error_fails_once_and_the_customer_hears_why(story: Story) -> None:
    story.inject("132000")
    endpoint = story.books.receiver("f16")

    id_ = story.send(fault("13"), callback=endpoint)

    story.until(id_, "failed")
    assert len(story.calls(id_)) == 1
    seen = wait_for(lambda: story.rig.seen("f16"), lambda events: "message.failed" in {event["body"]["type"] for event in events})
    (failed,) = [event["body"]["data"] for event in seen if event["body"]["type"] == "message.failed"]
    assert failed["error"]["class"] == "template_fault"


@pytest.mark.long
def test_f17_with_revoked_credentials_a_thousand_messages_wait_and_are_all_sent_once_mended(story: Story) -> None:
    story.rig.road.says = REVOKED
    story.rig.road.cut()
    story.inject("credentials revoked")
    key = story.key()
    ids = story.books.insist(key, batch(1000, reference=key))

    wait_for(lambda: story.rig.sql(OUT_OF_SERVICE), bool, seconds=PATIENCE)
    assert story.statuses(ids) == {"accepted": 1000}, "they wait, and none has failed"
    story.rig.road.says = None
    story.rig.run("manage.py", "shell", "-v", "0", "-c", PUT_BACK)

    story.until(ids, "read", seconds=180)
    assert sum(call["outcome"] == "accepted" for call in story.rig.log() if f"msg_{call['reference'][:32]}" in set(ids)) == 1000


OUT_OF_SERVICE = "SELECT id FROM routing_provideraccount WHERE NOT is_in_service"


@pytest.mark.long
@pytest.mark.parametrize("business, most", [("alice", 2), ("molly", 1)], ids=["utility", "marketing"])
def test_f18_half_an_answer_is_no_success(story: Story, business: str, most: int) -> None:
    story.inject("half of the JSON")

    id_ = story.send(fault("45"), business=business)

    story.until(id_, "failed")
    assert {status for _, status, *_ in story.attempts(id_)} == {"unknown"}
    assert story.taken(id_) == most


def test_f19_one_provider_id_for_two_messages_mixes_up_no_businesses(story: Story) -> None:
    story.inject("one id for two")

    one, other = story.send(fault("58")), story.send(fault("58"), business="bella")

    story.until([one, other], "read")
    for id_, business in ((one, "alice"), (other, "bella")):
        events = story.rig.call("GET", f"/v1/messages/{id_}/events", business=business)
        assert events
        assert [event["type"] for event in events.body["items"]] == [
            f"message.{status}" for status in ("accepted", "submitted", "sent", "delivered", "read")
        ]


def scheduled(story: Story, *, seconds: float, offset: timezone = UTC, business: str = "alice") -> tuple[str, float]:
    """A message for that many seconds from now, and the moment."""
    at = datetime.now(offset) + timedelta(seconds=seconds)
    return story.send(send_at=at.isoformat(), business=business), at.timestamp()


@pytest.mark.long
def test_f20_two_beats_at_once_send_each_scheduled_message_once(story: Story) -> None:
    """Beside the two whose lock lets one work, one that knows no lock."""
    rogue = story.rig.add("rogue-beat", ["-m", "celery", "-q", "-A", "qsura_platform", "beat", "-l", "warning", "--pidfile="])
    rogue.start()
    story.inject("a second clock")
    try:
        plans = dict(scheduled(story, seconds=3) for _ in range(30))
        story.until(list(plans), "read")
    finally:
        rogue.kill()
        del story.rig.members["rogue-beat"]

    for id_, at in plans.items():
        assert story.taken(id_) == 1
        assert story.calls(id_)[0]["at"] >= at


@pytest.mark.long
def test_f21_a_worker_told_to_stop_finishes_what_it_has_and_takes_no_more(story: Story) -> None:
    ids = [story.send(fault("34")) for _ in range(20)]
    wait_for(lambda: [story.taken(id_) for id_ in ids], lambda seen: sum(seen) == 20, seconds=PATIENCE)

    with ThreadPoolExecutor(2) as threads:
        stopping = [threads.submit(worker.stop) for worker in story.rig.workers]
        story.inject("SIGTERM", 2)
        codes = [stop.result() for stop in stopping]
    late = story.send()

    assert codes == [0, 0]
    assert story.calls(late) == []
    for worker in story.rig.workers:
        worker.start()
    story.until([*ids, late], "read")
    assert {story.taken(id_) for id_ in ids} == {1}


@pytest.mark.long
def test_f23_a_worker_frozen_past_its_lease_sends_nothing_when_it_wakes_up(story: Story) -> None:
    id_, worker, trap = trap_and_send(story, Moment.AFTER)
    assert worker.door

    worker.freeze()
    story.inject("SIGSTOP past the lease")
    worker.door.let_go(trap)
    story.until(id_, "read")  # by the other worker, after the lease and the grace
    before = story.attempts(id_)
    worker.thaw()
    story.until(story.send(), "read")

    assert story.attempts(id_) == before
    assert story.taken(id_) == 1


@pytest.mark.long
@pytest.mark.parametrize("hours", [1, -1], ids=["an-hour-ahead", "an-hour-behind"])
@pytest.mark.parametrize("name", ["worker0", "beat0", "web0"])
def test_f24_a_node_whose_clock_is_an_hour_off_sends_nothing_early_and_nothing_twice(story: Story, name: str, hours: int) -> None:
    member = story.rig.members[name]
    for beat in ("beat0", "beat1"):
        if name == "beat0":
            story.rig.members[beat].kill()
    member.kill()
    member.start(clock=hours * 3600)
    story.inject(f"{name} {hours:+} h")
    story.rig.wait_until_up()

    plans = dict(scheduled(story, seconds=4) for _ in range(10))
    short = [story.send(expires_in=1800, business="molly") for _ in range(10)]

    story.until([*plans, *short], "read")
    assert {story.taken(id_) for id_ in [*plans, *short]} == {1}
    if name != "web0":  # the web's clock is the customer's "now"
        assert all(story.calls(id_)[0]["at"] >= at for id_, at in plans.items())


def test_f25_a_moment_is_a_moment_in_every_time_zone(story: Story) -> None:
    """`send_at` names an instant, so no change of clocks moves it; quiet hours have tests of their own (docs/faults.md)."""
    story.inject("offsets of three zones", 3)
    zones = [UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=9, minutes=30))]

    plans = dict(scheduled(story, seconds=3, offset=zone) for zone in zones)

    story.until(list(plans), "read")
    assert {story.taken(id_) for id_ in plans} == {1}
    assert all(story.calls(id_)[0]["at"] >= at for id_, at in plans.items())


@pytest.mark.long
def test_f27_a_dead_road_delays_nobody_on_the_others(story: Story) -> None:
    story.inject("every call times out", 80)
    key = story.key()
    dead = story.books.insist(key, batch(80, recipient=fault("40"), reference=key))
    wait_for(lambda: sum(call["fault"] == "40" for call in story.rig.log()), lambda number: number >= 50, seconds=PATIENCE)

    others = [story.send(business="bella", channel="sms") for _ in range(10)]

    story.until(others)
    assert len(story.rig.sql("SELECT 1 FROM messaging_due WHERE account_id IN (SELECT id FROM routing_provideraccount)")) > 0
    story.until(dead, "read", seconds=180)
    assert {story.taken(id_) for id_ in others} == {1}


def test_f27_a_breaker_opens_spares_the_dead_road_and_is_closed_by_probes(story: Story) -> None:
    story.inject("500 for ever", 12)
    key = story.key()
    broken = story.books.insist(key, batch(12, recipient=fault("33"), reference=key))
    wait_for(lambda: breakers(story), lambda seen: "open" in seen)
    for id_ in broken:
        story.rig.call("POST", f"/v1/messages/{id_}/cancel")
    opened_at = story.rig.sql("SELECT max(since) FROM routing_gate WHERE breaker = 'open'")[0][0]

    waiting = [story.send() for _ in range(10)]
    others = [story.send(business="bella", channel="sms") for _ in range(5)]

    story.until(others)
    story.until(waiting, "read")
    assert breakers(story) == ["closed"]
    assert {story.taken(id_) for id_ in waiting} == {1}
    first = min(call["at"] for id_ in waiting for call in story.calls(id_))
    assert first >= opened_at.timestamp() + 2.5, "nothing was sent before the first probe"
    changes = [row[0] for row in story.rig.sql("SELECT change FROM routing_healthchange WHERE at >= %s ORDER BY at, id", [opened_at])]
    assert (changes[-2:], set(changes)) == (["probing", "closed"], {"opened", "probing", "closed"})


def breakers(story: Story) -> list[str]:
    """Of the accounts that have ever failed."""
    return [row[0] for row in story.rig.sql("SELECT DISTINCT breaker FROM routing_gate ORDER BY 1")]


def test_f28_a_message_that_is_canceled_while_it_is_sent_is_one_or_the_other(story: Story) -> None:
    ids = [story.send(send_at=(datetime.now(UTC) + timedelta(seconds=2)).isoformat()) for _ in range(30)]
    wait_for(lambda: sum(story.taken(id_) for id_ in ids[:5]), bool, seconds=PATIENCE)

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda id_: story.rig.call("POST", f"/v1/messages/{id_}/cancel"), ids))
    story.inject("cancel", len(ids))

    story.until(ids, "read", "canceled")
    for id_, answer in zip(ids, answers, strict=True):
        assert answer
        assert (answer.status, story.status(id_), story.taken(id_)) in {(200, "canceled", 0), (409, "read", 1)}


@pytest.mark.long
def test_f29_a_message_whose_deadline_passes_while_its_road_is_down_expires_and_is_not_sent_late(story: Story) -> None:
    story.rig.road.close()
    story.inject("connection refused")
    endpoint_ids = [story.send(expires_in=30) for _ in range(5)]

    story.until(endpoint_ids, "expired")
    story.rig.road.open()
    story.until(story.send(), "read")

    assert [story.taken(id_) for id_ in endpoint_ids] == [0] * 5


def test_f53_a_task_that_comes_many_times_does_its_work_once(story: Story) -> None:
    ids = [story.send() for _ in range(20)]

    story.rig.run("manage.py", "shell", "-v", "0", "-c", RING_OFTEN)
    story.inject("task delivered again", 200)

    story.until(ids, "read")
    assert {story.taken(id_) for id_ in ids} == {1}


RING_OFTEN = """
from celery import current_app
for _ in range(50):
    for task in ("messaging.tasks.hand_off_utility", "messaging.tasks.settle", "callbacks.tasks.deliver", "callbacks.tasks.read_receipts"):
        current_app.send_task(task)
"""
