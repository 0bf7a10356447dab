"""An author writes, a reviewer decides, and the words go live: in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts import keys
from accounts.choices import Role
from accounts.models import Business, Person
from templates_app import approval, catalogue, plain, segments, uses, writing
from templates_app.models import TemplateVersion
from tests import fixtures
from tests.browser.desk import Desk, barriers
from tests.messaging import factories
from tests.messaging.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

QUEUE = "/admin/templates_app/templateversion/?status__exact=in_review"
SHOP_WORDS = {
    "whatsapp": {
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Order {{order_id}}"},
            {"type": "BODY", "text": "Hello {{name}}, your order is on its way. It should arrive within *three days*."},
            {"type": "FOOTER", "text": "Nile Books"},
            {
                "type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Follow it", "url": "https://shop.example/t/{{order_id}}"}],
            },
        ]
    },
    "sms": {"text": "Nile Books: hello {{name}}, your order {{order_id}} is on its way."},
    "email": {
        "subject": "Your order {{order_id}} is on its way",
        "text": "Hello {{name}},\n\nyour order {{order_id}} is on its way.\n\nNile Books",
        "html": "<h1>On its way</h1><p>Hello {{name}},</p><p>your order <b>{{order_id}}</b> left us today.</p><p>Nile Books</p>",
    },
}
NAME = {"name": "name", "type": "text", "sample": "Sara", "max_length": 60}
ORDER = {"name": "order_id", "type": "code", "sample": "A-17"}
NEXT_SMS = "Nile Books: hello {{name}}, good news – your order has left our warehouse and arrives tomorrow."
NEXT_BODY = "Hello {{name}}, good news: your order has left our warehouse and arrives *{{day}}*."


@pytest.fixture
def shop(live_server: object, settings: Any) -> Iterator[Business]:
    """A business whose order template is live and is sent by two keys."""
    settings.SMS_SEGMENT_PRICE = ("EGP", Decimal("0.35"))
    catalogue.forget()
    business = factories.business("nile-books")
    author, approver = (factories.person(role, of=business) for role in (Role.AUTHOR, Role.APPROVER))
    template = writing.create(business.pk, name="order_on_its_way", category="utility", description="Told when a parcel leaves.")
    now = timezone.now() - timedelta(days=9)
    words = {"language": "en", "content": SHOP_WORDS, "variables": [NAME, ORDER]}
    version = approval.submit(writing.draft(template, author=author, **words), by=author, at=now)
    approval.publish(approval.approve(version, by=approver, at=now), by=approver, at=now)
    for name, messages in (("Web shop", 18_204), ("Branch in Giza", 311)):
        key, _ = keys.create(business, name=name, mode="live")
        hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
        uses.keep([uses.Count(hour, key.pk, version.pk, messages, messages, messages, ("name", "order_id"))])
    yield business
    catalogue.forget()


def write_the_next_version(page: Page, desk: Desk, business: Business) -> None:
    template = business.templates.get()
    page.goto(f"{desk.url}/admin/templates_app/templateversion/add/?template={template.pk}")
    for column, text in {"name": "day", "sample": "on Tuesday", "max_length": "20"}.items():
        page.locator(f"[name=variables-2-{column}]").fill(text)
    page.get_by_label("Body").fill(NEXT_BODY)
    page.locator("[name=sms_text]").fill(NEXT_SMS.replace("tomorrow", "{{day}}"))


def picture(page: Page, name: str) -> None:
    """For the documentation, on request: QSURA_PICTURES names a folder."""
    if folder := os.environ.get("QSURA_PICTURES"):
        width = page.viewport_size["width"] if page.viewport_size else 1400
        page.set_viewport_size(
            {"width": width, "height": page.evaluate("Math.max(760, document.querySelector('#main')?.scrollHeight ?? 760)")}
        )
        page.screenshot(path=Path(folder) / f"templates-{name}.png")


def submitted(business: Business, *, text: str) -> TemplateVersion:
    author = Person.objects.get(username="author")
    words = {"language": "en", "content": {**SHOP_WORDS, "sms": {"text": text}}, "variables": [NAME, ORDER]}
    return approval.submit(writing.draft(business.templates.get(), author=author, **words), by=author, at=timezone.now())


def test_an_author_writes_a_reviewer_approves_and_it_goes_live(desk: Desk, shop: Business) -> None:
    page = desk.log_in("author", PASSWORD)
    write_the_next_version(page, desk, shop)
    expect(page.locator(".rv-live")).to_contain_text("UCS-2")
    picture(page, "writing")
    page.get_by_role("button", name="Use plain punctuation").click()
    expect(page.locator(".rv-live")).to_contain_text("With the samples: 1 segment")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Submit for review").click()
    expect(page.locator(".rv-title")).to_contain_text("In review")

    page = desk.log_in("approver", PASSWORD)
    page.goto(desk.url + QUEUE)
    expect(page.get_by_role("row", name="order_on_its_way")).to_contain_text("waits 0 minutes")
    page.get_by_role("link", name="order_on_its_way").click()
    expect(page.get_by_text("good news", exact=False).first).to_be_visible()
    expect(page.get_by_role("row", name="Web shop")).to_contain_text("18,204")
    picture(page, "review")
    page.keyboard.press("Alt+a")
    expect(page.locator(".rv-title")).to_contain_text("Approved")
    page.get_by_role("button", name="Publish").click()

    expect(page.locator(".rv-title")).to_contain_text("Live")
    assert [version.number for version in TemplateVersion.objects.live()] == [2]
    assert desk.errors == []


def test_a_reviewer_rejects_with_a_reason_by_the_keyboard(desk: Desk, shop: Business) -> None:
    first, second = (submitted(shop, text=text) for text in ("Nile Books: hello {{name}}, {{order_id}}!", "Hello {{name}}, {{order_id}}."))
    page = desk.log_in("approver", PASSWORD)
    page.goto(f"{desk.url}/admin/templates_app/templateversion/{first.pk}/review/")

    page.keyboard.press("Alt+r")
    expect(page.locator("#reason")).to_be_focused()
    page.keyboard.type("Say who writes.")
    page.keyboard.press("Alt+r")
    expect(page.locator(".rv-title")).to_contain_text("Rejected")
    page.keyboard.press("Alt+n")

    expect(page.locator(".rv-title")).to_contain_text(f"Version {second.number}")
    first.refresh_from_db()
    assert (first.status, first.reviews.latest("pk").reason) == ("rejected", "Say who writes.")


def test_a_rejection_without_a_reason_does_not_stand_in_the_way_of_an_approval(desk: Desk, shop: Business) -> None:
    version = submitted(shop, text="Nile Books: hello {{name}}, {{order_id}}!")
    page = desk.log_in("approver", PASSWORD)
    page.goto(f"{desk.url}/admin/templates_app/templateversion/{version.pk}/review/")

    page.keyboard.press("Alt+r")
    expect(page.locator("#reason")).to_be_focused()
    page.keyboard.press("Alt+a")

    expect(page.locator(".rv-title")).to_contain_text("Approved")


def test_a_reviewer_sees_the_longest_values_and_claims_the_review(desk: Desk, shop: Business) -> None:
    version = submitted(shop, text=NEXT_SMS + " {{order_id}}")
    page = desk.log_in("approver", PASSWORD)
    page.goto(f"{desk.url}/admin/templates_app/templateversion/{version.pk}/review/")

    page.get_by_text("Longest values", exact=True).click()
    expect(page.get_by_text("Maximiliane-Wilhelmine").first).to_be_visible()
    picture(page, "longest")
    page.get_by_role("button", name="Claim").click()

    expect(page.get_by_text("You are reviewing this version.")).to_be_visible()
    assert desk.errors == []


def test_everything_can_be_decided_without_scripts(desk: Desk, shop: Business) -> None:
    version = submitted(shop, text=NEXT_SMS + " {{order_id}}")
    page = desk.log_in("approver", PASSWORD, java_script_enabled=False)
    page.goto(f"{desk.url}/admin/templates_app/templateversion/{version.pk}/review/")
    page.get_by_label("Reason").fill("The dash costs a segment.")
    page.get_by_role("button", name="Request changes").click()

    expect(page.locator(".rv-title")).to_contain_text("Changes requested")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_of_a_review(scheme: str, desk: Desk, shop: Business) -> None:
    version = submitted(shop, text=NEXT_SMS + " {{order_id}}")
    page = desk.log_in("approver", PASSWORD, color_scheme=scheme)
    page.goto(f"{desk.url}/admin/templates_app/templateversion/{version.pk}/review/")
    found = {"samples": barriers(page, within=".rv")}
    picture(page, f"review-{scheme}")
    page.get_by_text("Longest values", exact=True).click()
    found["longest"] = barriers(page, within=".rv")
    page.goto(desk.url + QUEUE)
    # The search above the list is the theme's own.
    found["queue"] = barriers(page, within="#result_list")

    assert found == {where: [] for where in found}
    assert desk.errors == []


def test_a_narrow_window_shows_a_review_without_sideways_scrolling(desk: Desk, shop: Business) -> None:
    """WCAG 2.2, 1.4.10: 320 pixels, which is what 400 % of zoom leaves of 1,280."""
    version = submitted(shop, text=NEXT_SMS + " {{order_id}}")
    page = desk.log_in("approver", PASSWORD, viewport={"width": 320, "height": 800})
    page.goto(f"{desk.url}/admin/templates_app/templateversion/{version.pk}/review/")

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


TEXTS = [
    *("", "a" * 160, "a" * 161, "€" * 80, "a" * 152 + "€" + "b" * 10, "☃" * 70, "☃" * 71, "☃" * 66 + "🐳" + "☃" * 3, "…" * 70, "“Nile”"),
    *(f"a{character}b" for character in plain.table()),
    *("ab€^☃🐳ç\n…’"[start::step] * times for start in range(5) for step in (1, 2, 3) for times in (1, 17, 40, 95)),
]


def test_the_page_and_the_platform_count_alike(desk: Desk, shop: Business) -> None:
    page = desk.log_in("author", PASSWORD)
    write_the_next_version(page, desk, shop)
    known = fixtures.load("sms_segments/twilio_segments.json") if fixtures.FOLDER.is_dir() else []
    texts = [*TEXTS, *(case["text"] for case in known)]

    counted = page.evaluate("texts => texts.map(text => [qsuraSegments.measure(text), qsuraSegments.plainer(text)])", texts)

    for text, (size, plainer) in zip(texts, counted, strict=True):
        measured = segments.measure(text)
        assert size == {name: getattr(measured, name) for name in ("encoding", "characters", "units", "segments")}, text
        assert plainer == plain.punctuation(text), text
