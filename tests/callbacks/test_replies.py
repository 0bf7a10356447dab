"""What people write comes by the same door as receipts: signed, kept once, never an unreadable call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from callbacks import reading
from callbacks.models import ProviderCall
from messaging.inbound import showing
from messaging.inbound_records import Inbound
from routing import credentials
from tests.callbacks import providers

pytestmark = pytest.mark.django_db


def written(text: str, *, id_: str = "wamid.1", to: str = "1") -> bytes:
    message = {"from": "201001234567", "id": id_, "timestamp": "1767225600", "type": "text", "text": {"body": text}}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": to}, "messages": [message]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()


def post(account: Any, body: bytes) -> None:
    answer = providers.post(account, body, headers={"X-Hub-Signature-256": providers.sign_meta(body)})
    assert answer.status_code == 200
    reading.read(at=timezone.now())


def test_a_message_to_us_is_kept_sealed() -> None:
    account = providers.meta()

    post(account, written("Hello there"))

    row = Inbound.objects.get()
    assert (row.account_id, row.mode, row.kind, ProviderCall.objects.get().state) == (account.id, "live", "text", "read")
    assert b"Hello" not in bytes(row.said)
    assert showing.open_up(row)["text"] == "Hello there"


def test_the_same_message_in_another_call_is_one() -> None:
    account = providers.meta()

    post(account, written("Hello there"))
    post(account, written("Hello there", to="2"))

    assert (ProviderCall.objects.count(), Inbound.objects.count()) == (2, 1)


def test_reading_a_call_again_makes_no_second_one() -> None:
    account = providers.meta()
    post(account, written("Hello there"))
    ProviderCall.objects.update(state="pending")

    reading.read(at=timezone.now())

    assert Inbound.objects.count() == 1


def test_a_forged_one_is_nothing() -> None:
    account = providers.meta()
    body = written("STOP")

    answer = providers.post(account, body, headers={"X-Hub-Signature-256": providers.sign_meta(body, secret="guessed")})
    reading.read(at=timezone.now())

    assert (answer.status_code, Inbound.objects.count()) == (401, 0)


def test_of_two_numbers_behind_one_url_it_is_the_one_that_was_written_to() -> None:
    first, second = providers.meta(), providers.meta()
    for account, number in ((first, "100"), (second, "200")):
        account.settings = {**account.settings, "phone_number_id": number}
        account.save()
    credentials.forget()

    post(first, written("To the second", to="200"))

    assert Inbound.objects.get().account_id == second.id


def test_an_sms_at_twilio_comes_by_the_account_s_url() -> None:
    account = providers.twilio()
    form = {"MessageSid": "SM1", "SmsStatus": "received", "From": "+201001234567", "To": "+15550001111", "Body": "Stop"}

    providers.post_twilio(account, form)
    reading.read(at=timezone.now())

    row = Inbound.objects.get()
    assert (row.channel, row.keyword, ProviderCall.objects.get().state) == ("sms", "stop", "read")
