"""From a kept call to a message's status: what is applied, what is set aside, and that neither harms the other."""

from __future__ import annotations

import itertools
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Business
from callbacks import calls, reading
from callbacks.models import ParkedReceipt, ProviderCall
from messaging import references
from messaging.lifecycle import AttemptStatus, Status
from messaging.models import Receipt
from routing import credentials
from routing.models import ProviderAccount
from routing.providers import base, registry
from routing.providers.meta import Meta
from tests import fixtures
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


@pytest.fixture
def twilio() -> ProviderAccount:
    return providers.twilio()


def read() -> int:
    return reading.read(at=AT + timedelta(minutes=1))


def states() -> list[str]:
    return list(ProviderCall.objects.order_by("id").values_list("state", flat=True))


# What is applied


def test_a_receipt_finds_its_attempt_by_our_own_reference(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    providers.post_meta(meta, says(message_id, "delivered", second=7))

    assert read() == 1
    assert providers.status(message_id) is Status.DELIVERED
    assert providers.attempt(message_id).delivered_at == AT + timedelta(seconds=7)


def test_and_by_the_providers_where_ours_does_not_come_back(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    providers.post_meta(meta, says(None, "sent", wamid="wamid.1"))
    read()

    assert providers.status(message_id) is Status.SENT


def test_twilios_receipt_counts_from_when_it_came_for_it_tells_no_time(twilio: ProviderAccount) -> None:
    message_id = providers.hand_off(twilio, provider_reference="SM1")
    providers.post_twilio(
        twilio, {"MessageSid": "SM1", "MessageStatus": "delivered"}, query=f"?reference={references.write(message_id, 1)}"
    )
    received_at = ProviderCall.objects.get().received_at
    read()

    receipt = Receipt.objects.get(message_id=message_id)
    assert providers.attempt(message_id).delivered_at == received_at
    assert (receipt.occurred_at, receipt.received_at, receipt.raw_status) == (None, received_at, "delivered")


def test_a_failure_brings_its_class_and_the_providers_own_code(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    providers.post_meta(meta, says(message_id, "failed", code=131026))
    read()

    attempt = providers.attempt(message_id)
    assert (attempt.status, attempt.error_class, attempt.raw_code) == ("failed", "unreachable", "131026")
    assert Receipt.objects.get(message_id=message_id).raw_code == "131026"


def test_read_without_delivered_implies_it(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    providers.post_meta(meta, says(message_id, "read", second=9))
    read()

    attempt = providers.attempt(message_id)
    assert (attempt.status, attempt.delivered_at) == ("read", attempt.read_at)


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])))
def test_any_order_comes_to_the_same(meta: ProviderAccount, order: tuple[str, ...]) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    seconds = {"sent": 1, "delivered": 2, "read": 3}
    for word in order:
        providers.post_meta(meta, says(message_id, word, second=seconds[word]))
        read()

    attempt = providers.attempt(message_id)
    assert [attempt.sent_at, attempt.delivered_at, attempt.read_at] == [AT + timedelta(seconds=second) for second in (1, 2, 3)]
    assert (attempt.status, providers.history(message_id)) == ("read", list(order))


def test_a_late_failure_does_not_undo_a_delivery(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    for word in ("delivered", "failed"):
        providers.post_meta(meta, says(message_id, word))
        read()

    assert providers.status(message_id) is Status.DELIVERED
    assert providers.history(message_id) == ["delivered", "failed"]


def test_a_repeated_call_is_read_once(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    for _ in range(3):
        providers.post_meta(meta, says(message_id, "delivered"))
        read()

    assert providers.history(message_id) == ["delivered"]
    assert providers.told(message_id).count("message.delivered") == 1


def test_the_same_news_in_another_call_changes_nothing_more(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    for noise in ("one", "two"):
        providers.post_meta(meta, says(message_id, "delivered") | {"noise": noise})
        read()

    assert providers.told(message_id).count("message.delivered") == 1


def test_a_receipt_settles_a_hand_off_whose_answer_was_lost(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta)
    providers.post_meta(meta, says(message_id, "sent", wamid="wamid.late"))
    read()
    providers.post_meta(meta, says(None, "delivered", wamid="wamid.late"))
    read()

    assert providers.status(message_id) is Status.DELIVERED


def test_no_account_speaks_about_anothers_messages(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(providers.meta(secret="a stranger's", others="a stranger's"), provider_reference="wamid.1")
    providers.post_meta(meta, says(message_id, "read"), says(None, "read", wamid="wamid.1"))
    read()

    assert providers.attempt_status(message_id) is AttemptStatus.SUBMITTED


def of_one_business(*accounts: ProviderAccount) -> None:
    ids = [account.id for account in accounts]
    ProviderAccount.objects.filter(id__in=ids).update(business=Business.objects.create(slug="shop", name="Shop"))
    credentials.forget()


def test_two_numbers_behind_one_url_are_both_heard() -> None:
    """Meta knows one callback URL for all numbers of a WhatsApp Business Account."""
    called, silent = providers.meta(), providers.meta()
    of_one_business(called, silent)
    one, other = providers.hand_off(silent), providers.hand_off(silent, provider_reference="wamid.2")
    providers.post_meta(called, says(one, "delivered", wamid="wamid.1"), says(None, "delivered", wamid="wamid.2"))
    read()

    assert (providers.status(one), providers.status(other)) == (Status.DELIVERED, Status.DELIVERED)


@pytest.mark.parametrize("secret, is_one_business", [("another app's secret", True), (providers.META_SECRET, False)])
def test_another_secret_or_business_makes_a_stranger(secret: str, is_one_business: bool) -> None:
    called, silent = providers.meta(), providers.meta(secret=secret, others="another's")
    of_one_business(*[called, silent][: 2 if is_one_business else 1])
    one, other = providers.hand_off(silent), providers.hand_off(silent, provider_reference="wamid.2")
    providers.post_meta(called, says(one, "delivered"), says(None, "delivered", wamid="wamid.2"))
    read()

    assert (providers.attempt_status(one), providers.attempt_status(other)) == (AttemptStatus.PENDING, AttemptStatus.SUBMITTED)


def test_a_hundred_calls_are_read_at_once(meta: ProviderAccount, django_assert_max_num_queries: Any) -> None:
    messages = [providers.hand_off(meta, provider_reference=f"wamid.{number}") for number in range(100)]
    for message_id in messages:
        providers.post_meta(meta, says(message_id, "delivered"))

    with django_assert_max_num_queries(25):
        assert read() == 100
    assert {providers.status(message_id) for message_id in messages} == {Status.DELIVERED}


def test_what_waits_longest_is_read_first(meta: ProviderAccount) -> None:
    for number in range(5):
        providers.post_meta(meta, says(None, "sent", wamid=f"wamid.{number}"))

    assert [reading.read(at=AT, limit=3), reading.read(at=AT, limit=3), reading.read(at=AT, limit=3)] == [3, 2, 0]


# What changes nothing


def test_a_word_that_no_table_knows_is_kept_and_told_once(meta: ProviderAccount, caplog: pytest.LogCaptureFixture) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    for second in range(3):
        providers.post_meta(meta, says(message_id, "levitated", second=second))
    read()

    assert providers.attempt_status(message_id) is AttemptStatus.SUBMITTED
    assert providers.history(message_id) == ["unmapped"] * 3
    assert Receipt.objects.filter(message_id=message_id).values_list("raw_status", flat=True)[0] == "levitated"
    assert caplog.text.count("'levitated'") == 1


@pytest.mark.parametrize("case", fixtures.cases("whatsapp_meta_openapi/webhook_inbound.json"))
def test_what_is_no_receipt_is_read_and_changes_nothing(meta: ProviderAccount, case: dict[str, Any]) -> None:
    body = fixtures.json.dumps(case["body"], ensure_ascii=False).encode()
    providers.post(meta, body, headers={"X-Hub-Signature-256": providers.sign_meta(body)})
    read()

    call = ProviderCall.objects.get()
    assert (call.state, call.receipts, ParkedReceipt.objects.count()) == ("read", 0, 0)


@pytest.mark.parametrize("case", fixtures.cases("whatsapp_pywa/webhook_message_status.json"))
def test_metas_own_examples_are_read(meta: ProviderAccount, case: dict[str, Any]) -> None:
    (said,) = case["body"]["entry"][0]["changes"][0]["value"]["statuses"]
    message_id = providers.hand_off(meta, provider_reference=said["id"])
    body = fixtures.json.dumps(case["body"]).encode()
    providers.post(meta, body, headers={"X-Hub-Signature-256": providers.sign_meta(body)})
    read()

    assert (providers.attempt_status(message_id), states()) == (said["status"], ["read"])


TWILIO = {
    "sms_sent": "sent",
    "sms_delivered": "delivered",
    "sms_undelivered": "undeliverable",
    "sms_failed": "failed",
    "service_sending": "submitted",
    "wa_read": "read",
    "wa_undelivered": "undeliverable",
    "canceled": "failed",
    "unknown_status": "submitted",
    "unknown_extra_params": "delivered",
    "stop_inbound": "submitted",
}


@pytest.mark.parametrize("case", fixtures.cases("twilio/status_callbacks.json", pick=lambda content: content["callbacks"]))
def test_twilios_callbacks_are_read(twilio: ProviderAccount, case: dict[str, Any]) -> None:
    message_id = providers.hand_off(twilio, provider_reference=case["form"]["MessageSid"])

    assert providers.post_twilio(twilio, case["form"]).status_code == 200
    read()

    assert (providers.attempt_status(message_id), states()) == (TWILIO[case["name"]], ["read"])


# What can't be read


def test_one_broken_receipt_in_a_hundred_spoils_nothing(meta: ProviderAccount) -> None:
    messages = [providers.hand_off(meta, provider_reference=f"wamid.{number}") for number in range(99)]
    statuses = [says(message_id, "delivered") for message_id in messages]
    providers.post_meta(meta, *statuses[:49], {"status": "delivered", "timestamp": []}, *statuses[49:])
    read()

    assert {providers.status(message_id) for message_id in messages} == {Status.DELIVERED}
    assert (states(), ProviderCall.objects.get().receipts) == (["unreadable"], 100)


def test_one_unreadable_call_in_a_hundred_spoils_nothing(meta: ProviderAccount, caplog: pytest.LogCaptureFixture) -> None:
    messages = [providers.hand_off(meta, provider_reference=f"wamid.{number}") for number in range(99)]
    for number, message_id in enumerate(messages):
        providers.post_meta(meta, says(message_id, "delivered"))
        if number == 49:
            providers.post(meta, b"<html>", headers={"X-Hub-Signature-256": providers.sign_meta(b"<html>")})
    read()

    assert {providers.status(message_id) for message_id in messages} == {Status.DELIVERED}
    assert states().count("unreadable") == 1
    assert [record.levelno for record in caplog.records if record.name == "callbacks.reading"] == [logging.ERROR]


def test_a_call_that_does_not_open_waits_aside(meta: ProviderAccount) -> None:
    for word in ("sent", "delivered"):
        providers.post_meta(meta, says(None, word, wamid="wamid.1"))
    one, other = ProviderCall.objects.order_by("id")
    ProviderCall.objects.filter(id=one.id).update(content=other.content)
    read()

    assert states() == ["unreadable", "read"]


def test_a_receipt_that_the_database_refuses_spoils_no_other(meta: ProviderAccount) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE messaging_receipt ADD CONSTRAINT injected CHECK (raw_status <> 'played')")
    messages = [providers.hand_off(meta, provider_reference=f"wamid.{number}") for number in range(3)]
    providers.post_meta(meta, says(messages[0], "delivered"), says(messages[0], "played"), says(messages[1], "delivered"))
    providers.post_meta(meta, says(messages[2], "delivered"))

    assert read() == 2
    assert [providers.status(message_id) for message_id in messages] == [Status.DELIVERED] * 3
    assert states() == ["unreadable", "read"]


def test_an_adapter_that_stumbles_over_one_call_reads_the_others(meta: ProviderAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clumsy(Meta):
        def read_receipts(self, account: base.ProviderAccount, incoming: base.Incoming) -> list[base.Receipt]:
            if b"stumble" in incoming.body:
                raise KeyError("a colleague's mistake")
            return super().read_receipts(account, incoming)

    monkeypatch.setitem(registry.ADAPTERS, "meta", Clumsy())
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    providers.post_meta(meta, says(message_id, "stumble"))
    providers.post_meta(meta, says(message_id, "delivered"))
    read()

    assert (providers.status(message_id), states()) == (Status.DELIVERED, ["unreadable", "read"])


def test_a_reference_longer_than_any_of_ours_is_nobodys_but_ours_still_counts(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta)
    providers.post_meta(meta, says(message_id, "sent", wamid="w" * 200), says(None, "sent", wamid="w" * 200))
    read()

    assert (providers.status(message_id), ParkedReceipt.objects.count(), states()) == (Status.SENT, 0, ["read"])


def test_what_was_set_aside_can_be_read_again(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    providers.post_meta(meta, says(message_id, "delivered"))
    ProviderCall.objects.update(state="unreadable")

    assert calls.read_again(ProviderCall.objects.values_list("id", flat=True)) == 1
    assert (calls.are_waiting(), read(), calls.are_waiting()) == (True, 1, False)
    assert providers.status(message_id) is Status.DELIVERED


def test_calls_are_forgotten_after_their_short_life_but_never_unread(meta: ProviderAccount) -> None:
    providers.post_meta(meta, says(None, "sent", wamid="wamid.1"))
    read()
    providers.post_meta(meta, says(None, "sent", wamid="wamid.2"))

    assert (calls.forget(AT), calls.forget(AT + timedelta(days=7)), states()) == (0, 1, ["pending"])
