"""Waiting for processes that are not our children."""

from __future__ import annotations

import os
import select


def until_gone(pid: int, *, seconds: float = 20.0) -> None:
    """Returns when no such process is alive; fails after the time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([handle], [], [], seconds)
        assert ended, f"process {pid} is still there after {seconds} s"
    finally:
        os.close(handle)
