"""The simulator as a process, and the small doors beside the big ones."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.faults import FAULTS
from tests.fixtures import ROOT
from tests.simulator.wire import SECRET, WELL, World, fated, http


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_it_says_that_it_lives(base_url: str) -> None:
    assert http("GET", f"{base_url}/livez").body == b"ok\n"


def test_its_page_lists_every_fault(base_url: str) -> None:
    page = http("GET", base_url).body.decode()

    assert all(f"<code>00{code}</code>" in page for code in FAULTS)


def test_the_documentation_lists_every_fault_and_no_other() -> None:
    page = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")

    assert set(re.findall(r"`00(\d\d)`", page)) == set(FAULTS)


def test_without_the_secret_it_says_what_is_missing() -> None:
    ended = run("--port", "0")

    assert ended.returncode == 1
    assert "QSURA_SIMULATOR_SECRET" in ended.stderr


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = run("--port", port, QSURA_SIMULATOR_SECRET=SECRET)

    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_pace_that_is_no_number_is_named() -> None:
    ended = run("--port", "0", QSURA_SIMULATOR_SECRET=SECRET, QSURA_SIMULATOR_PACE="quick")

    assert ended.returncode == 1
    assert "QSURA_SIMULATOR_PACE" in ended.stderr


def test_the_log_can_be_emptied(world: World) -> None:
    outbound = world.outbound(fated("04"))
    world.hand_off(outbound)

    assert http("DELETE", f"{world.base_url}/log").status == 204
    assert world.ask("/log/calls")["count"] == 0
    assert world.ask("/log/receipts")["count"] == 0


def test_the_log_counts_on_after_it_was_emptied(world: World) -> None:
    world.hand_off(world.outbound(fated("04")))
    last = world.ask("/log/calls")["calls"][-1]["seq"]
    world.forget()

    world.hand_off(world.outbound(fated("04")))

    assert [entry["seq"] for entry in world.ask(f"/log/calls?after={last}")["calls"]] == [last + 1]


def test_the_log_keeps_no_recipient_and_no_text(world: World) -> None:
    outbound = world.sms(WELL)
    world.hand_off(outbound, by=world.twilio)
    world.receipts(outbound, count=2)

    kept = str(world.ask("/log/calls")) + str(world.ask("/log/receipts"))

    assert outbound.reference in kept
    assert WELL[1:] not in kept
    assert "ready" not in kept


@pytest.mark.parametrize("file", sorted((ROOT / "simulator").glob("*.py")), ids=lambda file: file.name)
def test_it_imports_no_room(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]

    rooms = {"accounts", "alerts", "routing", "templates_app", "messaging", "callbacks", "qsura_platform", "onboarding", "django"}
    assert not rooms & {name.partition(".")[0] for name in named}
