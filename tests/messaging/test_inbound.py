"""What people write is linked to what it answers, obeyed where it is a word, and told: once, and without a text."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from accounts import ids
from accounts.models import BusinessEvent
from messaging import retention
from messaging.inbound import settling, taking
from messaging.inbound.taking import Heard
from messaging.inbound_records import Inbound as Row
from messaging.intake import RecipientSuppressed
from messaging.lane import Lane
from messaging.models import Attempt, Event, State, Suppression
from routing import vault
from routing.providers.inbound import Inbound, InboundKind
from tests import doors, world
from tests.messaging.conftest import Simulator
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

SARA = "+201001234567"


@pytest.fixture
def alice(simulator: Simulator) -> World:
    return world.make("alice")


def send(owner: World, recipient: str = SARA, **more: object) -> UUID:
    found = ids.parse("msg", owner.accept(recipient=recipient, **more).body["id"])
    assert found
    Lane("utility").run(seconds=5)
    return found


def writes(text: str = "", *, channel: str = "whatsapp", at: datetime | None = None, **more: Any) -> None:
    """Somebody writes to the stand-in's number, and what follows is done."""
    hear(text, channel=channel, at=at, **more)
    settling.settle()


def hear(text: str = "", *, channel: str = "whatsapp", at: datetime | None = None, **more: Any) -> None:
    account = world.stand_in("meta" if channel == "whatsapp" else "twilio")
    usual = {"kind": InboundKind.TEXT, "raw_kind": "text", "provider_id": ids.new().hex, "sender": SARA, "text": text}
    inbound = Inbound(channel=channel, **{**usual, **more})
    taking.take([Heard(account.pk, None, "test", ids.new(), at or timezone.now(), inbound)])


def reference(id_: UUID) -> str:
    found = Attempt.objects.filter(message_id=id_).order_by("-number").first()
    assert found
    assert found.provider_reference
    return found.provider_reference


def types(id_: UUID) -> list[str]:
    return list(Event.objects.filter(message_id=id_).order_by("seq").values_list("type", flat=True))


def heard(type_: str) -> list[dict[str, Any]]:
    return list(BusinessEvent.objects.filter(type=type_).order_by("recorded_at").values_list("about", flat=True))


def test_a_reply_is_linked_by_its_context(alice: World) -> None:
    first, second = send(alice), send(alice)

    writes("In another colour?", context=reference(first))

    row = Row.objects.get()
    assert (row.message_id, row.linked_by, row.business_id) == (first, "context", alice.business.pk)
    event = Event.objects.get(type="message.replied")
    assert (event.message_id, event.previous_status, event.status) == (first, "submitted", "submitted")
    assert event.detail == {"reply": {"inbound": ids.public("inb", row.id), "kind": "text", "linked_by": "context"}}
    assert "message.replied" not in types(second)


def test_a_reply_without_context_is_linked_to_the_last_message(alice: World) -> None:
    send(alice)
    last = send(alice)
    send(alice, "+201001234568")

    writes("Thanks")

    assert (Row.objects.get().message_id, Row.objects.get().linked_by) == (last, "recency")
    assert heard("inbound.received")[0]["linked_by"] == "recency"


def test_what_comes_days_later_is_an_answer_to_nothing(alice: World) -> None:
    id_ = send(alice)
    long_ago = timezone.now() - timedelta(hours=73)
    Attempt.objects.filter(message_id=id_).update(called_at=long_ago)

    writes("Hello?")

    row = Row.objects.get()
    assert (row.message_id, row.linked_by, row.business_id) == (None, "", None)
    assert "message.replied" not in types(id_)


def test_a_stranger_s_words_are_kept_and_told_to_nobody(alice: World) -> None:
    writes("Who are you?", sender="+201009999999")

    assert Row.objects.get().settled_at is not None
    assert heard("inbound.received") == []


def test_the_business_hears_of_it_without_a_text_or_a_number(alice: World) -> None:
    id_ = send(alice)

    writes("My secret", context=reference(id_))

    (about,) = heard("inbound.received")
    assert about == {
        "id": ids.public("inb", Row.objects.get().id),
        "channel": "whatsapp",
        "kind": "text",
        "keyword": None,
        "message": ids.public("msg", id_),
        "linked_by": "context",
        "mode": "test",
    }


def test_the_same_call_again_changes_nothing(alice: World) -> None:
    id_ = send(alice)
    for _ in range(3):
        writes("Yes please", provider_id="wamid.1")

    assert (Row.objects.count(), types(id_).count("message.replied"), len(heard("inbound.received"))) == (1, 1, 1)


def test_two_workers_follow_up_each_thing_once(alice: World) -> None:
    id_ = send(alice)
    for number in range(30):
        hear(str(number))
    gate = threading.Barrier(2)

    def work() -> int:
        try:
            gate.wait()
            return sum(settling.settle(limit=5) for _ in range(12))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: work(), range(2), timeout=60))
    while Row.objects.filter(settled_at__isnull=True).exists():
        settling.settle()

    assert (types(id_).count("message.replied"), len(heard("inbound.received"))) == (30, 30)


def test_stop_by_sms_silences_everything_on_that_channel(alice: World) -> None:
    send(alice, channel="sms")
    waiting = ids.parse("msg", alice.accept(recipient=SARA, channel="sms", send_at=timezone.now() + timedelta(days=1)).body["id"])

    writes("Stop.", channel="sms")

    made = Suppression.objects.get()
    assert (made.channel, made.category, made.reason, made.origin, made.source) == ("sms", "", "opted_out", "keyword", "STOP")
    assert bytes(made.recipient_hash) == vault.blind_index(SARA)
    assert State.objects.get(message_id=waiting).status == "canceled"
    assert len(heard("recipient.opted_out")) == 1
    assert heard("inbound.received")[0]["keyword"] == "stop"
    with pytest.raises(RecipientSuppressed):
        alice.accept(recipient=SARA, channel="sms", fallback=False)


def test_stop_on_whatsapp_ends_advertising_and_lets_the_order_arrive(alice: World) -> None:
    send(alice)

    writes("STOP")

    assert Suppression.objects.get().category == "marketing"
    alice.accept(recipient=SARA)


def test_a_button_that_says_cancel_cancels_no_subscription(alice: World) -> None:
    id_ = send(alice)

    writes("Cancel", kind=InboundKind.BUTTON, payload="cancel-order", context=reference(id_))
    writes("Unsubscribe", kind=InboundKind.BUTTON, payload="Unsubscribe", context=reference(id_))

    assert list(Row.objects.order_by("id").values_list("keyword", flat=True)) == ["", "stop"]
    assert Suppression.objects.count() == 1


def test_start_undoes_stop(alice: World) -> None:
    send(alice, channel="sms")
    writes("STOP", channel="sms")

    writes("start", channel="sms")

    assert Suppression.objects.get().lifted_by == "the recipient"
    assert len(heard("recipient.opted_in")) == 1
    alice.accept(recipient=SARA, channel="sms")


def test_stop_to_a_shared_sender_is_meant_for_all_who_wrote_by_it(alice: World) -> None:
    send(alice, channel="sms")
    bob = world.make("bob")
    send(bob, channel="sms")
    carol = world.make("carol")

    writes("STOP", channel="sms")

    silenced = set(Suppression.objects.values_list("business_id", flat=True))
    assert silenced == {alice.business.pk, bob.business.pk}
    carol.accept(recipient=SARA, channel="sms")
    assert {about["message"] for about in heard("recipient.opted_out")} & {None}


def test_a_person_known_by_an_id_alone_is_known_from_before(alice: World) -> None:
    send(alice, channel="whatsapp")
    writes("Hi", user_id="US.1349")

    writes("STOP", sender="", user_id="US.1349")

    assert bytes(Suppression.objects.get().recipient_hash) == vault.blind_index(SARA)


def test_a_person_known_by_an_id_alone_is_known_by_the_message_that_they_answer(alice: World) -> None:
    id_ = send(alice)

    writes("STOP", sender="", user_id="US.77", context=reference(id_))

    assert bytes(Suppression.objects.get().recipient_hash) == vault.blind_index(SARA)


def test_a_complaint_is_learned_from_its_message_and_is_no_reply(alice: World) -> None:
    id_ = send(alice)
    more = {"kind": InboundKind.OPT_OUT, "raw_kind": "complained", "context": reference(id_), "sender": ""}

    writes(**more)
    writes("START")

    made = Suppression.objects.get()
    assert (made.reason, made.origin, made.lifted_at) == ("complaint", "provider", None)
    assert [about["keyword"] for about in heard("inbound.received")] == ["start"]
    assert types(id_).count("message.replied") == 1


def test_what_was_written_is_read_by_its_own_business_alone(alice: World) -> None:
    send(alice, reference="order-17")
    writes("In blue, please", to="15550000001")
    bob = world.make("bob")

    def call(owner: World, path: str) -> Any:
        return doors.ask("GET", f"/v1/inbound{path}", HTTP_AUTHORIZATION=f"Bearer {owner.key}")

    (listed,) = call(alice, "").json()["items"]
    told = call(alice, f"/{listed['id']}").json()
    assert "text" not in listed
    assert (told["sender"], told["text"], told["to"], told["reference"]) == (SARA, "In blue, please", "15550000001", "order-17")
    assert call(alice, f"?recipient={SARA.replace('+', '%2B')}").json()["items"] == [listed]
    assert call(alice, f"?message={listed['message']}&channel=whatsapp").json()["items"] == [listed]
    assert call(alice, "?channel=fax").json()["code"] == "bad_filter"
    assert call(bob, "").json()["items"] == []
    assert call(bob, f"/{listed['id']}").status_code == 404


def test_what_is_old_is_forgotten(alice: World) -> None:
    writes("Old", at=timezone.now() - timedelta(days=31))
    writes("New")

    retention.forget()

    assert Row.objects.count() == 1


def test_one_that_breaks_holds_back_no_other(alice: World) -> None:
    send(alice)
    hear("broken")
    Row.objects.update(said=b"not sealed by us")
    hear("fine")

    settling.settle()

    assert not Row.objects.filter(settled_at__isnull=True).exists()
    assert len(heard("inbound.received")) == 1


def test_neither_number_nor_text_is_logged(alice: World, caplog: pytest.LogCaptureFixture) -> None:
    send(alice)
    writes("My secret")

    assert "secret" not in caplog.text
    assert SARA[1:] not in caplog.text
