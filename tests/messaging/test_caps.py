"""Caps: refused with nothing stored, exact under a race, each with its own way out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from accounts.models import ApiKey, Business
from accounts.refusals import Refusal
from alerts.models import Alert
from messaging import accepting, explaining, intake, retention, warning
from messaging.models import IdempotencyKey, Message, Suppression, Tally
from routing import allowances, credentials, prices, vault
from routing.models import Limits, Price, ProviderAccount, Release
from tests import doors, world
from tests.messaging.test_api import call
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db(transaction=True)

GOOD: dict[str, Any] = {"channel": "sms", "template": "order_shipped", "recipient": NUMBER, "variables": {"order_id": "A-17"}}


def limit(alice: World, **caps: Any) -> Limits:
    row, _ = Limits.objects.update_or_create(business=alice.business, defaults=caps)
    allowances.forget()
    warning.forget()
    return row


def live(category: str = "utility", slug: str = "alice") -> World:
    """A business with a live key, and an account that nobody is called by."""
    business = Business.objects.create(slug=f"{slug}-platform", name="Platform")
    account = ProviderAccount(
        business=None, name=f"{slug} Twilio", provider="twilio", mode="live", settings={"account_sid": "AC1", "from": "+1"}
    )
    credentials.store(account, {"auth_token": "t1"})
    account.save()
    made = world.make(slug, category=category, mode="live", steps=[{"channel": "sms", "accounts": [{"account": str(account.pk)}]}])
    business.delete()
    return made


def number(last: int) -> str:
    return f"+2010012{last:05d}"


@pytest.fixture(autouse=True, params=["django", "quick"])
def _door(request: pytest.FixtureRequest) -> Iterator[None]:
    doors.Front.quick = request.param == "quick"
    yield
    doors.Front.quick = False


@pytest.fixture
def alice() -> World:
    return world.make("alice")


def send(alice: World, **more: Any) -> Any:
    headers = {"HTTP_IDEMPOTENCY_KEY": more.pop("key")} if "key" in more else {}
    return call(alice, "POST", "/v1/messages", {**GOOD, **more}, **headers)


def codes(alice: World, *numbers: str) -> list[str]:
    answers = [send(alice, recipient=each) for each in numbers]
    return ["ok" if answer.status_code == 202 else answer.json()["code"] for answer in answers]


# By day


def test_a_business_without_limits_is_not_counted(alice: World) -> None:
    assert codes(alice, NUMBER) == ["ok"]
    assert not Tally.objects.exists()


@pytest.mark.parametrize("cap", ["messages_per_day", "sms_per_day"])
def test_beyond_the_days_cap_nothing_is_stored_and_no_key_is_burnt(alice: World, cap: str) -> None:
    limit(alice, **{cap: 2})
    first = [send(alice, key=f"order-{count}").status_code for count in range(2)]

    refused = send(alice, key="order-2")

    assert first == [202, 202]
    assert (refused.status_code, refused.json()["code"]) == (429, "cap_reached")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert (Message.objects.count(), IdempotencyKey.objects.count()) == (2, 2)
    limit(alice, **{cap: 3})
    assert send(alice, key="order-2").status_code == 202


def test_whom_nobody_may_write_to_is_not_to_be_tried_again_tomorrow(alice: World) -> None:
    limit(alice, messages_per_day=0)
    Suppression.objects.create(business=alice.business, recipient_hash=vault.blind_index(NUMBER), reason="opted_out")

    assert codes(alice, NUMBER) == ["recipient_suppressed"]


def test_what_was_accepted_once_is_answered_so_again_when_the_cap_is_reached(alice: World) -> None:
    limit(alice, messages_per_day=1)
    first = send(alice, key="order-1")

    again = send(alice, key="order-1")

    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Tally.objects.get().used == 1


def test_another_channel_and_another_world_have_counts_of_their_own(alice: World) -> None:
    limit(alice, sms_per_day=1)
    send(alice)

    assert send(alice).status_code == 429
    assert send(alice, channel="whatsapp").status_code == 202
    assert Tally.objects.get().mode == "test"


def test_the_next_day_begins_anew(alice: World) -> None:
    limit(alice, messages_per_day=1)
    assert codes(alice, NUMBER, NUMBER) == ["ok", "cap_reached"]
    Tally.objects.update(opens_at=timezone.now() - timedelta(days=1))

    assert codes(alice, NUMBER) == ["ok"]


def test_what_is_stale_is_not_counted(alice: World) -> None:
    limit(alice, messages_per_day=5)
    ApiKey.objects.update(revoked_at=timezone.now())

    with pytest.raises(Refusal):
        alice.accept()

    assert not Tally.objects.filter(used__gt=0).exists()


def test_fifty_at_once_against_a_cap_of_ten_make_ten(alice: World) -> None:
    limit(alice, messages_per_day=10)

    def ask(count: int) -> str:
        try:
            intake.accept(alice.wanted(recipient=number(count)), caller=alice.caller, key=None, same=b"", request_id="r", at=timezone.now())
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "ok"

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(ask, range(50)))

    assert (told.count("ok"), told.count("cap_reached")) == (10, 40)
    assert (Message.objects.count(), Tally.objects.get().used) == (10, 10)


def test_writers_of_two_processes_share_a_cap_exactly(alice: World) -> None:
    """Without the gathering, which would put them into one group: each has a transaction of its own."""
    limit(alice, messages_per_day=10, utility_per_recipient=100)

    def ask(count: int) -> bool:
        at = timezone.now()
        prepared = [intake.preparing.prepare(alice.wanted(recipient=number(each)), caller=alice.caller, at=at) for each in (count, 3)]
        order = accepting.Order(alice.caller, prepared[:1], b"{}", None, b"", "r", at)
        other = accepting.Order(alice.caller, prepared[1:], b"{}", None, b"", "r", at)
        try:
            return sum(isinstance(outcome, accepting.Accepted) for outcome in accepting.accept([order, other]))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(20))) == 10

    assert Tally.objects.get(kind="messages_day").used == 10


# Batches


def batch(*recipients: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != "recipient"} | {"items": [{"recipient": each} for each in recipients]}


def test_of_a_batch_those_beyond_the_cap_are_refused_by_index(alice: World) -> None:
    limit(alice, messages_per_day=2)

    answer = call(alice, "POST", "/v1/messages/batch", batch(NUMBER, "nobody", NUMBER, NUMBER), HTTP_IDEMPOTENCY_KEY="b1")

    told = [item.get("error", {}).get("code", "ok") for item in answer.json()["items"]]
    assert (answer.status_code, told, answer.json()["accepted"]) == (202, ["ok", "invalid_recipient", "ok", "cap_reached"], 2)
    assert Message.objects.count() == 2
    again = call(alice, "POST", "/v1/messages/batch", batch(NUMBER, "nobody", NUMBER, NUMBER), HTTP_IDEMPOTENCY_KEY="b1")
    assert again.content == answer.content


def test_a_batch_of_which_nothing_fits_leaves_its_key_free(alice: World) -> None:
    limit(alice, messages_per_day=0)

    answer = call(alice, "POST", "/v1/messages/batch", batch(NUMBER, NUMBER), HTTP_IDEMPOTENCY_KEY="b1")

    assert answer.json()["accepted"] == 0
    assert not IdempotencyKey.objects.exists()


# To one recipient


def test_one_recipient_gets_no_more_than_one_may(alice: World) -> None:
    limit(alice, utility_per_recipient=2)

    assert codes(alice, NUMBER, NUMBER, NUMBER, number(1)) == ["ok", "ok", "recipient_cap_reached", "ok"]


def test_a_sliding_window_remembers_the_one_before() -> None:
    alice = live("authentication")
    noon = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
    told = []
    for minutes in (9, 9, 9, 9, 9, 10, 14, 15, 20):
        with time_machine.travel(noon + timedelta(minutes=minutes, seconds=30), tick=False):
            allowances.forget()
            told.append(codes(alice, NUMBER)[0])

    # At 12:10:30 nearly all five of the window before still count, at 12:14:30 half of them.
    assert told == ["ok"] * 5 + ["recipient_cap_reached", "ok", "ok", "ok"]


# One-time codes


def test_five_codes_in_ten_minutes_are_enough_for_one_number() -> None:
    alice = live("authentication")

    assert codes(alice, *[NUMBER] * 6) == ["ok"] * 5 + ["recipient_cap_reached"]
    assert codes(alice, number(1)) == ["ok"]


def test_a_test_key_may_send_itself_as_many_codes_as_it_likes() -> None:
    alice = world.make("alice", category="authentication")

    assert codes(alice, *[NUMBER] * 7) == ["ok"] * 7


def test_codes_to_neighbouring_numbers_look_like_pumping_and_staff_are_told() -> None:
    alice = live("authentication")
    limit(alice, codes_per_block=3)

    told = codes(alice, *[number(last) for last in range(5)])

    assert told == ["ok"] * 3 + ["pumping_suspected"] * 2
    assert codes(alice, number(54321)) == ["ok"]
    alert = Alert.objects.get(kind="pumping_suspected")
    assert "+20100120" in alert.because
    assert number(3) not in alert.because


def test_staff_who_vouch_for_the_numbers_release_them() -> None:
    alice = live("authentication")
    limit(alice, codes_per_block=1)
    assert codes(alice, number(1), number(2)) == ["ok", "pumping_suspected"]
    Release.objects.create(
        business=alice.business, block="+20100120", reason="A ward's new phones.", ends_at=timezone.now() + timedelta(hours=1)
    )
    allowances.forget()

    assert codes(alice, number(2), number(3)) == ["ok", "ok"]


def test_codes_go_to_the_countries_that_are_named(alice: World) -> None:
    alice = live("authentication", slug="carol")
    limit(alice, code_countries=["SA", "AE"])

    refused = send(alice)

    assert (refused.status_code, refused.json()["code"]) == (422, "country_not_allowed")
    assert refused.json()["errors"][0]["field"] == "recipient"
    limit(alice, code_countries=["EG"])
    assert send(alice).status_code == 202


def test_countries_are_a_matter_of_codes_alone(alice: World) -> None:
    limit(alice, code_countries=["SA"])

    assert codes(alice, NUMBER) == ["ok"]


# Money


def test_beyond_the_spend_cap_is_refused() -> None:
    alice = live()
    Price.objects.create(provider="twilio", channel="sms", country="EG", amount="0.40")
    limit(alice, spend_per_day="1.00", spend_per_month="5.00")
    prices.forget()

    assert codes(alice, NUMBER, NUMBER, NUMBER) == ["ok", "ok", "spend_cap_reached"]
    assert {str(row.used) for row in Tally.objects.all()} == {"0.800000"}
    refused = send(alice)
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)


def test_what_has_no_price_is_not_counted_as_free_or_dear() -> None:
    alice = live()
    Price.objects.create(provider="twilio", channel="sms", country="SA", amount="9")
    limit(alice, spend_per_day="1.00")
    prices.forget()

    assert codes(alice, NUMBER) == ["ok"]
    assert not Tally.objects.exists()


# Staff


def test_staff_are_told_at_four_fifths_and_at_the_end(alice: World) -> None:
    limit(alice, messages_per_day=5)
    heard = []
    for _ in range(6):
        send(alice)
        heard.append(list(Alert.objects.filter(kind="cap_near").values_list("because", flat=True)))

    assert heard[2] == []
    assert heard[3] == ["80% of 5 messages a day are used, in test mode."]
    assert heard[5] == ["All of 5 messages a day are used, in test mode."]


def test_explain_foresees_the_refusal_and_counts_nothing(alice: World) -> None:
    limit(alice, messages_per_day=1)
    before = explaining.explain(alice.wanted(), caller=alice.caller, at=timezone.now())
    send(alice)

    after = explaining.explain(alice.wanted(), caller=alice.caller, at=timezone.now())

    assert (before["accepted"], after["accepted"], after["error"]["code"]) == (True, False, "cap_reached")
    assert Tally.objects.get().used == 1


def test_windows_that_are_over_are_cleared(alice: World) -> None:
    now = timezone.now()
    given = {"business_id": alice.business.pk, "mode": "live", "subject": "", "used": 1}
    for kind, days in (("messages_day", 1), ("messages_day", 4), ("spend_month", 31), ("spend_month", 80)):
        Tally.objects.create(**given, kind=kind, opens_at=now - timedelta(days=days))

    retention.forget()

    assert sorted(Tally.objects.values_list("kind", flat=True)) == ["messages_day", "spend_month"]


def test_a_cap_costs_one_statement_for_a_whole_group(alice: World, django_assert_num_queries: Any) -> None:
    at = timezone.now()

    def orders() -> list[accepting.Order]:
        items = [intake.preparing.prepare(alice.wanted(recipient=number(each)), caller=alice.caller, at=at) for each in range(20)]
        return [accepting.Order(alice.caller, [item], b"{}", None, b"", "r", at) for item in items]

    without = orders()
    with django_assert_num_queries(4) as plain:
        accepting.accept(without)
    limit(alice, messages_per_day=100, sms_per_day=90, whatsapp_per_day=90, utility_per_recipient=3)
    capped = orders()
    with django_assert_num_queries(len(plain) + 1):
        accepting.accept(capped)
