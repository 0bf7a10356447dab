from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import ids
from alerts.kinds import Kind
from alerts.models import Alert
from callbacks import calls, reading, watching
from callbacks.calls import Authentic
from callbacks.models import DeliveryDue
from tests.callbacks import providers, webhooks

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> datetime:
    return timezone.now()


def open_(kind: Kind) -> list[str]:
    return sorted(Alert.objects.open().filter(kind=kind).values_list("about", flat=True))


def owe(slug: str, *, due_at: datetime) -> str:
    """One webhook that has been due since then; the endpoint's id."""
    business = webhooks.new_business(slug)
    endpoint = webhooks.listen(business)
    webhooks.record(webhooks.new_event(business, id=ids.new()))
    DeliveryDue.objects.filter(endpoint_id=endpoint.pk).update(due_at=due_at)
    return ids.public("whe", endpoint.pk)


def test_a_slow_endpoint_is_its_own_trouble_and_its_business_s(at: datetime) -> None:
    slow = owe("slow", due_at=at - timedelta(minutes=6))
    owe("quick", due_at=at - timedelta(seconds=1))

    watching.look(at=at)

    assert (open_(Kind.ENDPOINT_BEHIND), open_(Kind.QUEUE_AGE)) == ([slow], [])
    alert = Alert.objects.get()
    assert (str(alert.business), alert.because) == ("Slow", "Its oldest webhook has been due for 6 min.")


def test_many_late_endpoints_mean_that_nobody_pays(at: datetime) -> None:
    for number in range(4):
        owe(f"shop-{number}", due_at=at - timedelta(minutes=6))

    watching.look(at=at)

    assert (open_(Kind.ENDPOINT_BEHIND), open_(Kind.QUEUE_AGE)) == ([], ["webhooks"])
    assert Alert.objects.get().because == "Webhooks of 4 lanes are late; the oldest has been due for 6 min."


@pytest.mark.parametrize("age, still", [(timedelta(minutes=4), True), (timedelta(minutes=2), False)])
def test_an_endpoint_that_caught_up_by_half_is_no_trouble(at: datetime, age: timedelta, still: bool) -> None:
    slow = owe("slow", due_at=at - timedelta(minutes=6))
    watching.look(at=at)

    DeliveryDue.objects.update(due_at=at - age)
    watching.look(at=at)

    assert open_(Kind.ENDPOINT_BEHIND) == ([slow] if still else [])


def test_what_is_to_be_tried_again_tomorrow_is_not_late(at: datetime) -> None:
    owe("shop", due_at=at + timedelta(days=1))

    watching.look(at=at)

    assert not Alert.objects.exists()


def test_receipts_that_nobody_reads_are_seen_and_then_read(at: datetime) -> None:
    account = providers.twilio()
    calls.keep([Authentic(account.id, at - timedelta(minutes=2), "https://qsura.example/", b"MessageSid=SM1")])

    watching.look(at=at)
    assert open_(Kind.QUEUE_AGE) == ["receipts"]
    assert "2 min" in Alert.objects.get().because

    reading.read(at=at)
    watching.look(at=at)
    assert open_(Kind.QUEUE_AGE) == []


def test_a_debt_in_no_queue_that_nothing_ended_breaks_the_promise(at: datetime) -> None:
    business = webhooks.new_business()
    webhooks.listen(business)
    webhooks.record(webhooks.new_event(business, id=first_of(at - timedelta(hours=1))))
    watching.prove(at=at)
    assert open_(Kind.DEADLINE_BROKEN) == []

    DeliveryDue.objects.all().delete()
    watching.prove(at=at)

    assert open_(Kind.DEADLINE_BROKEN) == ["deliveries:forgotten"]
    assert "1 deliveries" in Alert.objects.get().because


def first_of(moment: datetime) -> Any:
    """An event's id of that moment."""
    return ids.first_at(moment)


@pytest.mark.django_db(transaction=True)
def test_what_was_delivered_or_given_up_is_no_debt(receiver: Any, at: datetime) -> None:
    business = webhooks.new_business()
    webhooks.listen(business, receiver.url())
    webhooks.record(webhooks.new_event(business, id=first_of(at - timedelta(hours=1))))
    webhooks.pay()

    assert (DeliveryDue.objects.count(), watching.lost(at=at)) == (0, 0)


def test_the_look_steps_from_lane_to_lane_by_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + watching._HEADS, {"at": timezone.now()})
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert plan.count("callbacks_due_claim") == 2
    assert "Seq Scan" not in plan
