"""The way out, against real sockets that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from routing import transport
from routing.providers.base import Answer, Call
from routing.transport import NoAnswer, NotSent, Transport
from tests.routing.servers import Behaviour, FarEnd, answer, papers, raw, serve


class Book(AbstractResolver):
    """Names that mean what the test says."""

    def __init__(self, **names: list[str]) -> None:
        self.names = {name.replace("_", "."): addresses for name, addresses in names.items()}

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        if host not in self.names:
            raise OSError(socket.EAI_NONAME, "no such name")
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET6 if ":" in each else socket.AF_INET, proto=0, flags=0)
            for each in self.names[host]
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
def way() -> Iterator[Transport]:
    made = Transport()
    yield made
    made.close()


@pytest.fixture
def ways() -> Iterator[Any]:
    """Makes transports with a resolver or a trust of the test's own."""
    made: list[Transport] = []

    def make(**how: Any) -> Transport:
        made.append(Transport(**how))
        return made[-1]

    yield make
    for each in made:
        each.close()


def send(way: Transport, url: str, *, timeout: float = 5, cap: int = 1_000_000, **call: Any) -> Answer:
    return way.run(
        way.send(Call(method="POST", url=url, headers=call.pop("headers", {}), body=call.pop("body", b"{}")), timeout=timeout, cap=cap)
    )


def test_an_answer_comes_back_with_lower_case_header_names(way: Transport) -> None:
    with serve(answer("201 Created", b'{"id":1}', X_Request_Id="abc")) as far_end:
        got = send(way, far_end.url, headers={"Authorization": "Bearer x"}, body=b"hello")
    assert (got.status, got.body, got.headers["x-request-id"]) == (201, b'{"id":1}', "abc")
    assert far_end.requests[0].endswith(b"\r\n\r\nhello")
    assert b"Authorization: Bearer x\r\n" in far_end.requests[0]


def test_a_call_says_no_more_of_us_than_it_must(way: Transport) -> None:
    with serve(answer()) as far_end:
        send(way, far_end.url)
    names = {line.partition(b":")[0].lower() for line in far_end.requests[0].split(b"\r\n")[1:] if b":" in line}
    assert names == {b"host", b"user-agent", b"accept-encoding", b"content-length"}


def test_connections_are_used_again(way: Transport) -> None:
    with serve(answer()) as far_end:
        for _ in range(5):
            send(way, far_end.url)
    assert far_end.connections == 1


def test_a_redirect_is_an_answer_and_is_not_followed(way: Transport) -> None:
    with serve(answer("302 Found", Location="http://169.254.169.254/latest/")) as far_end:
        got = send(way, far_end.url)
    assert (got.status, len(far_end.requests)) == (302, 1)


def test_cookies_are_not_kept(way: Transport) -> None:
    with serve(answer(Set_Cookie="session=1")) as far_end:
        send(way, far_end.url)
        send(way, far_end.url)
    assert b"cookie" not in far_end.requests[1].lower()


def test_proxy_variables_are_ignored(way: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serve(answer()) as far_end:
        assert send(way, far_end.url).status == 200


# What is known when it goes wrong


def test_a_refused_connection_means_not_sent(way: Transport) -> None:
    with serve(answer()) as far_end:
        pass
    with pytest.raises(NotSent, match="connect_failed"):
        send(way, far_end.url)


def test_a_name_that_does_not_resolve_means_not_sent(ways: Any) -> None:
    with pytest.raises(NotSent, match="dns_failed"):
        send(ways(resolver=Book()), "https://nowhere.example/")


def test_a_full_backlog_means_not_sent(ways: Any) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        crowd = [socket.socket() for _ in range(4)]
        for each in crowd:
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        with pytest.raises(NotSent, match="connect_timed_out"):
            send(ways(), url, timeout=0.4)
        for each in crowd:
            each.close()


HANGS: dict[str, Behaviour] = {
    "before_the_status_line": raw(b""),
    "a_header_at_a_time": raw(b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n", pause=0.05, repeat=True),
    "interim_answers_without_end": raw(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.01, repeat=True),
    "in_the_body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    "chunks_without_end": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", pause=0.01, repeat=True),
}


@pytest.mark.parametrize("behaviour", HANGS.values(), ids=HANGS.keys())
def test_one_deadline_covers_everything(way: Transport, behaviour: Behaviour) -> None:
    began = time.monotonic()
    with serve(behaviour) as far_end, pytest.raises(NoAnswer, match="timed_out"):
        send(way, far_end.url, timeout=0.5)
    assert time.monotonic() - began < 1.5


BROKEN: dict[str, tuple[Behaviour, str]] = {
    "hangs_up_at_once": (raw(hang_up=True), "connection_lost"),
    "hangs_up_in_the_head": (raw(b"HTTP/1.1 200 OK\r\nContent-", hang_up=True), "connection_lost"),
    "hangs_up_in_the_body": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", hang_up=True), "broken_answer"),
    "speaks_something_else": (raw(b"SSH-2.0-OpenSSH_9.6\r\n", hang_up=True), "broken_answer"),
    "a_header_without_end": (raw(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536, repeat=True), "broken_answer"),
    "headers_without_end": (raw(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000, repeat=True), "broken_answer"),
    "two_lengths": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", hang_up=True), "broken_answer"),
}


@pytest.mark.parametrize("behaviour, reason", BROKEN.values(), ids=BROKEN.keys())
def test_once_bytes_may_have_gone_nobody_knows(way: Transport, behaviour: Behaviour, reason: str) -> None:
    with serve(behaviour) as far_end, pytest.raises(NoAnswer, match=reason):
        send(way, far_end.url, timeout=5)
    assert len(far_end.requests) == 1


@pytest.mark.parametrize(
    "call",
    [
        {"headers": {"X": "a\r\nHost: evil"}},
        {"headers": {"X\n": "a"}},
        {"headers": {"X": "\ud800"}},
        {"headers": {"X": "\0"}},
    ],
)
def test_a_call_that_can_not_be_written_is_not_half_sent(way: Transport, call: dict[str, Any]) -> None:
    with serve(answer()) as far_end, pytest.raises(NotSent, match="bad_call"):
        send(way, far_end.url, **call)
    assert far_end.connections == 0


@pytest.mark.parametrize(
    "url", ["", "ftp://hooks.example/", "https://", "https:///x", "nonsense", "http://127.1/", "https://2130706433/", "ws://x.example/"]
)
def test_what_is_no_url_of_ours_is_not_sent(way: Transport, url: str) -> None:
    with pytest.raises(NotSent):
        send(way, url, timeout=1)


# Bounded memory


def test_a_long_answer_is_cut_and_its_connection_closed(way: Transport) -> None:
    endless = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", b"x" * 65_536, repeat=True)
    with serve(endless) as far_end:
        got = send(way, far_end.url, cap=10_000)
        again = send(way, far_end.url, cap=10_000)
    assert (len(got.body), len(again.body), far_end.connections) == (10_000, 10_000, 2)


def test_a_gzip_bomb_does_not_go_off(way: Transport) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=9)
    with serve(answer(body=bomb, Content_Encoding="gzip")) as far_end:
        got = send(way, far_end.url, cap=100_000)
    assert len(got.body) == 100_000


@pytest.mark.parametrize("name, squeeze", [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_answer_is_read(way: Transport, name: str, squeeze: Any) -> None:
    with serve(answer(body=squeeze(b'{"id": 1}'), Content_Encoding=name)) as far_end:
        assert send(way, far_end.url).body == b'{"id": 1}'


def test_a_broken_compression_leaves_the_status(way: Transport) -> None:
    with serve(answer(body=b"not compressed", Content_Encoding="gzip")) as far_end:
        assert send(way, far_end.url) == Answer(200, {"content-length": "14", "content-encoding": "gzip"}, b"")


# The guard, where the socket connects


def test_a_name_that_turned_to_an_inner_address_is_refused(ways: Any, settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []
    with serve(answer()) as far_end, pytest.raises(NotSent, match="address_refused"):
        send(ways(resolver=Book(hooks_example=["127.0.0.1"])), f"https://hooks.example:{far_end.port}/")
    assert far_end.connections == 0


def test_of_several_addresses_only_those_that_may_be_are_tried(ways: Any, settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32"]
    way = ways(resolver=Book(mixed_example=["10.0.0.1", "::1", "169.254.169.254", "127.0.0.1"]))
    with serve(answer()) as far_end:
        got = send(way, f"http://mixed.example:{far_end.port}/")
    assert (got.status, far_end.connections) == (200, 1)


def test_several_refused_addresses_are_still_called_refused(ways: Any) -> None:
    with pytest.raises(NotSent, match="address_refused"):
        send(ways(resolver=Book(inner_example=["10.0.0.1", "fd00::1", "192.168.0.1"])), "https://inner.example/")


def test_plain_http_reaches_nobody_but_whom_the_operator_named(ways: Any, settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []
    way = ways(resolver=Book(public_example=["93.184.216.34"]))
    for url in ("http://public.example/", "http://public.example:443/", "http://93.184.216.34/"):
        with pytest.raises(NotSent, match="address_refused"):
            send(way, url)


def test_the_operators_port_is_the_only_one(way: Transport, settings: Any) -> None:
    with serve(answer()) as named, serve(answer()) as other:
        settings.QSURA_ALLOWED_PRIVATE_TARGETS = [f"127.0.0.1/32:{named.port}"]
        assert send(way, named.url).status == 200
        with pytest.raises(NotSent, match="address_refused"):
            send(way, other.url)


# TLS


def _by_tls(ways: Any, far_end: FarEnd, trust: Any, *, host: str = "hooks.example") -> Answer:
    return send(
        ways(resolver=Book(hooks_example=["127.0.0.1"], other_example=["127.0.0.1"]), trust=trust), f"https://{host}:{far_end.port}/"
    )


def test_a_good_certificate_is_spoken_to(ways: Any, tmp_path: Path) -> None:
    signed = papers(tmp_path)
    with serve(answer(body=b"hello"), tls=signed.server) as far_end:
        assert _by_tls(ways, far_end, signed.trust).body == b"hello"


@pytest.mark.parametrize("how", [{"trusted": False}, {"expired": True}, {"name": "somebody-else.example"}])
def test_a_bad_certificate_ends_the_call_before_it_begins(ways: Any, tmp_path: Path, how: dict[str, Any]) -> None:
    signed = papers(tmp_path, **how)
    with serve(answer(), tls=signed.server) as far_end, pytest.raises(NotSent, match="tls_failed"):
        _by_tls(ways, far_end, signed.trust)
    assert far_end.requests == []


def test_a_handshake_that_never_ends_means_not_sent(ways: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(NotSent, match="connect_timed_out"):
        send(ways(resolver=Book(hooks_example=["127.0.0.1"])), f"https://hooks.example:{mute.getsockname()[1]}/", timeout=0.5)


def test_a_server_without_tls_gets_nothing_in_plain_text(ways: Any, tmp_path: Path) -> None:
    with serve(raw(b"HTTP/1.1 200 OK\r\n\r\n", hang_up=True)) as far_end, pytest.raises(NotSent, match="connect_timed_out"):
        send(ways(resolver=Book(hooks_example=["127.0.0.1"])), f"https://hooks.example:{far_end.port}/", timeout=1)
    assert far_end.requests == []


# One per process


def test_a_slow_far_end_slows_nobody_else(way: Transport) -> None:
    with serve(raw(b"")) as slow, serve(answer()) as quick:

        async def both() -> bool:
            slow_ones = [asyncio.create_task(way.send(Call("POST", slow.url, {}), timeout=60)) for _ in range(100)]
            await asyncio.gather(*(way.send(Call("POST", quick.url, {}), timeout=30) for _ in range(100)))
            are_waiting = not any(each.done() for each in slow_ones)
            for each in slow_ones:
                each.cancel()
            await asyncio.gather(*slow_ones, return_exceptions=True)
            return are_waiting

        assert way.run(both())


def test_slow_names_do_not_hold_up_quick_ones(ways: Any) -> None:
    class Slow(Book):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
            if host.startswith("slow"):
                await asyncio.sleep(3600)
            return await super().resolve(host, port, family)

    way = ways(resolver=Slow(quick_example=["127.0.0.1"]))
    with serve(answer()) as far_end:

        async def both() -> int:
            slow = [asyncio.create_task(way.send(Call("GET", f"https://slow{n}.example/", {}), timeout=0.5)) for n in range(50)]
            got = await way.send(Call("GET", f"http://quick.example:{far_end.port}/", {}), timeout=0.5)
            reasons = {str(each) for each in await asyncio.gather(*slow, return_exceptions=True)}
            assert reasons == {"connect_timed_out"}
            return got.status

        assert way.run(both()) == 200


def test_the_process_shares_one_transport() -> None:
    assert transport.shared() is transport.shared()


def test_many_threads_may_send_at_once() -> None:
    with serve(answer()) as far_end:
        statuses: list[int] = []
        threads = [threading.Thread(target=lambda: statuses.append(send(transport.shared(), far_end.url).status)) for _ in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert statuses == [200] * 20


def test_a_forked_child_has_a_transport_of_its_own() -> None:
    with serve(answer()) as far_end:
        assert send(transport.shared(), far_end.url).status == 200
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if send(transport.shared(), far_end.url).status == 200 else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert send(transport.shared(), far_end.url).status == 200
