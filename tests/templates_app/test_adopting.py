"""What exists at a provider becomes drafts, after a dry run that says what would."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.choices import Role
from accounts.models import Person
from routing import credentials
from routing.models import ProviderAccount
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


# The same in the admin

ADDRESS = "/admin/templates_app/template/import-from-provider/"


def enter(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def staff() -> Client:
    """An author of the platform's, who sees every business."""
    return enter(world.person("paula", Role.AUTHOR, None))


def chosen(alice: World, **more: Any) -> dict[str, Any]:
    return {"account": world.stand_in("meta").pk, "business": alice.business.pk, **more}


def ids(page: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('name="template" value="')[1:]]


def test_it_shows_what_each_would_become_and_takes_nothing(alice: World) -> None:
    there("looked_at", NUMBERED)

    page = staff().post(ADDRESS, chosen(alice)).content.decode()

    assert "looked_at, en_US" in page
    assert "Would be a draft" in page
    assert not Template.objects.filter(name="looked_at").exists()


def test_what_is_chosen_becomes_drafts_and_nothing_else(alice: World) -> None:
    there("chosen_one", NUMBERED)
    there("left_alone", NUMBERED)
    client = staff()
    page = client.post(ADDRESS, chosen(alice)).content.decode()
    wanted = ids(page.partition("chosen_one")[2])[0]

    client.post(ADDRESS, chosen(alice, take="1", template=[wanted]))

    assert Template.objects.filter(name__in=["chosen_one", "left_alone"]).values_list("name", "business").get() == (
        "chosen_one",
        alice.business.pk,
    )


def test_a_business_s_author_reads_from_its_own_accounts_alone(alice: World) -> None:
    ProviderAccount.objects.create(name="Alice's Meta", business=alice.business, provider="meta", mode="test")
    ProviderAccount.objects.create(name="Alice's Vonage", business=alice.business, provider="vonage", mode="test")
    client = enter(alice.author)

    page = client.get(ADDRESS).content.decode()
    refused = client.post(ADDRESS, chosen(alice)).content.decode()

    assert "Alice&#x27;s Meta" in page
    assert "Alice&#x27;s Vonage" not in page  # approves nothing
    assert world.stand_in("meta").name not in page
    assert "Select a valid choice" in refused


def test_a_provider_that_does_not_answer_is_told_beside_the_account(alice: World, settings: Any) -> None:
    mute = ProviderAccount.objects.create(name="Mute", provider="meta", mode="live", base_url="https://127.0.0.1:9")

    page = staff().post(ADDRESS, chosen(alice, account=mute.pk))

    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()


@pytest.mark.parametrize("role", [Role.APPROVER, Role.AUDITOR, Role.OPERATOR])
def test_only_authors_import(alice: World, role: Role) -> None:
    assert enter(world.person("other", role, alice.business)).get(ADDRESS).status_code == 403
