from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import Business, Person
from routing import book, credentials, publishing
from routing.models import ProviderAccount, Route, RouteVersion

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    book.forget()
    credentials.forget()
    yield
    book.forget()
    credentials.forget()


@pytest.fixture
def business(db: None) -> Business:
    return Business.objects.create(slug="shop", name="Shop")


@pytest.fixture
def stranger(db: None) -> Business:
    return Business.objects.create(slug="rival", name="Rival")


@pytest.fixture
def operator(business: Business) -> Person:
    return Person.objects.create_user("olga", business=business)


@pytest.fixture
def account(business: Business) -> Callable[..., ProviderAccount]:
    """Makes live accounts of the business; credentials are what a provider might give."""

    def make(name: str, provider: str = "twilio", **fields: Any) -> ProviderAccount:
        row = ProviderAccount(**{"business": business, "name": name, "provider": provider, "mode": "live"} | fields)
        credentials.store(row, {"access_token": "EAA", "app_secret": "s1", "verify_token": "v1", "auth_token": "t1"})
        row.save()
        return row

    return make


@pytest.fixture
def published(business: Business) -> Callable[..., RouteVersion]:
    """Publishes rules as a route of the business."""

    def publish(rules: list[Any], *, name: str = "main", position: int = 100, accept: bool = True) -> RouteVersion:
        route, _ = Route.objects.get_or_create(business=business, name=name, defaults={"position": position})
        draft = publishing.draft(route, rules=rules, by=None, accept_double_delivery=accept)
        return publishing.publish(draft, by=None, because="the test asks for it", at=AT)

    return publish


def step(channel: str, *accounts: str, **more: Any) -> dict[str, Any]:
    """A step in JSON: `name` or `name*weight`."""
    shares = [{"account": name, "weight": int(weight or 1)} for name, _, weight in (each.partition("*") for each in accounts)]
    return {"channel": channel, "accounts": shares} | more
