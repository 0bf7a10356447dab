"""`make run` as a whole: real processes, started and ended as a person would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from qsura_platform.local import environment, places
from tests import conftest
from tests.fixtures import ROOT
from tests.local.test_preflight import free_pair
from tests.local.waiting import until_gone

READY = "Ctrl-C stops everything and keeps the data."
pytestmark = [pytest.mark.slow, pytest.mark.journey]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """Shared: the first test fills it, the others start for the second time."""
    with places.throwaway() as folder:
        environment.secrets_of(folder)
        yield folder


@pytest.fixture
def start(state: Path) -> Iterator[Start]:
    """Starts a run in an environment without the tests' own variables; what is left of it at the end is killed."""
    ours = {*conftest.KEYS, *conftest.WORLD, "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    env = {name: value for name, value in os.environ.items() if name not in ours} | {"QSURA_STATE": str(state)}
    started = []

    def begin(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "qsura_platform.local", "run", "--port", str(free_pair()), *words]
        started.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return started[-1]

    yield begin
    for run in started:
        run.kill()
        run.wait()
        if run.stdout:
            run.stdout.close()
    for pid in processes_of(state):
        until_gone(pid)


def until_ready(run: subprocess.Popen[str]) -> list[str]:
    """The lines up to the one that says that everything stands."""
    assert run.stdout is not None
    lines = []
    for line in run.stdout:
        lines.append(line.rstrip())
        if READY in line:
            return lines
    pytest.fail("the run ended before it was ready:\n" + "\n".join(lines))


def processes_of(state: Path) -> list[int]:
    """Every process that has the state folder among its arguments or variables."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if str(state).encode() in told and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def worker_of(run: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    return next(int(pid) for pid in children if b"celery" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_it_shows_a_whole_story_and_ends_cleanly_on_ctrl_c(start: Start, state: Path) -> None:
    run = start()
    lines = until_ready(run)

    run.send_signal(signal.SIGINT)
    rest, _ = run.communicate(timeout=60)

    assert not any("did not come to its end" in line for line in lines), "\n".join(lines)
    assert run.returncode == 0, rest
    assert processes_of(state) == []
    assert not (state / "runtime.env").exists()


def test_a_second_run_keeps_the_secrets_and_ends_cleanly_on_sigterm(start: Start, state: Path) -> None:
    before = (state / "qsura.env").read_text()
    run = start("--no-send")
    until_ready(run)

    run.terminate()
    run.communicate(timeout=60)

    assert run.returncode == 0
    assert processes_of(state) == []
    assert (state / "qsura.env").read_text() == before


def test_a_child_that_dies_ends_the_run_and_is_named(start: Start, state: Path) -> None:
    run = start("--no-send")
    until_ready(run)

    os.kill(worker_of(run), signal.SIGKILL)
    rest, _ = run.communicate(timeout=60)

    assert run.returncode == 1
    assert "worker has stopped (ended by SIGKILL)" in rest
    assert processes_of(state) == []


def test_kill_9_leaves_no_process_and_the_next_run_finds_its_data(start: Start, state: Path) -> None:
    run = start("--no-send")
    until_ready(run)
    family = processes_of(state)

    run.kill()
    run.communicate()

    assert len(family) > 6
    for pid in family:
        until_gone(pid, seconds=30)
    again = start("--no-send")
    until_ready(again)
    again.terminate()
    again.communicate(timeout=60)
    assert again.returncode == 0
