"""The doors that Celery knocks at: wake-ups that may come twice, late, or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import ids
from accounts.models import Business
from callbacks import endpoints, tasks
from callbacks.models import DeliveryDue, SigningSecret
from tests.callbacks.receiver import Receiver
from tests.callbacks.webhooks import listen, new_business, new_event, record, tries


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def test_a_wake_up_pays_what_is_due_and_a_second_one_finds_nothing(shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.url())
    record(new_event(shop))

    tasks.deliver()
    tasks.deliver()

    assert len(receiver.got()) == 1


@pytest.mark.django_db(transaction=True)
def test_many_wake_ups_at_once_deliver_each_webhook_once(receiver: Receiver) -> None:
    shop = new_business()
    listen(shop, receiver.url())
    events = record(*[new_event(shop) for _ in range(300)])
    together = threading.Barrier(6)

    def wake(_: int) -> None:
        try:
            connection.ensure_connection()
            together.wait()
            tasks.deliver()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(wake, range(6)))

    assert sorted(each.id for each in receiver.got()) == sorted(ids.public("evt", event) for event in events)
    assert len(tries()) == 300
    assert not DeliveryDue.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_had_under_way_is_sent_again_and_nothing_is_lost(receiver: Receiver) -> None:
    shop = new_business()
    listen(shop, receiver.url())
    record(*[new_event(shop) for _ in range(10)])
    # As kill -9 leaves it: leased, perhaps sent, nothing recorded.
    DeliveryDue.objects.update(lease=ids.new(), lease_until=timezone.now() - timedelta(seconds=1))

    tasks.deliver()

    assert len(tries()) == 10
    assert not DeliveryDue.objects.exists()


def test_the_sweeps_run_on_an_empty_house_and_may_be_repeated(db: None) -> None:
    for _ in range(2):
        tasks.ring_for_due()
        tasks.forget()


def test_secrets_that_no_longer_sign_are_forgotten(shop: Business) -> None:
    endpoint = listen(shop)
    endpoints.rotate(endpoint, signature=None, overlap=timedelta(0), at=timezone.now() - timedelta(seconds=1))

    tasks.forget()

    assert SigningSecret.objects.count() == 1
