from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import ids
from accounts.models import Business
from callbacks.models import Delivery, DeliveryDue, DeliveryTry, Endpoint
from messaging import dossier, phrases, timeline
from messaging.dossier import Dossier
from messaging.lane import Lane
from messaging.lifecycle import AttemptStatus, Status, Trouble
from messaging.models import Message
from messaging.timeline import Kind, Moment, Tone
from routing.providers.base import ErrorClass
from tests import world
from tests.messaging import factories
from tests.messaging.conftest import Simulator

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def shop() -> Business:
    return factories.business()


def seen(message: Message, *, now: datetime | None = None) -> Dossier:
    return dossier.open_for(message, at=now or at(10))


def titles(message: Message, *kinds: Kind) -> list[str]:
    return [entry.moment.title for entry in seen(message).past if entry.moment.kind in kinds]


def moments(message: Message, kind: Kind) -> list[Moment]:
    page = seen(message)
    return [entry.moment for entry in (*page.past, *page.ahead) if entry.moment.kind is kind]


def facts(moment: Moment) -> dict[str, object]:
    return {fact.label: fact.value for fact in moment.facts}


def test_a_fallback_is_told_from_the_request_to_the_arrival(shop: Business) -> None:
    message = factories.fallback(shop, at=NOON)

    assert titles(message, *(kind for kind in Kind if kind is not Kind.WEBHOOK)) == [
        "Request accepted",
        "message.accepted",
        "Attempt 1: WhatsApp through Meta",
        "Meta took it",
        "message.submitted",
        "Meta says: sent",
        "message.sent",
        "Meta says: failed",
        "message.fallback",
        "Attempt 2: SMS through Twilio",
        "Twilio took it",
        "Twilio says: sent",
        "Twilio says: delivered",
        "message.delivered",
    ]


def test_the_summary_says_how_it_arrived(shop: Business) -> None:
    page = seen(factories.fallback(shop, at=NOON, callback=None))

    assert page.summary == "Arrived by SMS, 7.0 s after it was accepted; WhatsApp was tried before."
    assert page.is_final
    assert page.ahead == []


def test_an_arrival_by_both_channels_is_told(shop: Business) -> None:
    message = factories.fallback(shop, at=NOON)
    factories.said(message, 1, "delivered", at=at(9), occurred_at=at(9))

    assert seen(message).summary == "Arrived by SMS, 7.0 s after it was accepted, and again by WhatsApp."


@pytest.mark.parametrize("told", [-0.5, 0.0, 0.9])
def test_a_clock_that_gives_whole_seconds_makes_no_message_arrive_before_it_was_sent(told: float, shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    number = factories.call(message, at=at(0.1))
    factories.said(message, number, "delivered", at=at(1.46), occurred_at=at(told))
    factories.said(message, number, "read", at=at(1.6), occurred_at=at(told))

    assert seen(message).summary == "Arrived by WhatsApp, 1.5 s after it was accepted. It was read at once."


def test_what_arrived_has_no_deadline_any_more(shop: Business) -> None:
    message = factories.message(shop, at=NOON, callback=None)
    number = factories.call(message, at=at(1))
    factories.taken(message, number, "wamid.1", at=at(1.5))
    factories.said(message, number, "delivered", at=at(2))

    page = seen(message)

    assert not page.is_final
    assert page.ahead == []
    assert [mark.status for mark in page.way if not mark.at] == ["read"]


def test_a_message_between_two_steps_goes_on(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    number = factories.call(message, at=at(1))
    factories.taken(message, number, "wamid.1", at=at(2))
    factories.said(message, number, "failed", at=at(3), trouble=Trouble("unreachable", "unreachable", "131026"))

    assert seen(message).summary == "It has not arrived yet, and goes on by SMS."


def test_the_plan_says_which_steps_were_used(shop: Business) -> None:
    page = seen(factories.fallback(shop, at=NOON))

    assert [(step.channel, step.fate, step.tone) for step in page.steps] == [
        ("WhatsApp", "did not arrive", Tone.BAD),
        ("SMS", "arrived", Tone.GOOD),
    ]
    assert page.steps[0].patience == "delivered within 30 s"


def test_a_step_that_was_never_needed_is_told_apart_from_one_in_reserve(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    before = seen(message).steps[1].fate
    number = factories.call(message, at=at(1))
    factories.taken(message, number, "wamid.1", at=at(2))
    factories.said(message, number, "read", at=at(3))

    assert (before, seen(message).steps[1].fate) == ("in reserve", "not needed")


def test_a_fallback_says_why(shop: Business) -> None:
    message = factories.fallback(shop, at=NOON)

    moment = next(moment for moment in moments(message, Kind.EVENT) if moment.title == "message.fallback")

    assert moment.text == "WhatsApp → SMS, because the recipient can't be reached there."
    assert facts(moment)["Provider's code"] == "131026"


def test_a_receipt_shows_the_providers_clock_beside_ours(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    number = factories.call(message, at=at(1))
    factories.said(message, number, "sent", at=at(5), occurred_at=at(2))

    moment = moments(message, Kind.RECEIPT)[0]

    assert (moment.at, facts(moment)["Provider's time"]) == (at(5), at(2))


def test_a_providers_slow_clock_does_not_put_its_answer_before_our_call(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    number = factories.call(message, at=at(5))
    factories.said(message, number, "submitted", at=at(6), occurred_at=at(1))

    told = titles(message, Kind.CALL, Kind.ANSWER)

    assert told == ["Attempt 1: WhatsApp through Meta", "Meta took it"]


def test_a_word_that_no_table_knows_is_shown_as_it_came(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    number = factories.call(message, at=at(1))
    factories.said(message, number, "warmed_up", at=at(2))

    moment = moments(message, Kind.RECEIPT)[0]

    assert (moment.title, moment.tone) == ("Meta says: warmed_up", Tone.CARE)
    assert "changes nothing" in moment.text


def test_an_arrival_after_a_failure_is_marked_as_recovered(shop: Business) -> None:
    message = factories.message(shop, at=NOON, plan=factories.WHATSAPP_THEN_SMS[1:])
    number = factories.call(message, at=at(1))
    trouble = Trouble("unreachable", "unreachable", "30003")
    factories.said(message, number, "failed", at=at(2), account=factories.TWILIO, trouble=trouble)
    factories.said(message, number, "delivered", at=at(3), account=factories.TWILIO)

    assert moments(message, Kind.EVENT)[-1].marks == ("final", "recovered")


def test_a_failure_after_the_arrival_is_marked_as_late(shop: Business) -> None:
    message = factories.fallback(shop, at=NOON)
    factories.said(message, 2, "failed", at=at(60), account=factories.TWILIO, trouble=Trouble("unreachable", "unreachable", "30003"))

    last = moments(message, Kind.EVENT)[-1]

    assert "late" in last.marks
    assert last.text == "Came after it had arrived: kept here, and the status stays delivered."
    assert seen(message).state.status == "delivered"


def test_an_attempt_that_was_refused_says_with_which_code(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    number = factories.call(message, at=at(1))
    factories.refused(message, number, "opted_out", "131050", at=at(2))

    answer = moments(message, Kind.ANSWER)[0]
    page = seen(message)

    assert (answer.title, answer.tone) == ("Meta refused it", Tone.BAD)
    assert facts(answer) == {"Error class": "opted_out", "Provider's code": "131050"}
    assert page.summary == "It did not arrive: the recipient does not want such messages."


def test_an_attempt_that_was_never_made_is_no_call(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    factories.skip(message, "opted_out", "suppressed", at=at(1))

    assert moments(message, Kind.CALL) == []
    assert moments(message, Kind.ANSWER)[0].title == "Attempt 1 was not made: WhatsApp through Meta"


def test_an_unknown_outcome_is_never_guessed_away(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    number = factories.call(message, at=at(1))
    factories.lost(message, number, at=at(2))

    page = seen(message)

    assert page.summary == "Handed to Meta, which gave no answer: nobody knows yet whether it was taken."
    assert page.past[-1].moment.title == "Outcome unknown"
    assert [entry.moment.title for entry in page.ahead if entry.moment.kind is Kind.CLOCK] == ["The unknown outcome is settled", "Deadline"]


def test_what_is_awaited_stands_apart_and_in_order(shop: Business) -> None:
    message = factories.message(shop, at=NOON, callback=None)
    number = factories.call(message, at=at(1))
    factories.taken(message, number, "wamid.1", at=at(2))

    page = seen(message, now=at(12))

    assert [(entry.moment.title, entry.since) for entry in page.ahead] == [("Patience ends", "in 20 s"), ("Deadline", "in 24 h")]


def test_what_is_overdue_says_how_long_it_waits(shop: Business) -> None:
    message = factories.message(shop, at=NOON, callback=None)

    page = seen(message, now=at(40))

    assert next((entry.moment.title, entry.since) for entry in page.ahead) == ("Attempt 1 is due", "waits 40 s")


def test_a_message_that_ended_awaits_nothing(shop: Business) -> None:
    message = factories.message(shop, at=NOON, callback=None)
    factories.cancel(message, at=at(1))

    page = seen(message)

    assert page.ahead == []
    assert [mark.status for mark in page.way] == ["accepted", "canceled"]
    assert page.summary == "The business took it back before any provider had it."


def test_a_scheduled_message_waits_for_its_time(shop: Business) -> None:
    message = factories.message(shop, at=NOON, send_at=at(3600), expires_at=at(90_000))

    page = seen(message)

    assert page.summary == "Waits for the time that it was scheduled for."
    assert page.way[0].status == "scheduled"


def test_each_try_of_a_webhook_is_a_moment(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    delivery = Delivery.objects.get(message_id=message.id)
    DeliveryTry.objects.bulk_create(
        [
            DeliveryTry(
                delivery_id=delivery.id,
                number=1,
                outcome="failed",
                started_at=at(1),
                milliseconds=15_000,
                error="timeout",
                next_try_at=at(21),
            ),
            DeliveryTry(delivery_id=delivery.id, number=2, outcome="delivered", started_at=at(21), milliseconds=43, status_code=200),
        ]
    )
    DeliveryDue.objects.all().delete()

    told = moments(message, Kind.WEBHOOK)

    assert [(moment.title, moment.tone, moment.label) for moment in told] == [
        ("Webhook did not answer in 15,000 ms", Tone.CARE, "accepted"),
        ("Webhook answered 200 in 43 ms", Tone.GOOD, "accepted"),
    ]
    assert facts(told[0])["Next try"] == at(21)
    assert facts(told[0])["Error"] == "timeout"


def test_a_webhook_is_named_without_what_its_address_may_hide(shop: Business) -> None:
    message = factories.message(shop, at=NOON, callback="https://shop:password@shop.example/hooks?token=hidden#here")

    told = [str(fact.value) for moment in (*moments(message, Kind.WEBHOOK), *moments(message, Kind.REQUEST)) for fact in moment.facts]

    assert told.count("https://shop.example/hooks") == 2
    assert not any("hidden" in text or "password" in text for text in told)


def test_a_webhook_that_nobody_will_take_any_more_is_said_to_be_so(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    Endpoint.objects.update(is_enabled=False)

    assert moments(message, Kind.WEBHOOK)[0].text == "Its endpoint is disabled, so it is given up."


def test_a_webhook_given_up_is_bad_news(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    delivery = Delivery.objects.get(message_id=message.id)
    DeliveryTry.objects.bulk_create(
        [DeliveryTry(delivery_id=delivery.id, number=8, outcome="exhausted", started_at=at(1), milliseconds=9, status_code=500)]
    )
    DeliveryDue.objects.all().delete()

    (moment,) = moments(message, Kind.WEBHOOK)

    assert (moment.tone, moment.text) == (Tone.BAD, "It is given up: no further try follows.")


@pytest.fixture
def _a_room_above() -> Iterator[None]:
    def source(message_id: UUID) -> Iterator[Moment]:
        yield Moment(at(0.5), Kind.WEBHOOK, f"Told of {message_id}")

    timeline.sources.append(source)
    yield
    timeline.sources.remove(source)


@pytest.mark.usefixtures("_a_room_above")
def test_rooms_above_add_their_own_moments(shop: Business) -> None:
    message = factories.message(shop, at=NOON, callback=None)

    assert f"Told of {message.id}" in titles(message, Kind.WEBHOOK)


def test_nobody_elses_moments_are_shown(shop: Business) -> None:
    factories.fallback(shop, at=NOON)
    message = factories.message(shop, at=NOON, callback=None)

    assert titles(message, *Kind) == ["Request accepted", "message.accepted"]


def test_the_page_costs_the_same_for_any_story(shop: Business) -> None:
    short = factories.message(shop, at=NOON)
    long = factories.fallback(shop, at=NOON)

    with CaptureQueriesContext(connection) as of_short:
        seen(short)
    with CaptureQueriesContext(connection) as of_long:
        seen(long)

    assert len(of_short) == len(of_long) <= 12


def test_no_partition_but_the_messages_own_is_read(shop: Business) -> None:
    message = factories.fallback(shop, at=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        seen(message)

    hot = [query["sql"] for query in queries if '"messaging_event"' in query["sql"] or '"messaging_attempt"' in query["sql"]]
    with connection.cursor() as cursor:
        for sql in hot:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Append" not in plan, plan
    assert len(hot) == 2


def test_the_recipient_is_masked_and_a_lost_key_closes_no_page(shop: Business) -> None:
    message = factories.message(shop, at=NOON)
    broken = factories.message(shop, at=NOON, recipient=b"not sealed by us")

    assert seen(message).recipient == "+20*******567"
    assert seen(broken).recipient == "can't be opened"


@pytest.mark.django_db(transaction=True)
def test_a_call_that_was_refused_for_now_says_why_it_is_made_again(simulator: Simulator) -> None:
    answer = world.make("alice").accept(recipient="+201000000031")
    lane = Lane("utility")
    lane.run(seconds=1)
    id_ = ids.parse("msg", answer.body["id"])

    again = seen(Message.objects.get(id=id_), now=timezone.now()).ahead[0].moment

    assert again.title == "Attempt 1 is tried again"
    assert again.text.startswith("WhatsApp through Meta, after")
    assert "the provider had a fault of its own (" in again.text


@pytest.mark.django_db(transaction=True)
def test_a_message_that_really_went_its_way_is_told_alike(simulator: Simulator) -> None:
    """Accepted by intake, planned by a route, refused twice by the simulator over HTTP: its number can't be reached on any channel."""
    alice = world.make("alice")
    answer = alice.accept(recipient="+201000000014")
    Lane("utility").run(seconds=5)
    id_ = ids.parse("msg", answer.body["id"])

    page = seen(Message.objects.get(id=id_), now=timezone.now())

    assert [entry.moment.title for entry in page.past] == [
        "Request accepted",
        "message.accepted",
        "Attempt 1: WhatsApp through Meta",
        "Meta refused it",
        "message.fallback",
        "Attempt 2: SMS through Twilio",
        "Twilio refused it",
        "message.failed",
    ]
    assert page.summary == "It did not arrive: the recipient can't be reached there."
    assert [(rule.route, rule.verdict) for rule in page.rules] == [("default", "decides")]
    assert (page.business, page.recipient, page.ahead) == ("Alice", "+20*******014", [])


def test_every_word_of_ours_has_its_phrase() -> None:
    assert {str(word) for word in ErrorClass} <= set(phrases.BECAUSE)
    assert {str(word) for word in (*Status, *AttemptStatus)} <= set(phrases.TONES)
    assert {str(word) for word in (*Status, *Kind)} <= set(phrases.ICONS)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 ms"),
        (0.0841, "84 ms"),
        (3.21, "3.2 s"),
        (34.4, "34 s"),
        (119.6, "2 min"),
        (150, "2 min 30 s"),
        (300, "5 min"),
        (930, "16 min"),
        (7200, "2 h"),
        (7800, "2 h 10 min"),
        (86_400 * 3, "3 d"),
        (-5, "5.0 s"),
    ],
)
def test_a_span_is_told_in_the_unit_that_says_enough(seconds: float, text: str) -> None:
    assert phrases.span(timedelta(seconds=seconds)) == text
