"""The simulated plain API: what the platform's own stand-in configuration says of it holds over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from routing import stand_ins
from routing.providers import registry
from routing.providers.base import Email, ErrorClass, Forged, Handoff, Outbound, ProviderAccount, Receipt, ReceiptStatus, Text
from tests.simulator.conftest import Caught
from tests.simulator.wire import SECRET, WELL, World, fated, http

ADAPTER = registry.get("signed_http")


@pytest.fixture
def account(world: World, settings: Any) -> ProviderAccount:
    """As the platform opens it for a test key."""
    settings.QSURA_SIMULATOR_SECRET = SECRET
    return ProviderAccount(
        id="signed_http",
        base_url=f"{world.base_url}/signed_http",
        callback_url=world.meta.callback_url.replace("/meta", "/signed_http"),
        settings=stand_ins.own_settings("signed_http"),
        credentials=stand_ins.credentials(ADAPTER),
    )


def hand_off(world: World, account: ProviderAccount, to: str) -> Handoff:
    content = Email("Your order", "It is on its way.") if "@" in to else Text("It is on its way.")
    outbound = Outbound("ref.1", "email" if "@" in to else "sms", to, content)
    return ADAPTER.read_answer(account, world.send(ADAPTER.submit(account, outbound)))


def hear(account: ProviderAccount, caught: Caught, count: int) -> list[Receipt]:
    heard = []
    for _ in range(count):
        incoming = caught.calls.get(timeout=10)
        ADAPTER.authenticate(account, incoming)
        assert ADAPTER.signed_at(account, incoming)
        heard += ADAPTER.read_receipts(account, incoming)
    return heard


@pytest.mark.parametrize(
    "to, expected",
    [
        (WELL, [ReceiptStatus.SENT, ReceiptStatus.DELIVERED]),
        ("sara@example.com", [ReceiptStatus.SENT, ReceiptStatus.DELIVERED, ReceiptStatus.READ]),
    ],
)
def test_a_message_goes_its_whole_way(
    world: World, account: ProviderAccount, caught: Caught, to: str, expected: list[ReceiptStatus]
) -> None:
    handoff = hand_off(world, account, to)

    receipts = hear(account, caught, len(expected))
    assert [receipt.status for receipt in receipts] == expected
    assert {(receipt.client_reference, receipt.provider_reference) for receipt in receipts} == {("ref.1", handoff.reference)}
    assert all(receipt.occurred_at for receipt in receipts)


@pytest.mark.parametrize(
    "code, expected",
    [
        ("10", ErrorClass.ACCOUNT_FAULT),
        ("11", ErrorClass.INVALID_RECIPIENT),
        ("12", ErrorClass.OPTED_OUT),
        ("15", ErrorClass.UNMAPPED),
        ("32", ErrorClass.THROTTLED),
        ("33", ErrorClass.PROVIDER_FAULT),
    ],
)
def test_a_number_chooses_its_fault(world: World, account: ProviderAccount, code: str, expected: ErrorClass) -> None:
    fault = hand_off(world, account, fated(code)).fault

    assert fault is not None
    assert fault.error_class is expected
    assert (fault.retry_after == 1) is (code == "32")


def test_a_failure_comes_by_receipt(world: World, account: ProviderAccount, caught: Caught) -> None:
    hand_off(world, account, fated("20"))

    [_, failed] = hear(account, caught, 2)
    assert failed.fault is not None
    assert (failed.status, failed.fault.error_class) == (ReceiptStatus.FAILED, ErrorClass.UNREACHABLE)


def test_a_forged_receipt_bears_another_secrets_signature(world: World, account: ProviderAccount, caught: Caught) -> None:
    hand_off(world, account, fated("57"))

    with pytest.raises(Forged):
        hear(account, caught, 1)


def test_a_stranger_is_told_nothing(account: ProviderAccount) -> None:
    assert http("POST", f"{account.base_url}/messages", body=b"{}").status == 401
    headers = {"Authorization": f"Bearer {account.credentials['secret']}"}
    assert http("POST", f"{account.base_url}/messages", body=b"{}", headers=headers).status == 422
