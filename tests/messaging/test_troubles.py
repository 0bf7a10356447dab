"""What a provider refuses in a way that somebody can mend becomes an alert; what only passes does not."""

from __future__ import annotations

import pytest

from accounts import ids
from alerts.models import Alert
from messaging.models import Message
from routing import health
from tests import world
from tests.messaging.conftest import Simulator
from tests.messaging.test_handoff import BROKEN, HAPPY, REVOKED, TEMPLATE, THROTTLED, UNMAPPED, UNREACHABLE, send, work
from tests.messaging.test_handoff import alice as alice
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def open_() -> list[tuple[str, str]]:
    return list(Alert.objects.open().values_list("kind", "about"))


def test_an_account_that_its_provider_refuses_is_an_alert_until_it_is_mended(alice: World, simulator: Simulator) -> None:
    account = world.stand_in("meta")
    send(alice, REVOKED)
    work()

    alert = Alert.objects.get(about=ids.public("pac", account.pk))
    assert (alert.kind, alert.because) == ("account_out_of_service", "Simulated Meta: The provider refused the account (190).")

    health.back_in_service(account.pk, at=alert.opened_at)
    assert alert.about not in [about for _, about in open_()]


def test_a_template_that_a_provider_refuses_is_one_alert_for_its_version_and_its_business_s(alice: World, simulator: Simulator) -> None:
    send(alice, TEMPLATE)
    send(alice, TEMPLATE)
    work()

    alert = Alert.objects.get()
    assert (alert.kind, alert.about, alert.business) == ("template_fault", ids.public("tpv", alice.version.pk), alice.business)
    assert "refused order_shipped v1 (" in alert.because


def test_a_code_that_no_table_knows_is_an_alert_for_the_adapter_s_keepers(alice: World, simulator: Simulator) -> None:
    send(alice, UNMAPPED)
    work()

    alert = Alert.objects.get()
    assert (alert.kind, alert.business) == ("unmapped_code", None)
    assert alert.about.startswith("meta code ")


@pytest.mark.parametrize("recipient", [HAPPY, UNREACHABLE, THROTTLED, BROKEN])
def test_what_passes_or_is_the_recipient_s_is_no_alert(alice: World, simulator: Simulator, recipient: str) -> None:
    send(alice, recipient)
    work()

    assert open_() == []


def test_no_alert_names_a_recipient(alice: World, simulator: Simulator) -> None:
    for recipient in (REVOKED, TEMPLATE, UNMAPPED):
        send(alice, recipient)
    work()

    assert Message.objects.count() == 3
    texts = " ".join(f"{about} {because}" for about, because in Alert.objects.values_list("about", "because"))
    assert texts
    assert not [number for number in (REVOKED, TEMPLATE, UNMAPPED) if number.lstrip("+") in texts]
