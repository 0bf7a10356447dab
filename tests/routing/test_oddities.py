from __future__ import annotations

import pytest

from alerts.models import Alert
from routing import oddities
from tests.routing.conftest import AT

pytestmark = pytest.mark.django_db


def test_each_word_is_one_alert_however_often_it_is_said() -> None:
    oddities.report({("meta", "131099"), ("twilio", "131099")}, at=AT)
    oddities.report({("meta", "131099")}, at=AT)

    assert set(Alert.objects.values_list("about", "times")) == {("meta code 131099", 2), ("twilio code 131099", 1)}


def test_what_is_no_code_is_not_shown_as_it_came() -> None:
    oddities.report({("meta", "131099 for anna@shop.example\n<b>+201001234567" + "x" * 100)}, at=AT)

    alert = Alert.objects.get()
    assert alert.about == "meta code 131099_for_b_" + "x" * 51
    assert not [personal for personal in ("anna", "2010") if personal in alert.about + alert.because]


def test_a_provider_that_numbers_its_errors_is_no_flood() -> None:
    oddities.report({("meta", str(number)) for number in range(1000)}, at=AT)

    assert Alert.objects.count() == oddities.MOST
