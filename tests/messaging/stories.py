"""Stories made in memory, for tests of what follows from what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts import ids
from messaging.lifecycle import Status
from messaging.story import Story, Subject, Waiting

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
META, OTHER_META, TWILIO = (UUID(int=number) for number in (1, 2, 3))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def step(channel: str, *accounts: UUID, until: str | None = None, within: int | None = None) -> dict[str, Any]:
    names = [{"id": str(account), "name": f"account {account.int}", "provider": "meta"} for account in accounts]
    return {"channel": channel, "accounts": names, "until": until, "within": within}


WHATSAPP_THEN_SMS = [step("whatsapp", META, until="delivered", within=30), step("sms", TWILIO)]


def story(plan: list[dict[str, Any]] | None = None, *, lane: str = "utility", lasts: float = 3600, grace: float = 60) -> Story:
    """An accepted message whose first attempt is due at noon."""
    plan = plan or WHATSAPP_THEN_SMS
    subject = Subject(ids.new(), ids.new(), "test", lane, plan, at(lasts), "order-17", None, "https://shop.example/hooks")
    first = plan[0]
    return Story(
        subject=subject,
        grace=timedelta(seconds=grace),
        opened=Status.ACCEPTED,
        status=Status.ACCEPTED,
        ended=None,
        seq=1,
        step=0,
        trouble=None,
        ended_at=None,
        attempts={},
        waiting=Waiting(1, 0, first["channel"], UUID(first["accounts"][0]["id"]), NOON, None),
    )


def told(story: Story) -> list[str]:
    """The types of the events so far, without their common beginning."""
    return [event.type.removeprefix("message.") for event in story.new_events]
