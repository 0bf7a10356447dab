from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from alerts import reporting
from alerts.kinds import Kind
from tests.messaging import factories

pytestmark = pytest.mark.django_db

TOKEN = "a token of sixteen or more"


def read(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """As Prometheus reads it: figure, labels' values, value."""
    families = text_string_to_metric_families(text)
    return {family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families}


def test_prometheus_reads_how_things_stand(client: Client) -> None:
    now = timezone.now()
    shop = factories.business()
    factories.message(shop, at=now - timedelta(seconds=30))
    factories.message(shop, at=now - timedelta(hours=2), expires_at=now - timedelta(hours=1))
    reporting.report(Kind.QUEUE_AGE, about="handoff:utility", because="x", business=None, at=now)

    answer = client.get("/metrics")

    found = read(answer.content.decode())
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert (found["qsura_messages"]["accepted",], found["qsura_messages"]["read",]) == (1, 0)
    assert 7_190 < found["qsura_queue_age_seconds"]["handoff_utility",] < 7_300
    assert set(found["qsura_queue_age_seconds"]) >= {("handoff_authentication",), ("receipts",), ("webhooks",)}
    assert found["qsura_messages_overdue"][()] == 1
    assert (found["qsura_alerts_open"]["queue_age", "urgent"], found["qsura_alerts_open"]["endpoint_disabled", "warning"]) == (1, 0)


def test_an_asking_costs_a_handful_of_queries(client: Client) -> None:
    with CaptureQueriesContext(
        connection,
    ) as made:
        client.get("/metrics")

    assert len(made) <= 8


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer a token of sixteen or mor", f"Basic {TOKEN}", f"Bearer {TOKEN} "])
def test_without_its_token_nobody_learns_that_it_is_there(client: Client, settings: Any, header: str) -> None:
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics", headers={"Authorization": header} if header else {}).status_code == 404


def test_its_token_opens_it_from_anywhere(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, REMOTE_ADDR="192.0.2.7").status_code == 200


@pytest.mark.parametrize("address, public_url", [("192.0.2.7", "http://testserver"), ("127.0.0.1", "https://testserver")])
def test_without_a_token_it_is_for_this_machine_alone_and_never_behind_a_proxy(
    client: Client, settings: Any, address: str, public_url: str
) -> None:
    settings.PUBLIC_URL = public_url

    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404
