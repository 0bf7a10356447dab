"""A business, and people who look after alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group

from accounts.models import Business, Person

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop(db: None) -> Business:
    return Business.objects.create(slug="shop", name="Shop")


@pytest.fixture
def staff(db: None) -> Callable[..., Person]:
    """Makes a member of staff with a role, of a business or of the platform."""

    def make(role: str, business: Business | None = None) -> Person:
        made = Person.objects.create_user(f"{role} of {business}", business=business, is_staff=True)
        made.groups.set(Group.objects.filter(name=role))
        return made

    return make
