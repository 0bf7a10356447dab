"""A bounce that a mail server posts to the account's URL: the message that had ended as sent has failed after all."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from django.http import HttpResponse

from accounts.models import Business
from callbacks import reading
from messaging import calling, references, watching
from messaging.lifecycle import Status
from messaging.models import Event, Message, State, Suppression, Timer
from routing.models import ProviderAccount
from routing.providers import registry, wire
from routing.providers.base import Email, Outbound
from routing.transport import Transport
from tests.callbacks import providers
from tests.callbacks.providers import AT
from tests.routing.postoffice import PostOffice, opened
from tests.routing.providers.test_smtp import ACCOUNT, bounce, complaint

pytestmark = pytest.mark.django_db


@pytest.fixture
def smtp() -> ProviderAccount:
    return providers._account("smtp", {"password": "p", "report_secret": "reports"})


@pytest.fixture
def handed_over(smtp: ProviderAccount) -> UUID:
    message_id = providers.hand_off(smtp, provider_reference="<m@shop.example>")
    assert providers.told(message_id) == ["message.submitted", "message.sent"]
    return message_id


def post(smtp: ProviderAccount, report: bytes, *, secret: str = "reports") -> HttpResponse:
    headers = {"Authorization": wire.basic("qsura", secret), "Content-Type": "message/rfc822"}
    answered = providers.post(smtp, report, headers=headers)
    reading.read(at=AT + timedelta(hours=1))
    return answered


def test_a_message_that_was_handed_over_is_final_and_waits_for_nothing(handed_over: UUID) -> None:
    state = State.objects.get(message_id=handed_over)

    assert (state.status, state.ended) == ("sent", "sent")
    assert Event.objects.filter(message_id=handed_over).order_by("seq").last().final  # type: ignore[union-attr]
    assert not Timer.objects.filter(message_id=handed_over).exists()
    assert watching.forgotten(at=AT + timedelta(days=7)).count == 0


def test_a_bounce_makes_it_fail(smtp: ProviderAccount, handed_over: UUID) -> None:
    answered = post(smtp, bounce(ours=references.write(handed_over, 1)))

    assert answered.status_code == 200
    assert providers.status(handed_over) is Status.FAILED
    last = Event.objects.filter(message_id=handed_over).order_by("seq").last()
    assert last is not None
    assert (last.type, last.final, last.error_class, last.raw_code) == (
        "message.failed",
        True,
        "invalid_recipient_on_channel",
        "5.1.1",
    )


def test_a_bounce_after_the_deadline_makes_it_fail_too(smtp: ProviderAccount, handed_over: UUID) -> None:
    State.objects.filter(message_id=handed_over).update(expires_at=AT + timedelta(minutes=1))

    post(smtp, bounce(ours=references.write(handed_over, 1)))
    assert providers.status(handed_over) is Status.FAILED


def test_a_complaint_says_that_it_arrived(smtp: ProviderAccount, handed_over: UUID) -> None:
    report = complaint().replace(b"att_0198c5f27a107c3e9d551f0a6f1b2c3d.1", references.write(handed_over, 1).encode())

    business_id = Message.objects.get(id=handed_over).business_id
    Business.objects.create(id=business_id, slug="shop", name="Shop")

    post(smtp, report)
    assert providers.status(handed_over) is Status.DELIVERED
    assert Suppression.objects.get(business_id=business_id).reason == "complaint"


def test_a_strangers_bounce_is_refused(smtp: ProviderAccount, handed_over: UUID) -> None:
    assert post(smtp, bounce(ours=references.write(handed_over, 1)), secret="wrong").status_code == 401
    assert providers.status(handed_over) is Status.SENT


def test_a_letter_is_called_like_everything_else(smtp: ProviderAccount, settings: object) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = ["127.0.0.1/32"]  # type: ignore[attr-defined]
    adapter, at_ = registry.get("smtp"), AT
    with opened(PostOffice()) as office:
        words = {**ACCOUNT.settings, "host": "127.0.0.1", "port": str(office.port), "security": "none"}
        account = type(ACCOUNT)(ACCOUNT.id, ACCOUNT.base_url, ACCOUNT.callback_url, words, ACCOUNT.credentials)
        letter = adapter.submit(account, Outbound("att_x.1", "email", "sara@example.com", Email("S", "T"), at=at_))
        ready = calling.Ready(UUID(int=1), 1, smtp.id, UUID(int=2), float("inf"), adapter, account, letter, UUID(int=3))
        way = Transport()
        try:
            answered = way.run(asyncio.wait_for(calling.call(ready, way), 10))
        finally:
            way.close()

    assert answered.outcome.reference == "<att_x.1.qsura@shop.example>"
    assert len(office.letters) == 1
