from __future__ import annotations

from datetime import timedelta

import pytest

from accounts import ids, keys
from accounts.models import Business
from alerts import fading, reporting
from alerts.kinds import Kind
from alerts.models import Alert
from tests.alerts.conftest import AT

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_a_fallback_that_is_seen_no_more_fades() -> None:
    reporting.report(Kind.FALLBACK_USED, about="pac_1", because="x", business=None, at=AT)
    reporting.report(Kind.FALLBACK_USED, about="pac_1", because="x", business=None, at=AT + 10 * MINUTE)

    assert fading.fade(at=AT + 24 * MINUTE) == 0
    assert fading.fade(at=AT + 25 * MINUTE) == 1
    assert Alert.objects.get().resolved_at == AT + 25 * MINUTE


def test_a_trouble_that_has_an_end_of_its_own_does_not_fade() -> None:
    reporting.report(Kind.ACCOUNT_OUT_OF_SERVICE, about="pac_1", because="x", business=None, at=AT)

    assert fading.fade(at=AT + timedelta(days=30)) == 0


@pytest.mark.parametrize("overlap", [timedelta(0), timedelta(hours=1)])
def test_an_exposed_key_is_no_trouble_once_it_opens_nothing(shop: Business, overlap: timedelta) -> None:
    key, _ = keys.create(shop, name="shop", mode="live")
    reporting.report(Kind.KEY_IN_BROWSER, about=ids.public("key", key.pk), because="x", business=shop, at=AT)

    assert fading.fade(at=AT) == 0
    keys.rotate(key, overlap=overlap, at=AT)

    assert fading.fade(at=AT + overlap) == 1
    assert not Alert.objects.open().exists()


def test_a_revoked_key_is_no_trouble(shop: Business) -> None:
    key, _ = keys.create(shop, name="shop", mode="live")
    reporting.report(Kind.KEY_IN_BROWSER, about=ids.public("key", key.pk), because="x", business=shop, at=AT)
    keys.revoke(key, at=AT)

    assert fading.fade(at=AT) == 1
