from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts import ids
from accounts.choices import Role
from alerts import reporting, telling
from alerts.kinds import Kind, Way
from alerts.models import Alert
from tests.browser.desk import Desk, barriers
from tests.messaging import factories
from tests.messaging.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/alerts/alert/"


@pytest.fixture
def alert(live_server: object) -> Alert:
    """An urgent one, told by mail, among others that are less so or over."""
    now, shop = timezone.now(), factories.business()
    factories.person(Role.OPERATOR)
    for kind, about, minutes in (
        (Kind.FALLBACK_USED, ids.public("pac", ids.new()), 50),
        (Kind.ENDPOINT_BEHIND, ids.public("whe", ids.new()), 20),
        (Kind.QUEUE_AGE, "webhooks", 400),
    ):
        reporting.report(
            kind, about=about, because="Its oldest webhook has been due for 6 min.", business=shop, at=now - timedelta(minutes=minutes)
        )
    reporting.resolve(Kind.QUEUE_AGE, about="webhooks", at=now)
    because = "The oldest attempt of the lane utility has been due for 2 min 30 s."
    for _ in range(3):
        id_ = reporting.report(Kind.QUEUE_AGE, about="handoff:utility", because=because, business=None, at=now)
    telling.owe([Way.EMAIL], at=now)
    telling.told(telling.claim(Way.EMAIL, limit=9, at=now), at=now)
    return Alert.objects.get(pk=id_)


def show(page: Page, name: str) -> None:
    """A picture for whoever wants to look: QSURA_PICTURES names the folder."""
    if folder := os.environ.get("QSURA_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_an_operator_walks_from_the_card_to_an_alert_and_takes_it_on(desk: Desk, alert: Alert) -> None:
    page = desk.log_in("operator", PASSWORD)
    show(page, "overview")
    page.get_by_role("link", name="urgent").click()
    show(page, "urgent")
    page.goto(desk.url + LIST)
    show(page, "list")
    page.get_by_role("link", name="Queue is behind").first.click()
    expect(page.get_by_text(Kind.QUEUE_AGE.what_to_do)).to_be_visible()
    show(page, "alert")

    page.get_by_role("link", name="Acknowledge").click()
    show(page, "acknowledge")
    page.get_by_label("A note for the others (optional)").fill("A worker was away.")
    page.get_by_role("button", name="Acknowledge").click()

    expect(page.get_by_text("A worker was away.")).to_be_visible()
    expect(page.get_by_role("link", name="Acknowledge")).to_have_count(0)
    show(page, "acknowledged")
    assert Alert.objects.get(pk=alert.pk).acknowledged_by is not None
    assert desk.errors == []


@pytest.mark.parametrize("path", ["", "{}/change/", "{}/acknowledge/"])
def test_no_page_of_alerts_keeps_anybody_out(desk: Desk, alert: Alert, path: str) -> None:
    page = desk.log_in("operator", PASSWORD)
    page.goto(desk.url + LIST + path.format(alert.pk))

    assert barriers(page, within="#content") == []
