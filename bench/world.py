"""The processes that a benchmark measures: a durable PostgreSQL, the broker, the web and the simulator, without a worker."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qsura_platform.local import environment, places, postgres, supervisor, valkey

PORT = 18_400


@dataclass(frozen=True)
class World:
    database: str
    env: dict[str, str]
    key: str
    port: int = PORT

    def load(self, body: str, *, path: str = "/v1/messages", seconds: float, connections: int = 32, rate: float = 0.0) -> dict[str, object]:
        """What the load generator saw."""
        asked = ["--port", str(self.port), "--path", path, "--key", self.key, "--seconds", str(seconds)]
        asked += ["--connections", str(connections), "--rate", str(rate)]
        return dict(json.loads(_run("-m", "bench.load", *asked, env=self.env, text=body)))

    def process(self, *command: str) -> contextlib.AbstractContextManager[None]:
        """A Python process beside the others, for as long as the block lasts."""
        return _process(list(command), self.env)

    def receiver(self, name: str, *, secret: str = "") -> str:
        """The URL of a customer's endpoint in the simulator that verifies what it gets, by the business's secret if no other is given."""
        url = f"http://127.0.0.1:{self.port + 1}/receiver/{name}"
        _http("PUT", url, {"secret": secret or self.secret()})
        return url

    def call(self, method: str, path: str, body: Any) -> Any:
        """One request to the API."""
        return _http(method, f"http://127.0.0.1:{self.port}{path}", body, Authorization=f"Bearer {self.key}")

    def secret(self) -> str:
        """The business's own, which signs for every callback."""
        return _run("manage.py", "signing_secret", "--business", "demo", "--mode", "test", env=self.env).strip()

    def ask(self, path: str) -> Any:
        """One look by the API."""
        return _http("GET", f"http://127.0.0.1:{self.port}{path}", Authorization=f"Bearer {self.key}")

    def simulator(self, path: str) -> Any:
        """What the simulator remembers."""
        return _http("GET", f"http://127.0.0.1:{self.port + 1}{path}")

    def log(self, name: str) -> list[dict[str, Any]]:
        """A whole log of it: `calls` or `receipts`."""
        found: list[dict[str, Any]] = []
        while page := self.simulator(f"/log/{name}?after={found[-1]['seq'] if found else 0}")[name]:
            found += page
        return found


@contextlib.contextmanager
def world(*, is_whole: bool = False) -> Iterator[World]:
    """`is_whole`: with worker, beat and receipts."""
    with contextlib.ExitStack() as ends:
        home = ends.enter_context(places.throwaway())
        server = postgres.start(home, log=home / "postgres.log")
        ends.callback(server.stop)
        broker = valkey.start(home, log=home / "broker.log")
        ends.callback(broker.stop)
        where = environment.runtime(port=PORT, database=server.url, broker=broker.url, smpp_port=9, smtp_port=9)
        env = environment.for_children(home, variables=environment.secrets_of(home) | where)
        env |= {"QSURA_RATE_LIMIT": "1000000000"}  # one key asks for thousands a second: they are counted, and never too many
        env |= {"QSURA_SIMULATOR_PACE": "0.1"} if is_whole else {"QSURA_SIMULATOR_RECEIPTS": "off"}
        os.environ.update(env)
        for command in (["migrate", "--noinput", "-v", "0"], ["load_demo"]):
            _run("manage.py", *command, env=env)
        for command in (["-m", "simulator", "--port", str(PORT + 1)], _web(), *(_workers() if is_whole else ())):
            ends.enter_context(_process(command, env))
        for port in (PORT, PORT + 1):
            _wait(f"http://127.0.0.1:{port}/livez")
        # The example was loaded before its providers were there to approve its templates.
        _run("manage.py", "ask_providers", env=env)
        if is_whole:
            _run("manage.py", "connect_account", "Simulated Meta", env=env)  # or it would send no receipts
        key = _run("manage.py", "create_api_key", "--business", "demo", "--mode", "test", env=env).strip()
        yield World(server.url, env, key)


def _web() -> list[str]:
    door = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(PORT), "--log-level", "error", "--no-ws", "--workers", "1"]
    return ["-m", "granian", *door, "--blocking-threads", "32", "--backlog", "1024", "qsura_platform.wsgi:application"]


def _workers() -> list[list[str]]:
    worker = f"-m celery -q -A qsura_platform worker {supervisor.WORKER} -Q {supervisor.QUEUES}".split()
    return [[*supervisor.IN_PEACE, *worker], ["manage.py", "run_beat"]]


def _http(method: str, url: str, body: Any = None, **headers: str) -> Any:
    sent = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, sent, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def _run(*command: str, env: dict[str, str], text: str | None = None) -> str:
    return subprocess.run(
        [sys.executable, *command], cwd=environment.ROOT, env=env, input=text, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@contextlib.contextmanager
def _process(command: list[str], env: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen([sys.executable, *command], cwd=environment.ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)
