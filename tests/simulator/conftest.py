"""The simulator as a real process, and the platform's side of the wire as the real adapters see it."""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from routing.providers.base import Incoming
from simulator.identity import identity
from tests.fixtures import ROOT
from tests.simulator.wire import SECRET, World


class Caught:
    """Where the simulator calls back: keeps what comes, and answers as told (200 when nothing is left to say)."""

    def __init__(self) -> None:
        self.calls: queue.Queue[Incoming] = queue.Queue()
        self.answers: list[int] = []
        self.verify_token = identity(SECRET).verify_token
        caught = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = dict(parse_qsl(self.path.partition("?")[2]))
                is_right = query.get("hub.verify_token") == caught.verify_token
                self.answer(200 if is_right else 403, query.get("hub.challenge", "").encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                query = dict(parse_qsl(self.path.partition("?")[2]))
                status = caught.answers.pop(0) if caught.answers else 200
                caught.calls.put(Incoming("POST", caught.url + self.path, query, headers, body))
                self.answer(status, b"")

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def started(*, environment: dict[str, str], state: Path | None = None) -> Iterator[str]:
    """The base URL of a simulator of its own, stopped at the end."""
    command = [sys.executable, "-m", "simulator", "--port", "0", *(["--state", str(state)] if state else [])]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
        finally:
            process.terminate()
            process.communicate(timeout=10)


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    yield from started(environment={"QSURA_SIMULATOR_SECRET": SECRET, "QSURA_SIMULATOR_PACE": "0.2"})


@pytest.fixture
def caught() -> Iterator[Caught]:
    server = Caught()
    yield server
    server.close()


@pytest.fixture
def world(base_url: str, caught: Caught) -> Iterator[World]:
    """Both simulated accounts, calling back where `caught` listens."""
    world = World(base_url, caught.url)
    world.subscribe()
    yield world
    world.forget()
