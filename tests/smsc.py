"""The simulator's SMSC as a real process, and a session process of the platform beside it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
from django.db import connection

from qsura_platform.local.environment import ROOT

T = TypeVar("T")


@dataclass(frozen=True)
class Smsc:
    """One that listens."""

    url: str
    """Of its HTTP door."""
    address: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ask(self, path: str, *, method: str = "GET", body: Any = None) -> Any:
        data = orjson.dumps(body) if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data, method=method), timeout=30) as answer:
            return orjson.loads(answer.read() or b"null")

    def calls(self, outcome: str = "accepted") -> list[dict[str, Any]]:
        return [call for call in self.ask("/log/calls")["calls"] if call["provider"] == "smpp" and outcome in ("", call["outcome"])]

    def receipts(self) -> list[dict[str, Any]]:
        return [each for each in self.ask("/log/receipts")["receipts"] if each["provider"] == "smpp"]

    def binds(self) -> list[dict[str, str]]:
        return list(self.ask("/smpp/binds")["binds"])

    def cut(self) -> None:
        self.ask("/smpp/binds", method="DELETE")

    def forget(self) -> None:
        self.ask("/log", method="DELETE")


@contextlib.contextmanager
def running(*, pace: str = "0.1", port: int = 0) -> Iterator[Smsc]:
    """`port` is its SMPP port; 0 for any free one."""
    command = [sys.executable, "-m", "simulator", "--port", "0", "--smpp-port", str(port)]
    environment = {**os.environ, "QSURA_SIMULATOR_PACE": pace}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = _found(process, r"smpp://(\S+)")
            yield Smsc(_found(process, r"(http://\S+)"), address, process)
        finally:
            process.kill()


def _found(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stdout is not None
    return next(found[1] for line in process.stdout if (found := re.search(pattern, line)))


@contextlib.contextmanager
def session_process(smsc: Smsc, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`manage.py smpp` on the test's own database; killed at the end if it has not ended by then."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "QSURA_SIMULATOR_URL": smsc.url,
        "QSURA_SIMULATOR_SMPP": smsc.address,
        "QSURA_PROVIDER_TIMEOUT": "2",
        "QSURA_WEBHOOK_TIMEOUT": "3",
        "QSURA_LEASE": "12",
        **variables,
    }
    with subprocess.Popen([sys.executable, "manage.py", "smpp"], cwd=ROOT, env=environment, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(look: Callable[[], T], is_so: Callable[[T], bool] = bool, *, seconds: float = 45.0) -> T:
    """What is seen, as soon as it is so; fails with the last sight."""
    stop = time.monotonic() + seconds
    while not is_so(seen := look()):
        assert time.monotonic() < stop, f"waited {seconds} s in vain; last seen: {seen}"
        time.sleep(0.05)
    return seen
