"""`manage.py listen` beside a running platform: a receiver on this machine hears of what happens there, and misses nothing."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import orjson
import pytest

from qsura_platform.local.environment import ROOT
from tests.callbacks.languages import files
from tests.callbacks.receiver import Received, Receiver
from tests.journeys.platform import Platform, wait_for

pytestmark = pytest.mark.journey

GOOD = "+201001234567"
TYPES = ["message.accepted", "message.submitted", "message.sent", "message.delivered", "message.read"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


class Listener:
    """The command as a process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    def said(self, pattern: str) -> str:
        """The first group of what it says, as soon as it says so."""
        found = wait_for(lambda: re.search(pattern, self._log.read_text(encoding="utf-8")), bool)
        return str(found[1])

    def stop(self) -> str:
        """Ctrl-C; the place to go on from."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=60) == 0
        return self.said(r"--after (\S+)")


WITH_SETTINGS = ("manage.py", "listen")
WITHOUT = ("-m", "callbacks.listener")


def _hear_ctrl_c() -> None:
    """A shell starts what runs in the background deaf to Ctrl-C, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def listening(
    platform: Platform, receiver: Receiver, log: Path, *more: str, command: tuple[str, ...] = WITH_SETTINGS
) -> Iterator[Listener]:
    given = {**os.environ} if command == WITH_SETTINGS else {"PATH": os.environ["PATH"]}
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, *command, "--url", platform.url, "--forward-to", receiver.url(), *more],
            cwd=ROOT,
            env={**given, "QSURA_API_KEY": platform.key},
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 - one system call and no lock
        )
    listener = Listener(process, log)
    try:
        listener.said(r"(whsec_\S+)")
        yield listener
    finally:
        process.kill()
        process.wait()


def types_of(receiver: Receiver, id_: str) -> list[str]:
    return [each.type for each in receiver.got() if id_.encode() in each.body]


def all_of(receiver: Receiver, id_: str) -> list[Received]:
    """The webhooks of a message, once its last one is there."""
    wait_for(lambda: types_of(receiver, id_), lambda types: "message.read" in types)
    return [each for each in receiver.got() if id_.encode() in each.body]


def test_a_receiver_on_this_machine_hears_what_an_endpoint_hears(platform: Platform, receiver: Receiver, tmp_path: Path) -> None:
    endpoint = platform.receiver("beside")
    with listening(platform, receiver, tmp_path / "log", "--since", "2026-01-01T00:00:00Z") as listener:
        message = platform.send(GOOD, callback=endpoint, metadata={"till": 3})
        webhooks = all_of(receiver, message["id"])
        secret = listener.said(r"(whsec_\S+)")
        listener.said(rf"({webhooks[-1].id}  200  \d+ ms)")

    for webhook in webhooks:
        webhook.verify(secret)
    assert [each.type for each in webhooks] == TYPES
    official = platform.received(endpoint, message["id"], count=len(TYPES))
    assert {each["webhook_id"]: each["body"] for each in official} == {each.id: orjson.loads(each.body) for each in webhooks}


def test_who_goes_on_from_the_named_place_misses_nothing(platform: Platform, receiver: Receiver, tmp_path: Path) -> None:
    with listening(platform, receiver, tmp_path / "first", "--since", "2026-01-01T00:00:00Z") as listener:
        all_of(receiver, platform.send(GOOD)["id"])
        place = listener.stop()

    between = platform.send(GOOD)["id"]
    platform.when(between, lambda each: each["status"] == "read")

    # The second run is on a machine that has no settings.
    with listening(platform, receiver, tmp_path / "second", "--after", place, command=WITHOUT):
        assert [each.type for each in all_of(receiver, between)] == TYPES


def test_only_what_happens_from_now_on_is_brought_and_only_what_was_asked_for(
    platform: Platform, receiver: Receiver, tmp_path: Path
) -> None:
    before = platform.send(GOOD)["id"]
    platform.when(before, lambda each: each["status"] == "read")

    with listening(platform, receiver, tmp_path / "log", "--types", "message.accepted,message.read") as listener:
        listener.said(r"(Waiting for what happens)")
        id_ = platform.send(GOOD)["id"]
        all_of(receiver, id_)

    assert [types_of(receiver, each) for each in (before, id_)] == [[], ["message.accepted", "message.read"]]


def test_a_key_that_is_none_ends_it_with_a_reason(platform: Platform, receiver: Receiver, tmp_path: Path) -> None:
    platform.key, good = platform.key[:-1] + ("a" if platform.key[-1] != "a" else "b"), platform.key
    try:
        with listening(platform, receiver, tmp_path / "log") as listener:
            assert listener.process.wait(timeout=60) == 1
            assert listener.said(r"does not let us listen: (\w+)")
    finally:
        platform.key = good


def test_the_consumer_of_the_docs_follows_every_message(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(files("in-order")["consumer.py"], encoding="utf-8")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "evt_1.json").write_text('{"type": "message.sent", "data": {"id": "msg_1", "seq": 3, "status": "sent", "final": false}}')
    env = {**os.environ, "QSURA_URL": platform.url, "QSURA_API_KEY": platform.key, "INBOX": str(inbox), "DATABASE": str(tmp_path / "db")}

    def consume() -> dict[str, tuple[int, str]]:
        subprocess.run([sys.executable, "consumer.py"], cwd=tmp_path, env=env, check=True, timeout=60)
        with closing(sqlite3.connect(tmp_path / "db")) as database:
            return {id_: (seq, status) for id_, seq, status in database.execute("SELECT id, seq, status FROM message")}

    first = platform.send(GOOD)["id"]
    platform.when(first, lambda each: each["status"] == "read")
    wait_for(consume, lambda known: known.get(first) == (5, "read"))
    (inbox / "evt_2.json").write_text(
        '{"type": "message.submitted", "data": {"id": "msg_1", "seq": 2, "status": "submitted", "final": false}}'
    )
    second = platform.send(GOOD)["id"]
    platform.when(second, lambda each: each["status"] == "read")

    known = wait_for(consume, lambda known: known.get(second) == (5, "read"))

    assert (known[first], known["msg_1"]) == ((5, "read"), (3, "sent"))
    assert list(inbox.iterdir()) == []
