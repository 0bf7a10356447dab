"""A session against an SMSC that does as it is told, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from routing import links, sessions
from routing.choices import BindState
from routing.providers import smpp_errors, smpp_pdu, smpp_settings
from routing.providers.smpp import Submission
from routing.providers.smpp_pdu import Message, Pdu
from routing.sessions import Session
from routing.transport import NoAnswer, NotSent
from tests.routing.servers import papers

SUBMIT_ANSWER = smpp_pdu.SUBMIT_SM | smpp_pdu.ANSWER
Habit = Callable[["FarEnd", Pdu], Pdu | None]


@dataclass
class FarEnd:
    """What it saw, and how it answers: None is silence."""

    habit: Habit = lambda _, pdu: _well(pdu)
    port: int = 0
    seen: list[Pdu] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def count(self, command: int) -> int:
        return sum(pdu.command == command for pdu in self.seen)

    def say(self, pdu: Pdu) -> None:
        self.writers[-1].write(pdu.encode())

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(4)
                pdu = smpp_pdu.decode(head + await reader.readexactly(struct.unpack(">I", head)[0] - 4))
                self.seen.append(pdu)
                if (answer := self.habit(self, pdu)) is not None:
                    writer.write(answer.encode())
        writer.close()


def _well(pdu: Pdu, *, id_: str = "7") -> Pdu | None:
    if pdu.is_answer:
        return None
    return pdu.answer(body=smpp_pdu.text(id_ if pdu.command == smpp_pdu.SUBMIT_SM else ""))


@dataclass
class Ear:
    """What the session keeps, and whether it can."""

    keeps: bool = True
    delay: float = 0.0
    heard: list[tuple[Pdu, str]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    async def hear(self, pdu: Pdu, reference: str) -> bool:
        await asyncio.sleep(self.delay)
        self.heard.append((pdu, reference))
        return self.keeps


@contextlib.asynccontextmanager
async def serving(far_end: FarEnd, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[FarEnd]:
    server = await asyncio.start_server(far_end.meet, "127.0.0.1", 0, ssl=tls)
    far_end.port = server.sockets[0].getsockname()[1]
    yield far_end
    server.close()
    for writer in far_end.writers:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def session(far_end: FarEnd, ear: Ear | None = None, *, trust: ssl.SSLContext | None = None, **more: str) -> AsyncIterator[Session]:
    told = {"host": "127.0.0.1", "port": str(far_end.port), "tls": "no", "system_id": "shop", "sender": "Shop", "parts_per_second": "1000"}
    ear = ear or Ear()
    made = Session(smpp_settings.read(told | more), password="secret", hear=ear.hear, refused=ear.refused.append, trust=trust)
    made.start()
    yield made
    await made.end()


async def until(look: Callable[[], Any], *, seconds: float = 5.0) -> None:
    stop = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < stop, "waited in vain"
        await asyncio.sleep(0.01)


def submission(parts: int = 1) -> Submission:
    body = Pdu(smpp_pdu.SUBMIT_SM, body=smpp_pdu.write_message(Message(short_message=b"Hello"))).encode()
    return Submission("SUBMIT", "smpp:", {}, body * parts, account_id="a", reference="ours.1")


def story(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_submission_is_answered_part_by_part() -> None:
    async def work() -> None:
        async with serving(FarEnd()) as far_end, session(far_end) as made:
            answer = await made.submit(submission(3), timeout=2)

            assert [pdu.command for pdu in smpp_pdu.split(answer.body)] == [SUBMIT_ANSWER] * 3
            assert made.standing.state is BindState.BOUND

    story(work())


def test_its_end_is_an_unbind() -> None:
    async def work() -> None:
        async with serving(FarEnd()) as far_end:
            async with session(far_end) as made:
                await until(lambda: made.is_bound)
            assert far_end.count(smpp_pdu.UNBIND) == 1

    story(work())


def test_a_pair_is_bound_in_both_ways() -> None:
    async def work() -> None:
        async with serving(FarEnd()) as far_end, session(far_end, bind_mode="pair") as made:
            await until(lambda: made.is_bound)
            assert {pdu.command for pdu in far_end.seen} == {smpp_pdu.BIND_RECEIVER, smpp_pdu.BIND_TRANSMITTER}

    story(work())


@pytest.mark.parametrize("status, binds", [(0x0E, 1), (0x0F, 1), (0x53, 1), (0x0D, sessions.REFUSALS)])
def test_a_refused_account_is_told_and_not_bound_again(status: int, binds: int) -> None:
    async def work() -> None:
        ear = Ear()
        async with serving(FarEnd(lambda _, pdu: pdu.answer(status=status))) as far_end, session(far_end, ear) as made:
            await until(lambda: made.is_over)
            assert (ear.refused, far_end.count(smpp_pdu.BIND_TRANSCEIVER)) == ([status], binds)
            assert made.standing.because == smpp_errors.name(status)

    story(work())


def test_a_bind_that_is_held_elsewhere_is_tried_again() -> None:
    async def work() -> None:
        def habit(far_end: FarEnd, pdu: Pdu) -> Pdu | None:
            return pdu.answer(status=0x05) if far_end.count(smpp_pdu.BIND_TRANSCEIVER) < 2 else _well(pdu)

        async with serving(FarEnd(habit)) as far_end, session(far_end) as made:
            await until(lambda: made.is_bound)

    story(work())


def test_without_a_bind_nothing_is_sent() -> None:
    async def work() -> None:
        async with serving(FarEnd(lambda _, pdu: pdu.answer(status=0x05))) as far_end, session(far_end) as made:
            await until(lambda: made.standing.state is BindState.REFUSED)
            with pytest.raises(NotSent, match="not_bound"):
                await made.submit(submission(), timeout=1)

    story(work())


def test_a_connection_that_ends_under_a_submit_leaves_its_outcome_unknown() -> None:
    async def work() -> None:
        def habit(far_end: FarEnd, pdu: Pdu) -> Pdu | None:
            if pdu.command != smpp_pdu.SUBMIT_SM:
                return _well(pdu)
            far_end.writers[-1].transport.abort()
            return None

        async with serving(FarEnd(habit)) as far_end, session(far_end) as made:
            with pytest.raises(NoAnswer, match="connection_lost"):
                await made.submit(submission(), timeout=2)
            await until(lambda: far_end.count(smpp_pdu.BIND_TRANSCEIVER) == 2)

    story(work())


def test_an_answer_that_comes_too_late_is_told_with_our_reference() -> None:
    async def work() -> None:
        ear = Ear()
        async with serving(FarEnd(lambda _, pdu: None if pdu.command == smpp_pdu.SUBMIT_SM else _well(pdu))) as far_end:
            async with session(far_end, ear) as made:
                with pytest.raises(NoAnswer, match="timed_out"):
                    await made.submit(submission(), timeout=0.3)
                (submit,) = [pdu for pdu in far_end.seen if pdu.command == smpp_pdu.SUBMIT_SM]
                far_end.say(submit.answer(body=smpp_pdu.text("42")))
                await until(lambda: ear.heard)

            [(pdu, reference)] = ear.heard
            assert (smpp_pdu.read_id(pdu.body), reference) == ("42", "ours.1")

    story(work())


def test_a_delivery_is_acknowledged_after_it_is_kept_and_refused_if_it_can_not_be() -> None:
    async def work() -> None:
        ear = Ear(delay=0.2)
        delivery = Pdu(smpp_pdu.DELIVER_SM, 0, 5, smpp_pdu.write_message(Message(short_message=b"id:1 stat:DELIVRD")))
        async with serving(FarEnd()) as far_end, session(far_end, ear) as made:
            await until(lambda: made.is_bound)
            far_end.say(delivery)
            await asyncio.sleep(0.05)
            assert far_end.count(delivery.command | smpp_pdu.ANSWER) == 0
            await until(lambda: far_end.count(delivery.command | smpp_pdu.ANSWER) == 1)
            assert len(ear.heard) == 1

            ear.keeps = False
            far_end.say(delivery)
            await until(lambda: far_end.count(delivery.command | smpp_pdu.ANSWER) == 2)
            assert [pdu.status for pdu in far_end.seen if pdu.command == delivery.command | smpp_pdu.ANSWER] == [0, smpp_errors.TRY_AGAIN]

    story(work())


def test_silence_is_asked_about_and_a_silent_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "ENQUIRED", 0.3)

    async def work() -> None:
        async with serving(FarEnd()) as far_end, session(far_end, enquire_every="1") as made:
            await until(lambda: far_end.count(smpp_pdu.ENQUIRE_LINK) >= 1)
            assert made.is_bound
            far_end.habit = lambda _, pdu: None if pdu.command == smpp_pdu.ENQUIRE_LINK else _well(pdu)
            await until(lambda: made.standing.because == "silent")

    story(work())


def test_it_answers_what_it_is_asked() -> None:
    async def work() -> None:
        async with serving(FarEnd()) as far_end, session(far_end) as made:
            await until(lambda: made.is_bound)
            for command in (smpp_pdu.ENQUIRE_LINK, smpp_pdu.ALERT_NOTIFICATION, 0x0777, smpp_pdu.UNBIND):
                far_end.say(Pdu(command, 0, 9))
            await until(lambda: far_end.count(smpp_pdu.UNBIND | smpp_pdu.ANSWER) == 1)

            told = [(pdu.command, pdu.status) for pdu in far_end.seen[1:]]
            assert told[:2] == [(smpp_pdu.ENQUIRE_LINK | smpp_pdu.ANSWER, 0), (smpp_pdu.GENERIC_NACK, 0x03)]
            await until(lambda: far_end.count(smpp_pdu.BIND_TRANSCEIVER) == 2)

    story(work())


@pytest.mark.parametrize("octets", [b"\0\0\0\1 no SMPP at all", b"\xff\xff\xff\xff" * 4, b"HTTP/1.1 200 OK\r\n\r\n"])
def test_what_is_no_smpp_ends_the_connection(octets: bytes) -> None:
    async def work() -> None:
        async with serving(FarEnd()) as far_end, session(far_end) as made:
            await until(lambda: made.is_bound)
            far_end.writers[-1].write(octets)
            await until(lambda: made.standing.because == "broken_answer")

    story(work())


def test_an_smsc_that_has_enough_is_left_alone_and_a_later_part_waits_for_it() -> None:
    async def work() -> None:
        def habit(far_end: FarEnd, pdu: Pdu) -> Pdu | None:
            return pdu.answer(status=0x58) if far_end.count(smpp_pdu.SUBMIT_SM) == 2 and pdu.command == smpp_pdu.SUBMIT_SM else _well(pdu)

        async with serving(FarEnd(habit)) as far_end, session(far_end) as made:
            answer = await made.submit(submission(2), timeout=5)

            assert [pdu.status for pdu in smpp_pdu.split(answer.body)] == [0, 0]
            assert far_end.count(smpp_pdu.SUBMIT_SM) == 3

            far_end.habit = lambda _, pdu: pdu.answer(status=0x14) if pdu.command == smpp_pdu.SUBMIT_SM else _well(pdu)
            [refused] = smpp_pdu.split((await made.submit(submission(2), timeout=5)).body)
            assert refused.status == 0x14
            assert made.rests
            with pytest.raises(NotSent, match="throttled"):
                await made.submit(submission(), timeout=0.1)

    story(work())


def test_no_more_wait_for_an_answer_than_the_window_has() -> None:
    async def work() -> None:
        async with serving(FarEnd(lambda _, pdu: None if pdu.command == smpp_pdu.SUBMIT_SM else _well(pdu))) as far_end:
            async with session(far_end, window="2") as made:
                outcomes = await asyncio.gather(*(made.submit(submission(), timeout=0.5) for _ in range(4)), return_exceptions=True)

            assert far_end.count(smpp_pdu.SUBMIT_SM) == 2
            assert sorted(str(each) for each in outcomes) == ["timed_out", "timed_out", "window_full", "window_full"]

    story(work())


def test_no_more_go_out_in_a_second_than_the_account_may() -> None:
    async def work() -> None:
        async with serving(FarEnd()) as far_end, session(far_end, parts_per_second="20") as made:
            await until(lambda: made.is_bound)
            began = time.monotonic()
            await asyncio.gather(*(made.submit(submission(), timeout=5) for _ in range(11)))

            assert time.monotonic() - began >= 0.5

    story(work())


# Where it may lead


def test_plain_connections_lead_only_where_the_operator_says(settings: Settings) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []

    async def work() -> None:
        async with serving(FarEnd()) as far_end, session(far_end) as made:
            await until(lambda: made.standing.because == "address_refused")
            assert far_end.seen == []

    story(work())


def test_a_host_without_an_address_or_a_server_is_told_apart() -> None:
    async def work() -> None:
        for host, because in (("nowhere.invalid", "dns_failed"), ("127.0.0.1", "connect_failed")):
            async with session(FarEnd(port=9), host=host) as made:
                await until(lambda made=made, because=because: made.standing.because == because)

    story(work())


@pytest.mark.parametrize("trusted", [True, False])
def test_by_tls_only_a_certificate_that_is_trusted_is_shown_the_password(tmp_path: Path, trusted: bool) -> None:
    async def work() -> None:
        made_papers = papers(tmp_path, name="localhost", trusted=trusted)
        async with (
            serving(FarEnd(), tls=made_papers.server) as far_end,
            session(far_end, trust=made_papers.trust, tls="yes", host="localhost") as made,
        ):
            await until(lambda: made.is_bound or made.standing.because)

            assert made.is_bound is trusted
            assert bool(far_end.seen) is trusted
            assert made.standing.because == ("" if trusted else "tls_failed")

    story(work())
