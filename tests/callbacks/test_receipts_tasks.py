from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from callbacks import parking, reading, tasks
from callbacks.models import ParkedReceipt, ProviderCall
from messaging.lifecycle import Status
from messaging.models import Event
from tests.callbacks import providers
from tests.callbacks.providers import says

pytestmark = pytest.mark.django_db


def test_one_wake_up_reads_all_that_waits() -> None:
    account = providers.meta()
    for number in range(reading.AT_A_TIME + 1):
        providers.post_meta(account, says(None, "sent", wamid=f"wamid.{number}"))

    tasks.read_receipts()

    assert set(ProviderCall.objects.values_list("state", flat=True)) == {"read"}


def test_a_wake_up_without_work_is_nothing() -> None:
    tasks.read_receipts()
    tasks.match_parked()


def test_an_early_receipt_is_matched_by_the_sweep() -> None:
    account = providers.meta()
    message_id = providers.hand_off(account)
    providers.post_meta(account, says(None, "delivered", wamid="wamid.1"))
    tasks.read_receipts()
    providers.take(message_id, "wamid.1")

    tasks.match_parked()

    assert providers.status(message_id) is Status.DELIVERED


def test_what_has_served_is_cleared() -> None:
    providers.post_meta(providers.meta(), says(None, "delivered", wamid="wamid.1"))
    tasks.read_receipts()
    ParkedReceipt.objects.update(received_at=timezone.now() - parking.KEPT - timedelta(minutes=1))
    ProviderCall.objects.update(read_at=timezone.now() - tasks.CALLS_KEPT - timedelta(minutes=1))

    tasks.forget()

    assert (ParkedReceipt.objects.count(), ProviderCall.objects.count()) == (0, 0)


def test_a_worker_s_wrong_clock_puts_nothing_off() -> None:
    account = providers.meta()
    message_id = providers.hand_off(account)
    providers.take(message_id, "wamid.1")
    providers.post_meta(account, says(None, "delivered", wamid="wamid.1"))

    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        tasks.read_receipts()

    assert Event.objects.get(message_id=message_id, type="message.delivered").recorded_at < timezone.now() + timedelta(minutes=1)
