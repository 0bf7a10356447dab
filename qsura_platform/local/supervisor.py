"""One run: the embedded servers, the platform's processes, and an orderly end however it comes."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from qsura_platform.local import children, console, environment, postgres, preflight, valkey
from qsura_platform.local.obstacles import Obstacle

QUEUES = "handoff_authentication,handoff_utility,handoff_marketing,receipts,webhooks,sweeps"
WORKER = "--concurrency 6 --without-mingle --without-gossip -l warning"
WEB = "--interface wsgi --host 127.0.0.1 --workers 1 --blocking-threads 32 --no-ws --log-level error --workers-kill-timeout 5"
# Run as root, the worker warns at every start; it unpickles nothing, and whoever tries the project in a container is root.
IN_PEACE = ("-W", "ignore:You're running the worker with superuser privileges")
READY_WITHIN = 60.0  # seconds
GLANCE = 0.1  # seconds between two looks at the children

# Signals and the seconds that each is given, before SIGKILL. A worker finishes what it has in hand (warm) before it is told to drop it.
POLITE = ((signal.SIGTERM, 8.0),)
WARM = ((signal.SIGTERM, 15.0), (signal.SIGQUIT, 3.0))


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM. Not an Exception: nothing on the way may swallow it."""


@dataclass
class Run:
    """What is running, in the order in which it was started; it ends in the opposite order."""

    state: Path
    port: int
    env: dict[str, str] = field(default_factory=dict)
    ends: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    watched: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    logs: dict[str, console.Log] = field(default_factory=dict)
    is_told: bool = False
    """Whether a signal has come. What is raised by it is lost where Python can't raise, as in what runs beside a fork."""
    is_starting: bool = False

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """A child is started and written down in one: a signal in between ends the run right after."""
        self.is_starting = True
        try:
            yield
        finally:
            self.is_starting = False
        if self.is_told:
            raise Stopped

    def add(
        self,
        name: str,
        command: Sequence[str],
        *,
        stop: Sequence[tuple[signal.Signals, float]] = POLITE,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Starts one of the platform's own processes and follows its log. `death_signal`: what it gets if this process is killed."""
        with self.undisturbed():
            child = children.start(
                [sys.executable, *command],
                env=self.env,
                cwd=environment.ROOT,
                output=subprocess.PIPE,
                death_signal=death_signal,
            )
            log = console.Log(name, file=self.log_file(name))
            if child.stdout:
                log.follow(child.stdout)
            self.ends.callback(self._end, child, stop, log)
            self.watch(name, child, log=log)

    def watch(self, name: str, child: subprocess.Popen[bytes], *, log: console.Log) -> None:
        """From now on this process's death ends the run."""
        self.watched[name], self.logs[name] = child, log

    def _end(self, child: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]], log: console.Log | None = None) -> None:
        children.stop(child, steps=steps)
        children.sweep(child)  # whatever it started itself
        if log:
            log.last_words()  # shown before the next one ends

    def manage(self, *command: str) -> int:
        """Runs a management command to its end, its output going straight to the terminal; returns its exit code."""
        child = children.start(
            [sys.executable, "manage.py", *command],
            env=self.env,
            cwd=environment.ROOT,
            output=sys.stdout.fileno(),
            death_signal=signal.SIGTERM,
        )
        with contextlib.ExitStack() as end:
            end.callback(self._end, child, POLITE)
            while child.poll() is None:
                self.look()
                time.sleep(GLANCE / 5)
        return child.returncode

    def look(self) -> None:
        """Raises Obstacle, with its last words, if a process has died; Stopped, if a signal has come."""
        if self.is_told:
            raise Stopped
        for name, child in self.watched.items():
            code = child.poll()
            if code is not None:
                raise Obstacle(f"{name} has stopped ({_how(code)}). {self._last_words(name)}")

    def wait_for(self, name: str, *, port: int) -> None:
        """Waits until the process answers `GET /livez`."""
        until = time.monotonic() + READY_WITHIN
        while not _lives(port):
            self.look()
            if time.monotonic() > until:
                raise Obstacle(f"{name} does not answer on port {port} after {READY_WITHIN:.0f} s. {self._last_words(name)}")
            time.sleep(GLANCE)

    def stay(self) -> NoReturn:
        """Until a signal or a death."""
        while True:
            self.look()
            time.sleep(GLANCE)

    def log_file(self, name: str) -> Path:
        """Where a process's log is kept."""
        return self.state / "logs" / f"{name}.log"

    def _last_words(self, name: str) -> str:
        return "Its last lines:\n" + "\n".join(f"    {line}" for line in self.logs[name].last_words())


def run(state: Path, *, port: int, is_sending: bool) -> int:
    """Starts everything, sends the demo message, and stays until it is told to stop. Returns the exit code; raises Obstacle."""
    environment.prepare(state)
    with preflight.sole_run(state, port=port):
        preflight.need_ports(port)
        this = Run(state, port)
        with _signals_raise(this):
            try:
                with this.ends, _stop_announced():
                    _start(this)
                    _show(this, is_sending=is_sending)
                    # Last, for the first message does without it, and it would only take time from those that it needs.
                    this.add("smpp", ["manage.py", "smpp"], stop=WARM)
                    this.stay()
            except Stopped:
                console.say(f"Stopped. `make run` goes on with the same data. (State: {state})")
    return 0


def _start(run: Run) -> None:
    console.say(console.bold("Qsura starts.") + f" Data and logs: {run.state}")
    own = environment.secrets_of(run.state)
    smpp_port, smtp_port = preflight.free_ports(2)
    servers = {"database": _database(run), "broker": _broker(run)}
    where = environment.runtime(port=run.port, smpp_port=smpp_port, smtp_port=smtp_port, **servers)
    run.env = environment.for_children(run.state, variables=own | where)
    environment.write_runtime(run.state, {name: run.env[name] for name in where})
    run.ends.callback(environment.forget_runtime, run.state)
    ports = ["--port", str(run.port + 1), "--smpp-port", str(smpp_port), "--smtp-port", str(smtp_port)]
    run.add("simulator", ["-m", "simulator", *ports, "--state", str(run.state / "simulator.json")])
    with _timed("The tables are in place"):
        _must(run, "migrate", "--noinput", "-v", "0")
    with _timed("Web, worker, beat and simulator answer, and the example is in place"):
        _start_platform(run)
        run.wait_for("simulator", port=run.port + 1)
        _must(run, "load_demo")
        run.wait_for("web", port=run.port)


def _must(run: Run, *command: str) -> None:
    if run.manage(*command) != 0:
        raise Obstacle(f"`manage.py {command[0]}` failed; what it said stands above.")


def _start_platform(run: Run) -> None:
    """The web last, so that it is the first to end: no request is taken in that nobody would work on."""
    # A worker that is already stopping, and waits for a broker that is gone, hears no second SIGTERM: it outlived its supervisor by
    # minutes, beside the worker of the next run. What it has in hand is safe without it, and its pool ends when it finds itself alone.
    worker = [*IN_PEACE, *f"-m celery -q -A qsura_platform worker {WORKER} -Q {QUEUES}".split()]
    run.add("worker", worker, stop=WARM, death_signal=signal.SIGKILL)
    run.add("beat", ["manage.py", "run_beat"])
    run.add("web", f"-m granian --port {run.port} {WEB} qsura_platform.wsgi:application".split())


def _database(run: Run) -> str:
    given = os.environ.get("DATABASE_URL")
    if given:
        return given
    file = run.log_file("postgres")
    console.set_aside(file)
    with _timed("PostgreSQL is ready"):
        server = postgres.start(run.state, log=file)
    run.ends.callback(server.stop)
    run.watch("postgres", server.process, log=console.Log("postgres", file=file))
    return server.url


def _broker(run: Run) -> str:
    given = os.environ.get("CELERY_BROKER_URL")
    if given:
        return given
    file = run.log_file("broker")
    console.set_aside(file)
    with _timed("The broker is ready"):
        server = valkey.start(run.state, log=file)
    run.ends.callback(server.stop)
    run.watch("broker", server.process, log=console.Log("broker", file=file))
    return server.url


def _show(run: Run, *, is_sending: bool) -> None:
    if is_sending and run.manage("demo_send") != 0:
        console.say(f"The demo message did not come to its end. Everything goes on running; the logs in {run.state / 'logs'} say more.")
    console.say()
    run.manage("show_demo")
    console.say()
    console.say("Ctrl-C stops everything and keeps the data.")


@contextlib.contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    console.say(f"  {what} ({time.monotonic() - began:.1f} s)")


@contextlib.contextmanager
def _stop_announced() -> Iterator[None]:
    try:
        yield
    except Stopped:
        console.say("\nStopping: smpp, web, beat, worker, simulator, broker, PostgreSQL.")
        raise


@contextlib.contextmanager
def _signals_raise(run: Run) -> Iterator[None]:
    """The first signal ends the run; further ones don't disturb the end. Every child has a time limit of its own there."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup the run outlives its terminal
        numbers.append(signal.SIGHUP)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        run.is_told = True
        if not run.is_starting:
            raise Stopped  # and not a word here: the signal may have come while this very thread was speaking, with the lock in its hand

    before = [(each, signal.signal(each, stop)) for each in numbers]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def _lives(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"
