"""How SMPP accounts are bound, as staff and the alerts see it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from alerts.models import Alert
from routing import binds, credentials
from routing.binds import Seen
from routing.choices import BindState
from routing.models import ProviderAccount

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def account() -> ProviderAccount:
    row = ProviderAccount(name="Nile", provider="smpp", mode="live", settings={"host": "smsc.example", "port": "2775"})
    credentials.store(row, {"password": "secret"}).save()
    return row


def seen(row: ProviderAccount, state: BindState, *, because: str = "", since: object = NOW) -> Seen:
    return Seen(UUID(str(row.pk)), state, because, since)  # type: ignore[arg-type]


def open_alerts() -> list[str]:
    return list(Alert.objects.filter(kind="bind_lost", resolved_at=None).values_list("because", flat=True))


def test_what_was_noted_last_is_told(account: ProviderAccount) -> None:
    binds.note([seen(account, BindState.CONNECTING)], process="one 1", at=NOW)
    binds.note([seen(account, BindState.LOST, because="dns_failed")], process="one 1", at=NOW)

    assert binds.tell(account, at=NOW) == f"lost (dns_failed) since {NOW:%d %B %H:%M:%S} UTC, by one 1"


def test_without_a_sign_of_life_nobody_holds_it(account: ProviderAccount) -> None:
    assert binds.tell(account, at=NOW).startswith("held by no process")
    binds.note([seen(account, BindState.BOUND)], process="one 1", at=NOW)

    assert binds.tell(account, at=LATER).startswith("held by no process since")


def test_an_account_that_nobody_holds_for_long_is_an_alert(account: ProviderAccount) -> None:
    binds.watch(at=timezone.now())
    assert open_alerts() == []

    binds.watch(at=timezone.now() + timedelta(minutes=2))
    assert open_alerts() == ["Nile: no process holds its connections."]


def test_a_bind_that_is_lost_for_long_is_an_alert_until_it_stands_again(account: ProviderAccount) -> None:
    binds.note([seen(account, BindState.LOST, because="connect_failed", since=NOW)], process="one 1", at=LATER)
    binds.watch(at=LATER)
    assert open_alerts() == ["Nile: its connections are lost (connect_failed)."]

    binds.note([seen(account, BindState.BOUND, since=LATER)], process="one 1", at=LATER)
    binds.watch(at=LATER)
    assert open_alerts() == []


def test_a_restart_of_the_smsc_alarms_nobody(account: ProviderAccount) -> None:
    binds.note([seen(account, BindState.LOST, since=LATER - timedelta(seconds=20))], process="one 1", at=LATER)
    binds.watch(at=LATER)

    assert open_alerts() == []


def test_an_account_out_of_service_and_a_stand_in_need_no_bind(account: ProviderAccount) -> None:
    account.is_in_service = False
    account.save()

    binds.watch(at=timezone.now() + timedelta(hours=1))
    assert open_alerts() == []
