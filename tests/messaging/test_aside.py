"""A message on which a worker breaks: it holds up nobody, is set aside after some tries, and staff put it back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import ids
from accounts.choices import Role
from alerts.models import Alert
from messaging import aside, deadlines
from messaging.lane import Lane
from messaging.models import DeadLetter, Due, Message, State, Timer
from tests import world
from tests.messaging import factories
from tests.messaging.conftest import Simulator
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/messaging/deadletter/"


@pytest.fixture
def alice(simulator: Simulator) -> World:
    return world.make("alice")


def send(alice: World) -> UUID:
    found = ids.parse("msg", alice.accept().body["id"])
    assert found
    return found


def corrupt(id_: UUID, **columns: object) -> None:
    """As if a disk, or a mistake of ours, had changed what history never lets anybody change."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for column, value in columns.items():
            cursor.execute(f"UPDATE messaging_message SET {column} = %s WHERE id = %s", [value, id_])
        cursor.execute("SET session_replication_role = DEFAULT")


def poisoned(alice: World) -> tuple[UUID, bytes]:
    """A message whose variables don't open, and what they were."""
    id_ = send(alice)
    variables = bytes(Message.objects.get(id=id_).variables)
    corrupt(id_, variables=b"\x01\x02k1poison")
    return id_, variables


def work(times: int = 1) -> None:
    for _ in range(times):
        Due.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        Lane("utility").run(seconds=5)


def test_a_message_that_breaks_the_worker_holds_up_no_other(alice: World) -> None:
    poison, _ = poisoned(alice)
    others = [send(alice) for _ in range(3)]

    work()

    assert {State.objects.get(message_id=id_).status for id_ in others} == {"submitted"}
    letter = DeadLetter.objects.get()
    assert (letter.message_id, letter.times, letter.set_aside_at) == (poison, 1, None)
    assert letter.error.startswith("CannotOpen in routing/vault.py:")
    assert Due.objects.get().due_at > timezone.now() + timedelta(seconds=aside.PAUSE - 2)


def test_after_three_times_it_is_set_aside_and_staff_are_told(alice: World) -> None:
    poison, _ = poisoned(alice)

    work(aside.MOST)

    letter = DeadLetter.objects.get()
    assert (letter.message_id, letter.times, letter.set_aside_at is not None) == (poison, 3, True)
    assert (Due.objects.count(), State.objects.get(message_id=poison).status) == (0, "accepted")
    assert Alert.objects.get(kind="dead_letter").resolved_at is None


def test_once_mended_it_is_put_back_and_goes_on_where_it_was(alice: World, simulator: Simulator) -> None:
    poison, variables = poisoned(alice)
    work(aside.MOST)
    corrupt(poison, variables=variables)

    assert aside.put_back([poison, poison]) == 1
    assert aside.put_back([poison]) == 0
    work()

    assert (State.objects.get(message_id=poison).status, len(simulator.taken())) == ("submitted", 1)
    assert DeadLetter.objects.count() == 0
    assert Alert.objects.get(kind="dead_letter").resolved_at is not None


def test_what_still_breaks_comes_back_to_the_dead_letters(alice: World) -> None:
    poison, _ = poisoned(alice)
    work(aside.MOST)

    aside.put_back([poison])
    work(aside.MOST)

    assert DeadLetter.objects.get().times == aside.MOST


def test_a_story_that_time_can_not_move_on_holds_up_no_other(alice: World) -> None:
    broken, well = send(alice), send(alice)
    work()
    corrupt(broken, plan="[]")
    corrupt(well, expires_at=timezone.now() - timedelta(seconds=1))

    for _ in range(aside.MOST):
        Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        deadlines.settle_timed()

    letter = DeadLetter.objects.get()
    assert (letter.message_id, letter.place, letter.error.split()[0]) == (broken, "time", "IndexError")
    assert State.objects.get(message_id=well).status == "expired"
    assert not Timer.objects.filter(message_id=broken).exists()


def test_an_operator_puts_it_back_in_the_admin_and_an_auditor_only_looks(alice: World) -> None:
    poison, _ = poisoned(alice)
    work(aside.MOST)
    operator, auditor = factories.person(Role.OPERATOR, of=alice.business), factories.person(Role.AUDITOR, of=alice.business)
    choice = {"action": "put_back", "_selected_action": [str(poison)]}

    for person, left in ((auditor, 1), (operator, 0)):
        client = Client()
        client.force_login(person)
        assert ids.public("msg", poison) in client.get(PAGE).content.decode()
        client.post(PAGE, choice)
        assert DeadLetter.objects.count() == left

    assert Due.objects.get().message_id == poison


def test_nobody_sees_another_business_s_dead_letters(alice: World) -> None:
    poison, _ = poisoned(alice)
    work(aside.MOST)
    client = Client()
    client.force_login(factories.person(Role.OPERATOR, of=factories.business("stranger")))

    assert ids.public("msg", poison) not in client.get(PAGE).content.decode()
