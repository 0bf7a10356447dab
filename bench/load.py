"""A lean HTTP load generator: keep-alive connections that post one prepared request after another. Run as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections import Counter
from typing import cast

import uvloop


class _Connection(asyncio.Protocol):
    """One connection: the next request goes out when the last answer is whole."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._began = 0.0
        self._next_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its shape alone
        self._post()

    def _post(self) -> None:
        if time.perf_counter() >= self._load.stop:
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(self._load.request())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = body[length:]
        now = time.perf_counter()
        self._load.note(head[9:12].decode(), now - self._began)
        if self._load.pause:
            # A fixed rate: each connection keeps its own schedule, so that a slow answer is not forgiven by a later request.
            self._next_at = max(self._next_at + self._load.pause, now)
            asyncio.get_running_loop().call_later(self._next_at - now, self._post)
        else:
            self._post()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.ended(exc)


class Load:
    """So many connections for so many seconds; with a rate, no more than so many requests a second."""

    def __init__(self, path: str, key: str, body: str, *, connections: int, seconds: float, rate: float) -> None:
        self._head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._body = body
        self._connections = self._open = connections
        self.pause = connections / rate if rate else 0.0
        self.stop = time.perf_counter() + seconds
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []
        self._done = asyncio.Event()

    def request(self) -> bytes:
        head = f"{self._head}Idempotency-Key: {uuid.uuid4().hex}\r\nContent-Length: {len(self._body)}\r\n\r\n"
        return (head + self._body).encode()

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
        for _ in range(self._connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
        await self._done.wait()


async def _main(asked: argparse.Namespace) -> dict[str, object]:
    began = time.perf_counter()
    load = Load(asked.path, asked.key, sys.stdin.read(), connections=asked.connections, seconds=asked.seconds, rate=asked.rate)
    await load.run(asked.port)
    latencies = sorted(load.latencies)
    return {
        "seconds": time.perf_counter() - began,
        "statuses": dict(load.statuses),
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[int(len(latencies) * 0.99)],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/messages")
    parser.add_argument("--key", required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=0.0)
    print(json.dumps(uvloop.run(_main(parser.parse_args()))))
