"""`python -m simulator --port 8001`: the simulator as a process. The environment says the rest; docs/simulator.md lists it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import uvloop
from aiohttp import web

from simulator.app import MAIL, SMSC, Wishes, build

logger = logging.getLogger("simulator")


def main() -> None:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    arguments = _arguments()
    secret = os.environ.get("QSURA_SIMULATOR_SECRET", "")
    if not secret:
        sys.exit("QSURA_SIMULATOR_SECRET is not set: give it the value that the platform has")
    wishes = Wishes(
        secret=secret,
        pace=_pace(os.environ.get("QSURA_SIMULATOR_PACE", "1")),
        sends_receipts=os.environ.get("QSURA_SIMULATOR_RECEIPTS", "on") != "off",
        state=arguments.state,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(wishes, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Stands in for Meta, Twilio and a customer's receiver.")
    parser.add_argument("--port", type=int, required=True, help="0 for any free one; it is logged")
    parser.add_argument("--smpp-port", type=int, help="speak SMPP there as well; 0 for any free one")
    parser.add_argument("--smtp-port", type=int, help="speak SMTP there as well; 0 for any free one")
    parser.add_argument("--host", default="127.0.0.1", help="the log and the receivers have no lock: keep it on loopback")
    parser.add_argument("--state", type=Path, help="a file that keeps Meta's subscriptions over a restart")
    return parser.parse_args()


def _pace(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        sys.exit(f"QSURA_SIMULATOR_PACE is {text!r}: a number is needed, such as 0.1 for ten times as fast")


async def _serve(wishes: Wishes, told: argparse.Namespace) -> None:
    app, host, port = build(wishes), told.host, told.port
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    async with contextlib.AsyncExitStack() as doors:
        doors.push_async_callback(runner.cleanup)
        for scheme, other, wanted in (("smpp", app[SMSC], told.smpp_port), ("smtp", app[MAIL], told.smtp_port)):
            if wanted is None:
                continue
            with _door(host, wanted):
                found = await doors.enter_async_context(other.listening(host, wanted))
            logger.info("Listening on %s://%s:%d", scheme, host, found)
        with _door(host, port):
            await web.TCPSite(runner, host, port).start()
        logger.info("Listening on http://%s:%d", host, runner.addresses[0][1])
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
    logger.info("Stopped")


@contextlib.contextmanager
def _door(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        sys.exit(f"can't listen on {host}:{port}: {error.strerror}")


if __name__ == "__main__":
    main()
