"""What people wrote, as an operator finds, opens and follows it."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts import ids
from accounts.choices import Role
from accounts.models import Business
from messaging.inbound import settling, taking
from messaging.inbound.taking import Heard
from messaging.inbound_records import Inbound
from messaging.models import Message
from routing.providers.inbound import Inbound as Wrote
from routing.providers.inbound import InboundKind
from tests import world
from tests.browser.desk import Desk, barriers
from tests.messaging import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
TEXT = "هل هو الأزرق؟"


@pytest.fixture
def shop() -> Business:
    made = factories.business()
    person = factories.person(Role.OPERATOR, of=made)
    person.set_password(PASSWORD)
    person.save()
    return made


@pytest.fixture
def reply(shop: Business) -> Inbound:
    message: Message = factories.message(shop, at=timezone.now())
    account = world.stand_in("meta").pk
    for text in ("STOP", TEXT):
        wrote = Wrote(InboundKind.TEXT, "whatsapp", "text", provider_id=ids.new().hex, sender=factories.RECIPIENT, text=text)
        taking.take([Heard(account, shop.pk, "test", ids.new(), timezone.now(), wrote)])
    settling.settle()
    row = Inbound.objects.order_by("id").last()
    assert row
    Inbound.objects.filter(id=row.id).update(message_id=message.id, linked_by="recency")
    row.refresh_from_db()
    return row


@pytest.mark.parametrize("width", [1280, 390])
def test_an_operator_reads_a_reply(desk: Desk, reply: Inbound, width: int) -> None:
    page = desk.log_in("operator", PASSWORD)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{desk.url}/admin/messaging/inbound/")
    found = {"list": barriers(page, within="#changelist")}
    page.goto(f"{desk.url}/admin/messaging/message/{reply.message_id}/change/")
    found["timeline"] = barriers(page, within=".qs-story")
    page.get_by_role("link", name="What was written").click()
    found["closed"] = barriers(page, within="article.qs")
    page.get_by_role("button", name="Show sender and text").click()
    page.get_by_text(TEXT).wait_for()
    found["open"] = barriers(page, within="article.qs")

    assert found == {where: [] for where in found}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert LogEntry.objects.filter(object_id=str(reply.id)).count() == 1
