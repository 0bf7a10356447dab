from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import ids
from accounts.models import Business
from alerts.kinds import Kind
from alerts.models import Alert
from messaging import record, watching
from messaging.lifecycle import Trouble
from messaging.models import Due, Message, Timer
from routing.models import ProviderAccount
from tests.messaging import factories

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def at() -> datetime:
    return timezone.now()


@pytest.fixture
def shop(db: None) -> Business:
    return factories.business()


def open_(kind: Kind) -> list[str]:
    return sorted(Alert.objects.open().filter(kind=kind).values_list("about", flat=True))


def test_a_lane_that_nobody_serves_is_an_alert_and_one_that_is_served_again_ends_it(shop: Business, at: datetime) -> None:
    factories.message(shop, at=at - 2 * MINUTE, lane="utility")

    watching.look(at=at)
    assert open_(Kind.QUEUE_AGE) == ["handoff:utility"]
    assert Alert.objects.get().because == "The oldest attempt of the lane utility has been due for 2 min."

    Due.objects.all().delete()
    watching.look(at=at)
    assert open_(Kind.QUEUE_AGE) == []


def test_between_the_threshold_and_half_of_it_nothing_changes(shop: Business, at: datetime) -> None:
    factories.message(shop, at=at - 45 * timedelta(seconds=1))
    watching.look(at=at)
    assert open_(Kind.QUEUE_AGE) == []

    watching.look(at=at + MINUTE)
    watching.look(at=at)

    assert open_(Kind.QUEUE_AGE) == ["handoff:utility"]


def test_what_is_being_called_or_is_scheduled_does_not_wait(shop: Business, at: datetime) -> None:
    factories.message(shop, at=at - 2 * MINUTE, send_at=at + MINUTE)
    called = factories.message(shop, at=at - 2 * MINUTE)
    Due.objects.filter(message_id=called.pk).update(calling_at=at)

    watching.look(at=at)

    assert open_(Kind.QUEUE_AGE) == []


def overdue(shop: Business, *, at: datetime) -> Message:
    """A message whose deadline passed an hour ago, and which still waits for its hand-off."""
    return factories.message(shop, at=at - 120 * MINUTE, expires_at=at - 60 * MINUTE)


def test_a_message_that_outlives_its_deadline_in_a_queue_is_seen_at_once(shop: Business, at: datetime) -> None:
    overdue(shop, at=at)

    watching.look(at=at)

    assert open_(Kind.DEADLINE_BROKEN) == ["messages:overdue"]
    alert = Alert.objects.get(kind=Kind.DEADLINE_BROKEN)
    assert alert.because == "1 past their deadline without a final status; the oldest deadline passed 60 min ago."


def test_a_timer_that_nobody_hears_is_seen_too(shop: Business, at: datetime) -> None:
    message = overdue(shop, at=at)
    Due.objects.all().delete()
    Timer.objects.create(message_id=message.pk, due_at=message.expires_at)

    assert watching.overdue(at=at).count == 1


def test_a_message_that_every_queue_forgot_is_found_by_the_daily_look(shop: Business, at: datetime) -> None:
    overdue(shop, at=at)
    Due.objects.all().delete()
    assert watching.overdue(at=at).count == 0

    watching.prove(at=at)

    assert open_(Kind.DEADLINE_BROKEN) == ["messages:forgotten"]


def test_a_message_that_ended_in_time_keeps_the_promise(shop: Business, at: datetime) -> None:
    message = overdue(shop, at=at)
    watching.look(at=at)

    with transaction.atomic():
        stories = record.load([message.pk])
        stories[message.pk].move_on(at=at)
        record.save(stories.values())
    watching.look(at=at)
    watching.prove(at=at)

    assert open_(Kind.DEADLINE_BROKEN) == []


def test_within_its_grace_nothing_is_broken(shop: Business, at: datetime) -> None:
    factories.message(shop, at=at - 60 * MINUTE, expires_at=at - MINUTE)

    watching.look(at=at)

    assert open_(Kind.DEADLINE_BROKEN) == []


def fall_back(shop: Business, because: str, *, at: datetime, mode: str = "live") -> ProviderAccount:
    """A message whose first provider failed so, and which goes on by another; the account that failed."""
    account = ProviderAccount.objects.create(name=f"Meta {ids.new().hex}", provider="meta", mode=mode)
    steps = [
        {**step, "accounts": [{"id": str(account.pk)}]} if step["channel"] == "whatsapp" else step for step in factories.WHATSAPP_THEN_SMS
    ]
    message = factories.message(shop, at=at, plan=steps, mode=mode)
    with transaction.atomic():
        story = record.load([message.pk])[message.pk]
        story.begin(at=at)
        story.refused(1, Trouble(because, because, "42"), at=at)
        record.save([story])
    return account


def test_a_fallback_that_saved_the_day_is_told(shop: Business, at: datetime) -> None:
    account = fall_back(shop, "template_fault", at=at)

    watching.look(at=at)

    alert = Alert.objects.get(kind=Kind.FALLBACK_USED)
    assert alert.about == ids.public("pac", account.pk)
    assert alert.because.endswith("went on in the last 2 min: 1 from whatsapp to sms (template_fault).")


@pytest.mark.parametrize("because, mode", [("unreachable", "live"), ("template_fault", "test")])
def test_a_recipient_without_the_channel_and_a_trial_are_no_trouble(shop: Business, at: datetime, because: str, mode: str) -> None:
    fall_back(shop, because, at=at, mode=mode)

    watching.look(at=at)

    assert open_(Kind.FALLBACK_USED) == []


def failing(shop: Business, account: ProviderAccount, *, tries: int, number: int, at: datetime) -> None:
    """Attempts that wait for another try, after so many that failed."""
    for _ in range(number):
        Due.objects.filter(message_id=factories.message(shop, at=at).pk).update(account_id=account.pk, tries=tries, due_at=at + MINUTE / 2)


def test_a_provider_that_keeps_failing_is_degraded_until_nothing_waits_for_it(shop: Business, at: datetime) -> None:
    account = ProviderAccount.objects.create(name="Meta, main", provider="meta", mode="live", business=shop)
    failing(shop, account, tries=3, number=5, at=at)

    watching.look(at=at)
    alert = Alert.objects.get(kind=Kind.PROVIDER_DEGRADED)
    assert (alert.about, alert.business) == (ids.public("pac", account.pk), shop)
    assert alert.because == "5 attempts by Meta, main wait for another try after 3 or more that failed."

    Due.objects.all().delete()
    watching.look(at=at)
    assert open_(Kind.PROVIDER_DEGRADED) == []


@pytest.mark.parametrize("tries, number, is_in_service", [(2, 5, True), (3, 4, True), (3, 5, False)])
def test_a_hiccup_or_an_account_that_is_out_of_service_is_no_degraded_provider(
    shop: Business, at: datetime, tries: int, number: int, is_in_service: bool
) -> None:
    account = ProviderAccount.objects.create(name="Meta", provider="meta", mode="live", is_in_service=is_in_service)
    failing(shop, account, tries=tries, number=number, at=at)

    watching.look(at=at)

    assert open_(Kind.PROVIDER_DEGRADED) == []


LOOKS: list[tuple[str, dict[str, Any], list[str]]] = [
    (watching._OLDEST, {"at": None, "lanes": ["utility"]}, ["messaging_due_bell"]),
    (watching._OVERDUE, {"late": None, "lanes": ["utility"], "most": 9, "open": ["sent"]}, ["messaging_timer_due", "messaging_due_bell"]),
    (watching._FAILING, {"soon": None, "lanes": ["utility"], "most": 9, "stubborn": 3}, ["messaging_due_bell"]),
    (watching._FALLBACKS, {"first": UUID(int=0), "most": 9, "ours": ["unknown"]}, ["_id_idx"]),
]


@pytest.mark.parametrize("sql, asked, indexes", LOOKS, ids=["oldest", "overdue", "failing", "fallbacks"])
def test_every_look_starts_from_an_index(at: datetime, sql: str, asked: dict[str, Any], indexes: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", {name: at if value is None else value for name, value in asked.items()})
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert [index for index in indexes if index not in plan] == []
    assert "Seq Scan" not in plan
