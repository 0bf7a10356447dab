"""Quiet hours: by the recipient's own clock, put off and not dropped, looked at again at every hop."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from accounts import ids
from messaging import deferral, explaining
from messaging.lane import Lane
from messaging.models import Due, Event, Message, State
from routing import calendar
from routing.models import Gate, QuietHours
from tests import doors, world
from tests.messaging.conftest import Simulator
from tests.messaging.test_api import call, fields
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db(transaction=True)

LONDON, NEW_YORK, KATHMANDU = "Europe/London", "America/New_York", "Asia/Kathmandu"
UNREACHABLE, BROKEN = "+201000000014", "+201000000031"
GOOD: dict[str, Any] = {"channel": "whatsapp", "template": "order_shipped", "recipient": NUMBER, "variables": {"order_id": "A-17"}}


def hush(alice: World, begins: time = time(21), ends: time = time(8), *, lane: str = "utility", **more: Any) -> QuietHours:
    row = QuietHours.objects.create(business=alice.business, traffic_class=lane, begins=begins, ends=ends, **more)
    calendar.forget()
    return row


def around_now(zone: str = "Africa/Cairo", *, hours: float = 1) -> dict[str, time]:
    """A window that holds now by that zone's clock, and for so long."""
    wall = timezone.now().astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0)
    return {"begins": (wall - timedelta(hours=1)).time(), "ends": (wall + timedelta(hours=hours)).time()}


def id_of(told: dict[str, Any]) -> UUID:
    found = ids.parse("msg", told["id"])
    assert found
    return found


def events(id_: UUID) -> list[tuple[str, str, Any]]:
    rows = Event.objects.filter(message_id=id_).order_by("seq")
    return [(row.type.removeprefix("message."), row.status, (row.detail or {}).get("deferred")) for row in rows]


@pytest.fixture
def alice() -> World:
    return world.make("alice")


# At accept


@pytest.fixture(params=["django", "quick"])
def door(request: pytest.FixtureRequest) -> Any:
    doors.Front.quick = request.param == "quick"
    yield
    doors.Front.quick = False


@pytest.mark.parametrize(
    "zone, send_at",
    [
        (LONDON, "2026-03-29T07:00:00Z"),  # the clocks go forward that night
        (NEW_YORK, None),
        (KATHMANDU, "2026-03-29T02:15:00Z"),
    ],
)
def test_one_instant_is_night_or_day_by_the_recipients_own_clock(alice: World, door: None, zone: str, send_at: str | None) -> None:
    hush(alice)

    with time_machine.travel(datetime(2026, 3, 28, 22, 30, tzinfo=UTC), tick=True):
        calendar.forget()
        answer = call(alice, "POST", "/v1/messages", {**GOOD, "timezone": zone})

    told = answer.json()
    assert answer.status_code == 202
    assert (told["send_at"], told["status"]) == (send_at, "scheduled" if send_at else "accepted")


def test_the_number_tells_the_zone_where_the_request_does_not(alice: World) -> None:
    hush(alice)
    with time_machine.travel(datetime(2026, 1, 14, 19, 30, tzinfo=UTC), tick=True):
        calendar.forget()
        cairo, london = (alice.accept(recipient=number).body for number in (NUMBER, "+447400123456"))

    assert (cairo["send_at"], london["send_at"]) == ("2026-01-15T06:00:00Z", None)


def test_a_number_of_many_zones_waits_until_all_are_awake() -> None:
    assert len(deferral.zones_of("+79161234567")) > 5
    assert deferral.zones_of("+80012345678") == ()
    assert deferral.zones_of("sara@example.com") == ()


def test_an_address_without_a_place_goes_by_the_businesss_clock(alice: World) -> None:
    hush(alice)
    alice.business.timezone = "Asia/Tokyo"
    alice.business.save()
    calendar.forget()
    asked = {"traffic_class": "utility", "recipient": lambda: "sara@example.com", "zone": None}

    put_off = deferral.look(alice.business.pk, at=datetime(2026, 1, 14, 13, tzinfo=UTC), **asked)

    assert put_off is not None
    assert (put_off.until, put_off.zones) == (datetime(2026, 1, 14, 23, tzinfo=UTC), ("Asia/Tokyo",))


def test_what_is_put_off_is_scheduled_and_its_deadline_counts_from_then(alice: World) -> None:
    hush(alice, **around_now())

    told = alice.accept(expires_in=600).body

    until = datetime.fromisoformat(told["send_at"])
    assert datetime.fromisoformat(told["expires_at"]) == until + timedelta(minutes=10)
    assert Due.objects.get(message_id=id_of(told)).due_at == until
    assert events(id_of(told)) == [
        ("accepted", "accepted", None),
        ("scheduled", "scheduled", {"because": "quiet_hours", "until": told["send_at"]}),
    ]


def test_a_time_that_was_asked_for_is_put_off_only_if_it_is_quiet_then(alice: World) -> None:
    hush(alice)
    monday = datetime.combine(timezone.now().astimezone(ZoneInfo("Africa/Cairo")).date() + timedelta(days=3), time(12))
    noon = monday.replace(tzinfo=ZoneInfo("Africa/Cairo"))

    day, night = (alice.accept(send_at=at).body for at in (noon, noon + timedelta(hours=11)))

    assert datetime.fromisoformat(day["send_at"]) == noon
    assert datetime.fromisoformat(night["send_at"]) == (monday + timedelta(hours=20)).replace(tzinfo=ZoneInfo("Africa/Cairo"))
    assert events(id_of(day))[1] == ("scheduled", "scheduled", None)


@pytest.mark.parametrize("more", [{"lane": "marketing"}, {"is_active": False}, {"days": []}])
def test_other_classes_and_sleeping_rules_hold_nothing_up(alice: World, more: dict[str, Any]) -> None:
    hush(alice, **around_now(), **more)

    assert alice.accept().body["status"] == "accepted"


def test_another_business_keeps_its_own_hours(alice: World) -> None:
    hush(world.make("bob"), **around_now())

    assert alice.accept().body["status"] == "accepted"


def test_one_time_codes_wait_only_where_somebody_has_said_so(simulator: Simulator) -> None:
    alice = world.make("alice", category="authentication")
    hush(alice, **around_now())

    assert alice.accept(channel="sms").body["status"] == "accepted"
    hush(alice, **around_now(), lane="authentication", codes_may_wait=True)
    assert alice.accept(channel="sms").body["status"] == "scheduled"


@pytest.mark.parametrize("zone", ["Cairo", "", "UTC+2", "../etc/passwd", "Factory", 7, "x" * 50])
def test_a_zone_that_nobody_knows_is_refused(alice: World, door: None, zone: Any) -> None:
    answer = call(alice, "POST", "/v1/messages", {**GOOD, "timezone": zone})

    assert answer.status_code == 422
    assert set(fields(answer)) == {"timezone"}


def test_each_item_of_a_batch_has_its_own_clock(alice: World) -> None:
    hush(alice, **around_now(KATHMANDU, hours=0.5))
    items = [{"recipient": NUMBER}, {"recipient": NUMBER, "timezone": KATHMANDU}, {"recipient": NUMBER, "timezone": "Kathmandu"}]

    told = call(alice, "POST", "/v1/messages/batch", batch(items)).json()

    assert [item.get("message", {}).get("status") for item in told["items"]] == ["accepted", "scheduled", None]
    assert told["items"][2]["error"]["errors"][0]["code"] == "unknown_zone"


def batch(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != "recipient"} | {"items": items}


def test_explain_says_by_whose_clock(alice: World) -> None:
    hush(alice, **around_now())

    told = explaining.explain(alice.wanted(), caller=alice.caller, at=timezone.now())

    assert told["deferred"] == {"because": "quiet_hours", "until": told["send_at"], "zones": ["Africa/Cairo"]}
    assert explaining.explain(alice.wanted(timezone=KATHMANDU), caller=alice.caller, at=timezone.now())["deferred"] is None


def test_quiet_hours_are_read_once_in_fifteen_seconds(alice: World, django_assert_num_queries: Any) -> None:
    at = timezone.now()
    asked = {"traffic_class": "utility", "recipient": lambda: NUMBER, "zone": None}
    hush(alice)

    with django_assert_num_queries(1):
        for seconds in (0, 5, 14):
            deferral.look(alice.business.pk, at=at + timedelta(seconds=seconds), **asked)


# At every hop


def work() -> None:
    Lane("utility").run(seconds=5)


def make_due(id_: UUID) -> None:
    """As if the wait were over, the message's and the account's."""
    Gate.objects.update(not_before=None)
    Due.objects.filter(message_id=id_).update(due_at=timezone.now() - timedelta(seconds=1))


def test_hours_that_begin_before_the_release_put_it_off_again(alice: World, simulator: Simulator) -> None:
    id_ = id_of(alice.accept().body)
    hush(alice, **around_now())

    work()

    due = Due.objects.get(message_id=id_)
    assert simulator.taken() == []
    assert timedelta(minutes=58) < due.due_at - timezone.now() < timedelta(minutes=61)
    assert (due.lease, due.calling_at, due.tries) == (None, None, 0)
    kind, status, deferred = events(id_)[-1]
    assert (kind, status, deferred["because"]) == ("scheduled", "accepted", "quiet_hours")
    assert datetime.fromisoformat(deferred["until"]) == due.due_at


def test_the_zone_of_the_request_counts_at_the_hop_too(alice: World, simulator: Simulator) -> None:
    there, here = (id_of(alice.accept(timezone=zone).body) for zone in (KATHMANDU, None))
    hush(alice, **around_now(KATHMANDU, hours=0.5))

    work()

    assert Message.objects.get(id=there).timezone == KATHMANDU
    assert [State.objects.get(message_id=id_).status for id_ in (there, here)] == ["accepted", "submitted"]


def test_it_goes_when_they_are_over(alice: World, simulator: Simulator) -> None:
    id_ = id_of(alice.accept().body)
    row = hush(alice, **around_now())
    work()
    row.delete()
    calendar.forget()
    make_due(id_)

    work()

    assert State.objects.get(message_id=id_).status == "submitted"
    assert len(simulator.taken()) == 1


def test_a_fallback_waits_for_them_as_well(alice: World, simulator: Simulator) -> None:
    id_ = id_of(alice.accept(recipient=UNREACHABLE).body)
    lane = Lane("utility")
    lane._start_more()
    hush(alice, **around_now())
    lane.run(seconds=5)

    kinds = [kind for kind, _, _ in events(id_)]

    assert kinds == ["accepted", "fallback", "scheduled"]
    assert Due.objects.get(message_id=id_).channel == "sms"


def test_a_retry_waits_for_them_and_its_patience_with_it(simulator: Simulator) -> None:
    alice = world.make("alice")
    id_ = id_of(alice.accept(recipient=BROKEN).body)
    work()
    before = Due.objects.get(message_id=id_)
    hush(alice, **around_now())
    make_due(id_)

    work()

    after = Due.objects.get(message_id=id_)
    assert (after.number, after.tries) == (1, before.tries)
    assert before.gives_up_at
    assert after.gives_up_at
    assert after.gives_up_at - before.gives_up_at > timedelta(minutes=58)


def test_what_can_not_go_before_its_deadline_expires_then(alice: World, simulator: Simulator) -> None:
    told = alice.accept(expires_in=60).body
    id_ = id_of(told)
    hush(alice, **around_now())
    work()

    assert Due.objects.get(message_id=id_).due_at == datetime.fromisoformat(told["expires_at"])
    assert events(id_)[-1][2]["until"] == told["expires_at"]


def test_what_waits_can_be_taken_back(alice: World) -> None:
    hush(alice, **around_now())
    told = alice.accept().body

    answer = call(alice, "POST", f"/v1/messages/{told['id']}/cancel")

    assert answer.json()["status"] == "canceled"
    assert not Due.objects.filter(message_id=id_of(told)).exists()
