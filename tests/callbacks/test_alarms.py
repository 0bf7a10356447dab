"""Staff are told by a real mail server and a real receiver that verifies the signature."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from alerts import reporting
from alerts.kinds import Kind
from alerts.models import Alert, Telling
from callbacks import alarms, signing, tasks
from tests.callbacks import receiver as receivers
from tests.callbacks.postbox import Postbox
from tests.callbacks.receiver import Receiver

pytestmark = pytest.mark.django_db

SECRET = signing.new_secret()


@pytest.fixture
def postbox(settings: Any) -> Iterator[Postbox]:
    with Postbox() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_URL = f"smtp://127.0.0.1:{running.port}"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        settings.ALERT_EMAILS = ["anna@qsura.example", "night@qsura.example"]
        settings.ALERT_EMAIL_FROM = "qsura@qsura.example"
        yield running


@pytest.fixture
def pager(receiver: Receiver, settings: Any) -> Receiver:
    settings.ALERT_WEBHOOK_URL = receiver.url()
    settings.ALERT_WEBHOOK_SECRET = SECRET
    return receiver


@pytest.fixture
def at() -> datetime:
    return timezone.now()


def open_(about: str = "pac_1", *, at: datetime) -> None:
    reporting.report(Kind.PROVIDER_DEGRADED, about=about, because="It answers 500.", business=None, at=at)


def test_staff_get_a_mail_with_what_to_do(postbox: Postbox, at: datetime) -> None:
    open_(at=at)

    assert alarms.tell(at=at) == 1

    (mail,) = postbox.mails
    assert mail.to == ["anna@qsura.example", "night@qsura.example"]
    assert (mail.message["From"], mail.message["Auto-Submitted"]) == ("qsura@qsura.example", "auto-generated")
    assert mail.message["Subject"] == "[Qsura testserver] URGENT: Provider degraded (pac_1)"
    assert Kind.PROVIDER_DEGRADED.what_to_do in mail.text


def test_a_storm_is_one_mail_and_then_silence(postbox: Postbox, at: datetime) -> None:
    for number in range(50):
        open_(f"pac_{number}", at=at)

    assert [alarms.tell(at=at), alarms.tell(at=at)] == [50, 0]
    (mail,) = postbox.mails
    assert str(mail.message["Subject"]).endswith("and 49 more")
    assert mail.text.count("* Provider degraded") == 50


def test_a_mail_that_is_refused_is_sent_later_and_no_address_is_kept(postbox: Postbox, at: datetime) -> None:
    postbox.refusal = "451 anna@qsura.example has to wait"
    open_(at=at)
    assert alarms.tell(at=at) == 0
    assert Telling.objects.get().error == "SMTPSenderRefused 451"

    postbox.refusal = ""

    assert [alarms.tell(at=at + timedelta(seconds=29)), alarms.tell(at=at + timedelta(seconds=30))] == [0, 1]
    assert len(postbox.mails) == 1


def test_a_mail_server_that_is_away_stops_no_webhook(postbox: Postbox, pager: Receiver, settings: Any, at: datetime) -> None:
    settings.EMAIL_PORT = 9  # the discard port: nobody is there
    open_(at=at)

    assert alarms.tell(at=at) == 1
    assert len(pager.got()) == 1


def test_a_receiver_verifies_what_it_is_told(pager: Receiver, at: datetime) -> None:
    open_(at=at)

    alarms.tell(at=at)
    reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=at)
    alarms.tell(at=at)

    opened, resolved = pager.got()
    for each in (opened, resolved):
        each.verify(SECRET)
    assert [opened.type, resolved.type] == ["alert.opened", "alert.resolved"]
    assert orjson.loads(opened.body)["data"]["id"] == Alert.objects.get().public_id
    assert opened.id != resolved.id


def test_a_webhook_that_failed_comes_again_with_the_same_id_and_bytes(pager: Receiver, at: datetime) -> None:
    pager.at("/hooks", receivers.status(503))
    open_(at=at)
    assert alarms.tell(at=at) == 0
    open_(at=at)

    pager.at("/hooks", receivers.status(204))
    alarms.tell(at=at + timedelta(seconds=30))

    first, second = pager.got()
    assert (first.id, first.body) == (second.id, second.body)


def test_webhooks_keep_their_order_over_a_failure(pager: Receiver, at: datetime) -> None:
    for number in range(3):
        open_(f"pac_{number}", at=at + timedelta(milliseconds=number))
    pager.at("/hooks", receivers.status(500))
    alarms.tell(at=at)
    pager.at("/hooks", receivers.status(200))
    alarms.tell(at=at + timedelta(seconds=30))

    abouts = [orjson.loads(each.body)["data"]["about"] for each in pager.got()]
    assert abouts == ["pac_0", "pac_0", "pac_1", "pac_2"]


def test_the_guard_holds_for_the_operator_s_own_webhook(pager: Receiver, settings: Any, at: datetime) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []
    open_(at=at)

    assert alarms.tell(at=at) == 0
    assert Telling.objects.get().error == "address_refused"
    assert pager.received == []


def test_without_settings_nobody_is_told_and_nothing_piles_up(at: datetime) -> None:
    open_(at=at)

    assert (alarms.tell(at=at), Telling.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_the_task_lets_old_troubles_fade_and_tells_the_rest(postbox: Postbox, at: datetime) -> None:
    reporting.report(Kind.FALLBACK_USED, about="pac_old", because="x", business=None, at=at - timedelta(hours=1))
    open_(at=at)

    tasks.tell_staff()

    (mail,) = postbox.mails
    assert "RESOLVED (1)" in mail.text
    assert "NEW (1)" in mail.text
