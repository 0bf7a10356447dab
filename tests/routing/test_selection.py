from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Business
from routing import facts, health, selection
from routing.facts import Subject
from routing.models import ProviderAccount, RouteVersion
from routing.selection import NoRoute, Plan, Wish
from tests.routing.conftest import AT, step

Make = Callable[..., ProviderAccount]
Publish = Callable[..., RouteVersion]
Choose = Callable[..., Plan]


@pytest.fixture
def choose(business: Business) -> Callable[..., Plan]:
    def plan(*, seed: int = 1, **wish: Any) -> Plan:
        usual = {
            "business_id": business.pk,
            "mode": "live",
            "channel": "auto",
            "lane": "utility",
            "template": "order_shipped",
            "language": "en",
            "country": "EG",
            "kind": "phone",
            "channels": frozenset({"whatsapp", "sms"}),
            "fallback": True,
        }
        return selection.plan(selection.book(business.pk, at=AT), Wish(**(usual | wish)), pick=random.Random(seed))

    return plan


def told(plan: Plan) -> list[tuple[str, list[str]]]:
    return [(step.channel, [account.name for account in step.accounts]) for step in plan.steps]


# Which rule decides


def test_the_first_rule_whose_conditions_hold_decides(account: Make, published: Publish, choose: Choose) -> None:
    account("cairo"), account("world")
    version = published(
        [
            {"when": [{"field": "country", "in": ["EG"]}, {"field": "class", "not_in": ["marketing"]}], "steps": [step("sms", "cairo")]},
            {"steps": [step("sms", "world")]},
        ]
    )
    assert told(choose()) == [("sms", ["cairo"])]
    assert told(choose(country="SA")) == [("sms", ["world"])]
    assert told(choose(lane="marketing")) == [("sms", ["world"])]
    assert (choose().version_id, choose().name, choose().number) == (version.pk, "main", 1)


def test_routes_are_tried_by_position(account: Make, published: Publish, choose: Choose) -> None:
    account("first"), account("second")
    published([{"steps": [step("sms", "second")]}], name="a-late-one", position=20)
    published([{"steps": [step("sms", "first")]}], name="z-early-one", position=10)
    assert told(choose()) == [("sms", ["first"])]


def test_a_rule_without_a_step_for_this_message_is_passed_over(account: Make, published: Publish, choose: Choose) -> None:
    account("meta", "meta"), account("twilio")
    published([{"steps": [step("whatsapp", "meta")]}, {"steps": [step("sms", "twilio")]}])
    plan = choose(channel="sms")
    assert told(plan) == [("sms", ["twilio"])]
    assert plan.trace["rules"][0]["because"] == "none of its steps can carry this message"


# What rules ask about besides: each fact is in the wish only if a rule asks for it


def see(business: Business, **more: Any) -> facts.Facts:
    usual: dict[str, Any] = {"number": "+201001234567", "metadata": {}, "tags": (), "key": ("Shop", "abcdefghij12"), "due_at": AT}
    return facts.see(selection.book(business.pk, at=AT).asked, Subject(**usual | more))


@pytest.mark.parametrize(
    "condition, yes, no",
    [
        ({"field": "number_type", "in": ["mobile"]}, {"number": "+201001234567"}, {"number": "+20227365000"}),
        ({"field": "prefix", "in": ["+2010"]}, {"number": "+201001234567"}, {"number": "+201101234567"}),
        ({"field": "tag", "in": ["urgent"]}, {"tags": ("shop", "urgent")}, {"tags": ("shop",)}),
        ({"field": "key", "in": ["Shop"]}, {"key": ("Shop", "abcdefghij12")}, {"key": ("Till", "klmnopqrst34")}),
        ({"field": "metadata", "name": "plan", "in": ["gold"]}, {"metadata": {"plan": "gold"}}, {"metadata": {"plan": "tin"}}),
        (
            {"field": "time", "zone": "Africa/Cairo", "in": ["sun-thu 09:00-17:00"]},
            {"due_at": datetime(2026, 3, 2, 7, 0, tzinfo=UTC)},
            {"due_at": datetime(2026, 3, 2, 6, 59, tzinfo=UTC)},
        ),
    ],
)
def test_a_rule_may_ask_about_it(
    *, account: Make, published: Publish, choose: Choose, business: Business, condition: Any, yes: dict[str, Any], no: dict[str, Any]
) -> None:
    account("then"), account("else")
    published([{"when": [condition], "steps": [step("sms", "then")]}, {"steps": [step("sms", "else")]}])

    assert told(choose(facts=see(business, **yes))) == [("sms", ["then"])]
    assert told(choose(facts=see(business, **no))) == [("sms", ["else"])]


def test_neither_number_nor_a_value_that_no_rule_lists_enters_wish_or_trace(
    account: Make, published: Publish, choose: Choose, business: Business
) -> None:
    account("a")
    asked = [{"field": "prefix", "not_in": ["+2010"]}, {"field": "metadata", "name": "who", "in": ["Adam"]}]
    published([{"when": asked, "steps": [step("sms", "a")]}, {"steps": [step("sms", "a")]}])

    found = see(business, metadata={"who": "Sara"})
    when = choose(facts=found).trace["rules"][0]["when"]

    assert "Sara" not in repr(found)
    assert "1234567" not in repr(found)
    assert when == [
        {"field": "prefix", "is": "not_in", "seen": "+2010", "held": False},
        {"field": "metadata", "is": "in", "seen": "(another value)", "name": "who", "held": False},
    ]


def test_messages_of_one_minute_and_of_many_values_share_a_decision(
    account: Make, published: Publish, choose: Choose, business: Business
) -> None:
    account("a")
    when = [{"field": "time", "zone": "UTC", "in": ["12:00-13:00"]}, {"field": "metadata", "name": "order", "not_in": ["1"]}]
    published([{"when": when, "steps": [step("sms", "a")]}])

    first, second = (see(business, metadata={"order": n}, due_at=AT + timedelta(minutes=n)) for n in (17, 18))

    assert choose(facts=first) is choose(facts=second)


# Which steps are taken


@pytest.fixture
def ladder(account: Make, published: Publish) -> RouteVersion:
    account("meta", "meta"), account("twilio")
    return published(
        [
            {
                "steps": [
                    step("whatsapp", "meta", until="delivered", within=300),
                    step("sms", "twilio", until="sent", within=60),
                    step("whatsapp", "twilio"),
                ]
            }
        ]
    )


def test_the_plan_begins_with_the_channel_asked_for(ladder: RouteVersion, choose: Choose) -> None:
    assert [each.channel for each in choose().steps] == ["whatsapp", "sms", "whatsapp"]
    assert [each.channel for each in choose(channel="sms").steps] == ["sms", "whatsapp"]


def test_without_fallback_only_the_channel_asked_for_is_used(ladder: RouteVersion, choose: Choose) -> None:
    assert [each.channel for each in choose(channel="whatsapp", fallback=False).steps] == ["whatsapp", "whatsapp"]
    assert [each.channel for each in choose(channel="sms", fallback=False).steps] == ["sms"]


def test_a_channel_without_content_is_left_out(ladder: RouteVersion, choose: Choose) -> None:
    assert [each.channel for each in choose(channels=frozenset({"sms"})).steps] == ["sms"]


def test_an_e_mail_address_takes_no_step_for_phones(ladder: RouteVersion, choose: Choose) -> None:
    with pytest.raises(NoRoute):
        choose(kind="email", country="", channels=frozenset({"whatsapp", "sms", "email"}))


def test_the_last_step_waits_for_nothing(ladder: RouteVersion, choose: Choose) -> None:
    assert [(each.until, each.within) for each in choose().steps] == [("delivered", 300), ("sent", 60), (None, None)]
    assert [(each.until, each.within) for each in choose(channels=frozenset({"sms"})).steps] == [(None, None)]


# Which accounts serve


def test_weights_share_the_traffic(account: Make, published: Publish, choose: Choose) -> None:
    account("big"), account("small"), account("reserve")
    published([{"steps": [step("sms", "small*1", "big*3", "reserve*0")]}])
    orders = Counter(tuple(told(choose(seed=seed))[0][1]) for seed in range(2_000))
    assert 1_400 < orders["big", "small", "reserve"] < 1_600
    assert set(orders) == {("big", "small", "reserve"), ("small", "big", "reserve")}


def test_the_same_draw_gives_the_same_plan(account: Make, published: Publish, choose: Choose) -> None:
    account("a"), account("b"), account("c")
    published([{"steps": [step("sms", "a", "b", "c")]}])
    assert choose(seed=7) == choose(seed=7)


def test_an_account_out_of_service_is_left_out_and_the_trace_says_so(account: Make, published: Publish, choose: Choose) -> None:
    broken, _ = account("broken"), account("whole")
    published([{"steps": [step("sms", "broken*1000", "whole")]}])
    health.out_of_service(broken.pk, because="401", at=AT)
    plan = choose()
    assert told(plan) == [("sms", ["whole"])]
    assert plan.trace["rules"][0]["steps"][0]["accounts"][0] == {
        "id": str(broken.pk),
        "name": "broken",
        "weight": 1000,
        "left_out": "out of service",
    }


def test_a_step_without_accounts_is_left_out(account: Make, published: Publish, choose: Choose) -> None:
    broken, _ = account("meta", "meta"), account("twilio")
    published([{"steps": [step("whatsapp", "meta", until="sent", within=60), step("sms", "twilio")]}])
    health.out_of_service(broken.pk, because="401", at=AT)
    assert told(choose(channel="whatsapp")) == [("sms", ["twilio"])]


def test_with_every_account_out_of_service_there_is_no_route(account: Make, published: Publish, choose: Choose) -> None:
    broken, _ = account("broken"), account("other")
    published([{"steps": [step("sms", "broken")]}, {"steps": [step("sms", "other")]}])
    health.out_of_service(broken.pk, because="401", at=AT)
    with pytest.raises(NoRoute, match="out of service") as refused:
        choose()
    assert refused.value.trace["rules"][0]["steps"][0]["accounts"][0]["left_out"] == "out of service"


# Two worlds


def test_a_test_message_goes_to_the_stand_in_of_the_same_provider(ladder: RouteVersion, choose: Choose) -> None:
    assert told(choose(mode="test")) == [
        ("whatsapp", ["Simulated Meta"]),
        ("sms", ["Simulated Twilio"]),
        ("whatsapp", ["Simulated Twilio"]),
    ]


def test_two_live_accounts_of_a_provider_have_one_stand_in(account: Make, published: Publish, choose: Choose) -> None:
    account("a"), account("b")
    published([{"steps": [step("sms", "a", "b")]}])
    assert told(choose(mode="test")) == [("sms", ["Simulated Twilio"])]


def test_a_test_account_serves_test_messages_alone(account: Make, published: Publish, choose: Choose) -> None:
    account("play", mode="test"), account("real")
    published([{"steps": [step("sms", "play*1000", "real")]}])
    assert told(choose()) == [("sms", ["real"])]
    assert set(told(choose(mode="test"))[0][1]) == {"play", "Simulated Twilio"}


def test_a_live_account_out_of_service_does_not_trouble_the_test_world(account: Make, published: Publish, choose: Choose) -> None:
    broken = account("broken")
    published([{"steps": [step("sms", "broken")]}])
    health.out_of_service(broken.pk, because="401", at=AT)
    assert told(choose(mode="test")) == [("sms", ["Simulated Twilio"])]


def test_without_a_simulator_a_test_message_has_no_route(ladder: RouteVersion, choose: Choose, settings: Any) -> None:
    settings.QSURA_SIMULATOR_URL = ""
    with pytest.raises(NoRoute):
        choose(mode="test")


# What is told


def test_a_business_without_routes_is_told_so(choose: Choose) -> None:
    with pytest.raises(NoRoute, match="no published route yet"):
        choose()


def test_a_refusal_says_what_kept_each_rule_from_being_taken(account: Make, published: Publish, choose: Choose) -> None:
    account("meta", "meta"), account("twilio")
    published(
        [
            {"when": [{"field": "country", "in": ["SA"]}], "steps": [step("sms", "twilio")]},
            {"steps": [step("whatsapp", "meta")]},
        ]
    )
    with pytest.raises(NoRoute) as refused:
        choose(channel="sms")
    assert (refused.value.code, refused.value.status) == ("no_route", 422)
    assert "main rule 1: the country is EG; main rule 2: none of its steps can carry this message" in refused.value.detail


def test_the_trace_shows_every_condition_with_the_value_seen(account: Make, published: Publish, choose: Choose) -> None:
    chosen = account("a")
    published(
        [
            {"when": [{"field": "country", "in": ["SA"]}, {"field": "language", "not_in": ["ar"]}], "steps": [step("sms", "a")]},
            {"steps": [step("sms", "a")]},
        ]
    )
    trace = choose().trace
    assert trace["rules"][0] == {
        "route": "main",
        "version": 1,
        "rule": 0,
        "held": False,
        "when": [
            {"field": "country", "is": "in", "seen": "EG", "held": False},
            {"field": "language", "is": "not_in", "seen": "en", "held": True},
        ],
    }
    assert trace["rules"][1]["held"] is True
    assert trace["chosen"] == [str(chosen.pk)]


def test_drafts_and_other_businesses_decide_nothing(
    account: Make, published: Publish, choose: Choose, stranger: Business, ladder: RouteVersion
) -> None:
    ladder.route.versions.create(number=9, rules=[])
    assert choose().number == 1
    with pytest.raises(NoRoute):
        selection.plan(
            selection.book(stranger.pk, at=AT),
            Wish(stranger.pk, "live", "auto", "utility", "t", "en", "EG", "phone", frozenset({"sms"}), fallback=True),
            pick=random.Random(1),
        )


def test_a_book_is_read_once_in_five_seconds(ladder: RouteVersion, business: Business) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        first = selection.book(business.pk, at=AT)
        assert selection.book(business.pk, at=AT + timedelta(seconds=4)) is first
    assert len(queries) == 2
    assert selection.book(business.pk, at=AT + timedelta(seconds=6)) is not first


def test_equal_wishes_share_one_decision(ladder: RouteVersion, choose: Choose) -> None:
    assert choose(seed=1) is choose(seed=2)
