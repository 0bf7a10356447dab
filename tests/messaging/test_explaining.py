"""The whole decision is told, nothing is stored, and the real request decides alike."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.refusals import Refusal
from messaging import explaining
from messaging.models import Message, Suppression
from routing import health, prices, publishing, vault
from routing.models import Price, ProviderAccount
from templates_app import writing
from templates_app.models import Template
from tests import world
from tests.templates_app import samples
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> World:
    return world.make("alice", steps=world.whatsapp_then_sms(until="delivered", within=120))


def explain(alice: World, **asked: Any) -> dict[str, Any]:
    return explaining.explain(alice.wanted(**asked), caller=alice.caller, at=timezone.now())


def suppress(alice: World, *, channel: str = "", category: str = "", recipient: str = NUMBER) -> None:
    Suppression.objects.create(
        business=alice.business, recipient_hash=vault.blind_index(recipient), channel=channel, category=category, reason="opt_out"
    )


def test_a_request_that_would_be_accepted_is_told_from_end_to_end(alice: World) -> None:
    told = explain(alice)

    assert (told["accepted"], told["error"], told["mode"]) == (True, None, "test")
    assert told["recipient"] == {"kind": "phone", "country": "EG"}
    assert (told["template"]["name"], told["template"]["version"], told["template"]["channels"]) == (
        "order_shipped",
        1,
        ["sms", "whatsapp"],
    )
    assert [(step["channel"], step["until"], step["within"]) for step in told["route"]["steps"]] == [
        ("whatsapp", "delivered", 120),
        ("sms", None, None),
    ]
    assert told["route"]["rules"][0]["held"] is True
    assert told["consent"] == [{"channel": "sms", "allowed": True}, {"channel": "whatsapp", "allowed": True}]


def test_it_stores_nothing_and_sends_nothing(alice: World) -> None:
    explain(alice)

    assert not Message.objects.exists()


def test_the_content_is_what_the_recipient_would_read(alice: World) -> None:
    sms, whatsapp = explain(alice)["content"]

    assert (sms["rendered"]["text"], sms["segments"], sms["encoding"]) == ("Your order A-17 is on its way.", 1, "GSM-7")
    assert whatsapp["rendered"]["components"][0]["parameters"][0]["text"] == "A-17"


def test_what_stands_around_a_whatsapp_text_is_told_too(alice: World) -> None:
    words = [
        {"type": "HEADER", "format": "TEXT", "text": "Order {{order_id}}"},
        {"type": "BODY", "text": "It is on its way."},
        {"type": "FOOTER", "text": "Alice's shop"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Thank you"}]},
    ]
    template = writing.create(alice.business.pk, name="dressed_up", category="utility")
    samples.live(
        template,
        author=alice.author,
        approver=alice.approver,
        content={"whatsapp": {"components": words}},
        variables=world.WORDS["variables"],
    )

    (whatsapp,) = explain(alice, template="dressed_up")["content"]

    told = whatsapp["rendered"]
    assert (told["header"], told["text"], told["footer"]) == ("Order A-17", "It is on its way.", "Alice's shop")
    assert told["buttons"] == ["Thank you"]


def test_each_error_class_says_where_the_message_would_go(alice: World) -> None:
    first, last = explain(alice)["next"]
    to_sms = {"does": "next_step", "step": 1, "channel": "sms", "account": "Simulated Twilio"}

    assert first["errors"]["unreachable"] == to_sms
    assert first["errors"]["throttled"] == {"does": "try_again", "then": to_sms}
    assert first["errors"]["opted_out"] == {"does": "stop"}
    assert first["silence"] == to_sms | {"after": 120}
    assert first["gives_up_after"] == 120
    assert last["errors"]["unreachable"] == {"does": "stop"}
    assert last["silence"] is None
    assert last["gives_up_after"] == 24 * 3600


@pytest.mark.parametrize(
    "asked, code",
    [
        ({"recipient": "0100 123"}, "invalid_recipient"),
        ({"template": "nobody_knows_it"}, "template_not_found"),
        ({"channel": "email", "recipient": "sara@example.com"}, "no_route"),
        ({"variables": {}}, "invalid_variables"),
        ({"callback": "https://10.0.0.1/hooks"}, "url_refused"),
        ({"send_at": timezone.now() + timedelta(days=36)}, "invalid_send_at"),
    ],
)
def test_a_refusal_is_told_as_the_real_request_would_hear_it(alice: World, asked: dict[str, Any], code: str) -> None:
    told = explain(alice, **asked)

    with pytest.raises(Refusal) as refused:
        alice.accept(**asked)
    assert (told["accepted"], told["error"]["code"]) == (False, code)
    assert (told["error"]["code"], told["error"]["detail"]) == (refused.value.code, refused.value.detail)


def test_a_refused_request_is_explained_as_far_as_it_goes(alice: World) -> None:
    told = explain(alice, variables={})

    assert told["route"]["name"] == "default"
    assert {each["error"]["code"] for each in told["content"]} == {"invalid_variables"}
    assert told["next"] == []


def test_without_a_route_every_rule_says_why(alice: World) -> None:
    told = explain(alice, channel="email", recipient="sara@example.com")

    assert told["route"]["steps"] == []
    assert told["route"]["rules"][0]["because"] == "none of its steps can carry this message"


def test_an_account_that_is_left_out_says_why(alice: World) -> None:
    account = ProviderAccount.objects.get(mode="test", provider="meta", business=None)
    health.out_of_service(account.pk, because="for a test", at=timezone.now())
    world.forget()

    told = explain(alice)

    whatsapp = told["route"]["rules"][0]["steps"][0]
    assert whatsapp["accounts"][0]["left_out"] == "out of service"
    assert [step["channel"] for step in told["route"]["steps"]] == ["sms"]


def test_a_suppression_of_one_channel_is_told_and_refuses_nothing(alice: World) -> None:
    suppress(alice, channel="whatsapp")

    told = explain(alice)

    assert told["accepted"]
    assert told["consent"] == [{"channel": "sms", "allowed": True}, {"channel": "whatsapp", "allowed": False}]


def test_a_suppression_of_every_channel_refuses(alice: World) -> None:
    suppress(alice)

    assert explain(alice)["error"]["code"] == "recipient_suppressed"


def test_a_budget_is_told_and_kept_with_the_plan(alice: World) -> None:
    whatsapp, sms = world.whatsapp_then_sms()
    rules = [{"steps": [whatsapp, sms], "budget": {"attempts": 2, "deadline": 600}}]
    version = publishing.draft(alice.route.route, rules=rules, by=alice.author)
    publishing.publish(version, by=alice.author, because="for a test", at=timezone.now())
    world.forget()

    told = explain(alice)
    alice.accept()

    assert told["route"]["budget"] == {"attempts": 2, "deadline": 600}
    assert [each["budget"] for each in Message.objects.get().plan] == [{"attempts": 2, "deadline": 600}] * 2
    assert told["next"][1]["errors"]["provider_fault"] == {"does": "try_again", "then": {"does": "stop"}}


def test_what_the_budget_can_not_pay_is_told_and_never_sent(alice: World) -> None:
    whatsapp, sms = world.whatsapp_then_sms()
    Price.objects.create(provider="meta", channel="whatsapp", country="EG", amount="0.9")
    Price.objects.create(provider="twilio", channel="sms", country="EG", amount="0.04")
    prices.forget()
    rules = [{"steps": [whatsapp, sms | {"prefer": "cheapest", "validity": 60}], "budget": {"cost": "0.05"}}]
    version = publishing.draft(alice.route.route, rules=rules, by=alice.author)
    publishing.publish(version, by=alice.author, because="for a test", at=timezone.now())
    world.forget()

    told = explain(alice)
    alice.accept()

    assert told["route"]["budget"] == {"cost": "0.05"}
    (planned,) = Message.objects.get().plan
    assert (planned["accounts"][0]["price"], planned["validity"], planned["budget"]) == ("0.04", 60, {"cost": "0.05"})
    assert told["route"]["steps"] == [planned]
    assert told["route"]["rules"][0]["steps"][0]["accounts"][0]["left_out"] == "it costs 0.9, and the budget is 0.05"


POOL: dict[str, list[Any]] = {
    "channel": ["whatsapp", "sms", "auto", "email"],
    "template": ["order_shipped", "order_shipped", "order_shipped", "nobody_knows_it"],
    "recipient": [NUMBER, "+201000000012", "+447400123456", "+12025550123", "sara@example.com", "0100 123"],
    "variables": [{"order_id": "A-17"}, {"order_id": "\N{SNOWMAN}" * 20}, {}, {"order_id": "A" * 21}, {"order_id": "A", "colour": "red"}],
    "fallback": [True, True, False],
    "language": [None, "en", "en-GB", "ar"],
    "expires_in": [None, 60],
    "metadata": [None, {"plan": "gold"}, {"plan": 7}, {"plan": "tin", "city": "Cairo"}],
    "send_at": [None, None, timedelta(hours=5), timedelta(hours=11), timedelta(days=36)],
    "callback": [None, None, None, "https://10.0.0.1/hooks"],
}


def agree(alice: World, asked: dict[str, Any]) -> str:
    """Explains and sends; returns how both ended."""
    if asked.get("send_at"):
        asked = asked | {"send_at": timezone.now() + asked["send_at"]}
    told = explain(alice, **asked)
    if not told["accepted"]:
        with pytest.raises(Refusal) as refused:
            alice.accept(**asked)
        assert (told["error"]["code"], told["error"]["detail"]) == (refused.value.code, refused.value.detail), asked
        return refused.value.code
    body = alice.accept(**asked).body
    message = Message.objects.latest("created_at")
    assert (told["route"]["steps"], told["route"]["rules"]) == (message.plan, message.trace["rules"]), asked
    assert [told["route"]["name"], told["route"]["version"]] == [body["route"]["name"], body["route"]["version"]]
    assert {each["segments"] for each in told["content"] if each["channel"] == "sms"} >= {body["segments"]} - {None}
    return "accepted"


def wind_the_road(alice: World) -> None:
    """A route with rules that ask about everything that can be asked, and one for the rest."""
    Template.objects.filter(business=alice.business).update(tags=["shop"])
    whatsapp, sms = world.whatsapp_then_sms(until="delivered", within=120)
    rules = [
        {"when": [{"field": "country", "in": ["GB"]}, {"field": "channel", "not_in": ["auto"]}], "steps": [sms]},
        {"when": [{"field": "language", "not_in": ["en"]}], "steps": [whatsapp]},
        {"when": [{"field": "metadata", "name": "plan", "in": ["gold", "7"]}, {"field": "tag", "in": ["shop"]}], "steps": [sms, whatsapp]},
        {
            "when": [
                {"field": "time", "zone": "Africa/Cairo", "in": ["mon-sat 07:00-19:00"]},
                {"field": "key", "not_in": ["nobody"]},
                {"field": "number_type", "in": ["mobile"]},
                {"field": "prefix", "not_in": ["+2011"]},
                {"field": "window", "in": ["closed"]},
            ],
            "steps": [whatsapp, sms],
        },
        {"when": [{"field": "number_type", "in": ["fixed_line_or_mobile"]}], "steps": [sms]},
        {"when": [], "steps": [whatsapp, sms]},
    ]
    version = publishing.draft(alice.route.route, rules=rules, by=alice.author, accept_double_delivery=True)
    publishing.publish(version, by=alice.author, because="for a test", at=timezone.now())
    world.forget()


def generated(alice: World, *, cases: int) -> set[str]:
    wind_the_road(alice)
    suppress(alice, recipient="+201000000012")
    suppress(alice, recipient="+447400123456", channel="whatsapp")
    dice = random.Random(cases)
    return {agree(alice, {name: dice.choice(pool) for name, pool in POOL.items()}) for _ in range(cases)}


def test_explaining_and_sending_agree(alice: World) -> None:
    ends = generated(alice, cases=300)

    assert ends >= {"accepted", "invalid_recipient", "invalid_variables", "no_route", "template_not_found", "url_refused"}


@pytest.mark.slow
def test_explaining_and_sending_agree_on_thousands_of_cases(alice: World) -> None:
    assert "recipient_suppressed" in generated(alice, cases=4_000)


def test_the_api_explains(alice: World, client: Client) -> None:
    body = {"channel": "whatsapp", "template": "order_shipped", "recipient": NUMBER, "variables": {"order_id": "A-17"}}
    headers = {"Authorization": f"Bearer {alice.key}"}

    told = client.post("/v1/messages/explain", body, content_type="application/json", headers=headers)
    wrong = client.post("/v1/messages/explain", body | {"colour": "red"}, content_type="application/json", headers=headers)

    assert (told.status_code, told.json()["accepted"]) == (200, True)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "colour")
    assert not Message.objects.exists()


def test_a_stranger_is_told_nothing(alice: World, client: Client) -> None:
    assert client.post("/v1/messages/explain", {}, content_type="application/json").status_code == 401
