"""Who reads more than receipts is offered every stored call, and what it writes stands or falls with the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest

from callbacks import offering, reading
from callbacks.models import ProviderCall
from callbacks.offering import Offered
from messaging.lifecycle import Status
from messaging.models import Suppression
from routing.models import ProviderAccount
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

pytestmark = pytest.mark.django_db


class Listener:
    """Notes the bodies that it is offered, and stumbles over one word."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.stumbles_over = b"never"

    def __call__(self, calls: Sequence[Offered], at: datetime) -> None:
        if any(self.stumbles_over in call.incoming.body for call in calls):
            Suppression.objects.create(recipient_hash=b"half written")
        self.bodies += [call.incoming.body for call in calls]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    offering.readers.append(made)
    yield made
    offering.readers.remove(made)


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


def test_every_call_is_offered_whatever_stands_in_it(meta: ProviderAccount, listener: Listener) -> None:
    news = b'{"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "message_template_status_update"}]}]}'
    providers.post(meta, news, headers={"X-Hub-Signature-256": providers.sign_meta(news)})
    providers.post(meta, b"<html>", headers={"X-Hub-Signature-256": providers.sign_meta(b"<html>")})
    reading.read(at=AT)

    assert sorted(listener.bodies) == [b"<html>", news]


def test_what_one_call_brings_about_spoils_neither_its_receipts_nor_its_companions(meta: ProviderAccount, listener: Listener) -> None:
    odd, plain = (providers.hand_off(meta, provider_reference=f"wamid.{word}") for word in ("odd", "plain"))
    for message_id, wamid in ((odd, "wamid.odd"), (plain, "wamid.plain")):
        providers.post_meta(meta, says(message_id, "delivered", wamid=wamid))
    listener.stumbles_over = b"wamid.odd"
    reading.read(at=AT)

    assert {providers.status(odd), providers.status(plain)} == {Status.DELIVERED}
    assert [b"wamid.plain" in body for body in listener.bodies] == [True]
    assert sorted(ProviderCall.objects.values_list("state", flat=True)) == ["read", "unreadable"]
