"""Ask before you send, for staff: a page that decides as the real request would, and keeps nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.choices import Role
from accounts.models import Business, Person
from messaging import foretelling
from messaging.models import Message, Suppression
from routing import prices, publishing, vault
from routing.models import Price, ProviderAccount, RouteVersion
from tests import world
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> World:
    return world.make("alice", steps=world.whatsapp_then_sms(until="delivered", within=120))


def enter(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def operator(alice: World) -> Client:
    return enter(world.person("alice-operator", Role.OPERATOR, alice.business))


def ask(client: Client, *, business: Business | None = None, **said: Any) -> str:
    url = reverse("admin:messaging_message_explain") + (f"?business={business.pk}" if business else "")
    usual = {"template": "order_shipped", "channel": "auto", "recipient": NUMBER, "key": "test", "variables": "order_id = A-17"}
    answer = client.post(url, usual | {"fallback": "on"} | said)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return re.sub(r"\s+", " ", answer.content.decode())


def draft(alice: World, rules: list[dict[str, Any]]) -> RouteVersion:
    return publishing.draft(alice.route.route, rules=rules, by=alice.author, accept_double_delivery=True)


def sms_alone() -> list[dict[str, Any]]:
    return world.whatsapp_then_sms()[1:]


def test_the_whole_decision_is_told_in_plain_words(operator: Client) -> None:
    page = ask(operator)

    assert "It would be accepted" in page
    assert "1. WhatsApp" in page
    assert "if not delivered within 2 min, or if it can't arrive" in page
    assert "the recipient can&#x27;t be reached there" in page
    assert "Step 2: SMS by Simulated Twilio." in page
    assert "Your order A-17 is on its way." in page
    assert "It has no conditions: it takes every message." in page


def test_prices_and_what_they_keep_out_are_told(alice: World, operator: Client) -> None:
    Price.objects.create(provider="meta", channel="whatsapp", country="EG", amount="0.9")
    prices.forget()
    version = draft(alice, [{"steps": world.whatsapp_then_sms(), "budget": {"cost": "0.05"}}])
    publishing.publish(version, by=alice.author, because="for a test", at=timezone.now())
    world.forget()

    page = ask(operator)

    assert "left out: it costs 0.9, and the budget is 0.05" in page
    assert 'Simulated Twilio <span class="qs-soft">at an unknown price</span>' in page
    assert "<strong>Budget:</strong> at most 0.05 USD in all." in page


def test_nothing_of_it_is_kept(operator: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        ask(operator)

    written = [each["sql"] for each in queries if re.match(r"(INSERT|UPDATE|DELETE)", each["sql"])]
    assert [sql for sql in written if "django_session" not in sql] == []
    assert not any(NUMBER[1:] in each["sql"] for each in queries)
    assert not Message.objects.exists()
    assert not LogEntry.objects.exists()


def test_every_condition_is_shown_with_what_was_seen(alice: World, operator: Client) -> None:
    rules = [
        {"when": [{"field": "country", "in": ["SA"]}, {"field": "metadata", "name": "plan", "in": ["gold"]}], "steps": sms_alone()},
        {"steps": sms_alone()},
    ]
    publishing.publish(draft(alice, rules), by=alice.author, because="for a test", at=timezone.now())
    world.forget()

    page = ask(operator, metadata='{"plan": "gold"}')

    assert "country is SA" in page
    assert "the country is EG" in page
    assert "metadata plan is gold" in page
    assert page.index("✗ no") < page.index("✓ yes")


def test_with_a_draft_it_tells_what_would_be(alice: World, operator: Client) -> None:
    version = draft(alice, [{"when": [{"field": "prefix", "in": ["+2010"]}], "steps": sms_alone()}])

    now, then = ask(operator), ask(operator, version=str(version.pk))

    assert "1. WhatsApp" in now
    assert "1. SMS" in then
    assert "prefix is +2010" in then
    assert alice.route.route.versions.get(status="published") == alice.route


def test_without_variables_the_samples_stand_for_them(operator: Client) -> None:
    assert "these are the template's samples" in ask(operator, variables="")


def test_a_refusal_says_what_the_request_would_be_answered(operator: Client) -> None:
    page = ask(operator, variables="colour = red")

    assert "It would be refused" in page
    assert "<code>invalid_variables</code>" in page
    assert "1. WhatsApp" in page


def test_what_is_left_out_says_why(alice: World, operator: Client) -> None:
    ProviderAccount.objects.filter(provider="meta", mode="test").update(is_in_service=False)
    world.forget()

    assert "left out: out of service" in ask(operator)


def test_a_live_key_never_uses_a_test_account(operator: Client) -> None:
    page = ask(operator, key="live")

    assert "Simulated Meta: a test account, which live keys never use" in page


def test_a_suppression_is_told(alice: World, operator: Client) -> None:
    Suppression.objects.create(business=alice.business, recipient_hash=vault.blind_index(NUMBER), channel="sms", reason="opt_out")

    assert "a suppression is in force" in ask(operator)


@pytest.mark.parametrize(
    "said, way_out",
    [
        ({"variables": "order_id"}, "Write a line for each: name = value."),
        ({"metadata": "{"}, "This is no JSON object"),
        ({"metadata": '{"a": ' * 3_000}, "This is no JSON object"),
        ({"metadata": '{"a": {"b": 1}}'}, "Keep it flat"),
        ({"metadata": f"a = {'x' * 3_000}"}, "Keep it within 2048 bytes"),
        ({"language": "!!!"}, "This value does not match the required pattern."),
        ({"timezone": "Cairo"}, "Write the IANA name of a time zone"),
        ({"expires_in": "1"}, "Ensure this value is greater than or equal to 30."),
        ({"recipient": ""}, "This field is required."),
        ({"template": "nobody_knows_it"}, "Select a valid choice."),
    ],
)
def test_a_form_that_can_not_be_read_says_how_to_mend_it(operator: Client, said: dict[str, str], way_out: str) -> None:
    assert way_out in ask(operator, **said)


def test_an_operator_asks_for_their_own_business_alone(alice: World, operator: Client) -> None:
    bob = world.make("bob")
    foreign = publishing.draft(bob.route.route, rules=[{"steps": sms_alone()}], by=bob.author)
    url = reverse("admin:messaging_message_explain")

    assert operator.get(f"{url}?business={bob.business.pk}").status_code == 404
    assert operator.get(f"{url}?business=nobody").status_code == 404
    assert "Select a valid choice." in ask(operator, version=str(foreign.pk))


def test_an_author_may_not_ask(alice: World) -> None:
    assert enter(alice.author).get(reverse("admin:messaging_message_explain")).status_code == 403


def test_staff_of_the_platform_choose_the_business_first(alice: World) -> None:
    world.make("bob")
    root = enter(Person.objects.create_superuser("root"))

    assert "Bob" in root.get(reverse("admin:messaging_message_explain")).content.decode()
    assert "It would be accepted" in ask(root, business=alice.business)


def test_a_drafts_page_leads_there_and_a_published_ones_does_not(alice: World, operator: Client) -> None:
    version = draft(alice, [{"steps": sms_alone()}])
    link = f"{reverse('admin:messaging_message_explain')}?business={alice.business.pk}&amp;version={version.pk}"

    of_draft = operator.get(reverse("admin:routing_routeversion_change", args=[version.pk])).content.decode()
    published = operator.get(reverse("admin:routing_routeversion_change", args=[alice.route.pk])).content.decode()

    assert link in of_draft
    assert "Before it decides" not in published


def test_errors_that_lead_the_same_way_stand_together(alice: World) -> None:
    told = foretelling.foretell(alice.wanted(), caller=alice.caller, at=timezone.now())

    first, last = told.road
    assert len(first.consequences) == 3
    assert [each.then for each in last.consequences] == ["It is tried again for up to 24 h; then: The message fails.", "The message fails."]
