"""How an account does, as an operator sees it: in words, with its shares, its history and what may be done."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.choices import Role
from routing import publishing, rebalancing
from routing.models import Gate, HealthChange, Outcome, ProviderAccount, Route
from tests.browser.desk import Desk, barriers
from tests.messaging import factories
from tests.messaging.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def failing(live_server: object) -> ProviderAccount:
    """One of two accounts of a step, which fails in four calls of ten."""
    now, shop = timezone.now(), factories.business()
    factories.person(Role.OPERATOR)
    one, two = (ProviderAccount.objects.create(name=name, provider="twilio", mode="test", business=shop) for name in ("North", "South"))
    route = Route.objects.create(business=shop, name="main")
    steps = [{"channel": "sms", "accounts": [{"account": "North"}, {"account": "South"}]}]
    publishing.publish(publishing.draft(route, rules=[{"steps": steps}], by=None), by=None, because="first", at=now)
    figures = {"taken": 60, "failed": 40, "unanswered": 0, "throttled": 0, "refused": 0, "slow": 0, "delivered": 0, "late": 0}
    Outcome.objects.create(account_id=one.pk, at=now - timedelta(seconds=5), **figures)
    rebalancing.rebalance(at=now)
    Gate.objects.create(account=two, breaker="open", since=now, next_probe_at=now + timedelta(minutes=5))
    return one


def show(page: Page, name: str) -> None:
    """A picture for whoever wants to look: QSURA_PICTURES names the folder."""
    if folder := os.environ.get("QSURA_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_an_operator_reads_how_an_account_does_and_resets_it_with_a_reason(desk: Desk, failing: ProviderAccount) -> None:
    page = desk.log_in("operator", PASSWORD)
    page.goto(f"{desk.url}/admin/routing/provideraccount/")
    expect(page.get_by_text("Open: next probe in")).to_be_visible()
    expect(page.get_by_text("Degraded: 40 of 100 failed in the last minute.")).to_be_visible()
    show(page, "healths-list")

    page.goto(f"{desk.url}/admin/routing/provideraccount/{failing.pk}/change/")
    expect(page.get_by_text("share lowered (0 to 10 points)")).to_be_visible()
    expect(page.get_by_role("cell", name="40 %")).to_be_visible()
    show(page, "healths-account")
    assert barriers(page) == []

    page.get_by_role("link", name="Reset its health").first.click()
    page.get_by_label("Why?").fill("Their status page is green.")
    page.get_by_role("button", name="Reset North").click()

    expect(page.get_by_text("reset by staff")).to_be_visible()
    assert HealthChange.objects.filter(account=failing).order_by("-at")[0].because == "Their status page is green."


def test_a_route_s_page_tells_how_its_accounts_do(desk: Desk, failing: ProviderAccount) -> None:
    page = desk.log_in("operator", PASSWORD)
    page.goto(f"{desk.url}/admin/routing/route/{Route.objects.get().pk}/change/")
    expect(page.get_by_role("region", name="Accounts of published routes").get_by_text("South")).to_be_visible()
    show(page, "healths-route")
    assert barriers(page) == []
