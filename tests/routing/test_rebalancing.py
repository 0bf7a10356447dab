"""Shares follow health: down by ten points while an account is worse than its neighbours, back by ten every quarter of an hour."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Business, Person
from alerts.kinds import Kind
from alerts.models import Alert
from routing import book, breaker, rebalancing, selection, shares, states
from routing.models import Gate, HealthChange, Outcome, ProviderAccount, RouteVersion
from routing.selection import Wish
from tests.routing.conftest import step

Make = Callable[..., ProviderAccount]
Publish = Callable[..., RouteVersion]
pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def pair(account: Make, published: Publish) -> tuple[ProviderAccount, ProviderAccount]:
    """Two accounts that share a step, half and half."""
    rows = account("a"), account("b")
    published([{"steps": [step("sms", "a", "b")]}])
    return rows


def seen(row: ProviderAccount, at: datetime, **figures: int) -> None:
    """What became of its calls, some seconds ago."""
    none = dict.fromkeys(("taken", "failed", "unanswered", "throttled", "refused", "slow", "delivered", "late"), 0)
    Outcome.objects.create(account_id=row.pk, at=at - timedelta(seconds=5), **none | figures)


def lost(row: ProviderAccount) -> int:
    return Gate.objects.filter(account=row).values_list("lost", flat=True).first() or 0


@pytest.mark.parametrize(
    "figures, because",
    [
        ({"taken": 90, "failed": 8, "unanswered": 2}, "10 of 100 calls failed within a minute."),
        ({"taken": 100, "slow": 15}, "15 of 100 calls in 15 minutes were answered after 3 seconds or more."),
        ({"delivered": 100, "late": 20}, "20 of 100 messages in 15 minutes arrived after 5 minutes or more."),
    ],
)
def test_who_fails_or_is_slow_loses_ten_points(
    pair: tuple[ProviderAccount, ProviderAccount], figures: dict[str, int], because: str
) -> None:
    worse, better = pair
    now = timezone.now()
    seen(worse, now, **figures)
    seen(better, now, taken=100, delivered=100)

    rebalancing.rebalance(at=now)

    assert (lost(worse), lost(better)) == (10, 0)
    change = HealthChange.objects.get()
    assert (change.change, change.because, change.figures, change.by) == ("lowered", because, {"before": 0, "lost": 10}, None)
    assert Alert.objects.get().kind == Kind.SHARE_LOWERED


@pytest.mark.parametrize(
    "figures", [{"taken": 91, "failed": 9}, {"taken": 1_000, "failed": 50}, {"taken": 19, "slow": 19}, {"slow": 14, "taken": 100}]
)
def test_what_happens_everywhere_costs_nothing(pair: tuple[ProviderAccount, ProviderAccount], figures: dict[str, int]) -> None:
    now = timezone.now()
    seen(pair[0], now, **figures)
    rebalancing.rebalance(at=now)
    assert lost(pair[0]) == 0


def test_nothing_moves_while_all_of_a_step_are_alike_bad(pair: tuple[ProviderAccount, ProviderAccount]) -> None:
    now = timezone.now()
    for row in pair:
        seen(row, now, failed=50, taken=50)
    rebalancing.rebalance(at=now)
    assert not HealthChange.objects.exists()


def test_nothing_moves_to_an_account_that_is_out_of_service_or_shut(pair: tuple[ProviderAccount, ProviderAccount]) -> None:
    now = timezone.now()
    seen(pair[0], now, failed=50, taken=50)
    Gate.objects.create(account=pair[1], breaker="open", since=now, next_probe_at=now + MINUTE)
    rebalancing.rebalance(at=now)
    assert lost(pair[0]) == 0


def test_it_waits_between_two_changes_and_stops_at_the_floor(pair: tuple[ProviderAccount, ProviderAccount]) -> None:
    now = timezone.now()
    found = []
    for minute in range(8):
        at = now + minute * MINUTE
        seen(pair[0], at, failed=50, taken=50)
        rebalancing.rebalance(at=at)
        rebalancing.rebalance(at=at + timedelta(seconds=20))
        found.append(lost(pair[0]))
    assert found == [10, 20, 30, 40, 50, 50, 50, 50]
    assert shares.effective([1, 1], [50, 0])[0] == pytest.approx(5.0)


def test_slowness_moves_it_every_five_minutes_only(pair: tuple[ProviderAccount, ProviderAccount]) -> None:
    now = timezone.now()
    seen(pair[0], now, taken=100, slow=50)
    for minute in range(8):
        rebalancing.rebalance(at=now + minute * MINUTE)
    assert lost(pair[0]) == 20


def test_it_drifts_back_ten_points_every_quarter_of_an_hour(pair: tuple[ProviderAccount, ProviderAccount]) -> None:
    now = timezone.now()
    seen(pair[0], now, failed=50, taken=50)
    for minute in range(2):
        rebalancing.rebalance(at=now + minute * MINUTE)
    found = []
    for minute in range(2, 50):
        rebalancing.rebalance(at=now + minute * MINUTE)
        found.append(lost(pair[0]))
    assert Counter(found)[10] == pytest.approx(15, abs=2)
    assert found[-1] == 0
    assert [each.change for each in HealthChange.objects.order_by("at")] == ["lowered", "raised"] or lost(pair[0]) == 0
    assert not Alert.objects.open().exists()


def test_staff_hold_it_release_it_and_reset_it(pair: tuple[ProviderAccount, ProviderAccount], operator: Person) -> None:
    now = timezone.now()
    worse = pair[0]
    rebalancing.hold(worse.pk, because="They have told us why.", by=operator, at=now)
    seen(worse, now, failed=50, taken=50)
    rebalancing.rebalance(at=now)
    assert lost(worse) == 0

    rebalancing.release(worse.pk, because="It should be over.", by=operator, at=now)
    rebalancing.rebalance(at=now)
    assert lost(worse) == 10

    breaker.reset(worse.pk, because="It is over.", by=operator, at=now)
    assert lost(worse) == 0
    assert [(each.change, each.by) for each in HealthChange.objects.order_by("id")] == [
        ("held", operator),
        ("released", operator),
        ("lowered", None),
        ("reset", operator),
    ]


def test_the_draw_follows(pair: tuple[ProviderAccount, ProviderAccount], business: Business) -> None:
    Gate.objects.create(account=pair[0], lost=30)
    book.forget()
    wish = Wish(business.pk, "live", "sms", "utility", "order", "en", "EG", "phone", frozenset({"sms"}), True)
    found = selection.book(business.pk, at=timezone.now())
    first = Counter(selection.plan(found, wish, pick=random.Random(seed)).steps[0].accounts[0].name for seed in range(2_000))
    assert 0.17 < first["a"] / 2_000 < 0.23
    (rule,) = selection.plan(found, wish, pick=random.Random(1)).trace["rules"]
    assert [each.get("lost") for each in rule["steps"][0]["accounts"]] == [30, None]


@pytest.mark.parametrize(
    "weights, lost, expected",
    [
        ([3, 1], [0, 0], [75, 25]),
        ([1, 1, 0], [40, 0, 0], [10, 90, 0]),
        ([1, 1], [100, 100], [50, 50]),
        ([0, 0], [10, 0], [0, 0]),
        ([1000, 1], [0, 90], [99.9, 0.0999]),
    ],
)
def test_what_one_loses_the_others_get_in_proportion(weights: list[int], lost: list[int], expected: list[float]) -> None:
    assert shares.effective(weights, lost) == pytest.approx(expected, rel=0.01)


def test_a_business_sees_how_the_platform_s_accounts_do_that_its_routes_use(account: Make, published: Publish, business: Business) -> None:
    now = timezone.now()
    row = account("ours", business=None)
    account("not named", business=None)
    published([{"steps": [step("sms", "ours")]}])
    Gate.objects.create(account=row, breaker="open", since=now, next_probe_at=now + timedelta(seconds=25))
    ((found, state),) = states.of_routes(business.pk, at=now)
    assert (found, state.sentence) == (row, "Open: next probe in 25 s.")


@pytest.mark.parametrize(
    "figures, sentence",
    [
        ({}, "Healthy"),
        ({"taken": 40}, "Healthy: 40 of 40 went well in the last minute."),
        ({"taken": 33, "failed": 7}, "Degraded: 7 of 40 failed in the last minute."),
    ],
)
def test_a_state_is_told_in_plain_words(account: Make, figures: dict[str, int], sentence: str) -> None:
    now = timezone.now()
    row = account("a")
    if figures:
        seen(row, now, **figures)
    assert states.tell(states.with_figures(ProviderAccount.objects.filter(pk=row.pk), at=now).get(), at=now).sentence == sentence


def test_an_account_whose_rate_allows_no_more_comes_last_and_the_trace_says_why(
    account: Make, published: Publish, business: Business
) -> None:
    now = timezone.now()
    spent = account("spent", rate="1", burst=10)
    account("reserve")
    published([{"steps": [step("sms", "spent", "reserve*0")]}])
    Gate.objects.create(account=spent, tokens=2.5, filled_at=now)
    found = selection.book(business.pk, at=now)
    first = {}
    for lane in ("authentication", "marketing"):
        wish = Wish(business.pk, "live", "sms", lane, "order", "en", "EG", "phone", frozenset({"sms"}), True)
        plan = selection.plan(found, wish, pick=random.Random(1))
        told = plan.trace["rules"][0]["steps"][0]["accounts"][0].get("put_last")
        first[lane] = plan.steps[0].accounts[0].name, told
    assert first == {"authentication": ("spent", None), "marketing": ("reserve", "its rate allows no more at the moment")}


def test_what_explaining_tells_of_an_account(account: Make) -> None:
    now = timezone.now()
    row = account("a", rate="2.5", burst=4)
    Gate.objects.create(account=row, lost=20, tokens=0.0, filled_at=now - timedelta(seconds=1))
    assert states.of_candidates([row.pk], at=now) == [
        {
            "account": "a",
            "health": "degraded",
            "says": "Degraded. Its share of every step is lowered by 20 points.",
            "breaker": "closed",
            "lost": 20,
            "rate": 2.5,
            "allows_now": 2,
        }
    ]
