"""What must be true before anything starts, each with one line that says what to do."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from qsura_platform.local.obstacles import Obstacle

LOCK = "run.lock"


@contextlib.contextmanager
def sole_run(state: Path, *, port: int) -> Iterator[None]:
    """Holds the state folder for one run. The kernel frees it with the process, however that ends. Raises Obstacle for a second one."""
    with (state / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Obstacle(
                f"Qsura already runs with this state ({holder(state)}). Stop it there with Ctrl-C, "
                "or start a second one beside it: make run PORT=18080 QSURA_STATE=/another/folder"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, http://127.0.0.1:{port}")
        lock.flush()
        yield


def is_running(state: Path) -> bool:
    """Whether a run holds the state folder now."""
    try:
        with (state / LOCK).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def holder(state: Path) -> str:
    """Who holds the state folder, in words."""
    return (state / LOCK).read_text(encoding="utf-8").strip() or "just starting"


def need_ports(port: int) -> None:
    """The web's port and the one after it, the simulator's, are free. Raises Obstacle."""
    if not 1 <= port <= 65_534:
        raise Obstacle(f"{port} is no usable port: choose one from 1024 to 65534, for example make run PORT=18080")
    for wanted in (port, port + 1):
        with socket.socket() as door:
            # As servers do: a port in TIME_WAIT after the last run is free.
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(("127.0.0.1", wanted))
            except OSError as error:
                raise Obstacle(_no_port(wanted, port=port, error=error)) from error


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses now, for servers that are only told of by a variable."""
    with contextlib.ExitStack() as held:
        doors = [held.enter_context(socket.socket()) for _ in range(count)]
        for door in doors:
            door.bind(("127.0.0.1", 0))
        return [int(door.getsockname()[1]) for door in doors]


def _no_port(wanted: int, *, port: int, error: OSError) -> str:
    why = {errno.EADDRINUSE: "is taken by another program", errno.EACCES: "is only for root"}.get(
        error.errno or 0, f"can't be used ({error})"
    )
    other = 18080 if port != 18080 else 28080
    return f"Port {wanted} {why}. Choose another, with the one after it free too: make run PORT={other}"
