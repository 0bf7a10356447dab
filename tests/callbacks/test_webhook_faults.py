"""Payers that die or freeze with webhooks under way: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from django.db import connection

from accounts import ids
from callbacks.models import DeliveryDue
from tests.callbacks.receiver import Receiver, after, status
from tests.callbacks.webhooks import let_pass, listen, new_business, new_event, pay, record, tries
from tests.fixtures import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

PAYER = """
import time, django
django.setup()
from callbacks import rounds
print(rounds.pay(until=time.monotonic() + 1))
"""


@contextmanager
def payer() -> Iterator[subprocess.Popen[str]]:
    """Another worker process, on the tests' own database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = os.environ | {"DATABASE_URL": url}
    with subprocess.Popen([sys.executable, "-c", PAYER], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_payer_that_is_killed_loses_nothing_and_repeats_only_what_was_under_way(receiver: Receiver) -> None:
    shop = new_business()
    listen(shop, receiver.at("/hooks", after(30)))
    events = record(*[new_event(shop) for _ in range(5)])

    with payer() as process:
        wait_for(lambda: len(receiver.got()) == 5)
        process.kill()
        process.wait()
    receiver.at("/hooks", status(200))
    assert pay() == 0
    let_pass(seconds=61)
    pay()

    first, second = receiver.got()[:5], receiver.got()[5:]
    assert sorted((each.id, each.body) for each in first) == sorted((each.id, each.body) for each in second)
    assert sorted(each.id for each in second) == sorted(ids.public("evt", event) for event in events)
    assert [(each.number, each.outcome) for each in tries()] == [(1, "delivered")] * 5


def test_a_payer_that_was_frozen_past_its_lease_neither_sends_nor_records(receiver: Receiver) -> None:
    shop = new_business()
    listen(shop, receiver.at("/hooks", after(1.0, code=500)))
    record(*[new_event(shop) for _ in range(5)])

    with payer() as process:
        wait_for(lambda: len(receiver.got()) == 5)
        process.send_signal(signal.SIGSTOP)
        let_pass(seconds=61)
        receiver.at("/hooks", status(200))
        pay()
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=30) == 0

    assert [(each.number, each.outcome) for each in tries()] == [(1, "delivered")] * 5
    assert not DeliveryDue.objects.exists()
    assert len(receiver.got()) == 10
