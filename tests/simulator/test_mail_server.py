"""The simulated mail server: letters of the real adapter over real SMTP, and the bounces that it posts, read by the same."""

from __future__ import annotations

import re
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from routing import carriers, stand_ins
from routing.providers import registry
from routing.providers.base import Email, ErrorClass, Forged, Handoff, Outbound, ProviderAccount, ReceiptStatus
from routing.transport import NoAnswer, NotSent, Transport
from simulator.identity import identity
from tests.fixtures import ROOT
from tests.simulator.conftest import Caught
from tests.simulator.wire import SECRET, World, http

ADAPTER = registry.get("smtp")


@pytest.fixture(scope="module")
def doors() -> Iterator[tuple[str, int]]:
    """The HTTP door's URL and the SMTP door's port of a simulator of its own."""
    command = [sys.executable, "-m", "simulator", "--port", "0", "--smtp-port", "0"]
    environment = {"QSURA_SIMULATOR_SECRET": SECRET, "QSURA_SIMULATOR_PACE": "0.2"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = next(int(found[1]) for line in process.stdout if (found := re.search(r"smtp://\S+:(\d+)", line)))
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line))), port
        finally:
            process.terminate()
            process.communicate(timeout=10)


@pytest.fixture
def world(doors: tuple[str, int], caught: Caught) -> Iterator[World]:
    world = World(doors[0], caught.url)
    yield world
    world.forget()


@pytest.fixture
def account(doors: tuple[str, int], world: World, caught: Caught, settings: Any) -> ProviderAccount:
    """As the platform opens it for a test key; its bounces go where `caught` listens."""
    settings.QSURA_SIMULATOR_SECRET, settings.QSURA_SIMULATOR_SMTP = SECRET, f"127.0.0.1:{doors[1]}"
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = [f"127.0.0.1/32:{doors[1]}"]
    assert http("PUT", f"{doors[0]}/smtp/reports", body=f'{{"url": "{caught.url}/smtp"}}'.encode()).status == 200
    return ProviderAccount(
        id="smtp",
        base_url=stand_ins.base_url("smtp"),
        callback_url=f"{caught.url}/smtp",
        settings=stand_ins.own_settings("smtp") | stand_ins.place("smtp"),
        credentials=stand_ins.credentials(ADAPTER),
    )


@pytest.fixture
def way(account: ProviderAccount) -> Iterator[Transport]:
    made = Transport()
    yield made
    made.close()


def hand_off(way: Transport, account: ProviderAccount, to: str, *, reference: str = "att_1.1", **more: Any) -> Handoff:
    outbound = Outbound(reference, "email", to, Email("Your order", "It is on its way.\n.\nYours"), **more)
    letter = ADAPTER.submit(account, outbound)
    return ADAPTER.read_answer(account, way.run(carriers.carry(letter, way, timeout=3)))  # type: ignore[arg-type]


def outcomes(world: World) -> list[tuple[str, str]]:
    return [(call["reference"], call["outcome"]) for call in world.ask("/log/calls?provider=smtp")["calls"]]


def test_a_letter_is_taken_and_logged_by_our_reference(way: Transport, account: ProviderAccount, world: World) -> None:
    handoff = hand_off(way, account, "sara@example.com")

    assert handoff.fault is None
    [call] = world.ask("/log/calls?provider=smtp")["calls"]
    assert (call["reference"], call["outcome"], call["id"]) == ("att_1.1", "accepted", handoff.reference)
    assert "example.com" not in str({**call, "id": ""})


@pytest.mark.parametrize(
    "code, expected",
    [
        ("10", (ErrorClass.ACCOUNT_FAULT, "535 5.7.8")),
        ("11", (ErrorClass.INVALID_RECIPIENT_ON_CHANNEL, "550 5.1.1")),
        ("12", (ErrorClass.BLOCKED_CONTENT, "554 5.7.1")),
        ("13", (ErrorClass.TEMPLATE_FAULT, "552 5.3.4")),
        ("14", (ErrorClass.UNREACHABLE, "552 5.2.2")),
        ("15", (ErrorClass.UNMAPPED, "599 5.9.9")),
    ],
)
def test_a_refusal_is_told_in_a_servers_words(
    way: Transport, account: ProviderAccount, world: World, code: str, expected: tuple[ErrorClass, str]
) -> None:
    fault = hand_off(way, account, f"sara00{code}@example.com").fault

    assert fault is not None
    assert (fault.error_class, fault.raw_code) == expected
    assert [outcome for _, outcome in outcomes(world)] == [expected[1]]


@pytest.mark.parametrize("code, said", [("30", "450 4.7.1"), ("31", "451 4.3.0")])
def test_trouble_that_passes_is_counted_for_each_letter(
    way: Transport, account: ProviderAccount, world: World, code: str, said: str
) -> None:
    for _ in range(3):
        hand_off(way, account, f"sara00{code}@example.com", reference=f"att_{code}.1")

    assert outcomes(world) == [(f"att_{code}.1", outcome) for outcome in (said, said, "accepted")]


@pytest.mark.parametrize("code", ["40", "43", "44", "45"])
def test_behind_the_dot_nobody_knows(way: Transport, account: ProviderAccount, world: World, code: str) -> None:
    with pytest.raises(NoAnswer):
        hand_off(way, account, f"sara00{code}@example.com")

    assert outcomes(world) == [("att_1.1", "accepted")]


def test_a_connection_cut_before_the_letter_means_that_nothing_was_sent(way: Transport, account: ProviderAccount, world: World) -> None:
    for _ in range(2):
        with pytest.raises(NotSent):
            hand_off(way, account, "sara0042@example.com")

    assert hand_off(way, account, "sara0042@example.com").fault is None


def test_a_slow_answer_is_an_answer(way: Transport, account: ProviderAccount) -> None:
    assert hand_off(way, account, "sara0034@example.com").fault is None


def test_a_bounce_comes_to_the_accounts_own_url(way: Transport, account: ProviderAccount, caught: Caught) -> None:
    hand_off(way, account, "sara0020@example.com", reference="att_7.1")

    incoming = caught.calls.get(timeout=10)
    ADAPTER.authenticate(account, incoming)
    [receipt] = ADAPTER.read_receipts(account, incoming)
    assert (receipt.status, receipt.client_reference) == (ReceiptStatus.FAILED, "att_7.1")
    assert receipt.fault is not None
    assert (receipt.fault.error_class, receipt.fault.raw_code) == (ErrorClass.UNREACHABLE, "5.2.2")
    assert receipt.occurred_at is not None


def test_a_letter_that_arrives_is_silent(way: Transport, account: ProviderAccount, world: World, caught: Caught) -> None:
    hand_off(way, account, "sara@example.com", reference="att_8.1")
    hand_off(way, account, "sara0020@example.com", reference="att_9.1")

    caught.calls.get(timeout=10)
    assert [each["reference"] for each in world.ask("/log/receipts?provider=smtp")["receipts"]] == ["att_9.1"]


def test_wrong_credentials_are_refused_and_nobody_writes_without_any(doors: tuple[str, int]) -> None:
    with smtplib.SMTP("127.0.0.1", doors[1], timeout=5) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login("qsura", "wrong")
        assert refused.value.smtp_code == 535
        assert client.mail("shop@example.com")[0] == 530
        assert client.login("qsura", identity(SECRET).smtp_password)[0] == 235
        assert client.rcpt("sara")[0] == 501
        assert client.docmd("TURN")[0] == 502


def test_a_forged_account_is_told_from_ours(way: Transport, account: ProviderAccount, caught: Caught, world: World) -> None:
    hand_off(way, account, "sara0020@example.com")

    with pytest.raises(Forged):
        ADAPTER.authenticate(world.stranger(account), caught.calls.get(timeout=10))


def test_a_reader_who_has_had_enough_presses_the_mail_programs_button(
    way: Transport, account: ProviderAccount, caught: Caught, world: World
) -> None:
    hand_off(way, account, "sara@example.com", unsubscribe_url=f"{caught.url}/unsubscribe/me")

    pressed = http("POST", f"{world.base_url}/people/sara@example.com", body=b'{"unsubscribe": true, "channel": "email"}')

    assert pressed.status == 200
    incoming = caught.calls.get(timeout=10)
    assert (incoming.url, incoming.body) == (f"{caught.url}/unsubscribe/me", b"List-Unsubscribe=One-Click")


def test_a_url_that_is_none_is_refused(doors: tuple[str, int]) -> None:
    for body in (b"{}", b"nonsense", b'{"url": "ftp://example.com"}'):
        assert http("PUT", f"{doors[0]}/smtp/reports", body=body).status == 422
