"""An embedded PostgreSQL: a direct child, reached through a socket in a private folder, with no port and no password.

Only the wheel's binaries are used; its own `get_server()` would, as root, add a system user and open parent folders.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from qsura_platform.local import binaries, children, places
from qsura_platform.local.children import Account
from qsura_platform.local.obstacles import Obstacle

ROLE = DATABASE = "qsura"
READY_WITHIN = 60.0  # seconds; recovery after a kill -9 is part of it
MAX_CONNECTIONS = 100
PLACE_NOTE, SOCKETS_NOTE = "postgres.place", "postgres.sockets"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",  # compiling takes longer than our short statements
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
}
# A throw-away cluster has nothing to lose.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Ends the sessions, writes a checkpoint and stops ("fast"); after 15 s without the checkpoint, which costs a recovery later."""
        children.stop(self.process, steps=[(signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0)])
        places.forget(self.home, note=SOCKETS_NOTE)


def start(home: Path, *, log: Path, is_durable: bool = True) -> Server:
    """Starts the cluster that lives in `home`, and makes it first where there is none. Call it from the main thread.

    Raises Obstacle with what to do.
    """
    account = binaries.account()
    shelf = _reachable(home, account=account)
    folder = binaries.find(account=account, shelf=shelf)
    version = binaries.version(folder)
    data = shelf / f"postgres-{version}"
    if not (data / "PG_VERSION").is_file():
        _initialise(data, folder=folder, version=version, account=account, is_durable=is_durable)
    _let_the_last_one_end(data)
    sockets = places.sockets(home, note=SOCKETS_NOTE, account=account)
    command: list[str | Path] = [folder / "postgres", "-D", data, "-k", sockets]
    for name, value in (SETTINGS if is_durable else SETTINGS | FORGETFUL).items():
        command += ["-c", f"{name}={value}"]
    with log.open("ab") as output:
        process = children.start(command, env=_environment(), output=output, death_signal=signal.SIGINT, account=account, cwd=data)
    server = Server(url=f"postgresql://{ROLE}@/{DATABASE}?host={sockets}", home=home, process=process)
    try:
        _wait_and_make_database(server, log=log)
    except BaseException:
        server.stop()
        raise
    return server


@contextlib.contextmanager
def throwaway() -> Iterator[Server]:
    """A cluster that forgets everything at its end, ready in about a second."""
    with places.throwaway() as home:
        server = start(home, log=home / "postgres.log", is_durable=False)
        try:
            yield server
        finally:
            server.stop()


def _reachable(home: Path, *, account: Account | None) -> Path:
    """Where data and copied binaries live: in `home` itself where the server's user gets there. As root under /root it does not."""
    return home if binaries.can_enter(home, account=account) else places.stand_in(home, note=PLACE_NOTE)


def _initialise(data: Path, *, folder: Path, version: int, account: Account | None, is_durable: bool) -> None:
    """Makes the cluster beside its place and moves it there when it is whole: a cluster half made is never taken for one."""
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=data.parent))
    if account:
        os.chown(draft, account.uid, account.gid)
    # The builtin provider (17 and newer) sorts alike on every system and survives an upgrade of the system's C library.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] if version >= 17 else ["--locale=C.UTF-8"]
    sync = [] if is_durable else ["--no-sync"]
    command: list[str | Path] = [
        folder / "initdb",
        "-D",
        draft,
        "-U",
        ROLE,
        "--encoding=UTF8",
        "--auth=reject",
        "--auth-local=peer",
        *locale,
        *sync,
    ]
    made = subprocess.run(
        command,
        env=_environment(),
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise Obstacle(f"PostgreSQL could not make its cluster: {made.stderr.strip()}\n{binaries.USE_A_SERVER}")
    _let_in(draft, owner=pwd.getpwuid(os.geteuid()).pw_name)
    shutil.rmtree(data, ignore_errors=True)
    draft.rename(data)


def _let_in(data: Path, *, owner: str) -> None:
    """The kernel says who is at the other end of the socket ("peer"): only the user who started the server gets in, without a password."""
    (data / "pg_hba.conf").write_text("local all all peer map=qsura\n")
    (data / "pg_ident.conf").write_text(f'qsura "{owner}" {ROLE}\n')


def _let_the_last_one_end(data: Path) -> None:
    """After a kill -9 of the parent its server is still closing down: wait for it; and drop a pid file whose number is now another's."""
    pid_file = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if not _is_server_of(data, pid=pid):
                break
            os.kill(pid, number)
            _wait_until_gone(data, pid=pid, seconds=10.0)
        if Path("/proc/self").exists() and not _is_server_of(data, pid=pid):
            pid_file.unlink(missing_ok=True)


def _is_server_of(data: Path, *, pid: int) -> bool:
    """PostgreSQL works inside its data folder. Where there is no /proc, PostgreSQL's own check of its pid file has to do."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve()
    except OSError:
        return False


def _wait_until_gone(data: Path, *, pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while _is_server_of(data, pid=pid) and time.monotonic() < until:
        time.sleep(0.02)


def _wait_and_make_database(server: Server, *, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while True:
        try:
            with psycopg.connect(server.url, dbname="postgres", autocommit=True, connect_timeout=5) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        except psycopg.OperationalError as error:
            if server.process.poll() is not None:
                raise Obstacle(f"PostgreSQL stopped while starting:\n{_last_lines(log)}") from error
            if time.monotonic() > until:
                raise Obstacle(f"PostgreSQL was not ready within {READY_WITHIN:.0f} s: {error}\n{_last_lines(log)}") from error
        time.sleep(0.02)


def _last_lines(log: Path, *, count: int = 10) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def _environment() -> dict[str, str]:
    """Nothing of the caller's: PGDATA, PGPORT, LANG and LD_LIBRARY_PATH would all be heard."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
