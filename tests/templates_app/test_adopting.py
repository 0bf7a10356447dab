"""What exists at a provider becomes drafts, after a dry run that says what would."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from routing import credentials
from templates_app import catalogue, rendering
from templates_app.models import Template, TemplateVersion
from tests import world
from tests.conftest import KEYS
from tests.simulator.conftest import started
from tests.world import World

pytestmark = pytest.mark.django_db

NUMBERED = {"type": "BODY", "text": "Hello {{1}}, order {{2}} is here.", "example": {"body_text": [["Sara", "A-17"]]}}


@pytest.fixture(scope="module")
def _simulator() -> Iterator[str]:
    yield from started(environment={"QSURA_SIMULATOR_SECRET": KEYS["QSURA_SIMULATOR_SECRET"], "QSURA_SIMULATOR_PACE": "0"})


@pytest.fixture
def alice(_simulator: str, settings: Settings) -> Iterator[World]:
    settings.QSURA_SIMULATOR_URL = _simulator
    credentials.forget()
    yield world.make()
    credentials.forget()


def there(name: str, *components: dict[str, Any]) -> None:
    """A template that somebody made at Meta by hand."""
    account = credentials.by_id(world.stand_in("meta").pk).opened
    body = {"name": name, "language": "en_US", "category": "UTILITY", "components": list(components)}
    url = f"{account.base_url}/v23.0/{account.settings['waba_id']}/message_templates"
    headers = {"Authorization": f"Bearer {account.credentials['access_token']}"}
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=5).close()


def run(*more: str) -> str:
    out = StringIO()
    call_command("import_provider_templates", "--account", world.stand_in("meta").name, *more, stdout=out)
    return out.getvalue()


def test_a_dry_run_says_what_would_become_of_each_and_changes_nothing(alice: World) -> None:
    there("dry_one", NUMBERED)
    there("dry_two", {"type": "BODY", "text": "{{2}} before {{1}}, always.".join(("Now ", "")), "example": {"body_text": [["a", "b"]]}})

    told = run()

    assert "dry_one (en_US, APPROVED): would be a draft" in told
    assert "dry_two (en_US, APPROVED): its variables are not numbered in the order of the text" in told
    assert not Template.objects.filter(name__startswith="dry_").exists()


def test_a_draft_has_names_for_numbers_and_names_its_template_there(alice: World) -> None:
    there("written_one", NUMBERED)

    run("--write", "--business", alice.business.slug, "--author", alice.author.username)

    version = TemplateVersion.objects.get(template__name="written_one")
    whatsapp = version.content["whatsapp"]
    assert (version.status, version.author) == ("draft", alice.author)
    assert whatsapp["components"] == [{"type": "BODY", "text": "Hello {{body_1}}, order {{body_2}} is here."}]
    assert [each["sample"] for each in version.variables] == ["Sara", "A-17"]
    assert whatsapp["provider_ids"]["meta"]


def test_what_stands_there_with_numbers_is_sent_with_numbers(alice: World) -> None:
    there("sent_one", NUMBERED)
    run("--write", "--business", alice.business.slug, "--author", alice.author.username)
    entry = catalogue.of(TemplateVersion.objects.select_related("template").get(template__name="sent_one"))

    content: Any = rendering.render(entry, {"body_1": "Sara", "body_2": "A-17"}, channel="whatsapp")

    assert content.components == [
        {"type": "body", "parameters": [{"type": "text", "text": "Sara"}, {"type": "text", "text": "A-17"}]},
    ]


def test_an_account_that_is_not_there_is_told(alice: World) -> None:
    with pytest.raises(CommandError, match="no provider account"):
        call_command("import_provider_templates", "--account", "nobody")
