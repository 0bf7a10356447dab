"""Faults of the whole: poison, floods, full queues and disks, restarts with a changed schema, and the ledger of hand-offs."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qsura_platform.local import places
from tests.faults import audit
from tests.faults import rig as rigs
from tests.faults.audit import Audit
from tests.faults.books import Books, batch, body
from tests.faults.rig import PATIENCE, wait_for
from tests.faults.story import LINES, Story
from tests.faults.test_intake import traffic

PUT_BACK = """
from messaging import aside
from messaging.models import DeadLetter
print(aside.put_back([each.pk for each in DeadLetter.objects.all()]))
"""


def alter(story: Story, id_: str, variables: bytes) -> None:
    """What history never lets anybody do: only a failing disk, or we ourselves."""
    statement = "UPDATE messaging_message SET variables = '\\x{}' WHERE id = '{}'"
    story.rig.sql(f"SET session_replication_role = replica; {statement.format(variables.hex(), id_.removeprefix('msg_'))}")


@pytest.mark.long
def test_f22_poison_is_set_aside_blocks_nobody_and_is_put_back(story: Story) -> None:
    poison = story.send(send_at=(datetime.now(UTC) + timedelta(seconds=2)).isoformat())
    ((variables,),) = story.rig.sql("SELECT variables FROM messaging_message WHERE id = %s", [poison.removeprefix("msg_")])
    alter(story, poison, b"\x01\x02k1poison")
    story.inject("poison")
    others = [story.send(send_at=(datetime.now(UTC) + timedelta(seconds=2)).isoformat()) for _ in range(20)]

    story.until(others, "read")
    letters = wait_for(
        lambda: story.rig.sql("SELECT times, error FROM messaging_deadletter WHERE set_aside_at IS NOT NULL"), bool, seconds=PATIENCE
    )
    assert [(times, error.split()[0]) for times, error in letters] == [(3, "CannotOpen")]
    assert story.status(poison) == "scheduled"

    alter(story, poison, bytes(variables))
    assert story.rig.run("manage.py", "shell", "-v", "0", "-c", PUT_BACK) == "1"
    story.until(poison, "read")
    assert story.taken(poison) == 1


@pytest.mark.long
def test_f26_a_flood_of_one_business_delays_no_other(story: Story) -> None:
    flood = [id_ for _ in range(4) for id_ in story.books.insist(story.key(), batch(1000))]
    story.inject("messages of one business", len(flood))

    ids = [story.send(business="bella") for _ in range(10)]
    story.until(ids, "submitted", "sent", "delivered", "read")

    left = story.rig.sql("SELECT count(*) FROM messaging_due WHERE business_id = %s", [story.rig.businesses["alice"]["id"]])[0][0]
    assert left > 0, "the flood still waits, and bella's have gone past it"
    story.until([*flood, *ids], "read", seconds=240)


def test_f51_hand_offs_in_the_providers_log_are_the_attempts_of_the_ledger(story: Story) -> None:
    """There are no charges in the product yet; what would be charged is counted: a hand-off that a provider took is an attempt of ours."""
    ids = story.books.insist(story.key(), batch(20))
    story.inject("comparison of both ledgers")
    story.until(ids, "read")
    audit.settle(story.rig)

    found = Audit(story.rig, story.books)
    taken = {(message_id, number) for message_id, numbers in found.taken.items() for number in numbers}

    assert len(taken) >= 20
    assert taken - set(found.attempts) == set()


@pytest.mark.long
def test_f52_a_rolling_restart_on_an_expanded_schema_under_load_loses_nothing(story: Story) -> None:
    """The old code runs on the new schema until its turn comes, as CONTRIBUTING.md asks of every migration."""
    with traffic(story, senders=3) as ids:
        story.rig.sql("ALTER TABLE messaging_state ADD COLUMN added_later text; ALTER TABLE messaging_due ADD COLUMN added_later text")
        story.inject("schema expanded")
        story.rig.run("manage.py", "migrate", "--noinput", "-v", "0")
        for member in [*story.rig.webs, *story.rig.workers, story.rig.members["beat0"], story.rig.members["beat1"]]:
            member.stop()
            member.start()
            story.inject("restart")
            story.rig.wait_until_up()
        before = len(ids)
        wait_for(lambda: len(ids), lambda number: number > before + 10, seconds=PATIENCE)

    story.until(ids, "read", seconds=120)
    story.rig.sql("ALTER TABLE messaging_state DROP COLUMN added_later; ALTER TABLE messaging_due DROP COLUMN added_later")


@pytest.mark.long
def test_f54_beyond_its_limit_a_full_queue_is_answered_503_and_nothing_accepted_is_lost(story: Story) -> None:
    web = story.rig.webs[2]
    usual = web.env
    web.kill()
    web.env = usual | {"QSURA_QUEUE_LIMIT": "100"}
    web.start()
    story.rig.wait_until_up()
    for worker in story.rig.workers:
        worker.freeze()
    try:
        ids = story.books.insist(story.key(), batch(101))
        story.inject("101 wait where 100 may")
        refused = wait_for(
            lambda: story.ask(story.key(), body(), web=2), lambda answer: answer is not None and answer.status != 202, seconds=PATIENCE
        )
        assert (refused.status, refused.body["code"], refused.headers["retry-after"]) == (503, "queue_full", "30")
        for worker in story.rig.workers:
            worker.thaw()
        story.until(ids, "read")
        wait_for(
            lambda: story.ask(story.key(), body(), web=2), lambda answer: answer is not None and answer.status == 202, seconds=PATIENCE
        )
    finally:
        web.kill()
        web.env = usual


@contextlib.contextmanager
def small_disk(home: Path) -> Iterator[None]:
    """A file system of 400 MB in that place."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=0711", "tmpfs", str(home)], capture_output=True, check=False)
    if os.geteuid() != 0 or mounted.returncode != 0:
        pytest.skip("a disk of one's own to fill needs root and mount(8)")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(home)], check=False)


@pytest.mark.long
def test_f09_a_full_disk_refuses_promises_and_heals_without_a_hand_on_the_rows(request: pytest.FixtureRequest) -> None:
    with places.throwaway() as home:
        (home / "disk").mkdir()
        with small_disk(home / "disk"), rigs.running(home / "disk") as rig:
            story = Story("F09", rig, Books(rig))
            accepted = [story.send() for _ in range(5)]
            fill(home / "disk")
            story.inject("disk full")
            statuses = {answer.status if answer else 0 for answer in (story.ask(story.key(), batch(1000)) for _ in range(30))}
            assert statuses & {0, 500, 503}, f"it was never full: {statuses}"
            (home / "disk" / "filler").unlink()
            more = [story.send() for _ in range(5)]

            story.until([*accepted, *more], "read")
            found = story.close()
            request.config.stash.setdefault(LINES, []).append(story.line(found, is_well=found.wrong == []))
            assert found.wrong == []


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(65_536))
