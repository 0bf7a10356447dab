"""Who sends which template: counted afterwards, by the hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from messaging import tasks, usage
from messaging.models import Message
from templates_app import uses
from templates_app.models import TemplateUse
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_key_is_told_with_what_it_sends() -> None:
    shop = world.make()
    for _ in range(3):
        shop.accept()
    at = timezone.now()

    assert usage.count(at=at) == 1

    (sender,) = uses.senders(shop.version.template_id, language="en", at=at)
    assert (sender.key, sender.mode, sender.messages, sender.variables) == ("test", "test", 3, frozenset({"order_id"}))


def test_counting_again_counts_the_same() -> None:
    shop = world.make()
    shop.accept()

    usage.count(at=timezone.now())
    shop.accept()
    usage.count(at=timezone.now())

    assert sum(TemplateUse.objects.values_list("messages", flat=True)) == 2


def test_a_test_key_weighs_nothing_in_the_volume() -> None:
    shop = world.make()
    shop.accept()
    usage.count(at=timezone.now())

    assert uses.volume(shop.version.template_id, language="en", at=timezone.now()) == uses.Volume(0, 0, 0)


def test_a_platform_that_stood_still_counts_what_it_missed() -> None:
    shop = world.make()
    shop.accept()

    assert usage.count(at=timezone.now() + timedelta(days=3)) == 1
    assert usage.count(at=timezone.now() + timedelta(days=40)) == 0  # nobody asks for more than 30 days


def test_without_messages_there_is_nothing_to_count() -> None:
    assert usage.count(at=timezone.now()) == 0


def test_no_value_is_kept() -> None:
    shop = world.make()
    shop.accept(variables={"order_id": "SECRET-17"})

    tasks.count_uses()

    assert Message.objects.count() == 1
    assert [row["variables"] for row in TemplateUse.objects.values("variables")] == [["order_id"]]


def test_what_nobody_can_open_is_counted_all_the_same(settings: Any) -> None:
    shop = world.make()
    shop.accept()
    settings.QSURA_FIELD_KEYS = {"k9": b"9" * 32}

    usage.count(at=timezone.now())

    assert [(row.messages, row.variables) for row in TemplateUse.objects.all()] == [(1, [])]


def test_old_counts_are_cleared() -> None:
    shop = world.make()
    shop.accept()
    usage.count(at=timezone.now())

    uses.forget(at=timezone.now() + uses.KEPT + timedelta(hours=2))

    assert not TemplateUse.objects.exists()
