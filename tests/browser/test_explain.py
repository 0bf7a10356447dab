from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.choices import Role
from messaging import backtesting
from routing import publishing
from tests import world
from tests.browser.desk import Desk, barriers
from tests.messaging.factories import PASSWORD
from tests.world import NUMBER, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alice(live_server: object) -> World:
    made = world.make("alice", steps=world.whatsapp_then_sms(until="delivered", within=120))
    operator = world.person("operator", Role.OPERATOR, made.business)
    operator.set_password(PASSWORD)
    operator.save()
    return made


def shoot(page: Page, name: str) -> None:
    """A picture for people, where somebody wants some."""
    if folder := os.environ.get("QSURA_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("width", [1280, 390])
def test_an_operator_asks_what_a_message_would_do(desk: Desk, alice: World, width: int) -> None:
    page = desk.log_in("operator", PASSWORD, viewport={"width": width, "height": 900})
    page.goto(f"{desk.url}/admin/messaging/message/explain/")
    page.get_by_label("Recipient").fill(NUMBER)
    page.get_by_label("API key").select_option("test")
    page.get_by_label("Channel", exact=True).select_option("whatsapp")
    page.get_by_label("Variables").fill("order_id = A-17")
    page.get_by_role("button", name="Explain").press("Enter")

    expect(page.locator(".qs-big")).to_contain_text("It would be accepted")
    expect(page.get_by_role("heading", name="2. SMS")).to_be_visible()
    shoot(page, f"explain-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert barriers(page, within="article.qx") == []
    assert NUMBER not in page.url
    assert desk.errors == []


@pytest.mark.parametrize("width", [1280, 390])
def test_an_operator_tests_a_draft_with_what_was_sent(desk: Desk, alice: World, width: int) -> None:
    for recipient in (NUMBER, NUMBER, "+447400123456"):
        alice.accept(recipient=recipient, channel="auto")
    rules = [
        {"when": [{"field": "country", "in": ["EG"]}], "steps": world.whatsapp_then_sms()[1:]},
        {"when": [{"field": "country", "in": ["SA"]}], "steps": world.whatsapp_then_sms()},
    ]
    draft = publishing.draft(alice.route.route, rules=rules, by=alice.author)
    page = desk.log_in("operator", PASSWORD, viewport={"width": width, "height": 900})
    page.goto(f"{desk.url}/admin/routing/routeversion/{draft.pk}/change/")
    shoot(page, f"draft-{width}")
    page.goto(desk.url + reverse("admin:routing_routeversion_publish", args=[draft.pk]))
    shoot(page, f"publish-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{desk.url}/admin/routing/routeversion/{draft.pk}/change/")
    page.get_by_role("link", name="Test it with last week's messages").click()
    shoot(page, f"ask-backtest-{width}")
    page.get_by_label("Mode").select_option("test")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".qs-big")).to_contain_text("waiting")
    backtesting.go_on(at=timezone.now())

    expect(page.locator(".qs-big")).to_contain_text("done")
    page.locator("summary").first.click()
    shoot(page, f"backtest-{width}")
    expect(page.get_by_text("2 of 3 messages would take another road").or_(page.get_by_text("3 of 3 messages would take"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert barriers(page, within="article.qx") == []
    assert desk.errors == []
