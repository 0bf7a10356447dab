from __future__ import annotations

from pathlib import Path

import kombu

from qsura_platform.local import places, valkey
from tests.local.waiting import until_gone


def test_a_message_goes_through_the_broker(broker: str) -> None:
    with kombu.Connection(broker) as connection, connection.SimpleQueue("bell") as queue:
        queue.put("work in this lane")

        assert queue.get(timeout=5).payload == "work in this lane"


def test_a_broker_leaves_nothing_behind(home: Path) -> None:
    server = valkey.start(home, log=home / "logs" / "broker.log")
    sockets = places.read(home, note=valkey.SOCKETS_NOTE)

    server.stop()

    assert sockets is not None
    assert not sockets.exists()
    until_gone(server.process.pid)


def test_the_next_start_tidies_up_after_a_killed_one(home: Path) -> None:
    first = valkey.start(home, log=home / "logs" / "broker.log")
    left_over = places.read(home, note=valkey.SOCKETS_NOTE)
    first.process.kill()
    first.process.wait()

    valkey.start(home, log=home / "logs" / "broker.log").stop()

    assert left_over is not None
    assert not left_over.exists()
