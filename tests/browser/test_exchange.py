"""Templates that come in from files, as an author sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from accounts.choices import Role
from templates_app import exporting, files, writing
from templates_app.models import TemplateVersion
from tests import world
from tests.browser.desk import Desk, barriers
from tests.messaging import factories
from tests.messaging.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def folder(live_server: object, tmp_path: Path) -> Path:
    """A changed file, a new one and a wrong one, for a business with an author."""
    shop = factories.business()
    author = factories.person(Role.AUTHOR, of=shop)
    begun = writing.begin(shop.pk, name="order_shipped", category="utility", language="en", author=author, **world.WORDS)
    file = exporting.one(shop.pk, begun.template.name)
    (version,) = file["versions"]
    changed = {**version, "hash": "", "content": {**version["content"], "sms": {"text": "Good news: your order {{order_id}} has left."}}}
    arabic = {**changed, "language": "ar", "content": {"sms": {"text": "طلبك {{order_id}} في الطريق."}}}
    for name, text in {
        "order_shipped": files.dump({**file, "versions": [arabic, changed]}),
        "parcel_waits": files.dump({**file, "name": "parcel_waits", "versions": [{**version, "hash": ""}]}),
        "wrong": json.dumps({**file, "versions": [{**changed, "content": {"sms": {"text": "{{who}}"}}}]}),
    }.items():
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    return tmp_path


def test_an_author_looks_at_files_and_then_makes_drafts_of_them(desk: Desk, folder: Path) -> None:
    page = desk.log_in("author", PASSWORD)
    page.get_by_role("link", name="Templates").first.click()
    page.get_by_role("link", name="Import files").click()
    assert barriers(page, within=".ex") == []
    page.get_by_label("Files").set_input_files(sorted(folder.iterdir()))
    page.get_by_role("button", name="Look at what would change").click()

    expect(page.get_by_text("Good news: your")).to_be_visible()
    expect(page.get_by_text("Refused", exact=True)).to_be_visible()
    assert barriers(page, within=".ex") == []
    page.get_by_role("button", name="Make the drafts").click()

    expect(page.get_by_text("order_shipped.json: drafted in ar (version 2), en (version 3).")).to_be_visible()
    expect(page.get_by_text("parcel_waits.json: drafted in en (version 1).")).to_be_visible()
    assert TemplateVersion.objects.count() == 4
    assert desk.errors == []
