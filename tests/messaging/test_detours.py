"""An account that lets nothing through: who waits for it, who goes round it, and that the others don't notice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts import ids
from messaging import deadlines, detours
from messaging.lane import Lane
from messaging.models import Attempt, Due, Event, Message, State
from routing import book, tally
from routing.choices import Breaker
from routing.models import Gate, HealthChange, ProviderAccount
from routing.providers.base import ErrorClass, Fault, Handoff
from tests import world
from tests.messaging.conftest import Simulator
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

HAPPY, BROKEN_FOR_EVER, SILENT = "+201000000000", "+201000000033", "+201000000041"


def send(alice: World, recipient: str = HAPPY, **more: object) -> UUID:
    found = ids.parse("msg", alice.accept(recipient=recipient, **more).body["id"])
    assert found
    return found


def work(lane: str = "utility", seconds: float = 5) -> None:
    Lane(lane).run(seconds=seconds)


def shut(account: ProviderAccount, *, seconds: float = 30) -> None:
    now = timezone.now()
    Gate.objects.update_or_create(
        account=account, defaults={"breaker": Breaker.OPEN, "since": now, "next_probe_at": now + timedelta(seconds=seconds), "openings": 1}
    )
    book.forget()


def stand_in(provider: str) -> ProviderAccount:
    return ProviderAccount.objects.get(name=f"Simulated {provider.title()}")


def second(provider: str) -> ProviderAccount:
    return ProviderAccount.objects.create(name=f"Second {provider}", provider=provider, mode="test")


def accounts_of(id_: UUID) -> list[str]:
    names = dict(ProviderAccount.objects.values_list("pk", "name"))
    return [names[each] for each in Attempt.objects.filter(message_id=id_).order_by("number").values_list("account_id", flat=True)]


def by_two() -> list[dict[str, object]]:
    first = {"account": str(stand_in("twilio").pk), "weight": 1}
    return [{"channel": "sms", "accounts": [first, {"account": str(second("twilio").pk), "weight": 0}]}]


def test_what_waits_for_an_open_breaker_is_not_claimed_and_not_looked_at_again(simulator: Simulator) -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[1:])
    id_ = send(alice, channel="sms")
    shut(stand_in("twilio"))

    work()
    assert (detours.look(), detours.look()) == (1, 0)

    due = Due.objects.get(message_id=id_)
    assert (simulator.taken(), due.tries) == ([], 0)
    assert timedelta(seconds=25) < due.due_at - timezone.now() <= timedelta(seconds=31)


def test_beyond_an_account_s_daily_cap_messages_go_by_another_account(simulator: Simulator) -> None:
    alice = world.make("alice", steps=by_two())
    ProviderAccount.objects.filter(pk=stand_in("twilio").pk).update(daily_cap=1)
    sent = [send(alice, channel="sms") for _ in range(3)]

    work()
    detours.look()
    work()

    assert {State.objects.get(message_id=id_).status for id_ in sent} == {"submitted"}
    assert Attempt.objects.filter(account_id=stand_in("twilio").pk, tries__gt=0).count() == 1
    assert len(simulator.taken()) == 3


def test_it_goes_by_another_account_of_its_step_at_once(simulator: Simulator) -> None:
    alice = world.make("alice", steps=by_two())
    id_ = send(alice, channel="sms")
    shut(stand_in("twilio"))

    detours.look()
    work()

    assert accounts_of(id_) == ["Simulated Twilio", "Second twilio"]
    assert State.objects.get(message_id=id_).status == "submitted"


def test_a_code_goes_to_the_next_step_at_once(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.WORDS, "content", {"sms": {"text": "Your code is {{order_id}}."}})
    monkeypatch.setitem(world.WORDS, "variables", [{"name": "order_id", "type": "code", "sample": "123456", "max_length": 8}])
    steps = [{"channel": "sms", "accounts": [{"account": str(each.pk)}]} for each in (stand_in("twilio"), second("twilio"))]
    code = world.make("alice", category="authentication", steps=steps)
    id_ = send(code, channel="sms", variables={"order_id": "123456"})
    shut(stand_in("twilio"))

    detours.look()
    work("authentication")

    assert accounts_of(id_) == ["Simulated Twilio", "Second twilio"]


def test_an_order_gives_its_first_step_its_patience(simulator: Simulator) -> None:
    alice = world.make("alice")
    id_ = send(alice)
    shut(stand_in("meta"))

    detours.look()
    work()
    assert accounts_of(id_) == []

    Due.objects.filter(message_id=id_).update(gives_up_at=timezone.now(), due_at=timezone.now())
    detours.look()
    work()
    assert accounts_of(id_) == ["Simulated Meta", "Simulated Twilio"]


def test_a_message_past_its_deadline_ends_all_the_same(simulator: Simulator) -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[1:])
    id_ = send(alice, channel="sms", expires_in=60)
    shut(stand_in("twilio"), seconds=600)

    detours.look()
    assert Due.objects.get(message_id=id_).due_at <= Message.objects.get(id=id_).expires_at + timedelta(seconds=1)


def test_a_thousand_that_can_only_wait_are_put_to_rest_by_one_statement(
    simulator: Simulator, django_assert_max_num_queries: object
) -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[1:])
    for _ in range(20):
        send(alice, channel="sms")
    shut(stand_in("twilio"))
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        assert detours.look() == 20


def test_new_plans_try_it_last_and_say_so(simulator: Simulator) -> None:
    alice = world.make("alice", steps=by_two())
    shut(stand_in("twilio"))

    id_ = send(alice, channel="sms")
    work()

    assert accounts_of(id_) == ["Second twilio"]
    told = Message.objects.get(id=id_).trace["rules"][0]["steps"][0]["accounts"]
    assert [each.get("put_last") for each in told] == ["its breaker is open", None]


def test_a_dead_provider_opens_the_breaker_and_a_living_one_closes_it(simulator: Simulator) -> None:
    """Over real HTTP: ten messages that meet 500, then probes that are taken."""
    alice = world.make("alice", steps=world.whatsapp_then_sms()[1:])
    twilio = stand_in("twilio")
    for _ in range(12):
        send(alice, BROKEN_FOR_EVER, channel="sms")
    work()
    assert Gate.objects.get(account=twilio).breaker == Breaker.OPEN

    Due.objects.all().delete()
    waiting = [send(alice, channel="sms") for _ in range(8)]
    work()
    assert simulator.taken() == []

    Gate.objects.update(next_probe_at=timezone.now())
    work()

    assert Gate.objects.get(account=twilio).breaker == Breaker.CLOSED
    assert list(HealthChange.objects.order_by("at", "id").values_list("change", flat=True)) == ["opened", "probing", "closed"]
    work()
    assert Counter(State.objects.filter(message_id__in=waiting).values_list("status", flat=True)) == {"submitted": 8}


def test_a_probe_is_one_of_three_and_the_rest_stay_due(simulator: Simulator) -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[1:])
    twilio = stand_in("twilio")
    shut(twilio)
    for _ in range(8):
        send(alice, BROKEN_FOR_EVER, channel="sms")
    Gate.objects.update(next_probe_at=timezone.now())

    work()

    assert Attempt.objects.filter(tries__gte=1).count() == 3
    gate = Gate.objects.get(account=twilio)
    assert (gate.breaker, gate.openings) == (Breaker.OPEN, 2)


def test_one_account_s_breaker_leaves_another_account_alone(simulator: Simulator) -> None:
    alice = world.make("alice")
    shut(stand_in("twilio"))
    id_ = send(alice)
    work()
    assert State.objects.get(message_id=id_).status == "submitted"


# Buckets


def test_a_rate_is_kept_and_nothing_spins(simulator: Simulator) -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[1:])
    ProviderAccount.objects.filter(pk=stand_in("twilio").pk).update(rate=5, burst=2)
    for _ in range(30):
        send(alice, channel="sms")

    work(seconds=2)

    assert 8 <= len(simulator.taken()) <= 13
    assert Due.objects.count() == 30 - len(simulator.taken())


def test_what_waits_for_a_rate_ends_at_its_deadline_all_the_same(simulator: Simulator) -> None:
    alice = world.make("alice", steps=world.whatsapp_then_sms()[1:])
    twilio = stand_in("twilio")
    ProviderAccount.objects.filter(pk=twilio.pk).update(rate="0.001", burst=1)
    Gate.objects.create(account=twilio, tokens=0.0, filled_at=timezone.now())
    late, early = send(alice, channel="sms"), send(alice, channel="sms")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # a message's deadline is history
        for table, key in (("state", "message_id"), ("message", "id")):
            cursor.execute(f"UPDATE messaging_{table} SET expires_at = now() - interval '1 second' WHERE {key} = %s", [late])
        cursor.execute("SET session_replication_role = DEFAULT")

    work()
    deadlines.expire_waiting()

    assert [State.objects.get(message_id=id_).status for id_ in (late, early)] == ["expired", "accepted"]
    assert simulator.taken() == []


def test_one_throttled_answer_stops_every_lane(simulator: Simulator) -> None:
    alice, bob = world.make("alice", steps=world.whatsapp_then_sms()[1:]), world.make("bob", category="marketing")
    world.forget()
    tally.note(stand_in("twilio").pk, Handoff(fault=Fault(ErrorClass.THROTTLED, "20429", 30)), took=0.1, is_probe=False)
    tally.settle()

    send(alice, channel="sms"), send(bob, channel="sms")
    work(), work("marketing")

    assert simulator.taken() == []
    assert Event.objects.filter(type="message.submitted").count() == 0


def test_a_call_that_hangs_keeps_no_other_account_waiting_for_its_time_out(simulator: Simulator, settings: Settings) -> None:
    settings.QSURA_PROVIDER_TIMEOUT = 4.0
    alice = world.make("alice")
    send(alice, SILENT)
    lane = threading.Thread(target=_in_a_thread, args=(lambda: work(seconds=0.5),))
    lane.start()
    until(lambda: Attempt.objects.filter(channel="whatsapp").exists())
    time.sleep(1)  # the lane's time is over, and it only waits for the end of that call

    other = send(alice, channel="sms")

    until(lambda: State.objects.get(message_id=other).status == "submitted", seconds=2)
    assert lane.is_alive()
    lane.join()


def _in_a_thread(run: Callable[[], None]) -> None:
    try:
        run()
    finally:
        connection.close()


def until(is_so: Callable[[], bool], *, seconds: float = 10) -> None:
    stop = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < stop
        time.sleep(0.02)
