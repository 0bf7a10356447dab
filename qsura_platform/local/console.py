"""What a person sees: calm lines for the run itself, and each process's log lines under its name."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO

COLOURS = {"web": 36, "worker": 32, "beat": 35, "simulator": 33, "postgres": 34, "broker": 34}
KEEP_LINES = 20
KEEP_BYTES = 5_000_000  # bytes; a longer log is set aside at the next start

_is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
_one_at_a_time = threading.Lock()


def say(text: str = "") -> None:
    """One line on standard output, whole, whoever else is speaking."""
    with _one_at_a_time:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:
            # The terminal was closed, or the reader of our pipe has gone: the run must still end in order, and the logs are in files.
            _speak_to_nobody()


def _speak_to_nobody() -> None:
    with Path(os.devnull).open("wb") as nobody:
        os.dup2(nobody.fileno(), sys.stdout.fileno())


def bold(text: str) -> str:
    """For headings, where the terminal can."""
    return f"\x1b[1m{text}\x1b[0m" if _is_coloured else text


class Log:
    """One process's output: kept in a file, shown under its name, its last lines remembered."""

    def __init__(self, name: str, *, file: Path) -> None:
        self.name = name
        self.file = file
        self.last: deque[str] = deque(maxlen=KEEP_LINES)
        self._reader: threading.Thread | None = None
        colour = COLOURS.get(name)
        mark = f"{name:<9} |"
        self.mark = f"\x1b[{colour}m{mark}\x1b[0m" if colour and _is_coloured else mark

    def follow(self, pipe: IO[bytes]) -> None:
        """Reads the pipe in a thread of its own until its end."""
        set_aside(self.file)
        self._reader = threading.Thread(target=self._read, args=(pipe,), name=f"log of {self.name}", daemon=True)
        self._reader.start()

    def last_words(self, *, within: float = 0.5) -> list[str]:
        """The last lines of a process that has ended. What it started may hold the pipe open: it waits `within` seconds at most."""
        if self._reader is None:
            return self.file.read_text(errors="replace").splitlines()[-KEEP_LINES:]
        self._reader.join(timeout=within)
        return list(self.last)

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe, self.file.open("ab", buffering=0) as kept:
            for raw in pipe:
                kept.write(raw)
                line = raw.decode(errors="replace").rstrip()
                self.last.append(line)
                say(f"{self.mark} {line}")


def set_aside(file: Path) -> None:
    """A log that has grown long becomes `.1`, in the place of the one before it."""
    if file.is_file() and file.stat().st_size > KEEP_BYTES:
        file.replace(file.with_name(f"{file.name}.1"))
