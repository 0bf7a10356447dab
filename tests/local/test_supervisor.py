from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qsura_platform.local import supervisor
from qsura_platform.local.obstacles import Obstacle
from tests.fixtures import ROOT

FAITHFUL = "import signal, sys; signal.signal(15, lambda *_: (print('bye'), sys.exit(0))); print('up'); signal.pause()"


@pytest.fixture
def run(tmp_path: Path) -> supervisor.Run:
    (tmp_path / "logs").mkdir()
    return supervisor.Run(tmp_path, 0, env={**os.environ, "PYTHONUNBUFFERED": "1"})


def settle(run: supervisor.Run, name: str) -> None:
    """Until the process has ended and all that it said is read."""
    run.watched[name].wait(timeout=10)
    run.logs[name].last_words(within=10)


def test_a_process_that_dies_is_named_with_its_last_words(run: supervisor.Run) -> None:
    with run.ends:
        run.add("worker", ["-c", "print('the broker is on fire'); raise SystemExit(3)"])
        settle(run, "worker")

        with pytest.raises(Obstacle, match=r"(?s)^worker has stopped \(exit code 3\).*the broker is on fire"):
            run.look()


def test_a_process_that_is_killed_is_named_with_the_signal(run: supervisor.Run) -> None:
    with run.ends:
        run.add("web", ["-c", FAITHFUL])
        run.watched["web"].kill()
        settle(run, "web")

        with pytest.raises(Obstacle, match="ended by SIGKILL"):
            run.look()


def test_the_last_one_started_is_the_first_to_end(run: supervisor.Run, capsys: pytest.CaptureFixture[str]) -> None:
    with run.ends:
        for name in ("simulator", "worker", "web"):
            run.add(name, ["-c", FAITHFUL])
        while any("up" not in log.last for log in run.logs.values()):
            run.look()

    said = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith("bye")]
    assert said == ["web", "worker", "simulator"]
    assert [child.returncode for child in run.watched.values()] == [0, 0, 0]


def test_every_line_is_shown_under_its_name_and_kept(run: supervisor.Run, capsys: pytest.CaptureFixture[str]) -> None:
    with run.ends:
        run.add("beat", ["-c", "print('one'); print('two')"])
        settle(run, "beat")

    assert capsys.readouterr().out == "beat      | one\nbeat      | two\n"
    assert (run.state / "logs" / "beat.log").read_text() == "one\ntwo\n"


def test_a_process_that_never_answers_is_an_obstacle_when_it_dies(run: supervisor.Run) -> None:
    with run.ends:
        run.add("web", ["-c", "raise SystemExit('no such module')"])

        with pytest.raises(Obstacle, match=r"(?s)web has stopped.*no such module"):
            run.wait_for("web", port=1)


INTERRUPTED = """
import signal, sys
from pathlib import Path
from qsura_platform.local import console, supervisor

class Interrupted:
    write = sys.stdout.write

    def flush(self):
        sys.stdout = sys.__stdout__
        signal.raise_signal(signal.SIGINT)

sys.stdout = Interrupted()
try:
    with supervisor._signals_raise(supervisor.Run(Path("nowhere"), 1)), supervisor._stop_announced():
        console.say("all is up")
except supervisor.Stopped:
    console.say("stopped")
"""


def test_a_signal_in_the_middle_of_a_line_ends_the_run() -> None:
    """The handler once wrote a line too, and waited for ever for a lock that its own thread held."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)

    assert [line.split(":")[0] for line in done.stdout.splitlines() if line] == ["all is up", "Stopping", "stopped"]


BESIDE_A_FORK = """
import os, signal, sys
from pathlib import Path
from qsura_platform.local import supervisor

run = supervisor.Run(Path(sys.argv[1]), 1, env=dict(os.environ))
(run.state / "logs").mkdir()
os.register_at_fork(after_in_parent=lambda: signal.raise_signal(signal.SIGINT))
try:
    with supervisor._signals_raise(run), run.ends:
        run.add("smpp", ["-c", "import time; time.sleep(600)"])
        run.stay()
except supervisor.Stopped:
    print("stopped", run.watched["smpp"].poll() is not None)
"""


def test_a_signal_beside_a_fork_ends_the_run_and_the_child(tmp_path: Path) -> None:
    """What a handler raises there is told and forgotten: the run went on, deaf to every further signal."""
    command = [sys.executable, "-c", BESIDE_A_FORK, str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.splitlines()[-1] == "stopped True"
