"""Endpoints and replays as an operator sees them: no barrier for people, nothing that the browser complains of."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.choices import Role
from callbacks import endpoints, replay
from callbacks.models import Endpoint
from tests import world
from tests.browser.desk import Desk, barriers
from tests.callbacks.webhooks import listen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a-passphrase-of-some-length"
SHOTS = os.environ.get("QSURA_SHOTS")
"""A folder for pictures of the pages, for whoever wants to look at them."""


def operator(desk: Desk, slug: str = "alice") -> tuple[world.World, Page]:
    made = world.make(slug)
    person = world.person(f"{slug}-op", Role.OPERATOR, made.business)
    person.set_password(PASSWORD)
    person.save()
    return made, desk.log_in(person.username, PASSWORD)


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_a_disabled_endpoint_comes_back_with_one_click(desk: Desk) -> None:
    alice, page = operator(desk)
    now = timezone.now()
    endpoint = listen(
        alice.business,
        description="Warehouse",
        is_enabled=False,
        disabled_because="It has only failed for five days.",
        disabled_at=now,
        failing_since=now - timedelta(days=5),
        failures=40,
        rate_limit=20,
        body="full",
    )

    page.goto(f"{desk.url}/admin/callbacks/endpoint/{endpoint.pk}/change/")
    shot(page, "endpoint-disabled")
    assert barriers(page, within="#content-main") == []
    page.get_by_role("link", name="Enable, and send what it missed").click()
    shot(page, "endpoint-enable")
    assert barriers(page, within="form") == []
    page.get_by_role("button", name="Enable, and send what it missed").click()

    expect(page.get_by_text("missing").first).to_be_visible()
    shot(page, "replays")
    assert barriers(page, within="#result_list") == []
    assert Endpoint.objects.get().is_enabled
    assert desk.errors == []


@pytest.mark.parametrize("width", [1280, 1024, 390])
def test_a_page_is_no_wider_than_its_window(desk: Desk, width: int) -> None:
    alice, page = operator(desk)
    page.set_viewport_size({"width": width, "height": 900})
    endpoint = listen(alice.business)

    for address in (f"{endpoint.pk}/change/", "add/"):
        page.goto(f"{desk.url}/admin/callbacks/endpoint/{address}")
        shot(page, f"endpoint-{address.split('/')[-2]}-{width}")
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_a_replay_is_watched_and_canceled(desk: Desk) -> None:
    alice, page = operator(desk)
    now = timezone.now()
    asked = replay.since(listen(alice.business), begin=now - timedelta(days=1), by="alice-op", at=now)

    page.goto(f"{desk.url}/admin/callbacks/replay/{asked.pk}/change/")
    shot(page, "replay")
    assert barriers(page, within="#content-main") == []
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Cancel the replay").click()

    expect(page.get_by_text("It was canceled.").first).to_be_visible()
    asked.refresh_from_db()
    assert asked.state == "canceled"
    assert desk.errors == []


def test_a_pending_endpoint_says_so_and_can_be_vouched_for(desk: Desk) -> None:
    alice, page = operator(desk)
    endpoint, _ = endpoints.register(
        alice.business.pk, mode="test", url="https://shop.example/hooks", at=timezone.now(), headers={"X-Gateway-Key": "secret-4711"}
    )

    page.goto(f"{desk.url}/admin/callbacks/endpoint/")
    shot(page, "endpoints")
    assert barriers(page, within="#result_list") == []
    page.goto(f"{desk.url}/admin/callbacks/endpoint/{endpoint.pk}/change/")
    shot(page, "endpoint-pending")
    expect(page.get_by_text("X-Gateway-Key").first).to_be_visible()
    assert "secret-4711" not in page.content()
    page.get_by_role("link", name="Vouch for it").click()
    page.get_by_role("button", name="Vouch for it").click()

    endpoint.refresh_from_db()
    assert endpoint.verified_at is not None
    page.goto(f"{desk.url}/admin/callbacks/endpoint/add/")
    shot(page, "endpoint-add")
    assert barriers(page, within="#content-main") == []
    assert desk.errors == []
