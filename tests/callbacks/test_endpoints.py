"""Endpoints: registered, changed, removed; secrets shown once and handed over without a gap."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.utils import timezone

from accounts.models import Business
from callbacks import endpoints, keyring
from callbacks.endpoints import NotOfCallbacks, TooManyEndpoints
from callbacks.keyring import Holder, Signature
from callbacks.models import Delivery, Endpoint, SigningSecret
from routing.guard import TargetRefused
from tests.callbacks.receiver import Receiver, status
from tests.callbacks.webhooks import listen, new_business, new_event, pay, record, until

URL = "https://shop.example/hooks"


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def register(business: Business, **fields: Any) -> tuple[Endpoint, endpoints.Shown]:
    return endpoints.register(business.id, **({"mode": "test", "url": URL, "at": timezone.now()} | fields))


def test_a_registered_endpoint_hears_of_events_signed_with_the_secret_that_was_shown(shop: Business, receiver: Receiver) -> None:
    _, shown = register(shop, url=receiver.url(), event_types=["message.delivered"])
    record(new_event(shop), new_event(shop, type="message.sent"))

    pay()

    assert shown.secret is not None
    (received,) = receiver.got()
    received.verify(shown.secret)


def test_an_endpoint_can_have_a_key_pair_whose_private_half_never_leaves(shop: Business, receiver: Receiver) -> None:
    _, shown = register(shop, url=receiver.url(), signature="v1a")
    record(new_event(shop))

    pay()

    (received,) = receiver.got()
    assert shown.secret is None
    assert shown.public_key is not None
    version, _, signature = received.headers["webhook-signature"].partition(",")
    content = f"{received.id}.{received.headers['webhook-timestamp']}.".encode() + received.body
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(shown.public_key.removeprefix("whpk_")))
    verifier.verify(base64.b64decode(signature), content)
    assert version == "v1a"


def test_secrets_are_kept_sealed_and_bound_to_their_row(shop: Business) -> None:
    _, one = register(shop)
    other, _ = register(shop)
    rows = list(SigningSecret.objects.order_by("created_at"))

    assert one.secret is not None
    assert base64.b64decode(one.secret.removeprefix("whsec_")) not in bytes(rows[0].secret)
    SigningSecret.objects.filter(id=rows[1].id).update(secret=rows[0].secret)

    holder = endpoints.holder(other)
    assert not any(keyring.live([holder]).values())


def test_a_secret_appears_in_no_representation(shop: Business) -> None:
    _, shown = register(shop)

    assert shown.secret is not None
    assert shown.secret not in repr(shown)


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/hooks", "https://10.0.0.1/", "https://user:pass@shop.example/", "ftp://shop.example/", "", "https://localhost/"],
)
def test_a_url_that_could_never_be_called_is_refused_by_name(shop: Business, url: str, settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []

    with pytest.raises(TargetRefused) as refused:
        register(shop, url=url)

    assert refused.value.errors[0].field == "url"
    assert not Endpoint.objects.exists()


def test_a_business_has_twenty_endpoints_at_most(shop: Business) -> None:
    for _ in range(20):
        register(shop)

    with pytest.raises(TooManyEndpoints):
        register(shop)

    register(shop, mode="live")
    endpoints.remove(Endpoint.objects.filter(mode="test").first(), at=timezone.now())
    register(shop)


@pytest.mark.django_db(transaction=True)
def test_registrations_that_race_do_not_pass_the_limit() -> None:
    shop = new_business()
    for _ in range(18):
        register(shop)
    together = threading.Barrier(6)

    def race(_: int) -> bool:
        try:
            connection.ensure_connection()
            together.wait()
            register(shop)
        except TooManyEndpoints:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(race, range(6)))

    assert sum(made) == 2
    assert Endpoint.objects.count() == 20


def test_switching_off_and_on_again_starts_anew(shop: Business) -> None:
    endpoint, _ = register(shop)
    Endpoint.objects.update(failing_since=timezone.now() - timedelta(days=9), resting_until=timezone.now() + timedelta(hours=1))

    off = endpoints.change(endpoint, changes={"is_enabled": False}, at=timezone.now())
    assert (off.is_enabled, off.disabled_because) == (False, "It was switched off.")
    assert off.disabled_at is not None

    on = endpoints.change(off, changes={"is_enabled": True}, at=timezone.now())
    assert (on.is_enabled, on.disabled_because, on.disabled_at, on.failing_since, on.resting_until) == (True, "", None, None, None)


def test_a_new_url_is_checked_like_the_first(shop: Business) -> None:
    endpoint, _ = register(shop)

    with pytest.raises(TargetRefused):
        endpoints.change(endpoint, changes={"url": "http://10.0.0.1/"}, at=timezone.now())

    assert endpoints.change(endpoint, changes={"url": URL + "/new"}, at=timezone.now()).url == URL + "/new"


def test_what_waited_for_a_receiver_that_asked_for_a_rest_goes_to_its_new_url_at_once(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/busy", status(429, Retry_After="86400")))
    record(new_event(shop))
    pay()

    endpoint.refresh_from_db()
    endpoints.change(endpoint, changes={"url": receiver.url("/new")}, at=timezone.now())
    until(lambda: pay() and receiver.got("/new"))  # for a second this process still believes what it heard

    assert len(receiver.got("/new")) == 1


def test_what_waits_goes_to_the_new_url(shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop)
    record(new_event(shop))

    endpoints.change(endpoint, changes={"url": receiver.url("/new")}, at=timezone.now())
    pay()

    assert len(receiver.got("/new")) == 1


def test_a_removed_endpoint_hears_of_nothing_and_keeps_its_history(shop: Business) -> None:
    endpoint, _ = register(shop)
    record(new_event(shop))

    endpoints.remove(endpoint, at=timezone.now())
    record(new_event(shop))

    assert Delivery.objects.exclude(type="endpoint.challenge").count() == 1


@pytest.mark.parametrize("changes", [{"url": URL}, {"event_types": []}, {"description": "x"}])
def test_a_callback_can_only_be_enabled_or_disabled(shop: Business, changes: dict[str, Any]) -> None:
    record(new_event(shop, callback=URL))
    endpoint = Endpoint.objects.get()

    with pytest.raises(NotOfCallbacks):
        endpoints.change(endpoint, changes=changes, at=timezone.now())
    with pytest.raises(NotOfCallbacks):
        endpoints.remove(endpoint, at=timezone.now())
    with pytest.raises(NotOfCallbacks):
        endpoints.rotate(endpoint, signature=None, overlap=timedelta(0), at=timezone.now())

    assert not endpoints.change(endpoint, changes={"is_enabled": False}, at=timezone.now()).is_enabled


def test_rotation_keeps_the_kind_unless_told_otherwise(shop: Business) -> None:
    endpoint, _ = register(shop, signature="v1a")

    _, same = endpoints.rotate(endpoint, signature=None, overlap=timedelta(0), at=timezone.now())
    _, other = endpoints.rotate(endpoint, signature="v1", overlap=timedelta(0), at=timezone.now())

    assert same.public_key is not None
    assert other.secret is not None


def test_while_the_kind_changes_both_kinds_sign(shop: Business) -> None:
    endpoint, _ = register(shop)

    endpoints.rotate(endpoint, signature="v1a", overlap=timedelta(hours=1), at=timezone.now())

    (secrets,) = keyring.live([endpoints.holder(endpoint)]).values()
    assert [secret.partition("_")[0] for secret in secrets] == ["whsk", "whsec"]


def test_an_old_secret_signs_until_its_overlap_ends_and_is_then_forgotten(shop: Business) -> None:
    endpoint, first = register(shop)
    at = timezone.now()

    endpoints.rotate(endpoint, signature=None, overlap=timedelta(hours=24), at=at)

    old = SigningSecret.objects.get(expires_at__isnull=False)
    assert old.expires_at == at + timedelta(hours=24)
    assert keyring.reveal(old) == first.secret
    assert keyring.forget(at=at + timedelta(hours=23)) == 0
    assert keyring.forget(at=at + timedelta(hours=25)) == 1


def test_a_second_rotation_does_not_prolong_the_first_ones_overlap(shop: Business) -> None:
    endpoint, _ = register(shop)
    at = timezone.now()

    endpoints.rotate(endpoint, signature=None, overlap=timedelta(hours=1), at=at)
    endpoints.rotate(endpoint, signature=None, overlap=timedelta(hours=24), at=at)

    ends = sorted(SigningSecret.objects.filter(expires_at__isnull=False).values_list("expires_at", flat=True))
    assert ends == [at + timedelta(hours=1), at + timedelta(hours=24)]


def test_no_more_than_five_secrets_sign_at_once(shop: Business) -> None:
    endpoint, _ = register(shop)

    for _ in range(12):
        endpoints.rotate(endpoint, signature=None, overlap=timedelta(hours=24), at=timezone.now())

    (secrets,) = keyring.live([endpoints.holder(endpoint)]).values()
    assert len(secrets) == 5


@pytest.mark.django_db(transaction=True)
def test_rotations_that_race_leave_one_current_secret() -> None:
    shop = new_business()
    endpoint, _ = register(shop)
    together = threading.Barrier(4)

    def race(_: int) -> None:
        try:
            connection.ensure_connection()
            together.wait()
            endpoints.rotate(endpoint, signature=None, overlap=timedelta(hours=1), at=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, range(4)))

    assert SigningSecret.objects.filter(expires_at__isnull=True).count() == 1
    assert SigningSecret.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_first_secret_of_a_business_is_made_once_however_many_need_it() -> None:
    holder = Holder(new_business().id, "test")
    together = threading.Barrier(8)

    def race(_: int) -> str:
        try:
            connection.ensure_connection()
            together.wait()
            return keyring.reveal(keyring.ensure(holder))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(race, range(8)))

    assert len(secrets) == 1


def test_the_business_secret_of_each_mode_is_its_own(shop: Business) -> None:
    secrets = {keyring.reveal(keyring.ensure(Holder(shop.id, mode))) for mode in ("test", "live")}

    assert len(secrets) == 2


def test_a_sample_is_sent_signed_and_marked(shop: Business, receiver: Receiver) -> None:
    endpoint, shown = register(shop, url=receiver.url(), event_types=["message.read"])

    endpoints.try_out(endpoint, type_="message.delivered", at=timezone.now())
    pay()

    (received,) = receiver.got()
    assert shown.secret is not None
    received.verify(shown.secret)
    assert received.type == "message.delivered"
    assert orjson.loads(received.body)["data"]["test"] is True


def test_a_disabled_endpoint_gets_no_sample(shop: Business) -> None:
    endpoint, _ = register(shop)
    endpoint = endpoints.change(endpoint, changes={"is_enabled": False}, at=timezone.now())

    with pytest.raises(endpoints.EndpointDisabled):
        endpoints.try_out(endpoint, type_="message.delivered", at=timezone.now())


def test_the_kind_of_a_missing_secret_is_the_shared_one(shop: Business) -> None:
    assert endpoints.kind_of(None) is Signature.SHARED
