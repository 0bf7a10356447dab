"""A provider that gives one id to two messages, perhaps of two businesses (F19)."""

from __future__ import annotations

import pytest

from accounts import ids
from alerts.models import Alert
from callbacks import reading
from messaging.lifecycle import Status
from routing.models import ProviderAccount
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


def test_a_receipt_that_bears_only_that_id_counts_for_the_first_alone(meta: ProviderAccount) -> None:
    first, second = (providers.hand_off(meta, provider_reference="wamid.1") for _ in range(2))
    providers.post_meta(meta, says(None, "delivered", wamid="wamid.1"))
    reading.read(at=AT)

    assert (providers.status(first), providers.status(second)) == (Status.DELIVERED, Status.SUBMITTED)


def test_one_that_bears_ours_finds_its_own(meta: ProviderAccount) -> None:
    first, second = (providers.hand_off(meta, provider_reference="wamid.1") for _ in range(2))
    providers.post_meta(meta, says(second, "delivered", wamid="wamid.1"))
    reading.read(at=AT)

    assert (providers.status(first), providers.status(second)) == (Status.SUBMITTED, Status.DELIVERED)


def test_staff_are_told_of_the_account(meta: ProviderAccount) -> None:
    for _ in range(3):
        providers.hand_off(meta, provider_reference="wamid.1")

    alert = Alert.objects.get()
    assert (alert.kind, alert.about, alert.times) == ("double_reference", ids.public("pac", meta.id), 2)


def test_two_accounts_may_have_the_same_id_in_peace(meta: ProviderAccount) -> None:
    for account in (meta, providers.meta()):
        providers.hand_off(account, provider_reference="wamid.1")

    assert not Alert.objects.exists()
