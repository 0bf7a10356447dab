"""The command behind `make run`, `make demo-send` and `make reset`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from qsura_platform.local import environment, places, preflight, supervisor
from qsura_platform.local.obstacles import Obstacle


def main() -> int:
    """Returns the exit code: 0 where all went well or was stopped on request, 1 where something on this machine has to change first."""
    asked = _arguments()
    state = environment.state()
    try:
        if asked.command == "run":
            return supervisor.run(state, port=asked.port, is_sending=not asked.no_send)
        if asked.command == "demo-send":
            return _demo_send(state)
        return _reset(state, is_confirmed=asked.yes)
    except Obstacle as obstacle:
        print(obstacle, file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m qsura_platform.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything, send the demo message, and stay")
    run.add_argument("--port", type=int, default=8000, help="the web's port; the simulator takes the one after it (default: 8000)")
    run.add_argument("--no-send", action="store_true", help="send no demo message")
    commands.add_parser("demo-send", help="send the demo message again and tell its story, while `run` is up")
    reset = commands.add_parser("reset", help="remove the state folder: data, secrets and logs")
    reset.add_argument("--yes", action="store_true", help="yes, remove it")
    return parser.parse_args()


def _demo_send(state: Path) -> int:
    if not preflight.is_running(state):
        raise Obstacle(f"Nothing runs with the state {state}. Start it in another terminal: make run")
    env = environment.for_children(state, variables={})
    return subprocess.run([sys.executable, "manage.py", "demo_send"], cwd=environment.ROOT, env=env, check=False).returncode


def _reset(state: Path, *, is_confirmed: bool) -> int:
    if not (state / environment.SECRETS).is_file():
        raise Obstacle(f"There is nothing to remove: {state} is no state folder.")
    if preflight.is_running(state):
        raise Obstacle(f"Qsura runs with this state ({preflight.holder(state)}). Stop it there with Ctrl-C first.")
    if not is_confirmed:
        raise Obstacle(f"This removes {state} with all data, secrets and logs in it. If you want that: make reset YES=1")
    places.remove(state)
    print(f"Removed {state}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
