"""The panel "At the providers": what it shows, and who may ask."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from routing.providers.base import TemplateNews, TemplateStatus
from templates_app import registration
from templates_app.choices import Source
from templates_app.models import Registration
from tests import world
from tests.templates_app import registering
from tests.templates_app.registering import hears, says
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> World:
    return world.make()


def page(alice: World, person: Person) -> str:
    client = Client()
    client.force_login(person)
    return client.get(reverse("admin:templates_app_templateversion_review", args=[alice.version.pk])).content.decode()


def ask(row: Registration, person: Person) -> int:
    client = Client()
    client.force_login(person)
    return client.post(reverse("admin:templates_app_templateversion_ask", args=[row.version_id, row.pk])).status_code


def test_a_pause_is_shown_with_its_reason_and_its_quality(alice: World) -> None:
    row = registering.of(alice)
    hears(row, says(TemplateStatus.PAUSED, pause="FIRST_PAUSE", paused_for=10_800, reason="Low quality"), says(None, quality="red"))

    shown = page(alice, alice.approver)

    assert "FIRST_PAUSE Low quality" in shown
    assert "Quality red" in shown


def test_a_word_that_no_table_knows_is_shown(alice: World) -> None:
    row = registering.of(alice)
    news = TemplateNews(provider_id=row.provider_id, status=TemplateStatus.UNMAPPED, raw_status="TELEPORTED")
    registration.record(row.pk, news, source=Source.LOOK, at=registering.timezone.now())

    assert "Unknown word TELEPORTED" in page(alice, alice.approver)


def test_an_author_sees_the_panel_and_may_not_ask(alice: World) -> None:
    row = registering.of(alice)

    assert "At the providers" in page(alice, alice.author)
    assert ask(row, alice.author) == 403


def test_staff_of_another_business_find_nothing(alice: World) -> None:
    bob = world.make("bob")

    assert ask(registering.of(alice), bob.approver) == 404


def test_an_approver_may_ask_and_is_told_where_nobody_answers(alice: World) -> None:
    assert ask(registering.of(alice), alice.approver) == 302
