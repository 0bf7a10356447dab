"""The programs of docs/verify, taken out of their pages and run: what each language needs for that, and what it is asked."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.fixtures import ROOT
from tests.journeys.platform import free_ports, wait_for

PAGES = ROOT / "docs" / "verify"
HARNESS = Path(__file__).parent / "languages"
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(frozen=True)
class Language:
    """How a language's programs are run. `tools` must all be there; `build` comes first."""

    name: str
    tools: tuple[str, ...]
    check: tuple[str, ...]
    serve: tuple[str, ...]
    build: tuple[tuple[str, ...], ...] = ()

    def unpack(self, folder: Path) -> None:
        """The page's files and ours, built in a folder; skips the test where the runtime is absent."""
        for tool in self.tools:
            if shutil.which(tool) is None:
                pytest.skip(f"there is no {tool} here to run the page of {self.name} with")
        for name, text in files(self.name).items():
            (folder / name).write_text(text, encoding="utf-8")
        for file in HARNESS.iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        for command in self.build:
            subprocess.run(command, cwd=folder, env=_environment(folder), check=True, capture_output=True)

    def judge(self, cases: Sequence[tuple[str, int, Mapping[str, str], bytes]], *, folder: Path) -> list[str]:
        """`ours` or `refused` for each (key, now, headers, body); anything else that happens fails the test."""
        lines = "".join(f"{_line(*case)}\n" for case in cases)
        told = subprocess.run(self.check, cwd=folder, env=_environment(folder), input=lines, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        return told.stdout.split()

    @contextmanager
    def serving(self, folder: Path, *, key: str) -> Iterator[str]:
        """The page's receiver as a process; its URL."""
        port = free_ports()
        more = {"PORT": str(port), "WEBHOOK_SECRET": key, "INBOX": str(inbox(folder))}
        command = [each.replace("$PORT", str(port)) for each in self.serve]
        process = subprocess.Popen(command, cwd=folder, env={**_environment(folder), **more}, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: _listens(process, port), bool)
            yield f"http://127.0.0.1:{port}/hooks"
        finally:
            process.kill()
            process.wait()


LANGUAGES = (
    Language("python", (), (sys.executable, "check.py"), (sys.executable, "receiver.py")),
    Language("javascript", ("node",), ("node", "check.mjs"), ("node", "receiver.mjs")),
    Language("php", ("php",), ("php", "check.php"), ("php", "-S", "127.0.0.1:$PORT", "receiver.php")),
    Language(
        "go",
        ("go",),
        ("./check",),
        ("./receiver",),
        (("go", "build", "-o", "check", "webhooks.go", "check.go"), ("go", "build", "-o", "receiver", "webhooks.go", "receiver.go")),
    ),
    Language(
        "java",
        ("java", "javac"),
        ("java", "-cp", ".", "Check"),
        ("java", "-cp", ".", "Receiver"),
        (("javac", "-Xlint:all,-serial", "-Werror", "Webhooks.java", "Receiver.java", "Check.java"),),
    ),
    Language("ruby", ("ruby",), ("ruby", "check.rb"), ("ruby", "serve.rb")),
)


def files(language: str) -> dict[str, str]:
    """The files that a page shows, by name."""
    text = (PAGES / f"{language}.md").read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- file: ([\w.]+) -->\n```\w+\n(.*?)```", text, re.DOTALL))


def inbox(folder: Path) -> Path:
    """Where the receiver keeps what came."""
    made = folder / "inbox"
    made.mkdir(exist_ok=True)
    return made


def _environment(folder: Path) -> dict[str, str]:
    """Go's caches in the folder, and nothing from the network."""
    return {**os.environ, "GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "go"), "GOPROXY": "off", "GO111MODULE": "off"}


def _line(key: str, now: int, headers: Mapping[str, str], body: bytes) -> str:
    named = [headers.get(name) for name in HEADERS]
    return " ".join("-" if each is None else _text(each) for each in (key, str(now), *named, body))


def _text(each: str | bytes) -> str:
    return base64.b64encode(each.encode() if isinstance(each, str) else each).decode()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None
    return any(each.laddr.port == port and each.status == psutil.CONN_LISTEN for each in psutil.Process(process.pid).net_connections())
