"""Rules may ask whether WhatsApp's service window is open: whether the person wrote to this business within the last day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import ids
from messaging import backtesting, explaining, intake, service_window
from messaging.inbound import taking
from messaging.inbound.taking import Heard
from messaging.intake import Asked
from messaging.models import Message
from messaging.service_window import LASTS, MARGIN, Look
from routing import publishing, vault
from routing.providers.inbound import Inbound, InboundKind
from tests import world
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db

OTHER = "+201001234568"
SECOND = timedelta(seconds=1)


@pytest.fixture
def alice() -> World:
    made = world.make("alice")
    use(made, {"field": "window", "in": ["open"]})
    return made


def use(owner: World, *when: dict[str, Any]) -> None:
    """WhatsApp first where the conditions hold, SMS otherwise."""
    whatsapp, sms = world.whatsapp_then_sms()
    rules = [{"when": list(when), "steps": [whatsapp, sms]}, {"when": [], "steps": [sms]}]
    version = publishing.draft(owner.route.route, rules=rules, by=owner.author, accept_double_delivery=True)
    publishing.publish(version, by=owner.author, because="for a test", at=timezone.now())
    world.forget()


def writes(owner: World, sender: str = NUMBER, *, ago: timedelta = SECOND, at: datetime | None = None, **more: Any) -> None:
    """Somebody writes to that business's own number."""
    mode, channel = more.pop("mode", "test"), more.pop("channel", "whatsapp")
    at = at or timezone.now() - ago
    usual: dict[str, Any] = {"kind": InboundKind.TEXT, "raw_kind": "text", "provider_id": ids.new().hex, "sender": sender, "text": "Hi"}
    inbound = Inbound(channel=channel, **{**usual, **more})
    account = world.stand_in("meta" if channel == "whatsapp" else "twilio")
    taking.take([Heard(account.pk, owner.business.pk, mode, ids.new(), at, inbound)])


def first(owner: World, **asked: Any) -> str:
    """By which channel a message goes first."""
    return str(owner.accept(**{"channel": "auto", **asked}).body["channel"])


def looked(queries: CaptureQueriesContext) -> int:
    return sum("messaging_inbound" in query["sql"] for query in queries)


def test_who_has_written_is_answered_on_whatsapp(alice: World) -> None:
    assert first(alice) == "sms"

    writes(alice)

    assert (first(alice), first(alice, recipient=OTHER)) == ("whatsapp", "sms")
    told = Message.objects.order_by("created_at")[1].trace["rules"][0]["when"][0]
    assert told == {"field": "window", "is": "in", "seen": "open", "held": True}


def test_a_rule_may_ask_for_a_closed_window(alice: World) -> None:
    use(alice, {"field": "window", "not_in": ["open"]}, {"field": "window", "in": ["closed"]})

    writes(alice)

    assert (first(alice), first(alice, recipient=OTHER)) == ("sms", "whatsapp")


@pytest.mark.parametrize(
    "said",
    [
        {"mode": "live"},
        {"channel": "sms"},
        {"ago": LASTS + SECOND},
        {"kind": InboundKind.OPT_OUT},
        {"kind": InboundKind.UNKNOWN},
        {"sender": "", "user_id": "EG.1"},
    ],
    ids=", ".join,
)
def test_what_is_no_word_of_theirs_on_whatsapp_to_us_today_opens_nothing(alice: World, said: dict[str, Any]) -> None:
    writes(alice, **said)

    assert first(alice) == "sms"


def test_what_somebody_writes_to_another_business_opens_nothing_here(alice: World) -> None:
    bob = world.make("bob")
    use(bob, {"field": "window", "in": ["open"]})

    writes(bob)

    assert (first(alice), first(bob)) == ("sms", "whatsapp")


def test_it_closes_a_little_before_24_hours_are_over(alice: World) -> None:
    wrote = timezone.now() - timedelta(days=2)
    writes(alice, at=wrote, occurred_at=wrote + timedelta(hours=1))

    def seen(after: timedelta) -> list[str]:
        at = wrote + after
        return service_window.look([Look(alice.business.pk, "test", vault.blind_index(NUMBER), at, at)])

    assert seen(-SECOND) == ["closed"]
    assert seen(timedelta(0)) == ["open"]
    assert seen(LASTS - MARGIN - SECOND) == ["open"]
    assert seen(LASTS - MARGIN) == ["closed"]


def test_what_waits_for_its_time_is_judged_by_that_time(alice: World) -> None:
    writes(alice, ago=timedelta(hours=20))

    assert first(alice, send_at=timezone.now() + timedelta(hours=3)) == "whatsapp"
    assert first(alice, send_at=timezone.now() + timedelta(hours=5)) == "sms"


def test_where_no_rule_asks_nothing_is_looked_up(alice: World) -> None:
    use(alice, {"field": "country", "in": ["EG"]})

    with CaptureQueriesContext(
        connection,
    ) as queries:
        first(alice)
        explaining.explain(alice.wanted(), caller=alice.caller, at=timezone.now())

    assert looked(queries) == 0


def test_one_message_asks_once_and_so_does_a_batch(alice: World) -> None:
    writes(alice)
    batch = [alice.wanted(channel="auto", recipient=recipient) for recipient in (NUMBER, OTHER, "+201001234569")]

    with CaptureQueriesContext(connection) as queries:
        first(alice)
    assert looked(queries) == 1

    with CaptureQueriesContext(connection) as queries:
        answer = intake.accept_batch(batch, caller=alice.caller, key=None, same=b"\0" * 32, request_id="req_test", at=timezone.now())
    assert looked(queries) == 1
    assert [item["message"]["channel"] for item in answer.body["items"]] == ["whatsapp", "sms", "sms"]


def test_requests_that_come_together_ask_together(alice: World) -> None:
    bob, carol = world.make("bob"), world.make("carol")
    use(bob, {"field": "window", "in": ["open"]})
    use(carol, {"field": "country", "in": ["GB"]})
    use(alice, {"field": "window", "in": ["open"]})
    writes(bob)
    asked = [
        Asked(owner.wanted(channel="auto", recipient=to), owner.caller, None, b"\0" * 32, "req_test", timezone.now())
        for owner, to in [(alice, NUMBER), (bob, "nobody"), (bob, NUMBER), (carol, NUMBER)]
    ]

    with CaptureQueriesContext(connection) as queries:
        answers = intake.accept_together(asked)

    assert looked(queries) == 1
    assert [isinstance(each, intake.Answer) and each.body["channel"] for each in answers] == ["sms", False, "whatsapp", "sms"]


@pytest.mark.parametrize("has_written", [True, False])
def test_explaining_tells_the_road_that_is_taken(alice: World, has_written: bool) -> None:
    if has_written:
        writes(alice)

    told = explaining.explain(alice.wanted(channel="auto"), caller=alice.caller, at=timezone.now())

    first(alice)
    message = Message.objects.get()
    assert (told["route"]["steps"], told["route"]["rules"]) == (message.plan, message.trace["rules"])
    assert told["route"]["rules"][0]["when"][0]["seen"] == ("open" if has_written else "closed")


def test_a_backtest_knows_how_it_was_then(alice: World) -> None:
    use(alice, {"field": "country", "in": ["EG"]})
    first(alice)
    writes(alice, ago=timedelta(0))
    first(alice)
    sms = world.whatsapp_then_sms()[1:]
    rules = [{"when": [{"field": "window", "in": ["closed"]}], "steps": sms}, {"when": [], "steps": world.whatsapp_then_sms()}]
    draft = publishing.draft(alice.route.route, rules=rules, by=alice.author, accept_double_delivery=True)
    now = timezone.now()
    row = backtesting.ask(draft, since=now - timedelta(days=7), mode="test", by=None, at=now + SECOND)

    backtesting.go_on(at=now)

    row.refresh_from_db()
    assert {each["channel"]: each["messages"] for each in row.result["draft"]["shares"]} == {"sms": 1, "whatsapp": 1}
    assert (row.result["changed"], row.result["opened"]) == (1, False)


def test_an_address_has_no_window(alice: World) -> None:
    with CaptureQueriesContext(connection) as queries:
        told = explaining.explain(alice.wanted(channel="email", recipient="sara@example.com"), caller=alice.caller, at=timezone.now())

    assert told["route"]["rules"][0]["when"][0]["seen"] == ""
    assert looked(queries) == 0
