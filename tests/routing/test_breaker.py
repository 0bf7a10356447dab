"""A breaker opens by the measured rate of failures, lets exactly so many probes through, and says why in its history."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import Business, BusinessEvent, Person
from alerts.kinds import Kind
from alerts.models import Alert
from routing import breaker, gates, tally
from routing.breaker import Probed
from routing.choices import Breaker, Change
from routing.models import Gate, HealthChange, Outcome, ProviderAccount, RouteVersion
from routing.providers.base import ErrorClass, Fault, Handoff
from tests.routing.conftest import step

Make = Callable[..., ProviderAccount]
Publish = Callable[..., RouteVersion]

TAKEN, SILENT = Handoff(reference="x"), Handoff()
pytestmark = pytest.mark.django_db


def fault(error_class: ErrorClass, code: str = "x", retry_after: float | None = None) -> Handoff:
    return Handoff(fault=Fault(error_class, code, retry_after))


BROKEN = fault(ErrorClass.PROVIDER_FAULT)


def count(row: ProviderAccount, *outcomes: tuple[int, Handoff], is_probe: bool = False) -> None:
    for times, outcome in outcomes:
        for _ in range(times):
            tally.note(row.pk, outcome, took=0.1, is_probe=is_probe)
    tally.settle(now=True)


def state(row: ProviderAccount) -> str:
    return str(Gate.objects.get(account=row).breaker)


def changes(row: ProviderAccount) -> list[str]:
    return list(HealthChange.objects.filter(account=row).order_by("at", "id").values_list("change", flat=True))


def past(row: ProviderAccount) -> None:
    """As if the wait of an open breaker were over."""
    Gate.objects.filter(account=row).update(next_probe_at=timezone.now() - timedelta(seconds=1))


def probe(row: ProviderAccount, number: int) -> int:
    """Calls that are let through, of so many."""
    with transaction.atomic():
        held = gates.hold([row.pk], lane="authentication")
        allowed = min(number, held[row.pk].allowed or 0) if row.pk in held else 0
        gates.spend({row.pk: allowed} if allowed else {}, held=held, at=timezone.now())
    return allowed


@pytest.fixture
def opened(account: Make) -> ProviderAccount:
    row = account("a")
    count(row, (10, BROKEN))
    return row


# Opening


def test_half_of_ten_calls_must_have_failed(account: Make) -> None:
    few, well, bad = account("few"), account("well"), account("bad")
    count(few, (9, BROKEN))
    count(well, (11, TAKEN), (10, BROKEN))
    count(bad, (5, TAKEN), (3, BROKEN), (2, SILENT))

    assert not Gate.objects.filter(account__in=[few, well], breaker=Breaker.OPEN).exists()
    assert state(bad) == Breaker.OPEN


@pytest.mark.parametrize(
    "outcome",
    [
        fault(ErrorClass.THROTTLED),
        fault(ErrorClass.INVALID_RECIPIENT),
        fault(ErrorClass.ACCOUNT_FAULT),
        fault(ErrorClass.PROVIDER_FAULT, tally.LEASE_LOST),
    ],
)
def test_what_says_nothing_about_the_provider_does_not_open_it(account: Make, outcome: Handoff) -> None:
    row = account("a")
    count(row, (50, outcome))
    assert not Gate.objects.filter(account=row, breaker=Breaker.OPEN).exists()


def test_it_says_why_in_history_alert_and_event(account: Make, business: Business) -> None:
    row = account("a")
    count(row, (8, BROKEN), (2, TAKEN))

    change = HealthChange.objects.get(account=row)
    assert (change.change, change.because) == (Change.OPENED, "8 of 10 calls failed within a minute.")
    assert (change.figures["failed"], change.figures["calls"]) == (8, 10)
    assert Alert.objects.get(kind=Kind.BREAKER_OPEN).business == business
    event = BusinessEvent.objects.get(business_id=business.pk)
    assert (event.type, event.mode, event.about["account"]) == ("provider.degraded", "live", "a")


def test_an_account_of_the_platform_is_told_to_those_whose_routes_name_it(
    account: Make, published: Publish, business: Business, stranger: Business
) -> None:
    row = account("ours", business=None)
    published([{"steps": [step("sms", "ours")]}])
    count(row, (10, BROKEN))
    assert list(BusinessEvent.objects.values_list("business_id", flat=True)) == [business.pk]


def test_failures_from_before_a_recovery_are_forgotten(opened: ProviderAccount) -> None:
    breaker.reset(opened.pk, because="mended", by=None, at=timezone.now())
    count(opened, (1, BROKEN))
    assert state(opened) == Breaker.CLOSED


# While it is open, and after


def test_nothing_is_let_through_before_the_next_probe(opened: ProviderAccount) -> None:
    assert probe(opened, 5) == 0
    assert opened.pk in gates.shut()


def test_it_waits_30_seconds_a_tenth_more_or_less(opened: ProviderAccount) -> None:
    gate = Gate.objects.get(account=opened)
    assert gate.next_probe_at
    assert gate.since
    assert 27 <= (gate.next_probe_at - gate.since).total_seconds() <= 33


def test_good_probes_close_it(opened: ProviderAccount, business: Business) -> None:
    past(opened)
    assert probe(opened, 5) == gates.PROBES
    assert probe(opened, 5) == 0
    count(opened, (2, TAKEN), is_probe=True)
    assert state(opened) == Breaker.HALF_OPEN
    count(opened, (1, TAKEN), is_probe=True)

    assert state(opened) == Breaker.CLOSED
    assert changes(opened) == ["opened", "probing", "closed"]
    assert not Alert.objects.open().exists()
    assert list(BusinessEvent.objects.order_by("id").values_list("type", flat=True)) == ["provider.degraded", "provider.recovered"]


def test_a_probe_that_fails_opens_it_for_twice_as_long(opened: ProviderAccount) -> None:
    past(opened)
    probe(opened, 5)
    count(opened, (2, TAKEN), (1, SILENT), is_probe=True)

    gate = Gate.objects.get(account=opened)
    assert gate.next_probe_at
    assert gate.since
    assert (gate.breaker, gate.openings) == (Breaker.OPEN, 2)
    assert 54 <= (gate.next_probe_at - gate.since).total_seconds() <= 66


def test_it_waits_ten_minutes_at_most(opened: ProviderAccount) -> None:
    for _ in range(8):
        past(opened)
        probe(opened, 1)
        count(opened, (1, SILENT), is_probe=True)
    gate = Gate.objects.get(account=opened)
    assert gate.next_probe_at
    assert gate.since
    assert 540 <= (gate.next_probe_at - gate.since).total_seconds() <= 660


def test_probes_whose_worker_is_gone_are_made_again(opened: ProviderAccount) -> None:
    past(opened)
    probe(opened, 5)
    Gate.objects.filter(account=opened).update(since=timezone.now() - timedelta(minutes=2))
    assert probe(opened, 5) == gates.PROBES


def test_staff_reset_it_with_a_reason(opened: ProviderAccount, operator: Person) -> None:
    assert breaker.reset(opened.pk, because="They say it is mended.", by=operator, at=timezone.now())
    change = HealthChange.objects.get(account=opened, change=Change.RESET)
    assert (state(opened), change.because, change.by) == (Breaker.CLOSED, "They say it is mended.", operator)


def test_history_can_not_be_changed(opened: ProviderAccount) -> None:
    with pytest.raises(DatabaseError, match="read-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE routing_healthchange SET because = 'nothing happened'")


# Bookkeeping


def test_calls_are_added_up_by_account_and_ten_seconds(account: Make) -> None:
    row = account("a")
    tally.note(row.pk, TAKEN, took=9.0, is_probe=False)
    tally.note_delivered([(row.pk, 10.0), (row.pk, 1_000.0)])
    count(row, (2, TAKEN), (1, BROKEN), (1, fault(ErrorClass.THROTTLED)))

    sums = {name: sum(Outcome.objects.filter(account_id=row.pk).values_list(name, flat=True)) for name in ("taken", "failed", "throttled")}
    late = [sum(Outcome.objects.filter(account_id=row.pk).values_list(name, flat=True)) for name in ("slow", "delivered", "late")]
    assert (sums, late) == ({"taken": 3, "failed": 1, "throttled": 1}, [1, 2, 1])


def test_a_thousand_messages_are_one_row(account: Make, django_assert_max_num_queries: Any) -> None:
    row = account("a")
    with django_assert_max_num_queries(1):
        count(row, (1_000, TAKEN))


# Races


def in_threads(work: Callable[[], Any], *, number: int = 8) -> list[Any]:
    """All at once, each with a connection of its own."""
    gate = threading.Barrier(number)

    def run(_: int) -> Any:
        try:
            gate.wait()
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


@pytest.mark.django_db(transaction=True)
def test_of_many_that_see_the_failures_one_opens_it(account: Make) -> None:
    row = account("a")
    Outcome.objects.create(account_id=row.pk, at=timezone.now(), failed=20, taken=0, unanswered=0)
    found = in_threads(lambda: breaker.judge([row.pk]))
    assert sorted(found) == [[]] * 7 + [[row.pk]]
    assert changes(row) == ["opened"]


@pytest.mark.django_db(transaction=True)
def test_of_many_that_want_to_probe_exactly_three_calls_are_made(account: Make) -> None:
    row = account("a")
    count(row, (10, BROKEN))
    past(row)

    def want() -> int:
        return sum(probe(row, 2) for _ in range(25))

    assert sum(in_threads(want)) == gates.PROBES
    assert changes(row) == ["opened", "probing"]


@pytest.mark.django_db(transaction=True)
def test_probes_that_end_at_once_end_it_once(account: Make) -> None:
    row = account("a")
    count(row, (10, BROKEN))
    past(row)
    probe(row, 3)
    in_threads(lambda: breaker.hear({row.pk: Probed(good=1, bad=0)}), number=3)
    assert (state(row), changes(row)) == (Breaker.CLOSED, ["opened", "probing", "closed"])


# Buckets


def test_a_bucket_gives_a_second_s_worth_and_no_more(account: Make) -> None:
    row = account("a", rate="5")
    assert [probe(row, 3), probe(row, 3), probe(row, 3)] == [3, 2, 0]


def test_an_account_that_lets_less_than_one_a_second_through_gives_one(account: Make) -> None:
    row = account("a", rate="0.1")
    assert [probe(row, 3), probe(row, 3)] == [1, 0]
    Gate.objects.filter(account=row).update(filled_at=timezone.now() - timedelta(seconds=11))
    assert probe(row, 3) == 1


def test_marketing_leaves_tokens_to_codes(account: Make) -> None:
    row = account("a", rate="10", burst=10)
    allowed = {}
    for lane in ("marketing", "utility", "authentication"):
        with transaction.atomic():
            allowed[lane] = gates.hold([row.pk], lane=lane)[row.pk].allowed
    assert allowed == {"marketing": 7, "utility": 9, "authentication": 10}


def test_a_bucket_of_one_is_for_everybody(account: Make) -> None:
    row = account("a", rate="1")
    with transaction.atomic():
        assert gates.hold([row.pk], lane="marketing")[row.pk].allowed == 1


def test_a_throttled_answer_stops_everybody_until_its_moment(account: Make) -> None:
    row = account("a", rate="50")
    tally.note(row.pk, fault(ErrorClass.THROTTLED, "429", retry_after=30), took=0.1, is_probe=False)
    tally.settle()
    with transaction.atomic():
        assert gates.hold([row.pk], lane="authentication")[row.pk].allowed == 0
    Gate.objects.update(not_before=timezone.now(), filled_at=timezone.now() - timedelta(seconds=0.2))
    with transaction.atomic():  # it begins with an empty bucket, not with a full one
        assert gates.hold([row.pk], lane="authentication")[row.pk].allowed in range(10, 15)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rate, burst", [(40, 10), (100, 1), (7, 20)])
def test_all_workers_together_never_exceed_rate_and_burst_in_any_window(account: Make, rate: int, burst: int) -> None:
    row = account("a", rate=str(rate), burst=burst)
    began = time.monotonic()
    taken: list[float] = []

    def work() -> None:
        while (now := time.monotonic()) - began < 1.5:
            taken.extend([now] * probe(row, 4))  # the moment before: a window that is measured is never longer than the real one

    in_threads(work, number=6)

    taken.sort()
    most = max(
        (last - first + 1 - burst - rate * (taken[last] - taken[first]), first, last)
        for first in range(len(taken))
        for last in range(first, len(taken))
    )
    assert most[0] <= 1 + rate * 0.1, most  # a tenth of a second for what lies between the look at the clock and the row
    assert len(taken) >= 0.5 * (rate + burst)


# Days


def test_a_daily_cap_lets_so_many_through_until_midnight(account: Make) -> None:
    row = account("a", daily_cap=4)
    assert [probe(row, 3), probe(row, 3), probe(row, 3)] == [3, 1, 0]
    assert list(gates.shut()) == [row.pk]
    assert gates.shut()[row.pk][0] == timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    Gate.objects.filter(account=row).update(day=timezone.now().date() - timedelta(days=1))
    assert (probe(row, 3), gates.shut()) == (3, {})


def test_a_cap_that_is_raised_or_taken_away_holds_at_once(account: Make) -> None:
    row = account("a", daily_cap=1, rate="50")
    assert [probe(row, 2), probe(row, 2)] == [1, 0]
    assert gates.next_token([row.pk], lane="utility") is None  # it waits for the day, not for a token
    ProviderAccount.objects.update(daily_cap=2)
    assert probe(row, 2) == 1
    ProviderAccount.objects.update(daily_cap=None)
    assert (probe(row, 2), gates.shut()) == (2, {})


def test_what_is_spent_says_so_to_those_who_choose(account: Make) -> None:
    row = account("a", daily_cap=2)
    probe(row, 2)
    assert Gate.objects.get(account=row).shut(timezone.now(), of=row) == "its daily cap is reached"
    assert Gate.objects.get(account=row).shut(timezone.now() + timedelta(days=1), of=row) == ""


@pytest.mark.django_db(transaction=True)
def test_staff_hear_of_a_cap_before_it_is_reached_and_when_it_is(account: Make) -> None:
    row = account("a", daily_cap=10)
    told = []
    for number in (7, 1, 1, 1):
        probe(row, number)
        told.append(list(Alert.objects.filter(kind=Kind.CAP_NEAR).values_list("because", flat=True)))

    assert [len(each) for each in told] == [0, 1, 1, 1]
    assert told[-1][0].startswith("10 of 10 calls of the day")


@pytest.mark.django_db(transaction=True)
def test_all_workers_together_never_exceed_a_daily_cap(account: Make) -> None:
    row = account("a", daily_cap=10)

    def want() -> int:
        return sum(probe(row, 2) for _ in range(50))

    assert sum(in_threads(want)) == 10
