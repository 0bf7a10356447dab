"""The queue: one holder at a time for each delivery, lanes served in turn, and nothing from those who outlived their lease."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Business
from callbacks import debts
from callbacks.choices import Outcome
from callbacks.debts import Debt, Paid
from callbacks.models import Delivery, DeliveryDue, DeliveryTry
from callbacks.verdict import Verdict
from tests.callbacks.webhooks import let_pass, listen, new_business, new_event, record, tries

FIRST = UUID(int=0)


def claim(
    *, room: int = 1_000, limit: int = 1_000, after: UUID = FIRST, rooms: dict[UUID, int] | None = None, lease: UUID | None = None
) -> list[Debt]:
    return debts.claim_next(rooms or {}, after=after, room=room, limit=limit, lease=lease or uuid4())


def delivered(debt: Debt) -> Paid:
    return Paid(debt, timezone.now(), 0.01, Verdict(Outcome.DELIVERED, 200, answer="ok"))


def failed(debt: Debt) -> Paid:
    return Paid(debt, timezone.now(), 0.01, Verdict(Outcome.FAILED, 500, wait=timedelta(seconds=5)))


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def test_a_claim_brings_all_that_paying_needs(shop: Business) -> None:
    endpoint = listen(shop)
    (event,) = record(new_event(shop))

    (debt,) = claim()

    delivery = Delivery.objects.get()
    assert (debt.delivery_id, debt.event_id, debt.body, debt.url) == (delivery.id, event, delivery.body, endpoint.url)
    assert (debt.lane, debt.endpoint_id, debt.business_id, debt.mode) == (endpoint.lane, endpoint.id, shop.id, "test")
    assert (debt.tries, debt.tried_before, debt.is_registered, debt.is_open, debt.is_failing) == (0, 0, True, True, False)
    assert debt.rests <= 0


def test_what_is_claimed_is_not_claimed_again_before_its_lease_ends(shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    claim()

    assert claim() == []


def test_what_its_holder_left_behind_is_due_again_when_the_lease_has_run_out(shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    (first,) = claim()
    let_pass(seconds=61)

    (second,) = claim()

    assert second == first


def test_the_bodies_and_addresses_of_debts_are_in_no_log(shop: Business) -> None:
    listen(shop, "https://shop.example/hooks?token=hush")
    record(new_event(shop, reference="private"))

    (debt,) = claim()

    assert "hush" not in repr(debt)
    assert "private" not in repr(debt)


def test_each_lane_gives_its_oldest_up_to_its_room(shop: Business) -> None:
    one, other = listen(shop), listen(shop)
    record(*[new_event(shop) for _ in range(5)])

    claimed = claim(room=2, rooms={one.lane: 4})

    assert sorted(debt.lane for debt in claimed) == sorted([one.lane] * 4 + [other.lane] * 2)


def test_a_lane_without_room_is_stepped_over(shop: Business) -> None:
    full, free = sorted((listen(shop), listen(shop)), key=lambda endpoint: endpoint.lane)
    record(*[new_event(shop) for _ in range(3)])

    claimed = claim(rooms={full.lane: 0})

    assert {debt.lane for debt in claimed} == {free.lane}


def test_claims_go_on_behind_the_lane_that_came_last(shop: Business) -> None:
    lanes = sorted(listen(shop).lane for _ in range(4))
    record(new_event(shop), new_event(shop))

    first = claim(room=1, limit=2)
    second = claim(room=1, limit=2, after=max(debt.lane for debt in first))

    assert sorted(debt.lane for debt in first) == lanes[:2]
    assert sorted(debt.lane for debt in second) == lanes[2:]


def test_known_lanes_can_be_asked_for_by_name(shop: Business) -> None:
    one, _ = listen(shop), listen(shop)
    record(new_event(shop), new_event(shop))

    claimed = debts.claim_of({one.lane: 1}, limit=10, lease=uuid4())

    assert [debt.lane for debt in claimed] == [one.lane]


def test_settling_logs_the_try_and_strikes_the_debt(shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    lease = uuid4()
    (debt,) = claim(lease=lease)

    assert debts.settle([delivered(debt)], lease=lease) == {debt.delivery_id}

    assert not DeliveryDue.objects.exists()
    assert [(each.number, each.outcome) for each in tries()] == [(1, "delivered")]


def test_a_failure_waits_for_its_hour_without_a_holder(shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    lease = uuid4()
    (debt,) = claim(lease=lease)

    debts.settle([failed(debt)], lease=lease)

    due = DeliveryDue.objects.get()
    assert (due.tries, due.lease, due.lease_until) == (1, None, None)
    assert timedelta(seconds=4) < due.due_at - timezone.now() < timedelta(seconds=6)


def test_whoever_lost_the_lease_records_nothing(shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    frozen, awake = uuid4(), uuid4()
    (debt,) = claim(lease=frozen)
    let_pass(seconds=61)
    claim(lease=awake)

    assert debts.settle([failed(debt)], lease=frozen) == set()
    assert debts.settle([delivered(debt)], lease=awake) == {debt.delivery_id}
    assert debts.settle([failed(debt)], lease=frozen) == set()

    assert [each.outcome for each in tries()] == ["delivered"]


def test_a_late_answer_still_counts_while_nobody_else_has_claimed(shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    lease = uuid4()
    (debt,) = claim(lease=lease)
    let_pass(seconds=61)

    assert debts.settle([delivered(debt)], lease=lease) == {debt.delivery_id}


def test_the_log_of_tries_can_be_changed_by_nobody(shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    lease = uuid4()
    (debt,) = claim(lease=lease)
    debts.settle([delivered(debt)], lease=lease)

    for change in (
        "UPDATE callbacks_deliverytry SET outcome = 'failed'",
        "DELETE FROM callbacks_deliverytry",
        "UPDATE callbacks_delivery SET body = ''",
    ):
        with pytest.raises(Exception, match="history is read-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


@pytest.mark.django_db(transaction=True)
def test_claimers_that_race_never_get_the_same_delivery() -> None:
    shop = new_business()
    for _ in range(5):
        listen(shop)
    record(*[new_event(shop) for _ in range(100)])
    together = threading.Barrier(8)

    def race(_: int) -> list[UUID]:
        try:
            connection.ensure_connection()
            together.wait()
            claimed: list[UUID] = []
            while some := claim(room=7, limit=20):
                claimed += [debt.delivery_id for debt in some]
            return claimed
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claimed = [id_ for ids_ in pool.map(race, range(8)) for id_ in ids_]

    assert len(claimed) == len(set(claimed)) <= 500
    # Who skipped what another held may have gone home too early: the next round finds the rest.
    assert len(claimed) + len(claim()) == 500


@pytest.mark.django_db(transaction=True)
def test_of_two_that_settle_the_same_delivery_at_once_only_its_holder_does() -> None:
    shop = new_business()
    listen(shop)
    record(*[new_event(shop) for _ in range(50)])
    old, new = uuid4(), uuid4()
    owed = claim(lease=old)
    let_pass(seconds=61)
    claim(lease=new)
    together = threading.Barrier(2)

    def settle(lease: UUID) -> int:
        try:
            connection.ensure_connection()
            together.wait()
            return len(debts.settle([delivered(debt) if lease == new else failed(debt) for debt in owed], lease=lease))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        settled = list(pool.map(settle, (old, new)))

    assert settled == [0, 50]
    assert set(DeliveryTry.objects.values_list("outcome", flat=True)) == {"delivered"}
    assert not DeliveryDue.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_backlog_of_one_receiver_costs_the_others_claims_nothing() -> None:
    shop = new_business()
    away, here = sorted((listen(shop), listen(shop)), key=lambda endpoint: endpoint.lane)
    record(new_event(shop))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM callbacks_deliverydue WHERE lane = %s", [away.lane])
        cursor.execute(
            "INSERT INTO callbacks_deliverydue (delivery_id, endpoint_id, lane, due_at, tries, tried_before)"
            " SELECT gen_random_uuid(), %s, %s, now() - interval '1 minute', 1, 0 FROM generate_series(1, 20000)",
            [away.id, away.lane],
        )
        cursor.execute("ANALYZE callbacks_deliverydue")
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + debts._CLAIM, _parameters({away.lane: 0}))
        plan = cursor.fetchone()[0][0]["Plan"]

    assert plan["Actual Rows"] == 1
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100
    assert here.lane != away.lane


def _parameters(rooms: dict[UUID, int]) -> dict[str, object]:
    lanes = "[" + ",".join(f'{{"lane": "{lane}", "room": {room}}}' for lane, room in rooms.items()) + "]"
    return {"rooms": lanes, "after": FIRST, "room": 16, "limit": 200, "lease": uuid4(), "seconds": 60}


def test_something_is_due_only_when_its_hour_has_come(shop: Business) -> None:
    assert not debts.are_due()
    listen(shop)
    record(new_event(shop))
    assert debts.are_due()

    DeliveryDue.objects.update(due_at=timezone.now() + timedelta(minutes=1))

    assert not debts.are_due()


def test_what_is_due_is_found_behind_lanes_that_wait(shop: Business) -> None:
    waiting, _ = sorted((listen(shop), listen(shop)), key=lambda endpoint: endpoint.lane)
    record(new_event(shop))

    DeliveryDue.objects.filter(lane=waiting.lane).update(due_at=timezone.now() + timedelta(minutes=1))

    assert debts.are_due()
