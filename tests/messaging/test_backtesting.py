"""Drafts of routes, tested with what was sent before they decide."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.choices import Role
from accounts.models import Person
from messaging import backtesting
from messaging.backtest_records import Backtest
from messaging.backtesting import NothingSent
from messaging.models import Attempt, Message
from routing import health, prices, publishing
from routing.models import Price, RouteVersion
from routing.publishing import NotADraft
from tests import world
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db

BRITISH = "+447400123456"


@pytest.fixture
def alice() -> World:
    return world.make("alice", steps=world.whatsapp_then_sms(until="delivered", within=120))


def sms() -> list[dict[str, Any]]:
    return world.whatsapp_then_sms()[1:]


def draft(alice: World, *when: dict[str, Any], otherwise: bool = True) -> RouteVersion:
    """SMS alone where the conditions hold; else as it is now, or nothing."""
    rules = [{"when": list(when), "steps": sms()}]
    if otherwise:
        rules.append({"when": [], "steps": world.whatsapp_then_sms(until="delivered", within=120)})
    return publishing.draft(alice.route.route, rules=rules, by=alice.author, accept_double_delivery=True)


def run(alice: World, version: RouteVersion, *, by: Person | None = None) -> Backtest:
    now = timezone.now()
    row = backtesting.ask(version, since=now - timedelta(days=7), mode="test", by=by, at=now + timedelta(seconds=1))
    assert backtesting.go_on(at=now)
    row.refresh_from_db()
    assert row.state == "done"
    return row


def shares(side: dict[str, Any]) -> dict[str, int]:
    return {each["channel"]: each["messages"] for each in side["shares"]}


def test_what_would_change_is_counted_before_anybody_publishes(alice: World) -> None:
    for recipient in (NUMBER, BRITISH, BRITISH):
        alice.accept(recipient=recipient, channel="auto")

    result = run(alice, draft(alice, {"field": "country", "in": ["GB"]})).result

    assert (result["messages"], result["looked_at"], result["changed"], result["opened"]) == (3, 3, 2, False)
    assert shares(result["now"]) == {"whatsapp": 3}
    assert shares(result["draft"]) == {"whatsapp": 1, "sms": 2}
    assert alice.route.route.versions.get(status="published") == alice.route


@pytest.mark.parametrize(
    "condition, asked, changed",
    [
        ({"field": "class", "in": ["utility"]}, {}, 1),
        ({"field": "template", "in": ["another"]}, {}, 0),
        ({"field": "metadata", "name": "plan", "in": ["gold"]}, {"metadata": {"plan": "gold"}}, 1),
        ({"field": "metadata", "name": "plan", "in": ["gold"]}, {"metadata": {"plan": "tin"}}, 0),
        ({"field": "key", "in": ["test"]}, {}, 1),
        ({"field": "number_type", "in": ["mobile"]}, {}, 1),
        ({"field": "prefix", "in": ["+2011"]}, {}, 0),
        ({"field": "channel", "in": ["auto"]}, {}, 1),
    ],
)
def test_a_draft_is_asked_about_what_the_request_said(alice: World, condition: dict[str, Any], asked: dict[str, Any], changed: int) -> None:
    alice.accept(channel="auto", **asked)

    assert run(alice, draft(alice, condition)).result["changed"] == changed


def test_a_message_that_forbade_other_channels_is_tested_so(alice: World) -> None:
    alice.accept(channel="whatsapp", fallback=False)

    sample = run(alice, draft(alice, {"field": "country", "in": ["SA"]})).result

    assert sample["changed"] == 0
    assert Message.objects.get().trace["facts"] == {"country": "EG", "kind": "phone", "fallback": False}


def test_what_finds_no_road_is_counted_with_its_reason(alice: World) -> None:
    alice.accept(channel="auto")

    result = run(alice, draft(alice, {"field": "country", "in": ["SA"]}, otherwise=False)).result

    assert (result["now"]["without_road"], result["draft"]["without_road"]) == (0, 1)
    assert "the country is EG" in result["draft"]["reasons"][0]["reason"]


def test_a_sample_tells_both_decisions(alice: World) -> None:
    alice.accept(channel="auto")

    (sample,) = run(alice, draft(alice, {"field": "country", "in": ["EG"]})).result["samples"]

    assert sample["message"] == str(Message.objects.get())
    assert [step["channel"] for step in sample["now"]["road"]] == ["whatsapp", "sms"]
    assert [step["channel"] for step in sample["draft"]["road"]] == ["sms"]
    assert sample["draft"]["rules"][0]["when"][0]["seen"] == "EG"


def test_costs_are_told_as_far_as_prices_are_known(alice: World) -> None:
    Price.objects.create(provider="twilio", channel="sms", country="EG", amount=Decimal("0.25"))
    prices.forget()
    for recipient in (NUMBER, BRITISH):
        alice.accept(recipient=recipient, channel="auto")

    result = run(alice, draft(alice)).result

    assert (result["now"]["cost"], result["now"]["priced"]) == (None, 0)
    assert (result["draft"]["cost"], result["draft"]["priced"]) == ("0.25", 1)


def test_the_fallback_rate_is_what_the_weeks_attempts_make_of_the_shares(alice: World) -> None:
    for status in ("failed", "delivered", "delivered", "delivered"):
        alice.accept(channel="auto")
        at = timezone.now()
        Attempt.objects.create(
            message_id=Message.objects.latest("id").id,
            number=1,
            step=0,
            channel="whatsapp",
            account_id=world.stand_in("meta").pk,
            status=status,
            tries=1,
            called_at=at,
            weight=status,
        )

    result = run(alice, draft(alice)).result

    assert (result["now"]["fallback"], result["now"]["measured"]) == (0.25, 4)
    assert (result["draft"]["fallback"], result["draft"]["measured"]) == (None, 0)


def test_neither_content_nor_a_person_is_in_the_result(alice: World) -> None:
    alice.accept(channel="auto", metadata={"name": "Sara"}, variables={"order_id": "secret"})

    kept = json.dumps(
        run(alice, draft(alice, {"field": "metadata", "name": "name", "in": ["Adam"]}, {"field": "prefix", "in": ["+2010"]})).result
    )

    assert not [word for word in ("Sara", "secret", NUMBER, "1001234567") if word in kept]


def test_opening_recipients_is_put_on_record_and_happens_only_if_the_draft_asks(alice: World) -> None:
    alice.accept(channel="auto")
    operator = world.person("operator", Role.OPERATOR, alice.business)

    assert not run(alice, draft(alice, {"field": "country", "in": ["GB"]}), by=operator).result["opened"]
    assert not LogEntry.objects.exists()
    assert run(alice, draft(alice, {"field": "prefix", "in": ["+2010"]}), by=operator).result["opened"]
    assert LogEntry.objects.get().change_message == backtesting.OPENED


def test_a_message_from_before_facts_were_kept_is_opened(alice: World) -> None:
    alice.accept(recipient=BRITISH, channel="auto")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE messaging_message DISABLE TRIGGER USER")
        cursor.execute("UPDATE messaging_message SET trace = trace - 'facts'")

    result = run(alice, draft(alice, {"field": "country", "in": ["GB"]})).result

    assert (result["opened"], result["changed"]) == (True, 1)


def test_the_same_test_says_the_same(alice: World) -> None:
    for _ in range(20):
        alice.accept(channel="auto")
    version = draft(alice)

    assert run(alice, version).result == run(alice, version).result


def test_of_many_an_even_sample_is_taken(alice: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtesting, "MOST_LOOKED_AT", 10)
    monkeypatch.setattr(backtesting, "AT_A_TIME", 3)
    for _ in range(40):
        alice.accept(channel="auto")

    row = run(alice, draft(alice))

    assert row.result["messages"] == 40
    assert 0 < row.result["looked_at"] < 30
    assert row.result["looked_at"] == row.result["now"]["messages"] == row.looked


def test_other_businesses_and_the_other_world_are_not_looked_at(alice: World) -> None:
    alice.accept(channel="auto")
    version = draft(alice)
    world.make("bob").accept(channel="auto")
    world.forget()

    assert run(alice, version).result["messages"] == 1
    with pytest.raises(NothingSent, match="No live message"):
        backtesting.ask(version, since=timezone.now() - timedelta(days=7), mode="live", by=None, at=timezone.now())


def test_without_messages_it_is_refused(alice: World) -> None:
    with pytest.raises(NothingSent):
        backtesting.ask(draft(alice), since=timezone.now() - timedelta(days=7), mode="test", by=None, at=timezone.now())


def test_what_is_published_is_not_tested(alice: World) -> None:
    with pytest.raises(NotADraft):
        backtesting.ask(alice.route, since=timezone.now() - timedelta(days=7), mode="test", by=None, at=timezone.now())


def test_one_that_breaks_is_not_begun_again(alice: World) -> None:
    alice.accept(channel="auto")
    version, now = draft(alice), timezone.now()
    row = backtesting.ask(version, since=now - timedelta(days=1), mode="test", by=None, at=now + timedelta(seconds=1))
    RouteVersion.objects.filter(pk=version.pk).update(rules=[{"steps": "broken"}])

    with pytest.raises(Exception, match="rules"):
        backtesting.go_on(at=now)

    row.refresh_from_db()
    assert row.state == "failed"
    assert not backtesting.go_on(at=now)


def test_an_account_that_is_out_today_is_out_for_both(alice: World) -> None:
    alice.accept(channel="auto")
    health.out_of_service(world.stand_in("meta").pk, because="for a test", at=timezone.now())
    world.forget()

    result = run(alice, draft(alice, {"field": "country", "in": ["SA"]})).result

    assert (shares(result["now"]), result["changed"]) == ({"sms": 1}, 0)


# The doors


def enter(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def operator(alice: World) -> Client:
    return enter(world.person("alice-operator", Role.OPERATOR, alice.business))


def ask(client: Client, version: RouteVersion, *, days: int = 7, mode: str = "test") -> Any:
    url = reverse("admin:messaging_backtest_add")
    return client.post(url, {"version": str(version.pk), "mode": mode, "days": days}, follow=True)


def words(answer: Any) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", re.sub(r"\s+", " ", answer.content.decode()))


def test_an_operator_asks_and_reads_the_table(alice: World, operator: Client) -> None:
    for recipient in (NUMBER, BRITISH):
        alice.accept(recipient=recipient, channel="auto")

    asked = ask(operator, draft(alice, {"field": "country", "in": ["GB"]}))
    assert "This page looks again every three seconds." in words(asked)
    backtesting.go_on(at=timezone.now())
    page = words(operator.get(asked.redirect_chain[-1][0]))

    assert "1 of 2 messages would take another road" in page
    assert "SMS by Simulated Twilio" in page
    assert "the country is GB" in page


def test_a_refusal_stands_on_the_form(alice: World, operator: Client) -> None:
    assert "No test message was accepted in that time." in words(ask(operator, draft(alice)))
    assert not Backtest.objects.exists()


def test_an_author_and_a_stranger_are_kept_out(alice: World, operator: Client) -> None:
    bob = world.make("bob")
    bob.accept(channel="auto")
    foreign = draft(bob)

    assert "Select a valid choice" in words(ask(operator, foreign))
    assert enter(alice.author).get(reverse("admin:messaging_backtest_add")).status_code == 403
    assert enter(world.person("auditor", Role.AUDITOR, alice.business)).get(reverse("admin:messaging_backtest_add")).status_code == 403


def test_the_command_prints_the_newest_drafts(alice: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice.accept(channel="auto")
    draft(alice)
    told = io.StringIO()

    call_command("backtest", "alice", "default", "--mode", "test", "--days", "1", stdout=told)

    assert "1 of 1 messages looked at; 1 would take another road." in told.getvalue()
    assert "sms by Simulated Twilio" in told.getvalue()


def test_the_command_says_what_it_can_not_find() -> None:
    with pytest.raises(CommandError, match="no such draft"):
        call_command("backtest", "nobody", "default")


def test_moments_are_read_as_the_row_says(alice: World) -> None:
    alice.accept(channel="auto")
    now: datetime = timezone.now()

    row = backtesting.ask(draft(alice), since=now - timedelta(days=400), mode="test", by=None, at=now + timedelta(seconds=1))

    assert row.since == row.until - backtesting.LONGEST
