"""Folders outside the state folder, and the notes in it that say where they are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from qsura_platform.local.children import Account
from qsura_platform.local.obstacles import Obstacle

PREFIX = "qsura-"
TEST_PREFIX, ALIVE = "qsura-test-", "alive"


def sockets(home: Path, *, note: str, account: Account | None = None) -> Path:
    """A new private folder for one server's socket; the one of a start that was killed is removed.

    A socket's whole path has at most 107 bytes, so it can't live in a state folder of any depth.
    """
    forget(home, note=note)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
    if account:
        os.chown(folder, account.uid, account.gid)
    (home / note).write_text(f"{folder}\n")
    return folder


def stand_in(home: Path, *, note: str) -> Path:
    """A folder that stands in for a home which the server's user can't enter: made once, then found by its note.

    Opening the parents' permissions instead would expose more than our data, and many systems empty /tmp and /var/tmp.
    """
    known = read(home, note=note)
    if known and known.is_dir():
        return known
    folder = Path("/var/lib") / f"{PREFIX}{secrets.token_hex(6)}"
    try:
        folder.mkdir()
        folder.chmod(0o711)
    except OSError as error:
        raise Obstacle(f"PostgreSQL's user can't enter {home}, and {folder} can't be made. Set QSURA_STATE to an open folder.") from error
    (home / note).write_text(f"{folder}\n")
    return folder


def read(home: Path, *, note: str) -> Path | None:
    """What the note names, if that is one of our folders: what stands there may be deleted one day."""
    try:
        folder = Path((home / note).read_text().strip())
    except FileNotFoundError:
        return None
    return folder if folder.is_absolute() and folder.name.startswith(PREFIX) else None


def forget(home: Path, *, note: str) -> None:
    """Removes the folder that the note names, and the note."""
    folder = read(home, note=note)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    (home / note).unlink(missing_ok=True)


def remove(home: Path) -> None:
    """Removes a state folder, and what lives outside it on its behalf."""
    for note in (*home.glob("*.sockets"), *home.glob("*.place")):
        forget(home, note=note.name)
    shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def throwaway() -> Iterator[Path]:
    """A state folder for a test, gone at its end. Those of killed tests are removed on the way: a cluster takes 40 MB."""
    for left_over in Path(tempfile.gettempdir()).glob(f"{TEST_PREFIX}*"):
        _remove_if_dead(left_over)
    home = Path(tempfile.mkdtemp(prefix=TEST_PREFIX))
    home.chmod(0o711)  # as root, the server's own user passes through; its data stay closed
    with (home / ALIVE).open("w") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        try:
            yield home
        finally:
            remove(home)


def _remove_if_dead(home: Path) -> None:
    """The kernel drops the lock with its process. A folder without the file is just being made."""
    with contextlib.suppress(OSError):
        if home.lstat().st_uid != os.geteuid():
            return  # what stands in its notes is another user's word
        with (home / ALIVE).open("r+") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(home)
