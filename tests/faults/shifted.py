"""`python -m tests.faults.shifted 3600 -m celery ...`, or `... 3600 manage.py ...`: a program whose wall clock is so many seconds off.

So is that of its forks. The monotonic clock stays: no administrator and no NTP moves that one.
"""

from __future__ import annotations

import runpy
import sys
import time

import time_machine


def main() -> None:
    seconds, *command = sys.argv[1:]
    time_machine.travel(time.time() + float(seconds), tick=True).start()
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
