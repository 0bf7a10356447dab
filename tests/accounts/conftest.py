"""Two businesses, and people who work for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts import keys
from accounts.models import Business, Person

PASSWORD = "a long password of nobody"


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """No test sees keys that another one's cache remembers."""
    keys._cache.clear()
    yield
    keys._cache.clear()


@pytest.fixture
def demo(db: None) -> Business:
    return Business.objects.create(slug="demo", name="Demo", default_language="de", callback_origins=["https://shop.example"])


@pytest.fixture
def other(db: None) -> Business:
    return Business.objects.create(slug="other", name="Other")


@pytest.fixture
def person(db: None) -> Callable[..., Person]:
    """Makes a member of staff with a role, of a business or of the platform."""

    def make(username: str, *, role: str = "", business: Business | None = None, superuser: bool = False) -> Person:
        made = Person.objects.create_user(username, password=PASSWORD, business=business, is_staff=True, is_superuser=superuser)
        made.groups.set(Group.objects.filter(name=role))
        return made

    return make


@pytest.fixture
def browser() -> Callable[[Person], Client]:
    """A browser in which this person is logged in."""

    def open_(who: Person) -> Client:
        client = Client()
        client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return open_
