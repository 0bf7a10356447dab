"""News of templates come by the same door as receipts: authentic, stored, read, and taken in where templates live."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from callbacks import bulletins
from callbacks.offering import Offered
from routing.providers.base import Incoming
from templates_app.choices import Source
from tests import world
from tests.templates_app import registering

pytestmark = pytest.mark.django_db


def offered(row: registering.Registration, event: str) -> Offered:
    value = {"event": event, "message_template_id": row.provider_id, "message_template_name": row.name, "reason": "NONE"}
    change = {"field": "message_template_status_update", "value": value}
    body = {"entry": [{"id": "2", "time": int(datetime.now(UTC).timestamp()) + 60, "changes": [change]}]}
    incoming = Incoming("POST", "https://qsura.example/", {}, {}, json.dumps(body).encode())
    return Offered(row.pk, row.account_id, "meta", datetime.now(UTC), incoming)


def test_a_call_that_tells_of_a_pause_pauses_the_registration_once() -> None:
    row = registering.of(world.make())
    call = offered(row, "PAUSED")

    for _ in range(2):
        bulletins.read([call], at=datetime.now(UTC))

    row.refresh_from_db()
    assert (row.status, row.news.filter(source=Source.WEBHOOK).count()) == ("paused", 1)
