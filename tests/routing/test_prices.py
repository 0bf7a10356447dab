"""What a message costs: the most particular price counts, and what nobody has priced is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Business, Person
from routing import prices, pricing
from routing.models import Price, ProviderAccount
from routing.pricing import UnreadablePrices
from tests.routing.conftest import AT

pytestmark = pytest.mark.django_db

Make = Callable[..., ProviderAccount]


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    prices.forget()
    yield
    prices.forget()


@pytest.fixture
def cairo(account: Make) -> ProviderAccount:
    return account("Cairo")


def price(amount: str, **fields: Any) -> Price:
    named = {"provider": "twilio"} if "account" not in fields else {}
    return Price.objects.create(**{"channel": "sms", "amount": amount, **named, **fields})


def find(row: ProviderAccount, **asked: Any) -> Decimal | None:
    given = {"channel": "sms", "country": "EG", "number": "+201001234567", "category": "utility", **asked}
    return prices.build(Price.objects.all(), at=AT).find(account_id=row.pk, provider=row.provider, **given)


def test_what_nobody_has_priced_is_unknown_and_not_free(cairo: ProviderAccount) -> None:
    price("0.2", country="SA")
    price("0.1", channel="whatsapp")

    assert find(cairo) is None


def test_the_most_particular_price_counts(cairo: ProviderAccount) -> None:
    told = []
    for amount, fields in (
        ("1", {}),
        ("2", {"category": "utility"}),
        ("3", {"country": "EG"}),
        ("4", {"prefix": "20"}),
        ("5", {"prefix": "2010"}),
        ("6", {"prefix": "2010", "category": "utility"}),
        ("7", {"account": cairo}),
        ("8", {"account": cairo, "country": "EG"}),
    ):
        price(amount, **fields)
        told.append(find(cairo))

    assert told == [Decimal(amount) for amount in "12345678"]


def test_another_class_place_or_account_has_another_price(cairo: ProviderAccount, account: Make) -> None:
    price("1")
    price("2", category="authentication", country="EG")
    price("3", account=account("Giza"))

    assert (find(cairo), find(cairo, category="authentication")) == (Decimal(1), Decimal(2))
    assert find(cairo, country="GB", number="+447400123456") == Decimal(1)


def test_an_address_without_a_number_has_the_price_of_everywhere(cairo: ProviderAccount) -> None:
    price("0.001", channel="email")

    assert find(cairo, channel="email", country="", number="sara@example.com") == Decimal("0.001")


def test_an_sms_is_paid_by_the_segment() -> None:
    assert prices.cost(Decimal("0.25"), channel="sms", segments=3) == Decimal("0.75")
    assert prices.cost(Decimal("0.25"), channel="whatsapp", segments=3) == Decimal("0.25")
    assert prices.cost(Decimal("0.25"), channel="sms", segments=None) is None
    assert prices.cost(None, channel="sms", segments=1) is None


def test_the_table_is_read_again_after_fifteen_seconds(cairo: ProviderAccount, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        prices.table(at=AT)
        prices.table(at=AT + timedelta(seconds=14))
    price("1")
    later = prices.table(at=AT + timedelta(seconds=15))

    assert later.find(account_id=cairo.pk, provider="twilio", channel="sms", category="utility") == Decimal(1)


@pytest.mark.parametrize("fields", [{"provider": ""}, {"country": "EG", "prefix": "20"}, {"amount": "-1"}, {"provider": "twilio"}])
def test_the_database_refuses_what_makes_no_sense(fields: dict[str, str]) -> None:
    price("1")

    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.create(**{"provider": "twilio", "channel": "sms", "amount": "1", **fields})


# A table of them

TABLE = """provider,account,channel,country,prefix,category,amount
twilio,,sms,EG,,,0.2145
,Cairo,sms,,2010,authentication,0.198
"""


def test_a_table_is_entered_whole(cairo: ProviderAccount) -> None:
    assert pricing.enter(TABLE).made == 2

    again = pricing.enter(TABLE.replace("0.198", "0.2"))

    assert (again.made, again.changed, again.same) == (0, 1, 1)
    assert find(cairo, category="authentication") == Decimal("0.2")


@pytest.mark.parametrize(
    "line, word",
    [
        (",,sms,,,,1", "line 4"),
        ("twilio,Cairo,sms,,,,1", "either"),
        ("tooilio,,sms,,,,1", "tooilio"),
        (",Giza,sms,,,,1", "Giza"),
        ("twilio,,fax,,,,1", "fax"),
        ("twilio,,sms,egypt,,,1", "letters"),
        ("twilio,,sms,,+20,,1", "Digits"),
        ("twilio,,sms,EG,20,,1", "not both"),
        ("twilio,,sms,,,urgent,1", "urgent"),
        ("twilio,,sms,,,,-1", "0"),
        ("twilio,,sms,,,,free", "free"),
        ("twilio,,sms,,,,1,2", "heading"),
    ],
)
def test_a_wrong_line_keeps_the_whole_table_out(cairo: ProviderAccount, line: str, word: str) -> None:
    with pytest.raises(UnreadablePrices, match=word):
        pricing.enter(TABLE + line + "\n")

    assert not Price.objects.exists()


@pytest.mark.parametrize(
    "heading, words",
    [
        ("twilio,sms,1", "It needs channel and amount"),
        ("provider,amount", "has no channel. "),
        ("provider,country", "has no channel and no amount"),
        ("provider,channel,amount,currency", "mean nothing here: 'currency'"),
    ],
)
def test_a_table_needs_its_heading_and_is_told_what_it_lacks(heading: str, words: str) -> None:
    with pytest.raises(UnreadablePrices, match="heading line") as refused:
        pricing.enter(f"{heading}\n")

    assert words in refused.value.detail


def test_staff_of_a_business_price_its_own_accounts_only(business: Business, stranger: Business, cairo: ProviderAccount) -> None:
    assert pricing.enter("account,channel,amount\nCairo,sms,1\n", business_id=business.pk).made == 1
    for line in ("account,channel,amount\nCairo,sms,1\n", "provider,channel,amount\ntwilio,sms,1\n"):
        with pytest.raises(UnreadablePrices):
            pricing.enter(line, business_id=stranger.pk)


# The admin


def enter(name: str, business: Business | None) -> Client:
    person = Person.objects.create_user(name, business=business, is_staff=True, is_superuser=business is None)
    if business:
        person.groups.add(Group.objects.get(name="operator"))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_staff_enter_a_table_in_the_admin(cairo: ProviderAccount) -> None:
    root = enter("root", None)
    page = reverse("admin:routing_price_enter")

    wrong = root.post(page, {"text": "nonsense"})
    right = root.post(page, {"text": TABLE}, follow=True)

    assert "heading line" in wrong.content.decode()
    assert "2 prices made" in right.content.decode()
    assert "0.2145 USD a segment" in right.content.decode()


def test_a_business_sees_and_enters_its_own_prices_only(business: Business, stranger: Business, cairo: ProviderAccount) -> None:
    price("0.5")
    own = price("0.25", account=cairo)
    nadia, olga = enter("nadia", stranger), enter("olga-prices", business)
    change = reverse("admin:routing_price_change", args=[own.pk])

    assert olga.get(change).status_code == 200
    assert nadia.get(change).status_code == 302
    assert "0.5 USD" not in olga.get(reverse("admin:routing_price_changelist")).content.decode()
    refused = olga.post(reverse("admin:routing_price_add"), {"provider": "twilio", "channel": "sms", "amount": "1"})
    assert refused.status_code == 200
    assert Price.objects.count() == 2
