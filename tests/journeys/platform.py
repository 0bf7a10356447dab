"""The whole platform as real processes, as `make run` starts it, and what a test does with it from outside: HTTP and signals alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from qsura_platform.local.environment import ROOT

PATIENCE = 20.0
FAST = {
    "QSURA_LEASE": "12",
    "QSURA_PROVIDER_TIMEOUT": "2",
    "QSURA_WEBHOOK_TIMEOUT": "3",
    "QSURA_UNKNOWN_GRACE": "3",
    "QSURA_BREAKER_WAIT": "3",
}
"""Time-outs short enough to be waited for."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class Platform:
    """A running platform."""

    def __init__(self, process: subprocess.Popen[bytes], *, state: Path, port: int) -> None:
        self.process = process
        self.state = state
        self.url = f"http://127.0.0.1:{port}"
        self.simulator = f"http://127.0.0.1:{port + 1}"
        self.key = ""

    def manage(self, *command: str) -> str:
        """What a management command prints."""
        env = {**_outside(), "QSURA_STATE": str(self.state)}
        done = subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One HTTP request with a key; any status is an answer."""
        url = path if path.startswith("http") else self.url + path
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {key or self.key}", **(headers or {})}
        request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, json.loads(response.read() or b"null"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, json.loads(error.read() or b"null"))

    def send(self, recipient: str, **more: Any) -> dict[str, Any]:
        """Accept a message of the plain template, with a receiver of its own name as callback unless told otherwise."""
        body = {"channel": "whatsapp", "template": "order_confirmed", "recipient": recipient, **more}
        answer = self.call("POST", "/v1/messages", body)
        assert answer.status == 202, answer
        return dict(answer.body)

    def message(self, id_: str) -> dict[str, Any]:
        answer = self.call("GET", f"/v1/messages/{id_}")
        assert answer.status == 200, answer
        return dict(answer.body)

    def events(self, id_: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/v1/messages/{id_}/events").body["items"])

    def when(self, id_: str, is_so: Callable[[dict[str, Any]], bool], *, seconds: float = PATIENCE) -> dict[str, Any]:
        """The message, as soon as that holds of it."""
        return wait_for(lambda: self.message(id_), is_so, seconds=seconds)

    def receiver(self, name: str, **habits: Any) -> str:
        """A customer's endpoint in the simulator, which verifies with the business's secret; its URL."""
        url = f"{self.simulator}/receiver/{name}"
        secret = self.manage("signing_secret", "--business", "demo", "--mode", "test")
        assert self.call("PUT", url, {"secret": secret, **habits}).status == 200
        return url

    def received(self, url: str, id_: str, *, count: int = 1) -> list[dict[str, Any]]:
        """The webhooks that an endpoint saw of a message, once there are so many."""

        def seen() -> list[dict[str, Any]]:
            return [event for event in self.call("GET", f"{url}/events").body["events"] if event["body"]["data"].get("id") == id_]

        return wait_for(seen, lambda events: len(events) >= count)

    def handoffs(self, id_: str) -> list[dict[str, Any]]:
        """The provider's own log of what it took for a message."""
        calls = self.call("GET", f"{self.simulator}/log/calls").body["calls"]
        digits = id_.removeprefix("msg_")
        return [call for call in calls if call["reference"].startswith(digits) and call["outcome"] == "accepted"]

    def kill_workers(self) -> int:
        """kill -9 for every process that does the worker's work, all at once; Celery starts new ones. Returns how many."""
        (celery,) = [each for each in psutil.Process(self.process.pid).children() if "celery" in each.cmdline()]
        victims = celery.children()
        for victim in victims:
            victim.suspend()
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
        return len(victims)


def wait_for(look: Callable[[], Any], is_so: Callable[[Any], bool], *, seconds: float = PATIENCE) -> Any:
    """What is seen, as soon as it is so; fails with the last sight."""
    stop = time.monotonic() + seconds
    while not is_so(seen := look()):
        assert time.monotonic() < stop, f"waited {seconds} s in vain; last seen: {seen}"
        time.sleep(0.05)
    return seen


def free_ports() -> int:
    """A port whose successor is free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _outside() -> dict[str, str]:
    """The environment without what the test suite set for itself: the platform makes its own."""
    own = {"DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS", "DEBUG", "PYTEST_CURRENT_TEST"}
    given = {name: value for name, value in os.environ.items() if name not in own and not name.startswith("QSURA_")}
    kept = {name: os.environ[name] for name in ("QSURA_POSTGRES_BIN",) if name in os.environ}
    return {**given, **kept, **FAST}


@contextmanager
def running(state: Path, *, variables: dict[str, str] | None = None) -> Iterator[Platform]:
    """A platform from start to end."""
    port = free_ports()
    log = (state.parent / "run.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "qsura_platform.local", "run", "--no-send", "--port", str(port)],
        cwd=ROOT,
        env={**_outside(), **(variables or {}), "QSURA_STATE": str(state)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    platform = Platform(process, state=state, port=port)
    try:
        wait_for(lambda: _is_up(process, platform), bool, seconds=120)
        platform.key = platform.manage("create_api_key", "--business", "demo", "--mode", "test")
        platform.manage("connect_account", "Simulated Meta")
        yield platform
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def _is_up(process: subprocess.Popen[bytes], platform: Platform) -> bool:
    assert process.poll() is None, (platform.state.parent / "run.log").read_text()[-3000:]
    try:
        return bool(urllib.request.urlopen(f"{platform.url}/readyz", timeout=1).status == 200)
    except OSError:
        return False
