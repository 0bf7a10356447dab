"""Faults while requests come in: whoever was answered 202 has a message, once; whoever was not may ask again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.faults.books import body
from tests.faults.proxy import Moment, Trap
from tests.faults.rig import PATIENCE, wait_for
from tests.faults.story import Story
from tests.journeys.platform import Answer

ACCEPT = "INSERT INTO messaging_idempotencykey"


def ask_aside(story: Story, key: str, asked: dict[str, object], *, web: int = 0, into: list[Answer | None]) -> threading.Thread:
    """Ask from another thread, as somebody whose answer is not to come."""
    thread = threading.Thread(target=lambda: into.append(story.ask(key, asked, web=web)))
    thread.start()
    return thread


def hold_at_commit(
    story: Story, moment: Moment, *, web: int = 0
) -> tuple[str, dict[str, object], Trap, threading.Thread, list[Answer | None]]:
    """A request that is stopped at its COMMIT."""
    key, answers = story.key(), list[Answer | None]()
    asked = body(reference=key)
    door = story.rig.webs[web].door
    assert door
    trap = door.catch(ACCEPT, moment)
    thread = ask_aside(story, key, asked, web=web, into=answers)
    assert trap.caught.wait(PATIENCE), "no COMMIT came by"
    return key, asked, trap, thread, answers


@pytest.mark.parametrize("moment", [Moment.AFTER, Moment.BEFORE], ids=["after-commit", "before-commit"])
def test_f01_a_web_that_is_killed_at_its_commit_leaves_one_message_or_none(story: Story, moment: Moment) -> None:
    """F01 and F02: after the COMMIT the stored answer is given again; before it the key is free."""
    key, asked, _, thread, answers = hold_at_commit(story, moment, web=1)

    story.rig.webs[1].kill()
    story.inject("kill -9 web")
    thread.join(PATIENCE)

    assert answers == [None]
    again = wait_for(lambda: story.ask(key, asked, web=2), lambda answer: answer is not None and answer.status == 202)
    assert ("idempotency-replayed" in again.headers) is (moment is Moment.AFTER)
    story.until(again.body["id"], "read")
    assert story.taken(again.body["id"]) == 1


def test_f03_fifty_equal_requests_over_three_webs_make_one_message(story: Story) -> None:
    key = story.key()
    story.inject("equal request", 50)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda number: story.ask(key, body(reference=key), web=number % 3), range(50)))

    assert {answer.status for answer in answers if answer} <= {202, 409}
    ids = {answer.body["id"] for answer in answers if answer and answer.status == 202}
    assert len(ids) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers if answer and answer.status == 202) == 1
    story.until(ids.pop(), "read")


def test_f04_the_same_key_with_another_body_is_refused_and_makes_nothing(story: Story) -> None:
    key = story.key()
    first = story.ask(key, body(reference=key))
    assert first
    story.inject("other body")

    other = story.ask(key, body("+201001234568", reference=key))

    assert other
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    story.until(first.body["id"], "read")


@pytest.mark.long
def test_f05_while_the_broker_is_away_requests_are_taken_and_sent_afterwards(story: Story) -> None:
    story.rig.kill_broker()
    story.inject("broker away")

    ids = [story.send() for _ in range(100)]
    assert all(promise.ids for promise in story.books.promises.values())
    story.rig.start_broker()

    story.until(ids, "read")
    assert {story.taken(id_) for id_ in ids[::20]} == {1}


def test_f06_a_broker_that_forgets_its_queues_loses_no_message(story: Story) -> None:
    for worker in story.rig.workers:
        worker.freeze()
    ids = [story.send() for _ in range(30)]

    story.rig.kill_broker()
    story.rig.start_broker()
    story.inject("broker restarted empty")
    for worker in story.rig.workers:
        worker.thaw()

    story.until(ids, "read")


@contextmanager
def traffic(story: Story, *, senders: int = 6) -> Iterator[list[str]]:
    """Customers who send one message after the other, and ask again with the same key whenever no 202 comes."""
    ids: list[str] = []
    stop = threading.Event()

    def send(number: int) -> None:
        while not stop.is_set():
            key = story.key(f"{number}")
            ids.extend(story.books.insist(key, body(reference=key), web=number))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield ids
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_f07_postgresql_restarts_under_load_and_every_answer_was_true(story: Story) -> None:
    members = list(story.rig.members.values())
    with traffic(story) as ids:
        wait_for(lambda: len(ids), lambda number: number > 30, seconds=PATIENCE)
        before = len(ids)
        story.rig.kill_database()
        story.inject("PostgreSQL stopped at once")
        story.rig.start_database()
        wait_for(lambda: len(ids), lambda number: number > before + 30, seconds=PATIENCE)

    story.until(ids, "read")
    assert [member.name for member in members if not member.is_alive()] == [], "nobody had to be restarted"


@pytest.mark.parametrize("moment", list(Moment), ids=["before-commit", "after-commit"])
def test_f08_a_commit_of_unknown_outcome_is_told_truthfully_to_whoever_asks_again(story: Story, moment: Moment) -> None:
    key, asked, _, thread, answers = hold_at_commit(story, moment)
    door = story.rig.webs[0].door
    assert door

    door.cut()
    story.inject("cut at COMMIT")
    thread.join(PATIENCE)

    # The web may ask the database itself again, and then it knows; what it never may is to promise what is not there.
    assert answers[0] is None or answers[0].status in {202, 503}
    again = wait_for(lambda: story.ask(key, asked), lambda answer: answer is not None and answer.status == 202)
    story.until(again.body["id"], "read")
    assert story.taken(again.body["id"]) == 1


def test_f08_a_web_whose_database_is_cut_off_answers_503_with_a_time_to_come_back(story: Story) -> None:
    door = story.rig.webs[0].door
    assert door
    door.shut()
    story.inject("database cut off")

    refused = story.ask(story.key(), body())
    ready = story.rig.call("GET", "/readyz")

    assert refused
    assert ready
    assert (refused.status, refused.body["code"], refused.headers["retry-after"]) == (503, "database_unavailable", "5")
    assert ready.status == 503
    door.heal()
    wait_for(lambda: story.rig.call("GET", "/readyz"), lambda answer: answer is not None and answer.status == 200)
    story.until(story.send(), "read")
