"""What becomes of a message that was handed to somebody who never says that it arrived: it ends as sent, unless it comes back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from messaging.lifecycle import AttemptStatus, Status, Trouble, fact
from messaging.story import Story
from tests.messaging.stories import at, step, story, told

POST, TEXTS = UUID(int=7), UUID(int=8)


def letters(**more: Any) -> dict[str, Any]:
    said = step("email", POST, **more)
    return said | {"accounts": [account | {"provider": "smtp"} for account in said["accounts"]]}


def taken(*plan: dict[str, Any]) -> Story:
    message = story(list(plan) or [letters()])
    message.begin(at=at(0))
    message.taken(1, "<m@shop.example>", at=at(1))
    return message


def comes_back(message: Story, seconds: float, error_class: str = "invalid_recipient_on_channel") -> None:
    trouble = Trouble(error_class, error_class, "5.1.1")
    message.hear(1, fact(AttemptStatus.FAILED, at(seconds), trouble), at=at(seconds))


def test_it_is_sent_and_nothing_more_is_expected() -> None:
    message = taken()

    assert told(message) == ["submitted", "sent"]
    assert [event.final for event in message.new_events] == [False, True]
    assert (message.ended, message.next_moment()) == (Status.SENT, None)


def test_its_deadline_does_not_make_it_expire() -> None:
    message = taken()
    message.move_on(at=at(9_999))

    assert (message.status, told(message)) == (Status.SENT, ["submitted", "sent"])


def test_what_comes_back_has_failed() -> None:
    message = taken()
    comes_back(message, 60)

    assert told(message) == ["submitted", "sent", "failed"]
    assert message.new_events[-1].final
    assert message.trouble is not None
    assert message.trouble.raw_code == "5.1.1"


def test_what_comes_back_after_its_deadline_has_failed_too() -> None:
    message = taken()
    comes_back(message, 9_999)

    assert (message.status, told(message)[-1]) == (Status.FAILED, "failed")
    assert message.trouble is not None
    assert message.trouble.error_class == "invalid_recipient_on_channel"


def test_what_comes_back_in_time_goes_on_by_the_next_step() -> None:
    message = taken(letters(until="sent", within=30), step("sms", TEXTS))
    assert message.ended is Status.SENT
    comes_back(message, 60)

    assert told(message) == ["submitted", "sent", "fallback"]
    assert message.waiting is not None
    assert (message.waiting.channel, message.ended) == ("sms", None)


def test_one_that_was_to_be_delivered_in_time_goes_on_when_it_is_silent() -> None:
    message = taken(letters(until="delivered", within=30), step("sms", TEXTS))
    assert [event.final for event in message.new_events] == [False, False]
    assert message.next_moment() == at(31)
    message.move_on(at=at(31))

    assert told(message) == ["submitted", "sent", "fallback"]


def test_one_that_says_more_after_all_is_heard() -> None:
    message = taken()
    message.hear(1, fact(AttemptStatus.DELIVERED, at(5)), at=at(5))

    assert (message.status, told(message)) == (Status.DELIVERED, ["submitted", "sent", "delivered"])
    assert message.new_events[-1].final


def test_others_who_say_sent_are_waited_for() -> None:
    message = taken(step("email", POST))
    message.hear(1, fact(AttemptStatus.SENT, at(2)), at=at(2))

    assert not message.new_events[-1].final
    assert message.next_moment() is not None
