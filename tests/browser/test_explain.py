from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.choices import Role
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
