"""The pages of consent: the one that a stranger meets behind an e-mail's link, and those of operators."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.choices import Role
from accounts.models import Business
from messaging.models import Message, Suppression
from messaging.suppressions import importing, unsubscribing
from tests.browser.desk import Desk, barriers
from tests.messaging import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
WITHIN = {"one": "#content-main", "lift": "form.flex", "import": "form.flex"}


@pytest.fixture
def shop() -> Business:
    made = factories.business()
    person = factories.person(Role.OPERATOR, of=made)
    person.set_password(PASSWORD)
    person.save()
    return made


@pytest.fixture
def letter(shop: Business) -> Message:
    return factories.message(shop, at=timezone.now(), to="sara@example.com", lane="marketing")


def test_a_stranger_unsubscribes_and_an_operator_lifts(desk: Desk, shop: Business, letter: Message) -> None:
    page = desk.log_in("operator", PASSWORD)
    link = f"{desk.url}/{unsubscribing.PATH}{unsubscribing.url(letter.id).rpartition('/')[2]}"
    page.goto(link)
    found = {"asked": barriers(page)}
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("status").wait_for()
    found["done"] = barriers(page)

    importing.begin(b"recipient\nnonsense\n+201001234567\n", name="old.csv", business_id=shop.pk, mode="live", by="o", at=timezone.now())
    importing.go_on(at=timezone.now())
    row = Suppression.objects.get(origin="one_click")
    for name, path in {
        "list": "suppression/",
        "one": f"suppression/{row.pk}/change/",
        "lift": f"suppression/{row.pk}/lift/",
        "import": "suppression/import/",
        "imports": "suppressionimport/",
    }.items():
        page.goto(f"{desk.url}/admin/messaging/{path}")
        found[name] = barriers(page, within=WITHIN.get(name, "#changelist"))
    page.goto(f"{desk.url}/admin/messaging/suppression/{row.pk}/lift/")
    page.get_by_label("Why").fill("They asked us to.")
    page.get_by_role("button", name="Lift").click()
    page.get_by_text("may be written to again").first.wait_for()

    assert found == {where: [] for where in found}
    assert Suppression.objects.get(pk=row.pk).lifted_because == "They asked us to."
