"""The simulator as a real process, for hand-offs over real HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import orjson
import pytest
from pytest_django import Settings

from qsura_platform.local.environment import ROOT
from routing import credentials
from tests.journeys.platform import free_ports, wait_for


class Simulator:
    """What a provider remembers of its calls."""

    def __init__(self, url: str) -> None:
        self.url = url

    def taken(self) -> list[dict[str, object]]:
        with urllib.request.urlopen(f"{self.url}/log/calls", timeout=5) as answer:
            return [call for call in orjson.loads(answer.read())["calls"] if call["outcome"] == "accepted"]


@pytest.fixture(scope="session")
def _simulator() -> Iterator[str]:
    port = free_ports()
    url = f"http://127.0.0.1:{port}"
    env = {**os.environ, "QSURA_SIMULATOR_RECEIPTS": "off"}
    with subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", str(port)], cwd=ROOT, env=env, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(lambda: _answers(url), bool, seconds=20)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=1):
            return True
    except OSError:
        return False


@pytest.fixture
def simulator(_simulator: str, settings: Settings) -> Iterator[Simulator]:
    urllib.request.urlopen(urllib.request.Request(f"{_simulator}/log", method="DELETE"), timeout=5).close()
    settings.QSURA_SIMULATOR_URL = _simulator
    settings.QSURA_PROVIDER_TIMEOUT = 1.0
    credentials.forget()
    yield Simulator(_simulator)
    credentials.forget()
