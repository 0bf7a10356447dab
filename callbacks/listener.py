"""Listening at a terminal: a line for each event. `manage.py listen` is this with the settings of a platform at hand; without any, on a
machine that has a checkout and an API key, it is `python -m callbacks.listener --url https://... --forward-to http://localhost:3000/hooks`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from callbacks import feed, listening
from callbacks.feed import FeedRefused, Source
from callbacks.listening import Away, Heard

KEY = "QSURA_API_KEY"
TIMEOUT = 15.0
"""Seconds for each answer of the receiver, as webhooks have."""

Write = Callable[[str], None]


class CannotListen(Exception):
    """The text says why, and what to do."""


def add_wishes(parser: argparse.ArgumentParser) -> None:
    """What both commands ask."""
    parser.add_argument("--forward-to", required=True, metavar="URL", help="Your receiver: http://localhost:3000/hooks.")
    parser.add_argument("--types", default="", metavar="TYPE,TYPE", help="Only these; default: every type.")
    parser.add_argument("--since", default="", metavar="TIME", help="Begin there (2026-01-01T12:00:00Z); default: now.")
    parser.add_argument("--after", default="", metavar="PLACE", help="Go on behind the place that the last run has named.")


def by_key(url: str, *, write: Write) -> tuple[Source, list[str]]:
    """The feed of a platform, by the API key in the environment, and what signs. Raises CannotListen."""
    key = os.environ.get(KEY, "")
    if not key:
        raise CannotListen(f"Set {KEY} to an API key with the scope messages:read, or name a --business if its database is at hand.")
    secret = listening.secret_of(key)
    write(f"Listening at {url}. Verify with {secret}")
    return feed.remote(url.rstrip("/"), key=key), [secret]


def follow(source: Source, *, secrets: Sequence[str], wishes: Mapping[str, Any], write: Write) -> None:
    """Bring events and say so, until Ctrl-C. Raises CannotListen."""
    place, is_waiting = wishes["after"], False
    begin = {name: wishes[name] for name in ("types", "since", "after")}
    try:
        for told in listening.listen(source, to=wishes["forward_to"], secrets=secrets, timeout=TIMEOUT, **begin):
            if isinstance(told, Away):
                write(f"{_now()}  {told.because}; asking again in {told.wait:.0f} s")
                continue
            place = told.after
            if isinstance(told, Heard):
                write(f"{_now()}  {told.type:<20}  {told.id}  {_answer(told)}")
            elif told.is_all and not is_waiting:
                is_waiting = True
                write("Waiting for what happens. Ctrl-C ends it.")
    except FeedRefused as refused:
        raise CannotListen(f"The platform does not let us listen: {refused}") from refused
    except KeyboardInterrupt:
        write(f"\nStopped.{f' To go on from here: --after {place}' if place else ''}")


def check(wishes: Mapping[str, Any]) -> None:
    """Raises CannotListen where they can't be followed."""
    try:
        to = urlsplit(wishes["forward_to"])
        is_address = to.scheme in ("http", "https") and bool(to.hostname) and to.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise CannotListen("--forward-to is no address of a receiver; write it whole: http://localhost:3000/hooks.")
    if wishes["since"] and wishes["after"]:
        raise CannotListen("--since and --after both say where to begin; give one of them.")


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m callbacks.listener", description="Bring a platform's events to your own receiver.")
    parser.add_argument("--url", required=True, help="The platform: https://qsura.example.")
    add_wishes(parser)
    wishes = vars(parser.parse_args())
    try:
        check(wishes)
        source, secrets = by_key(wishes["url"], write=_say)
        follow(source, secrets=secrets, wishes=wishes, write=_say)
    except CannotListen as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _answer(told: Heard) -> str:
    answer = f"{told.status if told.status is not None else told.error}  {told.milliseconds} ms"
    if told.is_taken:
        return answer if told.tries == 1 else f"{answer}  (try {told.tries})"
    return f"{answer}  passed over after {told.tries} tries"


if __name__ == "__main__":
    sys.exit(main())
