"""Talks with the simulated providers over real HTTP: submitted, looked at, refused, found again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from routing import credentials
from templates_app import approval, asking, catalogue, registration, writing
from templates_app.choices import RegistrationStatus, Source
from templates_app.models import Registration
from tests import world
from tests.conftest import KEYS
from tests.simulator.conftest import started
from tests.templates_app import registering
from tests.world import World

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TEXT = {"type": "BODY", "text": "Order {{order_id}} has left our warehouse."}


@pytest.fixture(scope="module")
def _simulator() -> Iterator[str]:
    yield from started(environment={"QSURA_SIMULATOR_SECRET": KEYS["QSURA_SIMULATOR_SECRET"], "QSURA_SIMULATOR_PACE": "0"})


@pytest.fixture
def simulator(_simulator: str, settings: Settings) -> Iterator[str]:
    settings.QSURA_SIMULATOR_URL = _simulator
    settings.QSURA_PROVIDER_TIMEOUT = 2.0
    credentials.forget()
    yield _simulator
    credentials.forget()


@pytest.fixture
def alice(simulator: str) -> World:
    return world.make()


def owed(alice: World, called: str, *components: dict[str, Any], provider: str = "meta", **whatsapp: Any) -> Registration:
    """The registration of a new template of that name; the simulator judges by names."""
    if provider == "twilio":
        account = str(world.stand_in("twilio").pk)
        world.publish_route(alice.business, alice.author, [{"channel": "whatsapp", "accounts": [{"account": account, "weight": 1}]}])
    content = {"whatsapp": {"components": list(components or [TEXT]), **whatsapp}}
    words = {"content": content, "variables": world.WORDS["variables"], "language": "en", "author": alice.author}
    version = writing.begin(alice.business.pk, name=called, category="utility", **words)
    approval.submit(version, by=alice.author, at=timezone.now())
    approval.approve(version, by=alice.approver, at=timezone.now())
    return Registration.objects.get(version=version, account__provider=provider)


def work(row: Registration, *, until: str, at: datetime | None = None) -> Registration:
    """Sweep, an hour later each time, till the row stands like that."""
    moment = at or timezone.now()
    for _ in range(20):
        asking.work(at=moment)
        row.refresh_from_db()
        if row.status == until:
            return row
        moment += timedelta(hours=1)
    raise AssertionError(f"it is {row.status}, not {until}: {row.problem}")


def command(simulator: str, name: str, **said: Any) -> None:
    request = urllib.request.Request(f"{simulator}/templates/{name}", json.dumps(said).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=5).close()


@pytest.mark.parametrize("provider", ["meta", "twilio"])
@pytest.mark.parametrize("name, status", [("order_left", "approved"), ("rejected_offer", "rejected"), ("disabled_news", "disabled")])
def test_a_template_is_submitted_and_followed_to_its_end(alice: World, provider: str, name: str, status: str) -> None:
    row = work(owed(alice, f"{name}_{provider}", provider=provider), until=status)

    assert row.provider_id
    assert row.submitted_at is not None


def test_a_look_finds_a_pause_that_no_webhook_told(alice: World, simulator: str) -> None:
    row = work(owed(alice, "quiet_pause"), until="approved")
    command(simulator, "quiet_pause", event="PAUSED", other_info={"title": "FIRST_PAUSE"})

    work(row, until="paused", at=row.due_at)


def test_a_look_notices_that_somebody_has_changed_the_words_there(alice: World, simulator: str) -> None:
    row = work(owed(alice, "changed_there"), until="approved")
    command(simulator, "changed_there", components=[{"type": "BODY", "text": "Order {{1}} is free for you."}])

    asking.look_at(row.version_id, at=timezone.now() + DAY)

    row.refresh_from_db()
    assert (row.status, row.known().obstacle) == ("approved", "the template there says something else")


def test_an_answer_that_was_lost_makes_no_second_template(alice: World, simulator: str) -> None:
    row = work(owed(alice, "lost_answer"), until="approved")
    first = row.provider_id
    Registration.objects.filter(pk=row.pk).update(provider_id="", status="owed", status_at=None, tries=1, due_at=timezone.now())

    again = work(row, until="approved")

    assert again.provider_id == first


def test_another_template_of_that_name_is_left_alone(alice: World, simulator: str) -> None:
    """Somebody made one by hand: ours gets a name of its own."""
    row = owed(alice, "made_by_hand")
    other = asking.owing.words(row.version, name="made_by_hand")
    foreign = json.loads(json.dumps(dict(other.form)).replace("warehouse", "depot"))
    account = credentials.by_id(row.account_id).opened
    request = urllib.request.Request(
        f"{account.base_url}/v23.0/{account.settings['waba_id']}/message_templates",
        json.dumps(foreign).encode(),
        {"Authorization": f"Bearer {account.credentials['access_token']}"},
    )
    urllib.request.urlopen(request, timeout=5).close()

    work(row, until="approved")

    assert row.name == "made_by_hand_v1"


def test_a_name_that_the_author_chose_is_never_changed(alice: World, simulator: str) -> None:
    first = work(owed(alice, "chosen_one"), until="approved")

    row = work(owed(alice, "chosen_two", {"type": "BODY", "text": "Order {{order_id}} differs."}, name=first.name), until="approved")

    assert (row.name, row.known().obstacle) == ("chosen_one", "the template there says something else")


def test_what_the_provider_would_certainly_refuse_is_rejected_with_the_reason(alice: World) -> None:
    picture = {"type": "HEADER", "format": "IMAGE", "link": "https://shop.example/a.png"}

    row = work(owed(alice, "picture", picture, TEXT), until="rejected")

    assert "sample of the image" in row.reason


def test_a_provider_that_is_away_is_asked_again_later(alice: World, settings: Settings) -> None:
    row, now = owed(alice, "away"), timezone.now()
    settings.QSURA_SIMULATOR_URL = "http://127.0.0.1:9"
    credentials.forget()

    asking.work(at=now)

    row.refresh_from_db()
    assert (row.status, row.problem) == (RegistrationStatus.OWED, "The call to the provider failed (connect_failed).")
    assert row.due_at is not None
    assert now < row.due_at <= now + asking.LONGEST_WAIT


def test_a_claimed_registration_is_nobody_elses_until_its_lease_ends(alice: World) -> None:
    owed(alice, "claimed")
    now = timezone.now()

    first, second = asking._claim(at=now, limit=10), asking._claim(at=now, limit=10)

    assert (len(first) > 0, second) == (True, [])
    assert len(asking._claim(at=now + asking.LEASE, limit=10)) == len(first)


def test_a_retired_version_is_looked_at_no_more(alice: World) -> None:
    row = registering.of(alice)
    approval.retire(alice.version, by=alice.approver, at=timezone.now())

    asking.work(at=timezone.now() + timedelta(days=2))

    row.refresh_from_db()
    assert row.due_at is None


def test_staff_may_ask_again_for_what_was_rejected(alice: World) -> None:
    row = work(owed(alice, "rejected_once"), until="rejected")

    asking.again(row, at=timezone.now() + DAY)

    row.refresh_from_db()
    assert row.news.filter(source=Source.SUBMISSION).count() == 2


def test_what_was_removed_there_is_made_anew_when_staff_ask(alice: World) -> None:
    row = work(owed(alice, "removed"), until="approved")
    first = row.provider_id
    account = credentials.by_id(row.account_id).opened
    url = f"{account.base_url}/v23.0/{account.settings['waba_id']}/message_templates?name=removed"
    headers = {"Authorization": f"Bearer {account.credentials['access_token']}"}
    urllib.request.urlopen(urllib.request.Request(url, headers=headers, method="DELETE"), timeout=5).close()
    asking.look_at(row.version_id, at=timezone.now() + DAY)
    row.refresh_from_db()
    assert row.status == RegistrationStatus.GONE

    asking.again(row, at=timezone.now() + DAY)

    row.refresh_from_db()
    assert row.provider_id not in ("", first)


def test_pending_ones_are_looked_at_soon_and_then_less_and_less_often(alice: World) -> None:
    now = timezone.now()
    row = Registration(version=alice.version, status=RegistrationStatus.PENDING, submitted_at=now - timedelta(seconds=4))
    young = registration.next_look(row, at=now)
    row.submitted_at = now - timedelta(days=1)

    assert young == now + timedelta(seconds=2)
    assert registration.next_look(row, at=now) == now + timedelta(hours=1)


def test_a_pause_is_looked_at_when_it_should_be_over(alice: World) -> None:
    now = timezone.now()
    row = registering.of(alice)
    row.believe(row.known())
    row.status, row.reason_of, row.reason_at, row.paused_for = "paused", "paused", now, 600
    row.status_at = now

    assert registration.next_look(row, at=now) == now + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    catalogue.forget()
