"""A load generator for a provider's calls: each of the prepared requests goes out once, over keep-alive connections. Run as a process of
its own. Standard input: a four-byte length before each whole request."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, deque
from typing import cast

import uvloop


class _Connection(asyncio.Protocol):
    """One connection: the next request goes out when the last answer is whole, and not before its time."""

    def __init__(self, storm: Storm) -> None:
        self._storm = storm
        self._buffer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its shape alone
        self._post()

    def _post(self) -> None:
        if not self._storm.waiting:
            self._transport.close()
            return
        due, request = self._storm.take()
        wait = due - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._write, due, request)
        else:
            # A request that finds every connection busy has begun to wait all the same.
            self._write(due, request)

    def _write(self, due: float, request: bytes) -> None:
        self._began = due if self._storm.gap else time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        self._storm.note(head[9:12].decode(), time.perf_counter() - self._began)
        self._post()

    def connection_lost(self, exc: Exception | None) -> None:
        self._storm.ended(exc)


class Storm:
    """The requests, in order; with a rate, each at its own moment, whatever became of those before."""

    def __init__(self, requests: deque[bytes], *, connections: int, rate: float) -> None:
        self.waiting = requests
        self.gap = 1 / rate if rate else 0.0
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []
        self._connections = self._open = connections
        self._next = time.perf_counter()
        self._done = asyncio.Event()

    def take(self) -> tuple[float, bytes]:
        due, self._next = self._next, self._next + self.gap
        return due, self.waiting.popleft()

    def note(self, status: str, seconds: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(seconds)

    def ended(self, error: Exception | None) -> None:
        self._open -= 1
        if error is not None:
            self.statuses["cut"] += 1
        if self._open == 0:
            self._done.set()

    async def run(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._next = time.perf_counter()
        for _ in range(self._connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
        await self._done.wait()


def pack(requests: list[bytes]) -> bytes:
    return b"".join(len(request).to_bytes(4) + request for request in requests)


def _unpack(packed: bytes) -> deque[bytes]:
    found: deque[bytes] = deque()
    at = 0
    while at < len(packed):
        length = int.from_bytes(packed[at : at + 4])
        found.append(packed[at + 4 : at + 4 + length])
        at += 4 + length
    return found


async def _main(asked: argparse.Namespace) -> dict[str, object]:
    storm = Storm(_unpack(sys.stdin.buffer.read()), connections=asked.connections, rate=asked.rate)
    began = time.perf_counter()
    await storm.run(asked.port)
    latencies = sorted(storm.latencies)
    return {
        "seconds": time.perf_counter() - began,
        "statuses": dict(storm.statuses),
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[int(len(latencies) * 0.99)],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.0)
    print(json.dumps(uvloop.run(_main(parser.parse_args()))))
