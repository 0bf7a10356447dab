"""Letters over real sockets, to mail servers that refuse, hang, hang up and lie."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from routing import carriers, smtp
from routing.providers.base import Answer
from routing.providers.smtp import PLAIN, STARTTLS, TLS, Letter
from routing.transport import NoAnswer, NotSent, Transport
from tests.routing.postoffice import CUT, NEVER, PostOffice, opened
from tests.routing.servers import Papers, papers
from tests.routing.test_transport import Book

HOST = "post.example"


@pytest.fixture
def paper(tmp_path: Path) -> Papers:
    return papers(tmp_path, name=HOST)


@pytest.fixture
def office(paper: Papers) -> Iterator[PostOffice]:
    with opened(PostOffice(tls=paper.server)) as office:
        yield office


@pytest.fixture
def way(paper: Papers, settings: Any) -> Iterator[Transport]:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32"]
    made = Transport(resolver=Book(post_example=["127.0.0.1"], inner_example=["10.0.0.7"]), trust=paper.trust)
    yield made
    made.close()


def letter(office: PostOffice, *, security: str = STARTTLS, content: bytes = b"Subject: x\r\n\r\nHello\r\n", **more: Any) -> Letter:
    said: dict[str, Any] = {
        "host": HOST,
        "port": office.port,
        "security": security,
        "user": "shop",
        "password": "canary",
        "sender": "bounces@shop.example",
        "recipient": "sara@example.com",
        "message_id": "<att.1.qsura@shop.example>",
        "content": content,
    }
    return Letter(**said | more)


def send(way: Transport, one: Letter, *, timeout: float = 5) -> Answer:
    return way.run(carriers.carry(one, way, timeout=timeout))  # type: ignore[arg-type]


def test_a_letter_goes_through_tls_with_its_envelope(way: Transport, office: PostOffice) -> None:
    answer = send(way, letter(office))

    assert (answer.status, answer.headers["message-id"]) == (250, "<att.1.qsura@shop.example>")
    [received] = office.letters
    assert (received.sender, received.recipient) == ("bounces@shop.example", "sara@example.com")
    assert (received.is_safe, received.user, received.content) == (True, "|shop|canary", b"Subject: x\r\n\r\nHello\r\n")


def test_tls_may_begin_at_once(way: Transport, paper: Papers) -> None:
    with opened(PostOffice(tls=paper.server, is_tls_at_once=True)) as office:
        assert send(way, letter(office, security=TLS)).status == 250
        assert office.letters[0].is_safe


def test_a_server_that_knows_login_alone_is_logged_in_at(way: Transport, office: PostOffice) -> None:
    office.offers = ("AUTH LOGIN",)

    send(way, letter(office))
    assert office.letters[0].user == "|shop|canary"


def test_one_that_asks_for_no_name_gets_none(way: Transport, office: PostOffice) -> None:
    send(way, letter(office, user="", password=""))

    assert not [line for line in office.heard if line.startswith("AUTH")]


@pytest.mark.parametrize(
    "content",
    [
        b"S: x\r\n\r\n.\r\n",
        b"S: x\n\n.\nMAIL FROM:<evil@example.com>\n",
        b"S: x\r\n\r\nend\n.\r\nRSET",
        b"S: x\r\n\r\nend\r\n.\nQUIT\r",
        b"S: x\r\n\r\na\r.\r\nb",
        b".first\r\n..second",
    ],
)
def test_nothing_in_a_letter_ends_it(way: Transport, office: PostOffice, content: bytes) -> None:
    send(way, letter(office, content=content))

    [received] = office.letters
    lines = received.content.replace(b"\r\n", b"\n").split(b"\n")
    wanted = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert [line for line in lines if line] == [line for line in wanted if line]
    assert b"\r" not in received.content.replace(b"\r\n", b"")
    assert [line.split()[0] for line in office.heard[-3:]] == ["MAIL", "RCPT", "DATA"]


def test_the_next_letter_goes_by_the_same_connection(way: Transport, office: PostOffice) -> None:
    for _ in range(3):
        send(way, letter(office))

    assert (office.connections, len(office.letters)) == (1, 3)


def test_another_account_never_goes_by_it(way: Transport, office: PostOffice) -> None:
    send(way, letter(office))
    send(way, letter(office, password="other"))

    assert office.connections == 2


def test_a_kept_connection_that_is_gone_is_replaced(way: Transport, office: PostOffice) -> None:
    send(way, letter(office))
    office.says["RSET"] = CUT

    assert send(way, letter(office)).status == 250
    assert office.connections == 2


def test_many_letters_go_at_once_and_few_connections_are_kept(way: Transport, office: PostOffice) -> None:
    async def all_() -> list[Answer]:
        return await asyncio.gather(*(carriers.carry(letter(office), way, timeout=10) for _ in range(20)))

    assert {answer.status for answer in way.run(all_())} == {250}
    assert office.connections == 20
    assert len(next(iter(smtp._posts[way].kept.values()))) == 8


@pytest.mark.parametrize(
    "verb, said, stage",
    [
        ("CONNECT", "554 5.7.1 Go away", "connect"),
        ("EHLO", "502 5.5.1 No", "ehlo"),
        ("AUTH", "535 5.7.8 Wrong", "auth"),
        ("MAIL", "550 5.1.8 Not you", "mail"),
        ("RCPT", "550-5.1.1 No such\n550 5.1.1 user", "rcpt"),
        ("DATA", "452 4.3.1 Full", "data"),
        ("DOT", "554 5.7.1 Spam", "data"),
    ],
)
def test_a_refusal_says_where_it_was_said(way: Transport, office: PostOffice, verb: str, said: str, stage: str) -> None:
    office.says[verb] = said

    answer = send(way, letter(office))

    assert (answer.status, answer.headers["stage"]) == (int(said[:3]), stage)
    assert said[4:8].encode() in answer.body
    assert not office.letters


def test_a_refused_recipient_costs_the_next_one_nothing(way: Transport, office: PostOffice) -> None:
    office.says["RCPT"] = "550 5.1.1 No such user"
    send(way, letter(office))
    del office.says["RCPT"]

    assert send(way, letter(office)).status == 250
    assert office.connections == 1


def test_a_server_that_closes_is_not_kept(way: Transport, office: PostOffice) -> None:
    office.says["MAIL"] = "421 4.7.0 Too many"
    assert send(way, letter(office)).status == 421
    del office.says["MAIL"]

    send(way, letter(office))
    assert office.connections == 2


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", [CUT, NEVER, "nonsense"])
def test_before_the_last_dot_nothing_was_sent(way: Transport, office: PostOffice, verb: str, trouble: str) -> None:
    office.says[verb] = trouble

    with pytest.raises(NotSent):
        send(way, letter(office), timeout=0.5)


@pytest.mark.parametrize("trouble, reason", [(CUT, "connection_lost"), (NEVER, "timed_out"), ("nonsense", "connection_lost")])
def test_behind_the_last_dot_nobody_knows(way: Transport, office: PostOffice, trouble: str, reason: str) -> None:
    office.says["DOT"] = trouble

    with pytest.raises(NoAnswer) as caught:
        send(way, letter(office), timeout=0.5)
    assert caught.value.reason == reason


def test_without_starttls_nothing_is_told(way: Transport, office: PostOffice) -> None:
    office.tls = None

    with pytest.raises(NotSent, match="tls_failed"):
        send(way, letter(office))
    assert not [line for line in office.heard if "AUTH" in line]


def test_what_is_said_before_the_handshake_is_not_believed_after_it(way: Transport, office: PostOffice) -> None:
    office.says["STARTTLS"] = "220 Go on\n250-post.example\n250 AUTH PLAIN"

    with pytest.raises(NotSent, match="tls_failed"):
        send(way, letter(office))


@pytest.mark.parametrize("security", [STARTTLS, TLS])
@pytest.mark.parametrize("wrong", [{"name": "other.example"}, {"expired": True}, {"trusted": False}])
def test_a_certificate_that_proves_nothing_ends_it(tmp_path: Path, settings: Any, security: str, wrong: dict[str, Any]) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32"]
    bad = papers(tmp_path, **{"name": HOST} | wrong)
    way = Transport(resolver=Book(post_example=["127.0.0.1"]), trust=bad.trust)
    try:
        with opened(PostOffice(tls=bad.server, is_tls_at_once=security == TLS)) as office, pytest.raises(NotSent, match="tls_failed"):
            send(way, letter(office, security=security))
    finally:
        way.close()
    assert not office.letters


def test_a_server_in_the_clear_must_be_named_by_the_operator(way: Transport, office: PostOffice, settings: Any) -> None:
    assert send(way, letter(office, security=PLAIN)).status == 250
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []

    for security in (PLAIN, STARTTLS, TLS):
        with pytest.raises(NotSent, match="address_refused"):
            send(way, letter(office, security=security, user="another"))


@pytest.mark.parametrize("host, reason", [("inner.example", "address_refused"), ("nowhere.example", "dns_failed")])
def test_a_name_leads_nowhere_that_it_must_not(way: Transport, office: PostOffice, host: str, reason: str) -> None:
    with pytest.raises(NotSent, match=reason):
        send(way, letter(office, host=host))


def test_a_closed_port_is_told_as_such(way: Transport, office: PostOffice) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent, match="connect_failed"):
            send(way, letter(office, port=free.getsockname()[1]))


def test_a_transport_ends_while_connections_are_kept(paper: Papers, office: PostOffice, settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32"]
    made = Transport(resolver=Book(post_example=["127.0.0.1"]), trust=paper.trust)
    send(made, letter(office))

    made.close()
    assert not [thread for thread in threading.enumerate() if thread is made._thread]
