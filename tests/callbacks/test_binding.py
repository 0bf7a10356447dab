"""The session process, real: bound at a real SMSC by TCP, fed from the database, killed and doubled."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts import ids
from callbacks import parking, reading
from callbacks.binding import Binding
from callbacks.models import ProviderCall
from messaging import deadlines, record
from messaging.inbound_records import Inbound
from messaging.models import Attempt, Due, ProviderReference, State
from routing import binds, credentials, health, models
from templates_app import approval, writing
from tests import smsc, world
from tests.smsc import Smsc, session_process, until
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

WELL = "+201001234567"
THROTTLED, REVOKED, NO_SUCH, SILENT, CUT, HALF, TRIPLED, EARLY, STRANGE = (
    f"+2010000000{code}" for code in ("30", "10", "11", "40", "43", "45", "51", "52", "53")
)


@pytest.fixture(scope="module")
def _smsc() -> Iterator[Smsc]:
    with smsc.running() as running:
        yield running


@pytest.fixture
def there(_smsc: Smsc, settings: Settings) -> Smsc:
    _smsc.forget()
    settings.QSURA_SIMULATOR_URL, settings.QSURA_SIMULATOR_SMPP = _smsc.url, _smsc.address
    settings.QSURA_LEASE, settings.QSURA_PROVIDER_TIMEOUT, settings.QSURA_UNKNOWN_GRACE = 12, 2.0, 1
    credentials.forget()
    return _smsc


@pytest.fixture
def alice(there: Smsc) -> World:
    return world.make("alice", steps=[{"channel": "sms", "accounts": [{"account": str(account().pk), "weight": 1}]}])


def account(**settings: str) -> models.ProviderAccount:
    row = world.stand_in("smpp")
    if settings:
        row.settings |= settings
        row.save()
    return row


def send(alice: World, recipient: str = WELL, **more: Any) -> UUID:
    found = ids.parse("msg", alice.accept(channel="sms", recipient=recipient, **more).body["id"])
    assert found
    return found


def status(id_: UUID) -> str:
    """Where it stands, with whatever has come by now read, be it faster than its hand-off was recorded."""
    reading.read(at=record.clock())
    parking.match(at=record.clock())
    return State.objects.get(message_id=id_).status


def is_bound() -> bool:
    row = models.Bind.objects.filter(state="bound").first()
    return row is not None and binds.tell(row.account, at=timezone.now()).startswith("bound")


@contextlib.contextmanager
def bound() -> Iterator[Binding]:
    """The session process's work in threads of this one: quicker at hand, where nothing is to be killed."""
    binding = Binding()

    def work() -> None:
        binding.run()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        until(is_bound)
        yield binding
    finally:
        binding.stop()
        thread.join(20)
        assert not thread.is_alive()


def publish_long_template(alice: World) -> str:
    """One whose SMS takes three parts."""
    content = {"sms": {"text": "Your order {{order_id}} is on its way. " + "It comes with many good wishes. " * 11}}
    variables = world.WORDS["variables"]
    version = writing.begin(
        alice.business.pk, name="long_news", category="utility", language="en", author=alice.author, content=content, variables=variables
    )
    approval.submit(version, by=alice.author, at=timezone.now())
    approval.approve(version, by=alice.approver, at=timezone.now())
    approval.publish(version, by=alice.approver, at=timezone.now())
    world.forget()
    return "long_news"


def make_due(id_: UUID) -> None:
    """As if the wait were over."""
    Due.objects.filter(message_id=id_).update(due_at=timezone.now() - timedelta(seconds=1))


def test_a_test_keys_message_goes_the_whole_way(alice: World, there: Smsc) -> None:
    with session_process(there) as process:
        until(is_bound)
        id_ = send(alice)

        until(lambda: status(id_), lambda seen: seen == "delivered")
        (call,) = there.calls()
        attempt = Attempt.objects.get(message_id=id_)
        assert (attempt.provider_reference, attempt.tries) == (call["id"], 1)
        assert attempt.sent_at
        assert attempt.delivered_at
        assert there.binds() == [{"system_id": "qsura", "ways": "rt"}]

        process.terminate()
        assert process.wait(10) == 0
        assert there.binds() == []


@pytest.mark.parametrize("dialect, ids_", [("hex", "receipt_hex"), ("decimal", "receipt_decimal"), ("zeros", "same"), ("tlv", "same")])
def test_receipts_find_their_message_in_every_dialect(there: Smsc, alice: World, dialect: str, ids_: str) -> None:
    account(system_id=f"qsura-{dialect}", receipt_ids=ids_)
    credentials.forget()

    with bound():
        id_ = send(alice)
        until(lambda: status(id_), lambda seen: seen == "delivered")


@pytest.mark.parametrize("recipient", [TRIPLED, EARLY, STRANGE])
def test_receipts_that_come_oddly_come_to_the_same_end(there: Smsc, alice: World, recipient: str) -> None:
    with bound():
        id_ = send(alice, recipient)
        until(lambda: status(id_), lambda seen: seen == "delivered")


def test_a_throttled_message_is_taken_a_little_later(there: Smsc, alice: World) -> None:
    with bound():
        id_ = send(alice, THROTTLED)
        until(lambda: there.calls(""), lambda calls: len(calls) == 2)
        until(lambda: status(id_), lambda seen: seen == "delivered")

    assert [call["outcome"] for call in there.calls("")] == ["0x00000058", "0x00000058", "accepted"]
    assert Attempt.objects.get(message_id=id_).tries == 3


def test_a_long_message_has_arrived_when_all_its_parts_have(there: Smsc, alice: World) -> None:
    template = publish_long_template(alice)
    with bound():
        id_ = send(alice, template=template)
        until(lambda: status(id_), lambda seen: seen == "delivered")

    references = set(ProviderReference.objects.filter(message_id=id_).values_list("reference", "heard"))
    assert references == {(call["id"], "delivered") for call in there.calls()}
    assert len(references) == 3


def test_a_refused_recipient_is_not_tried_again_and_a_refused_account_is_out_of_service(there: Smsc, alice: World) -> None:
    with bound():
        id_ = send(alice, NO_SUCH)
        until(lambda: status(id_), lambda seen: seen == "failed")
        assert Attempt.objects.get(message_id=id_).raw_code == "ESME_RINVDSTADR"

        send(alice, REVOKED)
        until(lambda: models.ProviderAccount.objects.get(provider="smpp").is_in_service, lambda seen: not seen)
        until(there.binds, lambda seen: seen == [])

        health.back_in_service(account().pk, at=timezone.now())
        until(lambda: len(there.binds()) == 1)


@pytest.mark.parametrize("recipient", [CUT, HALF])
def test_a_connection_that_ends_instead_of_an_answer_leaves_the_outcome_unknown(there: Smsc, alice: World, recipient: str) -> None:
    with bound():
        id_ = send(alice, recipient)
        until(lambda: list(Attempt.objects.filter(message_id=id_).values_list("status", flat=True)), lambda seen: seen == ["unknown"])
        until(is_bound)
        other = send(alice)
        until(lambda: status(other), lambda seen: seen == "delivered")


def test_after_the_smscs_restart_it_is_bound_again_and_nothing_is_lost(there: Smsc, alice: World) -> None:
    with bound():
        send(alice)
        there.cut()
        ids_ = [send(alice) for _ in range(5)]

        until(there.binds, lambda seen: len(seen) == 1)
        until(lambda: [status(id_) for id_ in ids_], lambda seen: set(seen) == {"delivered"})


def test_a_wrong_password_takes_the_account_out_of_service(there: Smsc, alice: World, settings: Settings) -> None:
    account(system_id="nobody")
    credentials.forget()
    binding = Binding()
    thread = threading.Thread(target=lambda: (binding.run(), connection.close()))
    thread.start()
    try:
        row = until(lambda: models.ProviderAccount.objects.get(provider="smpp"), lambda seen: not seen.is_in_service)
        assert row.out_of_service_because == "The SMSC refused the bind (ESME_RINVSYSID)."
    finally:
        binding.stop()
        thread.join(20)


def test_somebodys_own_message_is_kept_each_time_it_is_said(there: Smsc, alice: World) -> None:
    with bound():
        for _ in range(2):
            there.ask("/smpp/inbound", method="POST", body={"from": WELL, "to": "+15005550009", "text": "STOP"})

    assert ProviderCall.objects.count() == 2
    reading.read(at=record.clock())
    assert set(ProviderCall.objects.values_list("state", "receipts")) == {("read", 0)}
    assert list(Inbound.objects.values_list("channel", "kind", "keyword")) == [("sms", "text", "stop")] * 2


def test_a_process_that_dies_between_submit_and_answer_leaves_an_unknown_outcome(there: Smsc, alice: World) -> None:
    with session_process(there) as process:
        until(is_bound)
        id_ = send(alice, SILENT)
        until(there.calls)
        process.send_signal(signal.SIGKILL)
        process.wait()

    make_due(id_)
    deadlines.find_lost()
    assert Attempt.objects.get(message_id=id_).status == "unknown"
    assert len(there.calls()) == 1


def test_a_receipt_is_acknowledged_only_when_it_is_kept(there: Smsc, alice: World) -> None:
    with session_process(there) as process:
        until(is_bound)
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("LOCK TABLE callbacks_providercall IN ACCESS EXCLUSIVE MODE")
            id_ = send(alice)
            until(lambda: Attempt.objects.filter(message_id=id_, status="submitted").exists())
            until(lambda: _waiting_for_locks() > 0)
            process.send_signal(signal.SIGKILL)
            process.wait()
        reference = Attempt.objects.get(message_id=id_).provider_reference
        until(lambda: {each["answer"] for each in there.receipts() if each["id"] == reference}, lambda seen: seen == {"-1"})

    with session_process(there):
        until(lambda: status(id_), lambda seen: seen == "delivered")


def _waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


def test_two_processes_bind_once_and_the_second_takes_over(there: Smsc, alice: World) -> None:
    with session_process(there) as first, session_process(there):
        until(is_bound)
        id_ = send(alice)
        until(lambda: status(id_), lambda seen: seen == "delivered")
        assert len(there.binds()) == 1

        holder = models.Bind.objects.get().process
        first.send_signal(signal.SIGKILL)
        first.wait()
        other = send(alice)
        until(lambda: status(other), lambda seen: seen == "delivered")
        assert len(there.binds()) == 1
        assert holder
