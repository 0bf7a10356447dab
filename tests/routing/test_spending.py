"""A plan by what it costs: the cheapest first where the rule says so, nothing dearer than its budget; unknown prices count for nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Business
from routing import prices, selection, spending
from routing.models import Gate, Price, ProviderAccount, RouteVersion
from routing.selection import NoRoute, Plan, Wish
from routing.spending import Purchase
from tests.routing.conftest import AT, step

pytestmark = pytest.mark.django_db

Make = Callable[..., ProviderAccount]
Publish = Callable[..., RouteVersion]
Weigh = Callable[..., Plan]


@pytest.fixture
def weigh(business: Business) -> Weigh:
    def plan(*, segments: int | None = 1, number: str = "+201001234567", seed: int = 1) -> Plan:
        asked: dict[str, Any] = {"channel": "auto", "lane": "utility", "template": "t", "language": "en", "country": "EG", "kind": "phone"}
        wish = Wish(business.pk, "live", **asked, channels=frozenset({"whatsapp", "sms"}), fallback=True)
        drawn = selection.plan(selection.book(business.pk, at=AT), wish, pick=random.Random(seed))
        return spending.weigh(drawn, Purchase("utility", "EG", number, segments), table=prices.build(Price.objects.all(), at=AT))

    return plan


def cost(account: ProviderAccount, amount: str, **fields: Any) -> None:
    Price.objects.create(account=account, channel="sms", amount=amount, **fields)


def told(plan: Plan) -> list[list[tuple[str, str | None]]]:
    return [[(account.name, account.price) for account in step.accounts] for step in plan.steps]


def test_the_cheapest_comes_first_the_unknown_after_it_and_a_reserve_last(account: Make, published: Publish, weigh: Weigh) -> None:
    for name, amount in (("dear", "0.5"), ("cheap", "0.1"), ("nobody knows", None), ("reserve", "0.01")):
        row = account(name)
        if amount:
            cost(row, amount)
    published([{"steps": [step("sms", "dear*900", "nobody knows", "cheap", "reserve*0", prefer="cheapest")]}])

    for seed in range(20):
        assert told(weigh(segments=2, seed=seed)) == [[("cheap", "0.2"), ("dear", "1"), ("nobody knows", None), ("reserve", "0.02")]]


def test_what_costs_the_same_is_drawn_by_weight(account: Make, published: Publish, weigh: Weigh) -> None:
    for name in ("often", "seldom"):
        cost(account(name), "0.1")
    published([{"steps": [step("sms", "often*9", "seldom", prefer="cheapest")]}])

    firsts = [weigh(seed=seed).steps[0].accounts[0].name for seed in range(200)]

    assert 150 < firsts.count("often") < 200


def test_the_prefix_of_the_number_decides_which_is_the_cheapest(account: Make, published: Publish, weigh: Weigh) -> None:
    a, b = account("a"), account("b")
    cost(a, "0.1")
    cost(b, "0.2")
    cost(b, "0.05", prefix="2012")
    published([{"steps": [step("sms", "a", "b", prefer="cheapest")]}])

    assert told(weigh())[0][0] == ("a", "0.1")
    assert told(weigh(number="+201201234567"))[0][0] == ("b", "0.05")


def test_the_cheapest_is_put_behind_while_it_ails(account: Make, published: Publish, weigh: Weigh) -> None:
    cheap, dear = account("cheap"), account("dear")
    cost(cheap, "0.1")
    cost(dear, "0.2")
    published([{"steps": [step("sms", "cheap", "dear", prefer="cheapest")]}])
    Gate.objects.create(account=cheap, lost=10)

    assert [name for name, _ in told(weigh())[0]] == ["dear", "cheap"]


def test_what_costs_more_than_the_budget_is_left_out_and_told(account: Make, published: Publish, weigh: Weigh) -> None:
    meta, cheap, dear = account("meta", "meta"), account("cheap"), account("dear")
    Price.objects.create(account=meta, channel="whatsapp", amount="0.9")
    cost(cheap, "0.1")
    cost(dear, "0.3")
    whatsapp = step("whatsapp", "meta", until="delivered", within=60)
    published([{"steps": [whatsapp, step("sms", "cheap*0", "dear")], "budget": {"cost": "0.25"}}])

    plan = weigh(segments=2)

    assert told(plan) == [[("cheap", "0.2")]]
    assert plan.trace["chosen"] == [str(cheap.pk)]
    entries = [entry for each in plan.trace["rules"][-1]["steps"] for entry in each["accounts"]]
    assert [(entry["name"], entry["price"], entry.get("left_out")) for entry in entries] == [
        ("meta", "0.9", "it costs 0.9, and the budget is 0.25"),
        ("cheap", "0.2", None),
        ("dear", "0.6", "it costs 0.6, and the budget is 0.25"),
    ]
    assert told(weigh(segments=None)) == [[("dear", None), ("cheap", None)]]  # the decision that messages share is as it was


def test_a_last_step_that_is_left_out_leaves_one_that_waits_for_nothing(account: Make, published: Publish, weigh: Weigh) -> None:
    account("meta", "meta")
    cost(account("dear"), "0.3")
    published([{"steps": [step("whatsapp", "meta", until="delivered", within=60), step("sms", "dear")], "budget": {"cost": "0.2"}}])

    (only,) = weigh().steps

    assert (only.channel, only.until, only.within) == ("whatsapp", None, None)


def test_nothing_that_the_budget_can_pay_is_no_route(account: Make, published: Publish, weigh: Weigh) -> None:
    cost(account("dear"), "0.3")
    published([{"steps": [step("sms", "dear")], "budget": {"cost": "0.2"}}])

    with pytest.raises(NoRoute, match=r"costs more than the 0\.2") as refused:
        weigh()
    assert refused.value.trace["rules"][-1]["steps"][0]["accounts"][0]["price"] == "0.3"


def test_who_asks_for_no_price_keeps_the_shared_plan(account: Make, published: Publish, weigh: Weigh) -> None:
    cost(account("a"), "0.3")
    published([{"steps": [step("sms", "a")]}])

    assert weigh() is weigh()
