from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.choices import Role
from messaging.models import Message
from tests.browser.desk import Desk, barriers
from tests.messaging import factories
from tests.messaging.factories import PASSWORD, RECIPIENT

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/messaging/message/"


@pytest.fixture
def message(live_server: object) -> Message:
    """One that fell back from WhatsApp to SMS, of a business with an operator."""
    shop = factories.business()
    factories.person(Role.OPERATOR, of=shop)
    return factories.fallback(shop, at=timezone.now() - timedelta(minutes=1))


def timeline(desk: Desk, page: Page, message: Message) -> Page:
    page.goto(f"{desk.url}{LIST}{message}/change/")
    return page


def test_an_operator_walks_from_the_log_in_to_a_timeline(desk: Desk, message: Message) -> None:
    page = desk.log_in("operator", PASSWORD)
    page.get_by_role("link", name="Messages").first.click()
    page.get_by_role("link", name=f"msg_…{message.id.hex[-8:]}").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Timeline of {message}")
    expect(page.get_by_text("Arrived by SMS, 7.0 s after it was accepted; WhatsApp was tried before.")).to_be_visible()
    expect(page.locator(".qs-moment")).to_have_count(19)
    assert desk.errors == []


def test_a_recipient_is_searched_without_leaving_a_trace_in_the_address(desk: Desk, message: Message) -> None:
    page = desk.log_in("operator", PASSWORD)
    page.goto(desk.url + LIST)
    page.get_by_label("Message id, recipient or reference, exactly").fill("+20 100 123 4567")
    page.keyboard.press("Enter")

    expect(page.locator(".qs-id")).to_have_count(1)
    assert re.search(r"recipient_hash=[0-9a-f]{32}$", page.url)
    assert "1234567" not in page.url


def test_an_id_typed_into_the_search_opens_its_timeline(desk: Desk, message: Message) -> None:
    page = desk.log_in("operator", PASSWORD)
    page.goto(desk.url + LIST)
    page.get_by_role("searchbox").fill(str(message))
    page.get_by_role("button", name="Search").click()

    expect(page.get_by_role("heading", name="Timeline", exact=True)).to_be_visible()


def test_a_kind_of_moment_can_be_put_aside(desk: Desk, message: Message) -> None:
    page = timeline(desk, desk.log_in("operator", PASSWORD), message)
    events = page.locator(".qs-kind-event")
    page.get_by_label("Events").uncheck()

    expect(events.first).to_be_hidden()
    expect(page.locator(".qs-kind-receipt").first).to_be_visible()


def test_why_this_route_opens_by_the_keyboard(desk: Desk, message: Message) -> None:
    page = timeline(desk, desk.log_in("operator", PASSWORD), message)
    page.locator("summary").focus()
    page.keyboard.press("Enter")

    expect(page.locator(".qs-asked li", has_text="template is none of the listed")).to_be_visible()


def test_personal_data_is_shown_once(desk: Desk, message: Message) -> None:
    page = timeline(desk, desk.log_in("operator", PASSWORD), message)
    page.get_by_role("button", name="Show recipient and variables").click()
    expect(page.get_by_text(RECIPIENT).first).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("on record")

    page.get_by_role("link", name="Hide them").click()

    expect(page.get_by_text("+20*******567")).to_be_visible()
    expect(page.get_by_text(RECIPIENT)).to_have_count(0)


def test_an_id_is_copied_by_a_button(desk: Desk, message: Message) -> None:
    page = desk.log_in("operator", PASSWORD, permissions=["clipboard-read", "clipboard-write"])
    page.goto(desk.url + LIST)
    page.get_by_role("button", name=f"Copy the id {message}").click()

    assert page.evaluate("navigator.clipboard.readText()") == str(message)


def test_everything_is_there_without_scripts(desk: Desk, message: Message) -> None:
    page = desk.log_in("operator", PASSWORD, java_script_enabled=False)
    page.goto(desk.url + LIST)
    page.get_by_role("searchbox").fill(RECIPIENT)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=f"msg_…{message.id.hex[-8:]}").click()

    expect(page.get_by_text("Arrived by SMS")).to_be_visible()
    expect(page.get_by_role("button", name="Show recipient and variables")).to_be_visible()
    page.get_by_role("link", name="Messages").first.click()
    page.get_by_label("By status").select_option("failed")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.get_by_text("No results found")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(scheme: str, desk: Desk, message: Message) -> None:
    page = desk.log_in("operator", PASSWORD, color_scheme=scheme)
    found = {"first page": barriers(page, within=".qs-cards")}
    page.goto(desk.url + LIST)
    found["list"] = barriers(page, within="#changelist")
    timeline(desk, page, message).locator("summary").click()
    page.get_by_role("button", name="Show recipient and variables").click()
    page.locator("summary").click()
    found["timeline"] = barriers(page, within=".qs")
    page.goto(f"{desk.url}/admin/messaging/suppression/add/")
    found["suppression"] = barriers(page, within="#content-main")

    assert found == {where: [] for where in found}
    assert desk.errors == []


def test_a_narrow_window_needs_no_sideways_scrolling(desk: Desk, message: Message) -> None:
    """WCAG 2.2, 1.4.10: 320 pixels, which is what 400 % of zoom leaves of 1,280."""
    page = timeline(desk, desk.log_in("operator", PASSWORD, viewport={"width": 320, "height": 800}), message)

    assert page.evaluate("document.documentElement.scrollWidth") <= 320
