"""What follows from what providers say, and from the clock."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest

from messaging import course
from messaging.lifecycle import AttemptStatus, Status, Trouble, fact
from messaging.story import Story
from tests.messaging.stories import META, OTHER_META, TWILIO, at, step, story, told


def said(story: Story, status: AttemptStatus, seconds: float, *, number: int = 1, error_class: str = "unreachable") -> None:
    trouble = Trouble(error_class, error_class) if status.value in {"undeliverable", "expired", "failed", "rejected"} else None
    story.hear(number, fact(status, at(seconds), trouble), at=at(seconds))


def submitted(plan: list[dict[str, object]] | None = None, **how: object) -> Story:
    message = story(plan, **how)  # type: ignore[arg-type]
    message.begin(at=at(0))
    message.taken(1, "wamid.1", at=at(1))
    return message


def test_a_message_goes_from_hand_to_hand() -> None:
    message = submitted()
    said(message, AttemptStatus.SENT, 2)
    said(message, AttemptStatus.DELIVERED, 3)
    said(message, AttemptStatus.READ, 4)

    assert told(message) == ["submitted", "sent", "delivered", "read"]
    assert [event.seq for event in message.new_events] == [2, 3, 4, 5]
    assert [event.final for event in message.new_events] == [False, False, False, True]
    assert message.next_moment() is None


def test_a_receipt_that_changes_nothing_tells_nothing() -> None:
    message = submitted()
    said(message, AttemptStatus.DELIVERED, 3)
    said(message, AttemptStatus.SENT, 4)
    said(message, AttemptStatus.DELIVERED, 5)

    assert told(message) == ["submitted", "delivered"]
    assert message.attempts[1].known.sent_at == at(4)


def test_an_error_of_the_channel_leads_to_the_next_channel() -> None:
    message = submitted()
    said(message, AttemptStatus.FAILED, 5)

    assert told(message) == ["submitted", "fallback"]
    assert message.new_events[-1].detail == {"fallback": {"from": "whatsapp", "to": "sms", "because": "unreachable"}}
    assert message.waiting is not None
    assert (message.waiting.channel, message.waiting.account_id, message.waiting.number) == ("sms", TWILIO, 2)


def test_silence_leads_to_the_next_step_when_its_time_is_over() -> None:
    message = submitted()

    assert message.next_moment() == at(31)
    message.move_on(at=at(30))
    assert message.waiting is None
    message.move_on(at=at(31))
    assert message.new_events[-1].detail == {"fallback": {"from": "whatsapp", "to": "sms", "because": "silence"}}


def test_what_was_waited_for_in_time_stops_the_clock() -> None:
    message = submitted()
    said(message, AttemptStatus.DELIVERED, 20)

    message.move_on(at=at(31))

    assert message.waiting is None


def test_a_late_success_takes_back_the_successor_that_is_still_due() -> None:
    message = submitted()
    message.move_on(at=at(31))
    said(message, AttemptStatus.DELIVERED, 32)

    assert message.waiting is None
    assert told(message) == ["submitted", "fallback", "delivered"]


def test_a_successor_that_is_being_called_is_not_taken_back_but_heard() -> None:
    message = submitted()
    message.move_on(at=at(31))
    message.begin(at=at(31))
    said(message, AttemptStatus.DELIVERED, 32)
    message.taken(2, "SM1", at=at(33))

    assert message.waiting is None
    assert message.status is Status.DELIVERED


def test_the_last_steps_failure_ends_the_message() -> None:
    message = submitted()
    said(message, AttemptStatus.FAILED, 5)
    message.begin(at=at(6))
    message.refused(2, Trouble("invalid_recipient", "invalid_recipient", "21211"), at=at(7))

    assert message.status is Status.FAILED
    assert (message.new_events[-1].error_class, message.new_events[-1].raw_code) == ("invalid_recipient", "21211")


def test_a_failure_waits_for_an_attempt_that_may_still_arrive() -> None:
    message = submitted()
    message.move_on(at=at(31))
    message.begin(at=at(31))
    message.refused(2, Trouble("invalid_recipient", "invalid_recipient"), at=at(32))

    assert message.status is Status.SUBMITTED
    assert message.next_moment() == at(3600)


@pytest.mark.parametrize("error_class", ["opted_out", "blocked_content", "invalid_recipient"])
def test_some_errors_stop_every_further_step(error_class: str) -> None:
    message = submitted()
    said(message, AttemptStatus.FAILED, 5, error_class=error_class)

    assert told(message) == ["submitted", "failed"]


def test_a_failing_account_gives_way_to_the_next_one_of_its_step() -> None:
    message = story([step("whatsapp", META, OTHER_META), step("sms", TWILIO)])
    message.begin(at=at(0))
    message.refused(1, Trouble("account_fault", "account_fault", "190"), at=at(1))

    assert message.waiting is not None
    assert (message.waiting.step, message.waiting.account_id) == (0, OTHER_META)
    assert told(message) == []


def test_a_channels_error_passes_over_other_accounts_of_the_same_channel() -> None:
    message = submitted([step("whatsapp", META, OTHER_META), step("whatsapp", OTHER_META), step("sms", TWILIO)])
    said(message, AttemptStatus.FAILED, 5)

    assert message.waiting is not None
    assert message.waiting.channel == "sms"


def test_the_same_attempt_is_made_again_until_its_step_gives_up() -> None:
    message = story()
    assert message.waiting is not None
    message.waiting.gives_up_at = at(30)
    message.begin(at=at(0))
    message.postponed(1, Trouble("provider_fault", "provider_fault"), until=at(2), at=at(1))

    assert (message.waiting.due_at, message.waiting.calling_at) == (at(2), None)

    message.begin(at=at(25))
    message.postponed(1, Trouble("provider_fault", "provider_fault"), until=at(31), at=at(26))

    assert message.attempts[1].tries == 2
    assert message.new_events[-1].detail == {"fallback": {"from": "whatsapp", "to": "sms", "because": "provider_fault"}}


class TestUnknown:
    """A call ended, and nobody knows whether the provider took it."""

    def lost(self, lane: str, plan: list[dict[str, object]] | None = None) -> Story:
        message = story(plan, lane=lane)  # type: ignore[arg-type]
        message.begin(at=at(0))
        message.lost_sight(1, at=at(10))
        return message

    def test_it_is_no_status_of_the_message(self) -> None:
        message = self.lost("utility")

        assert (message.status, told(message), message.waiting) == (Status.ACCEPTED, [], None)
        assert message.next_moment() == at(60)

    def test_a_receipt_settles_it(self) -> None:
        message = self.lost("utility")
        said(message, AttemptStatus.DELIVERED, 12)
        message.move_on(at=at(61))

        assert (told(message), message.waiting) == (["delivered"], None)

    def test_useful_news_are_sent_once_more_and_then_given_up(self) -> None:
        message = self.lost("utility")
        message.move_on(at=at(60))
        assert message.waiting is not None
        assert (message.waiting.number, message.waiting.account_id) == (2, META)

        message.begin(at=at(60))
        message.lost_sight(2, at=at(70))
        message.move_on(at=at(120))

        assert (message.status, message.waiting) == (Status.FAILED, None)
        assert message.new_events[-1].error_code == "outcome_unknown"

    def test_a_failure_that_was_told_during_the_call_counts_when_the_call_is_lost(self) -> None:
        message = story([step("sms", TWILIO)], lane="utility")
        message.begin(at=at(0))
        said(message, AttemptStatus.UNDELIVERABLE, 2)

        message.lost_sight(1, at=at(10))

        assert (message.status, message.waiting, message.next_moment()) == (Status.FAILED, None, None)

    def test_a_second_try_that_is_refused_leaves_nothing_to_wait_for(self) -> None:
        message = self.lost("utility", [step("sms", TWILIO)])
        message.move_on(at=at(60))
        message.begin(at=at(60))

        message.refused(2, Trouble("unreachable", "unreachable", "30003"), at=at(61))

        assert (message.status, message.next_moment()) == (Status.FAILED, None)
        assert message.new_events[-1].error_code == "outcome_unknown"
        said(message, AttemptStatus.DELIVERED, 70)
        assert (message.status, message.new_events[-1].detail) == (Status.DELIVERED, {"recovered": True})

    def test_a_code_goes_by_another_road_and_never_the_same_account(self) -> None:
        message = self.lost("authentication", [step("whatsapp", META), step("whatsapp", META), step("sms", TWILIO)])
        message.move_on(at=at(60))

        assert message.waiting is not None
        assert message.waiting.account_id == TWILIO

    def test_a_code_without_another_road_fails(self) -> None:
        message = self.lost("authentication", [step("whatsapp", META)])
        message.move_on(at=at(60))

        assert message.new_events[-1].error_code == "outcome_unknown"

    def test_advertising_is_not_sent_again(self) -> None:
        message = self.lost("marketing")
        message.move_on(at=at(60))

        assert (message.status, message.waiting) == (Status.FAILED, None)


class TestDeadline:
    def test_what_is_due_expires_uncalled(self) -> None:
        message = story(lasts=10)
        message.move_on(at=at(10))

        assert (message.status, message.waiting, message.attempts) == (Status.EXPIRED, None, {})

    def test_what_was_sent_and_not_heard_of_expires(self) -> None:
        message = submitted([step("sms", TWILIO)], lasts=100)
        assert message.next_moment() == at(100)
        message.move_on(at=at(100))

        assert message.status is Status.EXPIRED

    def test_what_arrives_after_it_has_arrived_all_the_same(self) -> None:
        message = submitted([step("sms", TWILIO)], lasts=100)
        message.move_on(at=at(100))
        said(message, AttemptStatus.DELIVERED, 101)

        assert message.status is Status.DELIVERED
        assert message.new_events[-1].detail == {"recovered": True}

    def test_a_call_under_way_is_awaited(self) -> None:
        message = story(lasts=10)
        message.begin(at=at(9))
        message.move_on(at=at(10))

        assert message.status is Status.ACCEPTED


def test_a_delivery_after_a_failure_recovers_the_message() -> None:
    message = submitted([step("sms", TWILIO)])
    said(message, AttemptStatus.FAILED, 5)
    said(message, AttemptStatus.DELIVERED, 6)

    assert told(message) == ["submitted", "failed", "delivered"]
    assert message.new_events[-1].detail == {"recovered": True}


def test_a_failure_after_a_delivery_is_told_and_changes_nothing() -> None:
    message = submitted([step("sms", TWILIO)])
    said(message, AttemptStatus.DELIVERED, 5)
    said(message, AttemptStatus.FAILED, 6)
    said(message, AttemptStatus.FAILED, 7)

    late = message.new_events[-1]
    assert told(message) == ["submitted", "delivered", "failed"]
    assert (late.previous_status, late.status, late.final, late.detail) == ("delivered", "delivered", True, {"late": True})


class TestCancel:
    def test_what_nobody_has_is_taken_back(self) -> None:
        message = story()
        assert not message.is_in_hands()
        message.cancel(at=at(1))

        assert (message.status, message.waiting) == (Status.CANCELED, None)

    def test_what_is_being_called_is_in_hands(self) -> None:
        message = story()
        message.begin(at=at(0))

        assert message.is_in_hands()

    def test_between_a_failed_step_and_the_next_it_is_in_nobodys_hands(self) -> None:
        message = submitted()
        said(message, AttemptStatus.FAILED, 5)

        assert not message.is_in_hands()


def test_what_arrives_by_a_fallback_says_by_which() -> None:
    message = submitted()
    said(message, AttemptStatus.FAILED, 5)
    message.begin(at=at(6))
    message.taken(2, "SM1", at=at(7))
    said(message, AttemptStatus.DELIVERED, 8, number=2)

    assert message.new_events[-1].type == "message.delivered"
    assert message.new_events[-1].detail == {"fallback": {"from": "whatsapp", "to": "sms", "because": "unreachable"}}


def test_an_answer_that_a_receipt_overtook_brings_no_new_reference() -> None:
    message = story()
    message.begin(at=at(0))
    message.attempts[1].provider_reference = "wamid.1"  # as the receipt said

    message.taken(1, "wamid.1", at=at(1))

    assert message.newly_taken == set()


def priced(plan: list[dict[str, Any]], *prices: str | None) -> None:
    """Write the prices of all accounts into a plan, in order."""
    accounts = [account for each in plan for account in each["accounts"]]
    for account, price in zip(accounts, prices, strict=True):
        account["price"] = price


HAPPENINGS = ["skip", "retry", "lost", "silence", "unreachable", "account_fault", "provider_fault"]


def happen(message: Story, what: str, now: float) -> None:
    """The next thing that befalls it: to the attempt that is due, else to the last one."""
    message.move_on(at=at(now))
    if message.waiting is None:
        last = max(message.attempts, default=0)
        if last and what in {"unreachable", "account_fault", "provider_fault"}:
            said(message, AttemptStatus.FAILED, now, number=last, error_class=what)
        return
    number = message.waiting.number
    if what == "skip":
        message.skip(Trouble("account_fault", "out_of_service"), at=at(now))
        return
    message.begin(at=at(now))
    if what == "retry":
        message.postponed(number, Trouble("provider_fault", "503"), until=at(now + 50), at=at(now))
    elif what == "lost":
        message.lost_sight(number, at=at(now))
    elif what == "silence":
        message.taken(number, f"ref.{number}", at=at(now))
    else:
        message.refused(number, Trouble(what, what), at=at(now))


class TestABudget:
    """What a message may use up on its plan (docs/routes.md)."""

    @staticmethod
    def plan(*steps: dict[str, object], **budget: object) -> list[dict[str, object]]:
        return [{**each, "budget": budget} for each in steps]

    def test_no_further_account_is_tried_when_the_attempts_are_used_up(self) -> None:
        message = submitted(self.plan(step("whatsapp", META, OTHER_META), step("sms", TWILIO), attempts=2))
        said(message, AttemptStatus.FAILED, 2, error_class="account_fault")
        message.begin(at=at(3))
        message.taken(2, "wamid.2", at=at(4))
        said(message, AttemptStatus.FAILED, 5, number=2, error_class="account_fault")

        assert (message.status, message.waiting) == (Status.FAILED, None)

    def test_what_was_skipped_uses_up_nothing(self) -> None:
        message = story(self.plan(step("whatsapp", META, OTHER_META), step("sms", TWILIO), attempts=2))
        message.skip(Trouble("account_fault", "out_of_service"), at=at(0))
        message.begin(at=at(1))
        message.taken(2, "wamid.2", at=at(2))
        said(message, AttemptStatus.FAILED, 3, number=2)

        assert message.waiting is not None
        assert message.waiting.account_id == TWILIO

    def test_a_call_under_way_counts(self) -> None:
        message = story(self.plan(step("whatsapp", META, OTHER_META), attempts=1))
        trouble = Trouble("account_fault", "account_fault")

        assert message.has_way_out(trouble)
        message.begin(at=at(0))
        assert not message.has_way_out(trouble)

    def test_an_error_after_the_deadline_leads_nowhere(self) -> None:
        plan = self.plan(step("whatsapp", META), step("sms", TWILIO), deadline=60)
        early, late = submitted(plan), submitted(plan)
        said(early, AttemptStatus.FAILED, 60)
        said(late, AttemptStatus.FAILED, 61)

        assert early.waiting is not None
        assert (late.status, late.waiting) == (Status.FAILED, None)

    def test_silence_that_ends_after_the_deadline_wakes_nobody(self) -> None:
        message = submitted(self.plan(step("whatsapp", META, until="delivered", within=60), step("sms", TWILIO), deadline=30))

        assert message.next_moment() == message.subject.expires_at
        message.move_on(at=at(70))
        assert message.waiting is None

    def test_the_last_attempt_that_is_allowed_is_not_given_up_for_another(self) -> None:
        plan = self.plan(step("whatsapp", META, OTHER_META), step("sms", TWILIO), attempts=2)
        message = submitted(plan)
        said(message, AttemptStatus.FAILED, 2, error_class="account_fault")

        assert message.waiting is not None
        assert (message.waiting.account_id, message.waiting.gives_up_at) == (OTHER_META, None)

    def test_what_the_budget_can_not_pay_any_more_is_passed_over(self) -> None:
        plan = self.plan(step("whatsapp", META, OTHER_META), step("sms", TWILIO), cost="1.0")
        priced(plan, "0.7", "0.4", "0.3")
        message = submitted(plan)
        said(message, AttemptStatus.FAILED, 2, error_class="account_fault")

        assert message.waiting is not None
        assert (message.waiting.account_id, message.waiting.gives_up_at) == (TWILIO, None)

    def test_silence_leads_nowhere_that_can_not_be_paid(self) -> None:
        plan = self.plan(step("whatsapp", META, until="delivered", within=60), step("sms", TWILIO), cost="1")
        priced(plan, "0.7", "0.4")
        message = submitted(plan)

        assert message.next_moment() == message.subject.expires_at
        message.move_on(at=at(70))
        assert message.waiting is None

    def test_a_call_under_way_is_paid_already(self) -> None:
        plan = self.plan(step("whatsapp", META, OTHER_META), cost="1")
        priced(plan, "0.7", "0.4")
        message = story(plan)
        trouble = Trouble("account_fault", "account_fault")

        assert message.has_way_out(trouble)
        message.begin(at=at(0))
        assert not message.has_way_out(trouble)

    def test_an_unknown_price_counts_for_nothing(self) -> None:
        plan = self.plan(step("whatsapp", META), step("sms", TWILIO), cost="1")
        priced(plan, None, "1")
        message = submitted(plan)
        said(message, AttemptStatus.FAILED, 2)

        assert message.waiting is not None
        assert message.waiting.account_id == TWILIO

    def test_no_more_is_ever_spent_than_the_budget(self) -> None:
        for seed in range(500):
            dice = random.Random(seed)
            prices = [[dice.randint(1, 50) for _ in range(dice.randint(1, 3))] for _ in range(dice.randint(1, 4))]
            ids = iter(range(1, 99))
            channels = ("whatsapp", "sms")
            steps = [
                step(channels[n % 2], *(UUID(int=next(ids)) for _ in each), until="delivered", within=30) for n, each in enumerate(prices)
            ]
            budget = dice.randint(50, 120)
            plan = self.plan(*steps, cost=str(budget))
            priced(plan, *(str(price) for each in prices for price in each))
            message = story(plan, lane=dice.choice(["authentication", "utility", "marketing"]), lasts=86_400)

            for now in range(100, 1_600, 100):
                happen(message, dice.choice(HAPPENINGS), now)

            spent = sum(course.price_of(plan, made.step, made.account_id) or 0 for made in message.attempts.values() if made.tries)
            assert spent <= budget, seed

    def test_an_unknown_outcome_is_not_sent_again_without_attempts(self) -> None:
        message = story(self.plan(step("whatsapp", META), attempts=1))
        message.begin(at=at(0))
        message.lost_sight(1, at=at(1))
        message.move_on(at=at(120))

        assert (message.status, message.trouble and message.trouble.code) == (Status.FAILED, "outcome_unknown")
