"""Receipts that run ahead of their hand-off, or were never ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from django.db import connection, transaction

from accounts import ids
from accounts.models import Business
from alerts.models import Alert
from callbacks import parking, reading
from callbacks.models import ParkedReceipt, ProviderCall
from messaging import record
from messaging.lifecycle import AttemptStatus, Status
from messaging.models import Receipt
from routing import credentials
from routing.models import ProviderAccount
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

T = TypeVar("T")
LATER = AT + timedelta(minutes=1)


@pytest.fixture
def meta(db: None) -> ProviderAccount:
    return providers.meta()


def hear(account: ProviderAccount, *words: str, wamid: str = "wamid.1", code: int | None = None) -> None:
    for second, word in enumerate(words):
        providers.post_meta(account, says(None, word, wamid=wamid, second=second, code=code))
    reading.read(at=LATER)


def test_an_early_receipt_is_parked_and_applied_once_its_hand_off_is_known(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta)
    hear(meta, "delivered")
    before = (providers.attempt_status(message_id), parking.match(at=LATER), ParkedReceipt.objects.count())
    providers.take(message_id, "wamid.1")

    assert before == (AttemptStatus.PENDING, 0, 1)
    assert (parking.match(at=LATER), ParkedReceipt.objects.count()) == (1, 0)
    assert (providers.status(message_id), providers.history(message_id)) == (Status.DELIVERED, ["delivered"])


def test_nothing_of_it_is_lost_while_it_is_parked(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta)
    hear(meta, "failed", code=131026)
    providers.take(message_id, "wamid.1")
    parking.match(at=LATER)

    attempt, receipt, call = providers.attempt(message_id), Receipt.objects.get(message_id=message_id), ProviderCall.objects.get()
    assert (attempt.status, attempt.error_class, attempt.raw_code) == ("failed", "unreachable", "131026")
    assert (receipt.raw_status, receipt.raw_code, receipt.occurred_at) == ("failed", "131026", AT)
    assert (receipt.call_id, receipt.received_at) == (call.id, call.received_at)


def test_parked_receipts_join_like_any_other(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta)
    hear(meta, "read", "teleported", "sent", "failed")
    providers.take(message_id, "wamid.1")

    assert parking.match(at=LATER) == 4
    assert (providers.status(message_id), providers.history(message_id)) == (Status.READ, ["read", "unmapped", "sent", "failed"])


def test_a_receipt_waits_for_its_own_accounts_hand_off(meta: ProviderAccount) -> None:
    other = providers.meta(secret="a stranger's", others="a stranger's")
    hear(meta, "delivered")
    message_id = providers.hand_off(other, provider_reference="wamid.1")

    assert (parking.match(at=LATER), providers.attempt_status(message_id)) == (0, AttemptStatus.SUBMITTED)


@pytest.mark.parametrize("secret, is_heard", [(providers.META_SECRET, True), ("a stranger's", False)])
def test_what_came_to_another_numbers_url_waits_for_that_numbers_hand_off(meta: ProviderAccount, secret: str, is_heard: bool) -> None:
    """Meta calls one URL for all numbers of a WhatsApp Business Account, and accounts that share a secret hear for each other."""
    other = providers.meta(secret=secret, others="another's")
    business = Business.objects.create(slug="shop", name="Shop")
    ProviderAccount.objects.filter(id__in=[meta.id, other.id]).update(business=business)
    credentials.forget()
    hear(meta, "delivered")
    message_id = providers.hand_off(other, provider_reference="wamid.1")

    assert parking.match(at=LATER) == is_heard
    assert (providers.status(message_id) is Status.DELIVERED) is is_heard


def test_a_receipt_that_was_never_ours_is_forgotten_after_72_hours(meta: ProviderAccount, caplog: pytest.LogCaptureFixture) -> None:
    hear(meta, "delivered")
    received_at = ParkedReceipt.objects.get().received_at

    assert parking.forget(at=received_at + timedelta(hours=72)) == 0
    assert parking.forget(at=received_at + timedelta(hours=72, seconds=1)) == 1
    assert "1 after 72 hours" in caplog.text


def test_an_account_that_brings_too_many_strangers_keeps_the_newest(meta: ProviderAccount) -> None:
    quiet = providers.meta()
    for number in range(7):
        hear(meta, "sent", wamid=f"wamid.{number}")
    hear(quiet, "sent")

    assert parking.forget(at=LATER, most=5) == 2
    assert sorted(ParkedReceipt.objects.filter(account_id=meta.id).values_list("provider_reference", flat=True)) == [
        f"wamid.{number}" for number in range(2, 7)
    ]
    assert ParkedReceipt.objects.filter(account_id=quiet.id).count() == 1


def test_strangers_do_not_stand_in_the_way_of_the_early(meta: ProviderAccount) -> None:
    strangers = [
        ParkedReceipt(
            account_id=meta.id, provider_reference=f"not.ours.{number}", status="sent", raw_status="sent", received_at=AT, call_id=meta.id
        )
        for number in range(parking.AT_A_TIME + 10)
    ]
    ParkedReceipt.objects.bulk_create(strangers)
    hear(meta, "delivered")
    message_id = providers.hand_off(meta, provider_reference="wamid.1")

    assert (parking.match(at=LATER), providers.status(message_id)) == (1, Status.DELIVERED)


def test_a_parked_receipt_that_can_not_be_applied_parks_no_other(meta: ProviderAccount) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE messaging_receipt ADD CONSTRAINT injected CHECK (raw_status <> 'played')")
    hear(meta, "played", "delivered")
    message_id = providers.hand_off(meta, provider_reference="wamid.1")

    assert (parking.match(at=LATER), ParkedReceipt.objects.count()) == (2, 0)
    assert (providers.status(message_id), providers.history(message_id)) == (Status.DELIVERED, ["delivered"])


# The race, with real transactions


def aside(pool: ThreadPoolExecutor, act: Callable[[], T]) -> Future[T]:
    """In another thread, with a connection of its own."""

    def act_and_close() -> T:
        try:
            return act()
        finally:
            connection.close()

    return pool.submit(act_and_close)


@pytest.mark.django_db(transaction=True)
def test_a_receipt_that_races_the_hand_offs_commit_is_never_lost() -> None:
    """The provider's id is written but not committed while its receipt is read: the receipt must be found again."""
    account = providers.meta()
    message_id = providers.hand_off(account)
    is_written, may_commit = threading.Event(), threading.Event()

    def answer() -> None:
        with transaction.atomic():
            story = record.load([message_id])[message_id]
            story.taken(1, "wamid.1", at=AT)
            record.save([story])
            is_written.set()
            assert may_commit.wait(10)

    with ThreadPoolExecutor(1) as pool:
        hand_off = aside(pool, answer)
        assert is_written.wait(10)
        hear(account, "delivered")
        while_open = (ParkedReceipt.objects.count(), parking.match(at=LATER))
        may_commit.set()
        hand_off.result()

    assert while_open == (1, 0)
    assert (parking.match(at=LATER), providers.status(message_id)) == (1, Status.DELIVERED)


@pytest.mark.django_db(transaction=True)
def test_a_receipt_with_our_reference_waits_for_the_hand_offs_commit_and_is_applied() -> None:
    account = providers.meta()
    message_id = providers.hand_off(account)
    providers.post_meta(account, says(message_id, "delivered", wamid="wamid.1"))
    is_written = threading.Event()

    def answer() -> None:
        with transaction.atomic():
            story = record.load([message_id])[message_id]
            is_written.set()
            story.taken(1, "wamid.1", at=AT)
            record.save([story])

    with ThreadPoolExecutor(2) as pool:
        hand_off = aside(pool, answer)
        assert is_written.wait(10)
        reader = aside(pool, lambda: reading.read(at=LATER))
        hand_off.result()
        assert reader.result() == 1

    assert (providers.status(message_id), providers.attempt(message_id).submitted_at) == (Status.DELIVERED, AT)


@pytest.mark.django_db(transaction=True)
def test_two_readers_share_the_work_and_do_nothing_twice() -> None:
    account = providers.meta()
    messages = [providers.hand_off(account, provider_reference=f"wamid.{number}") for number in range(40)]
    for message_id in messages:
        providers.post_meta(account, says(message_id, "delivered"))
    together = threading.Barrier(2)

    def read_all() -> int:
        together.wait(10)
        return sum(iter(lambda: reading.read(at=LATER, limit=5), 0))

    with ThreadPoolExecutor(2) as pool:
        taken = [aside(pool, read_all) for _ in range(2)]
        assert sum(each.result() for each in taken) == 40

    assert {providers.status(message_id) for message_id in messages} == {Status.DELIVERED}
    assert Receipt.objects.count() == 40


# Names of our making that are none of the account's


def test_a_receipt_that_names_anothers_attempt_is_parked_and_changes_nothing(meta: ProviderAccount) -> None:
    stranger = providers.hand_off(providers.meta(secret="a stranger's", others="a stranger's"), provider_reference="wamid.theirs")
    providers.post_meta(meta, says(stranger, "delivered", wamid="wamid.1"), says(stranger, "read"))
    reading.read(at=LATER)

    assert (providers.attempt_status(stranger), providers.history(stranger)) == (AttemptStatus.SUBMITTED, [])
    parked = list(ParkedReceipt.objects.order_by("id").values_list("account_id", "client_reference", "provider_reference", "status"))
    assert parked == [
        (meta.id, f"{stranger.hex}.1", "wamid.1", "delivered"),
        (meta.id, f"{stranger.hex}.1", "", "read"),
    ]


def test_nor_is_a_message_that_never_was_silently_dropped(meta: ProviderAccount, caplog: pytest.LogCaptureFixture) -> None:
    providers.post_meta(meta, says(ids.new(), "delivered", wamid="wamid.1"))
    reading.read(at=LATER)

    assert ParkedReceipt.objects.count() == 1
    assert "attempts that it never made" in caplog.text


def test_it_counts_once_its_provider_names_an_attempt_of_that_account(meta: ProviderAccount) -> None:
    providers.post_meta(meta, says(ids.new(), "delivered", wamid="wamid.1"))
    reading.read(at=LATER)
    message_id = providers.hand_off(meta, provider_reference="wamid.1")

    assert (parking.match(at=LATER), providers.status(message_id)) == (1, Status.DELIVERED)


def strays(account: ProviderAccount, times: int, *, received_at: datetime, names: str = "") -> None:
    rows = [
        ParkedReceipt(
            account_id=account.id,
            client_reference=names,
            provider_reference=f"not.ours.{number}",
            status="sent",
            raw_status="sent",
            received_at=received_at,
            call_id=account.id,
        )
        for number in range(times)
    ]
    ParkedReceipt.objects.bulk_create(rows)


def test_many_receipts_of_nothing_of_ours_alert_staff_until_they_stop(meta: ProviderAccount) -> None:
    strays(meta, parking.MANY_STRAYS - 2, received_at=AT)
    strays(meta, 2, received_at=AT, names="another's")
    parking.watch(at=AT + timedelta(minutes=9))
    assert not Alert.objects.exists()

    parking.watch(at=AT + timedelta(minutes=10))
    alert = Alert.objects.get()
    assert (alert.kind, alert.about, alert.resolved_at) == ("stray_receipts", ids.public("pac", meta.id), None)
    assert f"{parking.MANY_STRAYS} receipts of an hour came to {meta.name}" in alert.because
    assert "2 of them name another's" in alert.because

    parking.watch(at=AT + timedelta(minutes=71))
    assert Alert.objects.get().resolved_at is not None


def test_early_receipts_wake_nobody(meta: ProviderAccount) -> None:
    strays(meta, parking.MANY_STRAYS - 1, received_at=AT)
    parking.watch(at=AT + timedelta(minutes=10))

    assert not Alert.objects.exists()
