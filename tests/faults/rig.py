"""The platform as real processes that can be hurt one by one: PostgreSQL, the broker, several webs and workers, two beats, the simulator.

Unlike `make run`, nothing watches them: a process that a story kills stays dead until the story starts another. Each reaches PostgreSQL
through a door of its own (tests.faults.proxy).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from qsura_platform.local import children, environment, places, postgres, supervisor, valkey
from tests.faults.proxy import Proxies, Proxy
from tests.journeys import platform
from tests.journeys.platform import Answer, free_ports

PATIENCE = 120.0
"""Seconds that a story waits for what must come; it goes on as soon as it has come."""
TIMES = {
    "QSURA_LEASE": "12",
    "QSURA_PROVIDER_TIMEOUT": "3",
    "QSURA_WEBHOOK_TIMEOUT": "3",
    "QSURA_UNKNOWN_GRACE": "3",
    "QSURA_BREAKER_WAIT": "3",
}
"""Waits shortened, never skipped: a lease of 12 s for one of 60, and so on."""
WEBS, WORKERS, BEATS = 3, 2, 2
PAGE = 10_000
"""Entries of one answer of the simulator's (simulator.query.MOST)."""


def wait_for(look: Callable[[], Any], is_so: Callable[[Any], bool], *, seconds: float = PATIENCE) -> Any:
    """What is seen, as soon as it is so; fails with the last sight. Patient: the machine may be busy with other things than faults."""
    return platform.wait_for(look, is_so, seconds=seconds)


PUT_BACK = """
from django.utils import timezone
from routing import health
from routing.models import ProviderAccount
for account in ProviderAccount.objects.filter(is_in_service=False):
    health.back_in_service(account.pk, at=timezone.now())
"""
"""What staff do in the admin once the credentials are new."""
RESET = """
from django.utils import timezone
from routing import breaker
from routing.models import Gate
for gate in Gate.objects.exclude(breaker="closed"):
    breaker.reset(gate.account_id, because="The story is over.", by=None, at=timezone.now())
"""
"""Likewise, for those who don't want to wait for a probe."""


@dataclass
class Member:
    """One process of the platform, its children included."""

    name: str
    command: Sequence[str]
    env: dict[str, str]
    log: Path
    door: Proxy | None = None
    process: subprocess.Popen[bytes] | None = None
    is_shifted: bool = False

    def start(self, *, clock: float = 0.0) -> None:
        """`clock`: by how many seconds its wall clock is wrong."""
        self.is_shifted = bool(clock)
        command = ["-m", "tests.faults.shifted", str(clock), *self.command] if clock else self.command
        with self.log.open("ab") as output:
            self.process = children.start(
                [sys.executable, *command], env=self.env, cwd=environment.ROOT, output=output, death_signal=signal.SIGKILL
            )

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9, for all its processes at once."""
        for each in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.suspend()
        for each in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        if self.process:
            self.process.wait(20)
        if self.door:
            self.door.cut()

    def stop(self, *, seconds: float = 40.0) -> int:
        """SIGTERM, and its exit code; fails if it has not ended by then."""
        assert self.process
        self.process.terminate()
        return self.process.wait(seconds)

    def freeze(self) -> None:
        for each in self._family():
            each.suspend()

    def thaw(self) -> None:
        for each in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.resume()

    def _family(self) -> list[psutil.Process]:
        if not self.is_alive() or self.process is None:
            return []
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


@dataclass
class Rig:
    """Everything that runs, and what a story does to it."""

    home: Path
    sockets: Path
    env: dict[str, str] = field(default_factory=dict)
    proxies: Proxies = field(default_factory=Proxies)
    members: dict[str, Member] = field(default_factory=dict)
    ports: list[int] = field(default_factory=list)
    businesses: dict[str, dict[str, str]] = field(default_factory=dict)

    # From the first process to the last

    def start(self) -> None:
        self.database = postgres.start(self.home, log=self.home / "postgres.log")
        self.broker = valkey.start(self.home, log=self.home / "broker.log")
        self.ports = [free_ports() for _ in range(WEBS + 1)]
        self.road = self.proxies.door(self.ports[-1] + 1, leads_to=self.ports[-1])
        self.bell = self.proxies.door(self.sockets / "broker.sock", leads_to=self._broker_door())
        self.env = self._environment()
        self.run("manage.py", "migrate", "--noinput", "-v", "0")
        self.businesses = json.loads(self.run("-m", "tests.faults.founding"))
        self.add("simulator", ["-m", "simulator", "--port", str(self.ports[-1])])
        for number in range(WEBS):
            self.add(f"web{number}", f"-m granian --port {self.ports[number]} {supervisor.WEB} qsura_platform.wsgi:application".split())
        for number in range(WORKERS):
            worker = f"-m celery -q -A qsura_platform worker {supervisor.WORKER} -Q {supervisor.QUEUES} -n worker{number}@%h"
            self.add(f"worker{number}", worker.split())
        for number in range(BEATS):
            self.add(f"beat{number}", ["manage.py", "run_beat"])
        for member in self.members.values():
            member.start()
        self.wait_until_up()
        self.run("manage.py", "connect_account", "Simulated Meta")

    def end(self) -> None:
        for member in self.members.values():
            member.kill()
        self.broker.stop()
        self.database.stop()

    def heal(self) -> None:
        """Everything that was hurt is well again: frozen processes go on, dead ones are replaced, doors are open."""
        self.bell.heal()
        self.road.heal()
        if self.database.process.poll() is not None:
            self.start_database()
        if self.broker.process.poll() is not None:
            self.start_broker()
        for member in self.members.values():
            if member.door:
                member.door.heal()
            member.thaw()
            if member.is_shifted:
                member.kill()
            if not member.is_alive():
                member.start()
        self.wait_until_up()
        if self.sql("SELECT 1 FROM routing_provideraccount WHERE NOT is_in_service"):
            self.run("manage.py", "shell", "-v", "0", "-c", PUT_BACK)
        self.sql("DELETE FROM routing_outcome")  # one story's failures are no other's
        if self.sql("SELECT 1 FROM routing_gate WHERE breaker <> 'closed'"):
            self.run("manage.py", "shell", "-v", "0", "-c", RESET)

    def wait_until_up(self) -> None:
        for number in range(WEBS):
            _wait_for(f"{self.url(number)}/readyz")
        _wait_for(f"{self.simulator}/livez")

    def add(self, name: str, command: Sequence[str]) -> Member:
        """A process of the platform, not yet started."""
        door = self.proxies.door(self.sockets / name / ".s.PGSQL.5432", leads_to=self._database_door())
        env = {**self.env, "DATABASE_URL": f"postgresql://{postgres.ROLE}@/{postgres.DATABASE}?host={self.sockets / name}"}
        self.members[name] = Member(name, command, env, self.home / f"{name}.log", door)
        return self.members[name]

    def _environment(self) -> dict[str, str]:
        foreign = {"DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS", "DEBUG", "PYTEST_CURRENT_TEST"}
        given = {name: value for name, value in os.environ.items() if name not in foreign and not name.startswith("QSURA_")}
        where = environment.runtime(
            port=self.ports[0],
            database=self.database.url,
            broker=f"redis+socket://{self.sockets / 'broker.sock'}",
            smpp_port=9,
            smtp_port=9,
        )
        simulator = {
            "QSURA_SIMULATOR_URL": f"http://127.0.0.1:{self.ports[-1] + 1}",
            "QSURA_ALLOWED_PRIVATE_TARGETS": f"127.0.0.1/32:{self.ports[-1]},127.0.0.1/32:{self.ports[-1] + 1}",
            "QSURA_STATE": str(self.home),
            "QSURA_RATE_LIMIT": "0",
            "DJANGO_SETTINGS_MODULE": "qsura_platform.settings",
            "PYTHONUNBUFFERED": "1",
        }
        return {**given, **environment.secrets_of(self.home), **where, **simulator, **TIMES}

    # The servers

    def _database_door(self) -> Path:
        return Path(self.database.url.partition("host=")[2]) / ".s.PGSQL.5432"

    def _broker_door(self) -> Path:
        return Path(self.broker.url.removeprefix("redis+socket://"))

    def kill_database(self) -> None:
        """An immediate shutdown: no checkpoint, every session broken, recovery at the next start."""
        self.database.process.send_signal(signal.SIGQUIT)
        self.database.process.wait(30)

    def start_database(self) -> None:
        self.database = postgres.start(self.home, log=self.home / "postgres.log")
        for member in self.members.values():
            if member.door:
                member.door.leads_to = self._database_door()

    def kill_broker(self) -> None:
        """It keeps nothing: whatever was queued is gone."""
        self.broker.process.kill()
        self.broker.process.wait(20)

    def start_broker(self) -> None:
        self.broker = valkey.start(self.home, log=self.home / "broker.log")
        self.bell.leads_to = self._broker_door()

    # Who is there

    @property
    def webs(self) -> list[Member]:
        return [self.members[f"web{number}"] for number in range(WEBS)]

    @property
    def workers(self) -> list[Member]:
        return [self.members[f"worker{number}"] for number in range(WORKERS)]

    def url(self, web: int = 0) -> str:
        return f"http://127.0.0.1:{self.ports[web]}"

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.ports[-1]}"

    # What is done from outside

    def run(self, *command: str) -> str:
        """A command to its end, straight to PostgreSQL; what it prints."""
        env = {**self.env, "DATABASE_URL": self.database.url}
        done = subprocess.run([sys.executable, *command], cwd=environment.ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows, straight from PostgreSQL and past every door."""
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        business: str = "alice",
        web: int = 0,
        headers: dict[str, str] | None = None,
        seconds: float = 30.0,
    ) -> Answer | None:
        """One request; None where no whole answer came."""
        url = path if path.startswith("http") else self.url(web) + path
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {self.businesses[business]['key']}", **(headers or {})}
        request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            return _answer(error.code, error)
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def log(self, what: str = "calls", **filters: object) -> list[dict[str, Any]]:
        """The simulator's own log: what providers took, and how their receipts were answered."""
        return self._read(f"{self.simulator}/log/{what}", what, **filters)

    def seen(self, receiver: str) -> list[dict[str, Any]]:
        """The webhooks that a customer's receiver got."""
        return self._read(f"{self.simulator}/receiver/{receiver}/events", "events")

    def _read(self, url: str, name: str, **filters: object) -> list[dict[str, Any]]:
        """All of a log, page by page: one answer has ten thousand entries at most."""
        query = "".join(f"&{field}={value}" for field, value in filters.items())
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            with urllib.request.urlopen(f"{url}?after={after}{query}", timeout=60) as answer:
                page = json.loads(answer.read())[name]
            found += page
            if len(page) < PAGE:
                return found


def _answer(status: int, response: Any) -> Answer:
    return Answer(status, {name.lower(): value for name, value in response.headers.items()}, json.loads(response.read() or b"null"))


def _wait_for(url: str) -> None:
    wait_for(lambda: _answers(url), bool, seconds=120)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def running(home: Path | None = None) -> Iterator[Rig]:
    """A rig from start to end, in a folder of its own unless told where."""
    # Sockets have short paths; not pytest's own folder: root's PostgreSQL runs as another user, who can't enter it.
    with (
        places.throwaway() if home is None else contextlib.nullcontext(home) as place,
        tempfile.TemporaryDirectory(prefix="qsura-f-", dir="/tmp") as sockets,
    ):
        rig = Rig(place, Path(sockets))
        try:
            rig.start()
            yield rig
        finally:
            rig.end()
