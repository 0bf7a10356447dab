"""An account that stops bringing receipts is noticed, by what was usual for it; one that never brought any is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts import ids
from alerts.models import Alert
from callbacks import reading, silence
from callbacks.models import Hearing
from messaging.models import ProviderReference
from routing.models import ProviderAccount
from tests.callbacks import providers

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 17, tzinfo=UTC)
"""The last slice that can be measured then is that of 11:55."""
SLICE = datetime(2026, 11, 22, 11, 55, tzinfo=UTC)


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


def learned(account: ProviderAccount, *, handed: int, heard: int, since: datetime) -> None:
    Hearing.objects.create(account_id=account.id, since=since, handed=handed, heard=heard)


def usual(account: ProviderAccount, *, handed: int = 1_000, share: float = 0.9) -> None:
    learned(account, handed=handed, heard=int(handed * share), since=NOW - timedelta(days=2))


def alert() -> Alert | None:
    found: Alert | None = Alert.objects.filter(kind="receipts_silent", resolved_at=None).first()
    return found


# Measuring


def test_a_slice_is_measured_a_quarter_of_an_hour_after_it(meta: ProviderAccount) -> None:
    for number in range(3):
        message_id = providers.hand_off(meta, provider_reference=f"wamid.{number}")
        if number:
            providers.post_meta(meta, providers.says(message_id, "delivered"))
    reading.read(at=NOW)
    ProviderReference.objects.update(created_at=SLICE + timedelta(minutes=1))
    silence.measure(at=NOW)

    assert list(Hearing.objects.filter(account_id=meta.id).values_list("since", "handed", "heard")) == [(SLICE, 3, 2)]


def test_what_is_younger_or_older_is_left_to_its_own_slice(meta: ProviderAccount) -> None:
    for number, moment in enumerate((SLICE, SLICE + silence.SLICE, SLICE - timedelta(seconds=1))):
        providers.hand_off(meta, provider_reference=f"wamid.{number}")
        ProviderReference.objects.filter(reference=f"wamid.{number}").update(created_at=moment)
    silence.measure(at=NOW)

    assert list(Hearing.objects.filter(account_id=meta.id).values_list("since", "handed")) == [(SLICE, 1)]


def test_each_slice_is_measured_once_and_missed_ones_are_made_up_for_two_hours(meta: ProviderAccount) -> None:
    assert [silence.measure(at=NOW) for _ in range(2)] == [1, 0]
    assert silence.measure(at=NOW + timedelta(minutes=15)) == 3
    assert silence.measure(at=NOW + timedelta(days=3)) == 24


def test_a_large_account_is_looked_at_by_a_sample(meta: ProviderAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "SAMPLE", 2)
    other = providers.meta()
    for number in range(4):
        providers.hand_off(meta if number else other, provider_reference=f"wamid.{number}")
    ProviderReference.objects.update(created_at=SLICE)
    silence.measure(at=NOW)

    assert dict(Hearing.objects.exclude(handed=0).values_list("account_id", "handed")) == {meta.id: 2, other.id: 1}


def test_measuring_walks_along_an_index(meta: ProviderAccount) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + silence._MEASURE, {"since": SLICE, "until": SLICE + silence.SLICE, "sample": 500})
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "messaging_reference_age" in plan


# Judging


@pytest.mark.parametrize("heard, is_silent", [(0, True), (22, True), (23, False), (90, False)])
def test_an_account_is_silent_below_a_quarter_of_its_usual_share(meta: ProviderAccount, heard: int, is_silent: bool) -> None:
    usual(meta)
    learned(meta, handed=100, heard=heard, since=SLICE)
    silence.judge(at=NOW)

    assert (alert() is not None) is is_silent


def test_the_alert_says_what_is_usual_and_ends_by_itself(meta: ProviderAccount) -> None:
    usual(meta)
    learned(meta, handed=100, heard=1, since=SLICE)
    silence.judge(at=NOW)
    opened = alert()
    assert opened is not None
    assert opened.about == ids.public("pac", meta.id)
    assert opened.because == (f"Of 100 hand-offs by {meta.name} that were looked at, 1% had a receipt after 15 minutes; usually 90% have.")

    later = NOW + timedelta(hours=1)
    learned(meta, handed=100, heard=80, since=SLICE + timedelta(hours=1))
    silence.judge(at=later)
    assert (alert(), Alert.objects.get().resolved_at) == (None, later)


@pytest.mark.parametrize("handed, share", [(1_000, 0.1), (silence.ENOUGH - 1, 0.9)])
def test_silence_that_is_usual_or_not_yet_learned_is_none(meta: ProviderAccount, handed: int, share: float) -> None:
    usual(meta, handed=handed, share=share)
    learned(meta, handed=100, heard=0, since=SLICE)
    silence.judge(at=NOW)

    assert alert() is None


def test_a_handful_of_hand_offs_says_nothing(meta: ProviderAccount) -> None:
    usual(meta)
    learned(meta, handed=silence.FEW - 1, heard=0, since=SLICE)
    silence.judge(at=NOW)

    assert alert() is None


def test_one_silent_account_accuses_no_other(meta: ProviderAccount) -> None:
    other = providers.meta()
    for account, heard in ((meta, 0), (other, 90)):
        usual(account)
        learned(account, handed=100, heard=heard, since=SLICE)
    silence.judge(at=NOW)

    assert [each.about for each in Alert.objects.all()] == [ids.public("pac", meta.id)]


def test_what_was_usual_long_ago_is_forgotten(meta: ProviderAccount) -> None:
    learned(meta, handed=1, heard=1, since=NOW - timedelta(days=7, seconds=1))
    usual(meta)
    silence.forget(at=NOW)

    assert Hearing.objects.count() == 1
