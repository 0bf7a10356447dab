"""Requests become messages, wholly or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, connections
from django.utils import timezone

from accounts import ids, keys
from accounts.refusals import Refusal, Unauthenticated
from messaging import intake
from messaging.intake import Asked, KeyReused, RecipientSuppressed
from messaging.models import Due, Event, IdempotencyKey, Message, State, Suppression
from messaging.preparing import CallbackNotAllowed, InvalidSchedule
from messaging.recipients import InvalidRecipient
from routing import vault
from routing.guard import TargetRefused
from routing.selection import NoRoute
from templates_app import approval
from templates_app.catalogue import TemplateNotFound, TemplateNotLive
from templates_app.rendering import InvalidVariables
from tests import world
from tests.world import NUMBER, Ways, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=["one by one", "together"])
def _door(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every story here is the same whichever door it comes through."""
    Ways.quick = request.param == "together"
    yield
    Ways.quick = False


@pytest.fixture
def alice() -> World:
    return world.make("alice")


def id_of(answer: intake.Answer) -> UUID:
    found = ids.parse("msg", answer.body["id"])
    assert found
    return found


def test_an_accepted_message_is_stored_with_its_event_and_is_due(alice: World) -> None:
    answer = alice.accept(reference="order-17", metadata={"shop": "nile"})

    message = Message.objects.get(id=id_of(answer))
    event = Event.objects.get(message_id=message.id)
    assert (message.reference, message.template_name, message.plan[0]["channel"]) == ("order-17", "order_shipped", "whatsapp")
    assert (event.seq, event.type, event.status, event.previous_status) == (1, "message.accepted", "accepted", None)
    assert State.objects.get(message_id=message.id).status == "accepted"
    assert Due.objects.get(message_id=message.id).channel == "whatsapp"


def test_the_answer_says_what_was_decided(alice: World) -> None:
    body = alice.accept(reference="order-17").body

    assert (body["status"], body["channel"], body["reference"], body["segments"]) == ("accepted", "whatsapp", "order-17", 1)
    assert body["template"] == {"name": "order_shipped", "version": 1, "language": "en"}
    assert body["route"]["steps"] == [{"channel": "whatsapp", "provider": "meta"}, {"channel": "sms", "provider": "twilio"}]


def test_recipient_and_variables_are_kept_sealed(alice: World) -> None:
    id_ = id_of(alice.accept())

    with connection.cursor() as cursor:
        cursor.execute("SELECT m::text FROM messaging_message m WHERE id = %s", [id_])
        row = cursor.fetchone()[0]
    message = Message.objects.get(id=id_)
    assert NUMBER not in row
    assert NUMBER.encode().hex() not in row
    assert vault.unseal(message.recipient, bound_to=f"message:{id_}") == NUMBER.encode()
    assert bytes(message.recipient_hash) == vault.blind_index(NUMBER)


@pytest.mark.parametrize(
    "asked, refusal, field",
    [
        ({"recipient": "0100 123"}, InvalidRecipient, "recipient"),
        ({"recipient": "+20100"}, InvalidRecipient, "recipient"),
        ({"recipient": "+1-800-FLOWERS"}, InvalidRecipient, "recipient"),
        ({"recipient": "+\u0662\u0660\u0661\u0660\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667"}, InvalidRecipient, "recipient"),
        ({"recipient": "sara@example.com"}, InvalidRecipient, "recipient"),
        ({"channel": "email", "recipient": "sara"}, InvalidRecipient, "recipient"),
        ({"template": "nobody_knows_it"}, TemplateNotFound, "template"),
        ({"variables": {}}, InvalidVariables, "variables.order_id"),
        ({"variables": {"order_id": "A-17", "colour": "red"}}, InvalidVariables, "variables.colour"),
        ({"variables": {"order_id": "A" * 21}}, InvalidVariables, "variables.order_id"),
        ({"callback": "http://169.254.169.254/latest"}, TargetRefused, "callback"),
        ({"callback": "https://10.0.0.1/hooks"}, TargetRefused, "callback"),
        ({"send_at": timezone.now() + timedelta(days=36)}, InvalidSchedule, "send_at"),
        ({"send_at": timezone.now() - timedelta(hours=1)}, InvalidSchedule, "send_at"),
    ],
)
def test_whatever_can_be_known_is_refused_at_once_with_its_field(
    alice: World, asked: dict[str, object], refusal: type[Refusal], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        alice.accept(**asked)

    assert field in {error.field for error in refused.value.errors}
    assert not Message.objects.exists()


def test_a_channel_that_no_route_leads_to_is_refused(alice: World) -> None:
    with pytest.raises(NoRoute):
        alice.accept(channel="email", recipient="sara@example.com")


def test_without_fallback_the_plan_stays_on_its_channel(alice: World) -> None:
    body = alice.accept(fallback=False).body

    assert [step["channel"] for step in body["route"]["steps"]] == ["whatsapp"]


def test_a_live_key_finds_no_road_through_test_accounts(alice: World) -> None:
    _, text = keys.create(alice.business, name="live", mode="live")
    caller = keys.recognise(text, address="127.0.0.1", at=timezone.now())

    with pytest.raises(NoRoute):
        alice.accept(caller=caller)


def test_a_callback_must_be_on_a_registered_origin_where_there_are_any(alice: World) -> None:
    alice.business.callback_origins = ["https://shop.example"]
    alice.business.save()
    caller = keys.recognise(alice.key, address="127.0.0.1", at=timezone.now())

    with pytest.raises(CallbackNotAllowed):
        alice.accept(caller=caller, callback="https://elsewhere.example/hooks")
    alice.accept(caller=caller, callback="https://shop.example/hooks")


def test_a_scheduled_message_says_so_and_is_due_then(alice: World) -> None:
    then = timezone.now() + timedelta(hours=3)
    answer = alice.accept(send_at=then)

    types = list(Event.objects.filter(message_id=id_of(answer)).order_by("seq").values_list("type", flat=True))
    assert answer.body["status"] == "scheduled"
    assert types == ["message.accepted", "message.scheduled"]
    assert Due.objects.get().due_at == then


class TestStaleCaches:
    """What the process remembers may be seconds old; the statement asks again."""

    def test_a_revoked_key_is_refused_from_the_next_request_on(self, alice: World) -> None:
        alice.accept()
        key = alice.business.api_keys.get()
        type(key).objects.filter(pk=key.pk).update(revoked_at=timezone.now())

        with pytest.raises(Unauthenticated):
            alice.accept()

    def test_a_retired_template_is_refused_from_the_next_request_on(self, alice: World) -> None:
        alice.accept()
        type(alice.version).objects.filter(pk=alice.version.pk).update(status="retired", retired_at=timezone.now())

        with pytest.raises(TemplateNotLive):
            alice.accept()

    def test_a_new_route_version_is_taken_up_without_a_refusal(self, alice: World) -> None:
        alice.accept()
        book = alice.route.route
        world.publish_route(alice.business, alice.author, world.whatsapp_then_sms()[1:])

        answer = alice.accept(channel="sms")

        assert answer.body["route"] == {"name": book.name, "version": 2, "steps": [{"channel": "sms", "provider": "twilio"}]}

    def test_a_version_published_a_moment_ago_is_the_one_that_goes_out(self, alice: World) -> None:
        alice.accept()
        second = world.writing.draft(alice.version.template, language="en", author=alice.author, **world.WORDS)
        approval.submit(second, by=alice.author, at=timezone.now())
        approval.approve(second, by=alice.approver, at=timezone.now())
        approval.publish(second, by=alice.approver, at=timezone.now())

        assert alice.accept().body["template"]["version"] == 2


class TestConsent:
    def suppress(self, alice: World, **how: object) -> None:
        Suppression.objects.create(business=alice.business, recipient_hash=vault.blind_index(NUMBER), reason="opted_out", **how)

    def test_a_suppressed_recipient_is_refused(self, alice: World) -> None:
        self.suppress(alice)

        with pytest.raises(RecipientSuppressed):
            alice.accept()

    def test_a_suppression_of_one_channel_leaves_the_other(self, alice: World) -> None:
        self.suppress(alice, channel="whatsapp")

        alice.accept()

    def test_a_suppression_of_advertising_does_not_hold_back_news(self, alice: World) -> None:
        self.suppress(alice, category="marketing")

        alice.accept()

    def test_a_suppression_ends(self, alice: World) -> None:
        self.suppress(alice, expires_at=timezone.now() - timedelta(seconds=1))

        alice.accept()

    def test_another_business_is_not_bound_by_it(self, alice: World) -> None:
        self.suppress(alice)
        bob = world.make("bob")

        bob.accept()

    def test_in_a_batch_it_stops_nobody_else(self, alice: World) -> None:
        self.suppress(alice)
        items = [alice.wanted(), alice.wanted(recipient="+201007654321")]
        answer = intake.accept_batch(items, caller=alice.caller, key="b", same=b"0" * 32, request_id="r", at=timezone.now())

        assert answer.body["accepted"] == 1
        assert answer.body["items"][0]["error"]["code"] == "recipient_suppressed"
        assert answer.body["items"][1]["message"]["status"] == "accepted"


class TestIdempotency:
    def test_the_same_key_and_body_gets_the_first_answer_again(self, alice: World) -> None:
        first, second = alice.accept(key="k1"), alice.accept(key="k1")

        assert (second.body, second.is_replay) == (first.body, True)
        assert Message.objects.count() == 1

    def test_another_body_under_the_same_key_is_refused(self, alice: World) -> None:
        alice.accept(key="k1", same=b"1" * 32)

        with pytest.raises(KeyReused):
            alice.accept(key="k1", same=b"2" * 32)
        assert Message.objects.count() == 1

    def test_a_refused_request_leaves_its_key_free(self, alice: World) -> None:
        with pytest.raises(InvalidVariables):
            alice.accept(key="k1", variables={})

        assert not alice.accept(key="k1").is_replay

    def test_what_was_accepted_once_is_answered_so_even_if_it_could_not_be_today(self, alice: World) -> None:
        first = alice.accept(key="k1")
        type(alice.version).objects.filter(pk=alice.version.pk).update(status="retired", retired_at=timezone.now())
        world.forget()

        again = alice.accept(key="k1")
        assert (again.body, again.is_replay) == (first.body, True)
        with pytest.raises(KeyReused):
            alice.accept(key="k1", same=b"2" * 32)
        with pytest.raises(TemplateNotLive):
            alice.accept(key="k2")

    def test_a_batch_is_replayed_even_if_nothing_of_it_could_be_accepted_today(self, alice: World) -> None:
        asked = {"caller": alice.caller, "key": "b", "same": b"0" * 32, "request_id": "r", "at": timezone.now()}
        first = intake.accept_batch([alice.wanted()], **asked)
        type(alice.version).objects.filter(pk=alice.version.pk).update(status="retired", retired_at=timezone.now())
        world.forget()

        again = intake.accept_batch([alice.wanted()], **asked)

        assert (again.body, again.is_replay) == (first.body, True)

    def test_businesses_do_not_share_keys(self, alice: World) -> None:
        bob = world.make("bob")

        assert not alice.accept(key="k1").is_replay
        assert not bob.accept(key="k1").is_replay

    def test_a_batch_is_replayed_whole(self, alice: World) -> None:
        items = [alice.wanted(), alice.wanted(variables={})]
        first, second = (
            intake.accept_batch(items, caller=alice.caller, key="b", same=b"0" * 32, request_id="r", at=timezone.now()) for _ in range(2)
        )

        assert (second.body, second.is_replay) == (first.body, True)
        assert (first.body["accepted"], first.body["items"][1]["error"]["code"]) == (1, "invalid_variables")

    def test_a_batch_of_which_nothing_is_accepted_stores_nothing(self, alice: World) -> None:
        answer = intake.accept_batch(
            [alice.wanted(variables={})], caller=alice.caller, key="b", same=b"0" * 32, request_id="r", at=timezone.now()
        )

        assert answer.body["accepted"] == 0
        assert not IdempotencyKey.objects.exists()


class TestTogether:
    """What came at the same time, from several callers, in one commit."""

    def asked(self, world_: World, *, key: str | None = None, same: bytes = b"1" * 32, **more: object) -> Asked:
        return Asked(world_.wanted(**more), world_.caller, key, same, "req_test", timezone.now())

    def test_each_gets_its_own_answer_and_the_refused_get_none(self, alice: World) -> None:
        bob = world.make("bob")
        asked = [
            self.asked(alice, reference="a"),
            self.asked(bob, reference="b"),
            self.asked(alice, variables={}),
            self.asked(bob, reference="c"),
        ]

        answers = intake.accept_together(asked)

        assert [answer.body["reference"] if isinstance(answer, intake.Answer) else answer for answer in answers] == ["a", "b", None, "c"]
        assert set(Message.objects.values_list("reference", "business_id")) == {
            ("a", alice.business.pk),
            ("b", bob.business.pk),
            ("c", bob.business.pk),
        }

    def test_a_key_that_comes_twice_is_accepted_once_and_replayed_to_the_byte(self, alice: World) -> None:
        first, second, other = intake.accept_together(
            [self.asked(alice, key="k"), self.asked(alice, key="k"), self.asked(alice, key="k", same=b"2" * 32)]
        )

        assert isinstance(first, intake.Answer)
        assert second == intake.Answer(first.text, is_replay=True)
        assert other is None
        assert Message.objects.count() == 1

    def test_messages_of_different_templates_keep_their_own_ground(self, alice: World) -> None:
        world.live_template(alice.business, alice.author, alice.approver, name="order_late", category="marketing")

        intake.accept_together([self.asked(alice), self.asked(alice, template="order_late"), self.asked(alice, fallback=False)])

        found = Message.objects.order_by("id").values_list("template_name", "lane", "plan")
        assert [(name, lane, len(plan)) for name, lane, plan in found] == [
            ("order_shipped", "utility", 2),
            ("order_late", "marketing", 2),
            ("order_shipped", "utility", 1),
        ]

    def test_nothing_at_all_is_no_trouble(self) -> None:
        assert intake.accept_together([]) == []


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_50_equal_requests_at_once_make_one_message(self) -> None:
        alice = world.make("alice")
        start = threading.Barrier(50)

        def ask(_: int) -> intake.Answer:
            start.wait()
            try:
                return alice.accept(key="once")
            finally:
                connections.close_all()

        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(ask, range(50)))

        assert len({answer.body["id"] for answer in answers}) == 1
        assert sum(not answer.is_replay for answer in answers) == 1
        assert Message.objects.count() == Due.objects.count() == Event.objects.count() == 1

    def test_a_poisoned_request_fails_alone_in_its_group(self) -> None:
        alice = world.make("alice")
        start = threading.Barrier(20)

        def ask(number: int) -> str:
            start.wait()
            try:
                # A NUL is what PostgreSQL can't hold; the API refuses it before it comes so far.
                return str(alice.accept(reference="a\0b" if number == 7 else f"order-{number}").body["status"])
            except Exception as error:  # noqa: BLE001 - which error is the driver's affair
                return type(error).__name__
            finally:
                connections.close_all()

        with ThreadPoolExecutor(20) as threads:
            results = list(threads.map(ask, range(20)))

        assert results.count("accepted") == 19
        assert Message.objects.count() == 19


@pytest.mark.parametrize("hours", [1, -1])
def test_a_web_whose_clock_is_wrong_neither_delays_nor_ends_a_message(alice: World, hours: int) -> None:
    wrong = timezone.now() + timedelta(hours=hours)

    intake.accept(alice.wanted(expires_in=600), caller=alice.caller, key=None, same=b"", request_id="req_test", at=wrong)

    now = timezone.now()
    assert abs(Due.objects.get().due_at - now) < timedelta(minutes=1)
    assert abs(State.objects.get().expires_at - now - timedelta(minutes=10)) < timedelta(minutes=1)
    assert Message.objects.get().expires_at == State.objects.get().expires_at
