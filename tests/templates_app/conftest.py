"""A business with its people: an author, an approver, somebody who is both, and a stranger of another business."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group

from accounts.models import Business, Person
from templates_app import catalogue, writing
from templates_app.models import Template

Hire = Callable[..., Person]


@pytest.fixture(autouse=True)
def fresh_catalogue() -> Iterator[None]:
    catalogue.forget()
    yield
    catalogue.forget()


@pytest.fixture
def business(db: None) -> Business:
    return Business.objects.create(slug="nile-books", name="Nile Books", default_language="en")


@pytest.fixture
def other_business(db: None) -> Business:
    return Business.objects.create(slug="delta-tea", name="Delta Tea", default_language="en")


@pytest.fixture
def hire(db: None) -> Hire:
    def hire_one(name: str, *roles: str, business: Business | None = None, is_superuser: bool = False) -> Person:
        person = Person.objects.create_user(name, is_staff=True, is_superuser=is_superuser, business=business)
        person.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
        return person

    return hire_one


@pytest.fixture
def author(hire: Hire, business: Business) -> Person:
    return hire("amal", "author", business=business)


@pytest.fixture
def approver(hire: Hire, business: Business) -> Person:
    return hire("basma", "approver", business=business)


@pytest.fixture
def both(hire: Hire, business: Business) -> Person:
    """An author who may approve too."""
    return hire("camal", "author", "approver", business=business)


@pytest.fixture
def stranger(hire: Hire, other_business: Business) -> Person:
    return hire("darya", "author", "approver", business=other_business)


@pytest.fixture
def template(business: Business) -> Template:
    return writing.create(business.pk, name="order_on_its_way", category="utility", description="Told when a parcel leaves.")
