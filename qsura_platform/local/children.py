"""Child processes that never outlive their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1

# Loaded before any fork: a child between fork and exec must not take the loader's locks.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The system user that a child runs as."""

    name: str
    uid: int
    gid: int


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    output: int | IO[bytes],
    death_signal: signal.Signals,
    account: Account | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a child in a session of its own, so that Ctrl-C reaches the parent alone and the parent decides the order of the end.

    `death_signal` is what the kernel sends to the child when the parent dies, kill -9 included (prctl(2), PR_SET_PDEATHSIG). The kernel
    ties it to the *thread* that forked: call this from the main thread. Linux only; elsewhere a killed parent leaves its children.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=_tie_to_parent(death_signal),  # noqa: PLW1509 (two system calls and no lock)
    )


def _tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl, parent, number = _libc.prctl, os.getpid(), int(death_signal)

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        # The parent may have died before the line above: then nobody would ever send the signal.
        if os.getppid() != parent:
            os._exit(1)

    return tie


def stop(child: subprocess.Popen[bytes], *, steps: Sequence[tuple[signal.Signals, float]]) -> int:
    """Sends each signal in turn and waits its seconds; the last resort is SIGKILL for the child's whole session. Returns the exit code."""
    for number, seconds in steps:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(timeout=seconds)
    sweep(child)
    return child.wait()


def sweep(child: subprocess.Popen[bytes]) -> None:
    """Kills whatever is left of a child's session, its own children included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
