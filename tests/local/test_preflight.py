from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qsura_platform.local import preflight
from qsura_platform.local.obstacles import Obstacle
from tests.fixtures import ROOT


def free_pair() -> int:
    """A free port with a free one after it."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return int(port)


@pytest.mark.parametrize("offset", [0, 1], ids=["the web's", "the simulator's"])
def test_a_taken_port_is_named_with_the_way_out(offset: int) -> None:
    port = free_pair()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + offset))
        taken.listen()

        with pytest.raises(Obstacle, match=f"^Port {port + offset} is taken by another program.*make run PORT=18080$"):
            preflight.need_ports(port)


def test_free_ports_pass() -> None:
    preflight.need_ports(free_pair())


@pytest.mark.parametrize("port", [0, -1, 65535, 70000])
def test_an_impossible_port_is_refused(port: int) -> None:
    with pytest.raises(Obstacle, match="no usable port"):
        preflight.need_ports(port)


def test_a_second_run_on_the_same_state_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    with preflight.sole_run(tmp_path, port=8000):
        assert preflight.is_running(tmp_path)
        with (
            pytest.raises(Obstacle, match=r"already runs .*http://127.0.0.1:8000.* PORT=18080 QSURA_STATE="),
            preflight.sole_run(tmp_path, port=9000),
        ):
            pass

    assert not preflight.is_running(tmp_path)


def test_a_killed_run_does_not_hold_its_state(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from qsura_platform.local import preflight\n"
    code += "with preflight.sole_run(Path(sys.argv[1]), port=1): print('held', flush=True); sys.stdin.read()"
    first = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert first.stdout is not None
    assert first.stdout.readline() == b"held\n"
    assert preflight.is_running(tmp_path)

    first.kill()
    first.communicate()

    assert not preflight.is_running(tmp_path)
