"""More waits than the operator allows: new requests are asked to come later, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from messaging import pressure
from messaging.models import Due, Message
from tests import world
from tests.world import NUMBER, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> Iterator[World]:
    pressure.forget()
    yield world.make("alice")
    pressure.forget()


def post(alice: World, key: str, path: str = "/v1/messages", **more: object) -> tuple[int, dict[str, object], str | None]:
    one = {"recipient": NUMBER, "variables": {"order_id": "A-17"}}
    body = {"channel": "whatsapp", "template": "order_shipped", **({"items": [one]} if path.endswith("batch") else one), **more}
    headers = {"Authorization": f"Bearer {alice.key}", "Idempotency-Key": key}
    answer = Client().post(path, body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json(), answer.headers.get("Retry-After")


def fill(alice: World, settings: Settings, *, limit: int) -> None:
    """One more is due than may be."""
    for number in range(limit + 1):
        assert post(alice, f"fills {number}")[0] == 202
    settings.QSURA_QUEUE_LIMIT = limit
    pressure.forget()


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/batch"])
def test_beyond_the_limit_sending_is_answered_503_and_nothing_is_stored(alice: World, settings: Settings, path: str) -> None:
    fill(alice, settings, limit=2)

    status, body, retry_after = post(alice, "one too many", path)

    assert (status, body["code"], retry_after) == (503, "queue_full", "30")
    assert Message.objects.count() == 3


def test_what_was_accepted_before_is_answered_as_before(alice: World, settings: Settings) -> None:
    first = post(alice, "once")
    batch = post(alice, "a batch", "/v1/messages/batch")
    fill(alice, settings, limit=2)

    assert post(alice, "once")[:2] == first[:2]
    assert post(alice, "a batch", "/v1/messages/batch")[:2] == batch[:2]


def test_when_the_queue_has_emptied_the_same_request_is_accepted(alice: World, settings: Settings) -> None:
    fill(alice, settings, limit=2)
    assert post(alice, "later")[0] == 503

    Due.objects.all().delete()
    pressure.forget()

    assert post(alice, "later")[0] == 202


def test_scheduled_messages_do_not_wait(alice: World, settings: Settings) -> None:
    for number in range(3):
        assert post(alice, f"tomorrow {number}", send_at=(timezone.now() + timedelta(days=1)).isoformat())[0] == 202
    settings.QSURA_QUEUE_LIMIT = 2
    pressure.forget()

    assert post(alice, "today")[0] == 202
