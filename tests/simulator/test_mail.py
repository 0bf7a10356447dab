"""The simulated Postmark: letters over real HTTP, and what it says of them afterwards, read by the real adapter."""

from __future__ import annotations

import json

import pytest

from routing.providers import registry
from routing.providers.base import Email, ErrorClass, Forged, Outbound, ProviderAccount, Receipt, ReceiptStatus
from simulator.identity import identity
from tests.simulator.conftest import Caught
from tests.simulator.wire import SECRET, World, http

LETTER = Email(subject="Your order", text="It is on its way.")


@pytest.fixture
def account(world: World, caught: Caught) -> ProviderAccount:
    """The simulated account, whose webhooks go to the test."""
    who = identity(SECRET)
    account = ProviderAccount(
        id="postmark",
        base_url=f"{world.base_url}/postmark",
        callback_url=world.meta.callback_url.replace("/meta", "/postmark"),
        settings={"sender": "Shop <orders@shop.example>"},
        credentials={"api_key": who.server_token, "webhook_secret": who.mail_secret},
    )
    call = registry.get("postmark").subscribe(account)
    assert call is not None
    assert world.send(call).status == 200
    return account


def letter(address: str = "sara@example.com", *, reference: str = "ref.1") -> Outbound:
    return Outbound(reference=reference, channel="email", recipient=address, content=LETTER)


def hear(account: ProviderAccount, caught: Caught, count: int) -> list[Receipt]:
    adapter, heard = registry.get("postmark"), []
    for _ in range(count):
        incoming = caught.calls.get(timeout=10)
        adapter.authenticate(account, incoming)
        heard += adapter.read_receipts(account, incoming)
    return heard


def hand_off(world: World, account: ProviderAccount, outbound: Outbound) -> object:
    adapter = registry.get("postmark")
    return adapter.read_answer(account, world.send(adapter.submit(account, outbound)))


def test_a_letter_is_taken_delivered_and_opened(world: World, account: ProviderAccount, caught: Caught) -> None:
    handoff = registry.get("postmark").read_answer(account, world.send(registry.get("postmark").submit(account, letter())))

    receipts = hear(account, caught, 2)
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.DELIVERED, ReceiptStatus.READ]
    assert {(receipt.client_reference, receipt.provider_reference) for receipt in receipts} == {("ref.1", handoff.reference)}
    assert all(receipt.occurred_at for receipt in receipts)


@pytest.mark.parametrize(
    "code, expected",
    [("10", ErrorClass.ACCOUNT_FAULT), ("12", ErrorClass.OPTED_OUT), ("32", ErrorClass.THROTTLED), ("15", ErrorClass.UNMAPPED)],
)
def test_an_address_chooses_its_fault(world: World, account: ProviderAccount, code: str, expected: ErrorClass) -> None:
    handoff = registry.get("postmark").read_answer(
        account, world.send(registry.get("postmark").submit(account, letter(f"sara00{code}@example.com")))
    )

    assert handoff.fault is not None
    assert handoff.fault.error_class is expected


def test_a_letter_may_bounce(world: World, account: ProviderAccount, caught: Caught) -> None:
    hand_off(world, account, letter("sara0020@example.com"))

    [receipt] = hear(account, caught, 1)

    assert receipt.status is ReceiptStatus.UNDELIVERABLE
    assert receipt.fault is not None
    assert receipt.fault.error_class is ErrorClass.INVALID_RECIPIENT_ON_CHANNEL


def test_a_forged_webhook_has_the_wrong_password(world: World, account: ProviderAccount, caught: Caught) -> None:
    hand_off(world, account, letter("sara0057@example.com"))

    with pytest.raises(Forged):
        hear(account, caught, 1)
    assert [receipt.status for receipt in hear(account, caught, 1)] == [ReceiptStatus.DELIVERED]


@pytest.mark.parametrize(
    "said, code", [({"From": "a@b.example", "TextBody": "x"}, 300), ({"To": "a@b.example", "From": "a@b.example"}, 300), ([], 300)]
)
def test_postmark_refuses_what_it_would_not_take(world: World, account: ProviderAccount, said: object, code: int) -> None:
    headers = {"X-Postmark-Server-Token": account.credentials["api_key"]}

    answer = http("POST", f"{account.base_url}/email", body=json.dumps(said).encode(), headers=headers)

    assert (answer.status, json.loads(answer.body)["ErrorCode"]) == (422, code)


def test_a_stranger_is_told_nothing(account: ProviderAccount) -> None:
    for place in ("email", "webhooks"):
        assert http("POST", f"{account.base_url}/{place}", body=b"{}").status == 401
