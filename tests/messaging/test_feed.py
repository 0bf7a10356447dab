"""Where a reader of GET /v1/events begins: at the beginning, now, or at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import news
from accounts.pages import BadFilter
from messaging import beginning, history
from tests import world
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> World:
    return world.make("alice")


def feed(alice: World, **query: str) -> dict[str, Any]:
    return history.feed(query, caller=alice.caller)


def tell(alice: World) -> None:
    news.tell(alice.business, type="template.approved", about={"template": "order_shipped", "version": 3}, at=timezone.now())


def references(page: dict[str, Any]) -> list[str | None]:
    return [item["reference"] for item in page["items"]]


def test_a_message_is_echoed_with_its_reference_and_metadata(alice: World) -> None:
    alice.accept(reference="order-17", metadata={"till": 3})

    (event,) = [item for item in feed(alice)["items"] if item["type"] == "message.accepted"]

    assert (event["reference"], event["metadata"]) == ("order-17", {"till": 3})


def test_now_is_behind_everything_and_before_what_comes(alice: World) -> None:
    alice.accept(reference="before")

    begun = feed(alice, after="now")
    alice.accept(reference="behind")
    tell(alice)

    assert (begun["items"], begun["has_more"]) == ([], False)
    assert references(feed(alice, after=begun["next_cursor"])) == ["behind", None]


def test_a_reader_who_began_now_stands_still_until_something_happens(alice: World) -> None:
    begun = feed(alice, after="now")["next_cursor"]

    assert feed(alice, after=begun)["next_cursor"] == begun


def test_a_time_leads_to_what_was_recorded_from_then_on(alice: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "EARLIER", timedelta(0))
    moments: list[datetime] = []
    for number in range(12):
        moments.append(timezone.now())
        alice.accept(reference=str(number))

    found = [references(feed(alice, since=moment.isoformat())) for moment in moments]

    assert found == [[str(number) for number in range(first, 12)] for first in range(12)]


def test_a_time_leads_to_news_where_no_message_is(alice: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "EARLIER", timedelta(0))
    tell(alice)
    moment = timezone.now()
    tell(alice)

    assert [item["type"] for item in feed(alice, since=moment.isoformat())["items"]] == ["template.approved"]


def test_a_time_to_come_leads_to_what_comes(alice: World) -> None:
    alice.accept(reference="before")

    begun = feed(alice, since=(timezone.now() + timedelta(hours=1)).isoformat())
    alice.accept(reference="behind")

    assert references(feed(alice, after=begun["next_cursor"]))[-1] == "behind"


def test_the_minute_before_a_time_may_come_again(alice: World) -> None:
    alice.accept(reference="a moment ago")

    assert references(feed(alice, since=timezone.now().isoformat()))[-1] == "a moment ago"


def test_a_place_and_a_time_together_are_refused(alice: World) -> None:
    with pytest.raises(BadFilter) as refused:
        feed(alice, since=timezone.now().isoformat(), after="now")

    assert [error.field for error in refused.value.errors] == ["since"]


@pytest.mark.parametrize("text", ["yesterday", "2026-01-01T12:00:00", "2026-13-01T12:00:00Z"])
def test_a_time_that_is_none_is_refused(alice: World, text: str) -> None:
    with pytest.raises(BadFilter) as refused:
        feed(alice, since=text)

    assert [error.field for error in refused.value.errors] == ["since"]
