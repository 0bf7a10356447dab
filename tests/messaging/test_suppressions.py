"""Suppressions at the API: added once, found, lifted, never another business's."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from accounts import keys
from accounts.choices import Mode
from accounts.models import BusinessEvent
from messaging.intake import RecipientSuppressed
from messaging.models import Due, Event, Message, State, Suppression
from messaging.suppressions import keeping, lifting
from messaging.suppressions.keeping import Wanted
from routing import vault
from tests import doors, world
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> World:
    return world.make("alice")


def call(world_: World, method: str, path: str, body: object = None, *, key: str = "") -> Any:
    text = b"" if body is None else orjson.dumps(body)
    return doors.ask(method, f"/v1/suppressions{path}", text, HTTP_AUTHORIZATION=f"Bearer {key or world_.key}")


def add(world_: World, **more: Any) -> Any:
    return call(world_, "POST", "", {"recipient": NUMBER, **more})


def accepts(world_: World, **more: Any) -> bool:
    try:
        world_.accept(**more)
    except RecipientSuppressed:
        return False
    return True


def wanted(world_: World, **more: Any) -> Wanted:
    usual = {"mode": "test", "channel": "", "category": "", "reason": "opted_out", "origin": "api"}
    return Wanted(business_id=world_.business.pk, recipient_hash=vault.blind_index(NUMBER), **{**usual, **more})


def test_who_is_suppressed_is_written_to_no_more(alice: World) -> None:
    answer = add(alice, source="hotline", evidence={"ticket": "T-17"})

    assert answer.status_code == 201
    told = answer.json()
    assert (told["recipient"], told["channel"], told["reason"], told["origin"]) == (NUMBER, None, "opted_out", "api")
    assert (told["source"], told["evidence"], told["in_force"]) == ("hotline", {"ticket": "T-17"}, True)
    assert not accepts(alice)


def test_the_same_again_is_no_second_one(alice: World) -> None:
    first, second = add(alice), add(alice, recipient="+20 100 123 4567")

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert Suppression.objects.count() == 1


def test_an_address_is_the_same_person_in_any_case_of_its_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(world.WORDS["content"], "email", {"subject": "On its way", "text": "Your order {{order_id}} is on its way."})
    letters = world.make(steps=[{"channel": "email", "accounts": [{"account": str(world.stand_in("postmark").pk), "weight": 1}]}])

    letters.accept(channel="email", recipient="Sara.B@Example.com")
    message = Message.objects.get()
    assert vault.unseal(bytes(message.recipient), bound_to=f"message:{message.id}") == b"Sara.B@example.com"
    assert add(letters, recipient="SARA.b@Example.com", channel="email").status_code == 201
    assert State.objects.get().status == "canceled"
    assert not accepts(letters, channel="email", recipient="sara.b@example.com")
    assert not accepts(letters, channel="email", recipient="Sara.B@example.com")
    found = call(letters, "GET", "?recipient=sara.B@example.com").json()["items"]
    assert len(found) == 1
    assert call(letters, "GET", f"/{found[0]['id']}").json()["recipient"] == "SARA.b@example.com"


def test_of_two_ends_the_later_holds(alice: World) -> None:
    soon, late = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(days=1)
    add(alice, expires_at=late.isoformat())
    add(alice, expires_at=soon.isoformat())
    assert Suppression.objects.get().expires_at == late

    add(alice)
    assert Suppression.objects.get().expires_at is None


def test_one_that_has_run_out_makes_room_and_stays(alice: World) -> None:
    keeping.add([wanted(alice, expires_at=timezone.now() - timedelta(seconds=1))], at=timezone.now() - timedelta(hours=1))

    assert add(alice).status_code == 201
    assert sorted(Suppression.objects.values_list("lifted_because", flat=True)) == ["", "It ran out."]


def test_what_waits_for_the_recipient_is_canceled_and_says_why(alice: World) -> None:
    alice.accept(send_at=timezone.now() + timedelta(days=2))
    alice.accept(recipient="+201001234568")

    add(alice)

    state = State.objects.get(status="canceled")
    event = Event.objects.get(message_id=state.message_id, type="message.canceled")
    assert (event.error_class, event.error_code, event.final) == ("opted_out", "suppressed", True)
    assert (State.objects.exclude(status="canceled").count(), Due.objects.count()) == (1, 1)


def test_what_waits_in_another_category_or_on_another_channel_goes_its_way(alice: World) -> None:
    alice.accept(send_at=timezone.now() + timedelta(days=2))

    add(alice, category="marketing")
    add(alice, channel="sms")

    assert Due.objects.count() == 1


def test_a_test_key_silences_nobody_in_the_live_world(alice: World) -> None:
    add(alice)
    _, text = keys.create(alice.business, name="live", mode=Mode.LIVE)

    assert Suppression.objects.get().mode == "test"
    assert call(alice, "GET", "", key=text).json()["items"] == []


def test_a_lifted_one_stays_known(alice: World) -> None:
    id_ = add(alice).json()["id"]

    told = call(alice, "POST", f"/{id_}/lift", {"because": "They wrote to us."}).json()

    assert (told["in_force"], told["lifted_because"]) == (False, "They wrote to us.")
    assert accepts(alice)
    assert call(alice, "POST", f"/{id_}/lift", {"because": "again"}).json()["lifted_because"] == "They wrote to us."
    assert [item["id"] for item in call(alice, "GET", "").json()["items"]] == [id_]
    assert add(alice).json()["id"] != id_


def test_what_staff_decided_is_lifted_by_staff_alone(alice: World) -> None:
    (kept,) = keeping.add([wanted(alice, mode="", origin="staff", reason="staff")], at=timezone.now())

    answer = call(alice, "POST", f"/sup_{kept.id.hex}/lift", {"because": "please"})

    assert (answer.status_code, answer.json()["code"]) == (409, "suppression_of_staff")
    assert not accepts(alice)


def test_a_stranger_finds_nothing(alice: World) -> None:
    id_ = add(alice).json()["id"]
    bob = world.make("bob")

    assert call(bob, "GET", f"/{id_}").status_code == 404
    assert call(bob, "POST", f"/{id_}/lift", {"because": "mine?"}).status_code == 404
    assert call(bob, "GET", f"?recipient={NUMBER.replace('+', '%2B')}").json()["items"] == []
    assert accepts(bob)


@pytest.mark.parametrize(
    "body, field, code",
    [
        ({"recipient": "0100"}, "recipient", "invalid_recipient"),
        ({"recipient": NUMBER, "channel": "fax"}, "channel", "invalid_choice"),
        ({"recipient": NUMBER, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "already_over"),
        ({"recipient": NUMBER, "colour": "red"}, "colour", "unknown_field"),
        ({"recipient": NUMBER, "source": "call from +20 100-123 4567"}, "source", "personal_data"),
        ({"recipient": NUMBER, "source": "sara@example.com"}, "source", "personal_data"),
        ({"recipient": NUMBER, "evidence": {"caller": "+201001234567"}}, "evidence", "personal_data"),
        ({}, "recipient", "required"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_field(alice: World, body: dict[str, Any], field: str, code: str) -> None:
    answer = call(alice, "POST", "", body)

    assert answer.status_code in {400, 422}
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


def test_a_batch_keeps_the_good_ones(alice: World) -> None:
    items = [{"recipient": NUMBER}, {"recipient": "nonsense"}, {"recipient": NUMBER}, {"recipient": "sara@example.com", "channel": "email"}]

    told = call(alice, "POST", "/batch", {"items": items}).json()

    assert [("error" in item, item.get("is_new")) for item in told["items"]] == [(False, True), (True, None), (False, False), (False, True)]
    assert told["items"][1]["error"]["code"] == "invalid_recipient"
    assert told["added"] == 2
    assert Suppression.objects.count() == 2


def test_a_list_is_read_in_pages_and_masks(alice: World) -> None:
    for last in range(5):
        add(alice, recipient=f"+20100123456{last}")

    first = call(alice, "GET", "?limit=3").json()
    second = call(alice, "GET", f"?limit=3&cursor={first['next_cursor']}").json()

    assert [len(first["items"]), len(second["items"]), second["next_cursor"]] == [3, 2, None]
    assert first["items"][0]["recipient"] == "+20*******564"
    assert call(alice, "GET", "?in_force=false").json()["items"] == []
    assert call(alice, "GET", "?in_force=perhaps").json()["code"] == "bad_filter"
    assert call(alice, "GET", "?reasons=staff").json()["code"] == "bad_filter"


def test_an_export_has_whole_recipients_and_no_formulas(alice: World) -> None:
    add(alice, source="=cmd()", channel="sms")
    id_ = add(alice, recipient="+201001234568").json()["id"]
    call(alice, "POST", f"/{id_}/lift", {"because": "over"})

    rows = list(csv.DictReader(io.StringIO(call(alice, "GET", "/export").content.decode())))

    assert [(row["recipient"], row["channel"], row["source"]) for row in rows] == [(NUMBER, "sms", "'=cmd()")]


def test_a_key_needs_the_scope(alice: World) -> None:
    _, text = keys.create(alice.business, name="reader", mode=Mode.TEST, scopes=["suppressions:read"])

    assert call(alice, "GET", "", key=text).status_code == 200
    assert call(alice, "POST", "", {"recipient": NUMBER}, key=text).json()["code"] == "missing_scope"


def test_what_a_recipient_did_is_told_to_the_business_without_a_number(alice: World) -> None:
    keeping.add([wanted(alice, origin="keyword", channel="sms", recipient=NUMBER, evidence={"message": "msg_1"})], at=timezone.now())
    keeping.add([wanted(alice, origin="api", recipient=NUMBER)], at=timezone.now())

    event = BusinessEvent.objects.get(type__startswith="recipient.")
    assert (event.type, event.mode, event.about["channel"], event.about["message"]) == ("recipient.opted_out", "test", "sms", "msg_1")
    assert NUMBER[1:] not in str(event.about)


def test_start_lifts_what_stop_has_set_and_nothing_else(alice: World) -> None:
    at = timezone.now()
    for origin, reason in (("keyword", "opted_out"), ("provider", "opted_out"), ("provider", "complaint"), ("staff", "opted_out")):
        keeping.add([wanted(alice, origin=origin, reason=reason, channel="sms")], at=at)

    hash_ = vault.blind_index(NUMBER)
    lifted = lifting.start([hash_], business_id=alice.business.pk, mode="test", channel="sms", source="START", message=None, at=at)

    assert lifted == 2
    left = Suppression.objects.filter(lifted_at__isnull=True).values_list("origin", "reason")
    assert sorted(left) == [("provider", "complaint"), ("staff", "opted_out")]
    assert BusinessEvent.objects.filter(type="recipient.opted_in").count() == 2
