from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qsura_platform.local import children
from tests.fixtures import ROOT
from tests.local.waiting import until_gone

PARENT = """
import sys
from pathlib import Path
from qsura_platform.local import postgres, valkey
home = Path(sys.argv[1])
database = postgres.start(home, log=home / "postgres.log")
broker = valkey.start(home, log=home / "broker.log")
print(database.process.pid, broker.process.pid, flush=True)
sys.stdin.read()
"""


def start(code: str) -> subprocess.Popen[bytes]:
    return children.start([sys.executable, "-c", code], env=os.environ, output=subprocess.PIPE, death_signal=signal.SIGTERM)


def first_line(child: subprocess.Popen[bytes]) -> bytes:
    assert child.stdout is not None
    return child.stdout.readline()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_killed_parent_takes_its_servers_with_it(home: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pids = [int(word) for word in first_line(parent).split()]

    parent.kill()
    parent.communicate()

    assert len(pids) == 2
    for pid in pids:
        until_gone(pid)


def test_a_child_that_ends_when_asked_is_not_killed() -> None:
    with start("import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()") as child:
        first_line(child)

        assert children.stop(child, steps=[(signal.SIGTERM, 10.0)]) == 7


def test_a_child_that_does_not_listen_is_killed_with_all_that_it_started() -> None:
    deaf = (
        "import signal, subprocess, sys; signal.signal(15, signal.SIG_IGN);"
        "print(subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']).pid, flush=True); signal.pause()"
    )
    with start(deaf) as child:
        grandchild = int(first_line(child))

        assert children.stop(child, steps=[(signal.SIGTERM, 0.1)]) == -signal.SIGKILL
        until_gone(grandchild)


def test_a_childs_session_is_its_own_so_that_ctrl_c_does_not_reach_it() -> None:
    with start("import os, signal; print(os.getsid(0), flush=True); signal.pause()") as child:
        try:
            assert int(first_line(child)) == child.pid != os.getsid(0)
        finally:
            children.stop(child, steps=[])
