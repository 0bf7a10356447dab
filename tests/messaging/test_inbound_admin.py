"""What people wrote, in the admin: seen by a business's own staff, opened on record, changed by nobody."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import ids
from accounts.choices import Role
from accounts.models import Business, Person
from messaging.inbound import taking
from messaging.inbound.taking import Heard
from messaging.inbound_records import Inbound
from messaging.models import Message
from routing.providers.inbound import Inbound as Wrote
from routing.providers.inbound import InboundKind
from tests import world
from tests.messaging import factories

pytestmark = pytest.mark.django_db

LIST = "/admin/messaging/inbound/"
SARA = "+201001234567"
TEXT = "Is it the blue one?"


@pytest.fixture
def shop() -> Business:
    return factories.business()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def enter() -> Callable[[Person], Client]:
    def entered(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return entered


@pytest.fixture
def operator(shop: Business, enter: Callable[[Person], Client]) -> Client:
    return enter(factories.person(Role.OPERATOR, of=shop))


def hear(owner: Business | None, text: str = TEXT, *, answers: Message | None = None, **more: Any) -> Inbound:
    """Somebody has written to that business."""
    key, channel = ids.new().hex, more.pop("channel", "whatsapp")
    said = {"kind": InboundKind.TEXT, "raw_kind": "text", "sender": SARA, "text": text} | more
    account = world.stand_in("meta" if channel == "whatsapp" else "twilio")
    inbound = Wrote(channel=channel, provider_id=key, **said)
    taking.take([Heard(account.pk, owner.pk if owner else None, "test", ids.new(), timezone.now(), inbound)])
    rows = Inbound.objects.filter(provider_id=key)
    rows.update(message_id=answers and answers.id, linked_by="context" if answers else "", settled_at=timezone.now())
    return rows.get()


def page_of(row: Inbound) -> str:
    return reverse("admin:messaging_inbound_change", args=[row.id])


def look_at(row: Inbound) -> str:
    return reverse("admin:messaging_inbound_look", args=[row.id])


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.get("Location")
    return re.sub(r"\s+", " ", answer.content.decode())


def shown(client: Client, address: str = LIST) -> set[UUID]:
    """Which of them the list shows."""
    return {UUID(hex=digits) for digits in re.findall(r'title="inb_([0-9a-f]{32})"', text_of(client, address))}


# The list


def test_the_list_shows_who_wrote_in_part_and_nothing_of_what(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    hear(shop, answers=message)
    hear(shop, "STOP", sender="12345", channel="sms")

    text = text_of(operator, LIST)

    assert "+20*******567" in text
    assert "*****" in text
    assert (SARA in text, TEXT in text, "12345" in text) == (False, False, False)
    assert reverse("admin:messaging_message_change", args=[message.id]) in text
    assert "STOP" in text


@pytest.mark.parametrize(
    "query, chosen",
    [("channel=sms", "word"), ("keyword=stop", "word"), ("kind=reaction", "reaction"), ("mode=live", None), ("when=hour", "all")],
)
def test_the_list_is_narrowed(operator: Client, shop: Business, query: str, chosen: str | None) -> None:
    rows = {"word": hear(shop, "stop", channel="sms").id, "reaction": hear(shop, kind=InboundKind.REACTION).id}

    assert shown(operator, f"{LIST}?{query}") == (set(rows.values()) if chosen == "all" else {rows[chosen]} if chosen else set())


def test_a_filter_that_no_index_serves_looks_back_a_week(operator: Client, shop: Business, now: datetime) -> None:
    row = hear(shop, kind=InboundKind.MEDIA)
    Inbound.objects.filter(id=row.id).update(id=ids.first_at(now - timedelta(days=8)))

    assert shown(operator, f"{LIST}?kind=media") == set()
    assert len(shown(operator, f"{LIST}?kind=media&when=month")) == 1


def test_a_sender_a_message_and_an_id_are_found(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    row, other = hear(shop, answers=message), hear(shop, sender="+201001234568")

    def found(text: str) -> str:
        return str(operator.post(f"{LIST}find/", {"text": text})["Location"])

    assert shown(operator, found("+20 100 123 4568")) == {other.id}
    assert shown(operator, found(str(message))) == {row.id}
    assert found(str(row)) == page_of(row)
    assert shown(operator, found("nobody")) == set()
    assert found("") == LIST
    assert "201001234568" not in found("+201001234568")


# Whose


def test_a_colleague_sees_them_and_a_stranger_does_not(enter: Callable[[Person], Client], shop: Business) -> None:
    row, nobodys = hear(shop), hear(None)
    colleague = enter(factories.person(Role.AUDITOR, of=shop, name="colleague"))
    stranger = enter(factories.person(Role.OPERATOR, of=factories.business("stranger"), name="stranger"))
    platform = enter(factories.person(Role.AUDITOR, name="platform"))

    assert shown(colleague) == {row.id}
    assert TEXT in colleague.post(look_at(row)).content.decode()
    assert shown(stranger) == set()
    assert [stranger.get(page_of(row))["Location"], stranger.post(look_at(row))["Location"]] == [LIST, LIST]
    assert stranger.get(reverse("admin:messaging_inbound_history", args=[row.id])).status_code == 302
    assert str(stranger.post(f"{LIST}find/", {"text": str(row)})["Location"]) != page_of(row)
    assert shown(platform) == {row.id, nobodys.id}
    assert LogEntry.objects.count() == 1


def test_an_author_has_no_business_there(enter: Callable[[Person], Client], shop: Business) -> None:
    row = hear(shop)
    author = enter(factories.person(Role.AUTHOR, of=shop))

    assert [author.get(LIST).status_code, author.get(page_of(row)).status_code, author.post(look_at(row)).status_code] == [403] * 3
    assert author.post(f"{LIST}find/", {"text": SARA}).status_code == 403


@pytest.mark.parametrize("role", [None, Role.OPERATOR, Role.AUDITOR])
def test_nobody_changes_them(role: Role | None, enter: Callable[[Person], Client], shop: Business) -> None:
    row = hear(shop)
    client = enter(factories.person(role, of=shop if role else None))

    client.post(page_of(row), {"keyword": "stop"})

    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(reverse("admin:messaging_inbound_delete", args=[row.id])).status_code == 403
    assert Inbound.objects.get(id=row.id).keyword == ""


# What was written


def test_it_is_opened_by_a_look_on_record_and_once(enter: Callable[[Person], Client], shop: Business) -> None:
    row = hear(shop, payload="YES_17")
    person = factories.person(Role.OPERATOR, of=shop)
    client = enter(person)

    closed = text_of(client, page_of(row))
    seen = client.post(look_at(row))

    assert (SARA in closed, TEXT in closed, "+20*******567" in closed) == (False, False, True)
    assert all(word in seen.content.decode() for word in (SARA, TEXT, "YES_17"))
    assert "no-store" in seen["Cache-Control"]
    assert TEXT not in text_of(client, page_of(row))
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.object_repr) == (person, str(row.id), str(row))
    assert "who wrote, and what" in entry.get_change_message()
    assert "Looked at personal data" in text_of(client, reverse("admin:messaging_inbound_history", args=[row.id]))


def test_a_look_is_no_link(operator: Client, shop: Business) -> None:
    row = hear(shop)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies

    assert [operator.get(look_at(row)).status_code, strict.post(look_at(row)).status_code] == [405, 403]
    assert LogEntry.objects.count() == 0


def test_a_right_to_see_them_is_none_to_look_inside(enter: Callable[[Person], Client], shop: Business) -> None:
    person = factories.person(Role.AUTHOR, of=shop)
    operators = factories.person(Role.OPERATOR, name="other")
    person.user_permissions.set(operators.groups.get().permissions.filter(codename="view_inbound"))
    row = hear(shop)
    client = enter(person)

    assert "Show sender" not in text_of(client, page_of(row))
    assert client.post(look_at(row)).status_code == 403


def test_what_can_not_be_opened_says_so_and_the_look_is_on_record(operator: Client, shop: Business) -> None:
    row = hear(shop)
    Inbound.objects.filter(id=row.id).update(said=b"not sealed by us")

    assert "unknown" in text_of(operator, page_of(row))
    assert operator.post(look_at(row))["Location"] == page_of(row)
    assert LogEntry.objects.count() == 1


def test_what_was_written_is_text_and_no_markup(operator: Client, shop: Business) -> None:
    row = hear(shop, "<script>alert(1)</script>\nsecond line")

    seen = operator.post(look_at(row)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>second line" in seen


# On the message's timeline


def test_a_reply_stands_on_the_timeline_of_its_message(operator: Client, shop: Business, now: datetime) -> None:
    message, other = factories.message(shop, at=now), factories.message(shop, at=now)
    row = hear(shop, answers=message)

    text = text_of(operator, reverse("admin:messaging_message_change", args=[message.id]))

    assert "+20*******567 answered" in text
    assert page_of(row) in text
    assert TEXT not in text
    assert page_of(row) not in text_of(operator, reverse("admin:messaging_message_change", args=[other.id]))
    assert TEXT not in operator.post(reverse("admin:messaging_message_look", args=[message.id])).content.decode()


def test_what_a_provider_tells_of_somebody_s_will_is_no_reply(operator: Client, shop: Business, now: datetime) -> None:
    message = factories.message(shop, at=now)
    hear(shop, "", answers=message, kind=InboundKind.OPT_OUT, raw_kind="complaint")

    text = text_of(operator, reverse("admin:messaging_message_change", args=[message.id]))

    assert "The provider tells of an opt out" in text
    assert "answered" not in text
