"""Tags of a template: words for routes, written by staff whenever they like."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Person
from templates_app.models import Template
from tests.templates_app import samples

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(author: Person) -> Client:
    entered = Client()
    entered.force_login(author, backend="django.contrib.auth.backends.ModelBackend")
    return entered


def save(client: Client, template: Template, tags: str) -> str:
    url = reverse("admin:templates_app_template_change", args=[template.pk])
    answer = client.post(url, {"name": template.name, "category": template.category, "description": "", "tags": tags}, follow=True)
    return str(answer.content.decode())


def test_an_author_writes_tags_with_commas_even_after_approval(
    client: Client, template: Template, author: Person, approver: Person
) -> None:
    samples.live(template, author=author, approver=approver)

    save(client, template, "shop, urgent")

    template.refresh_from_db()
    assert template.tags == ["shop", "urgent"]


def test_a_tag_that_is_no_word_is_refused_with_the_way_out(client: Client, template: Template) -> None:
    page = save(client, template, "Two words")

    template.refresh_from_db()
    assert template.tags == []
    assert "is no tag: write lower-case letters" in page
