"""What is refused at the door, and what is left of it: a number."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import ids
from alerts.models import Alert
from callbacks import forgeries
from callbacks.choices import Forgery
from callbacks.models import ForgedCalls, ProviderCall
from routing import credentials
from routing.models import ProviderAccount
from routing.providers import registry
from routing.providers.base import Incoming
from routing.providers.meta import Meta
from tests.callbacks import providers
from tests.callbacks.providers import AT, META_SECRET, says

pytestmark = pytest.mark.django_db
STATUS = says(None, "sent", wamid="wamid.1")


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


def counted(account: ProviderAccount) -> dict[str, int]:
    return dict(ForgedCalls.objects.filter(account_id=account.id).values_list("because", "times"))


def change(account: ProviderAccount, **fields: object) -> None:
    ProviderAccount.objects.filter(id=account.id).update(**fields)
    credentials.forget()


# Where it comes from


def call_from(account: ProviderAccount, address: str, *, forwarded: str = "") -> HttpResponse:
    body = providers.meta_body([STATUS])
    headers = {"X-Hub-Signature-256": providers.sign_meta(body)} | ({"X-Forwarded-For": forwarded} if forwarded else {})
    answer: HttpResponse = Client().post(providers.path(account), body, "application/json", headers=headers, REMOTE_ADDR=address)
    return answer


def test_a_well_signed_call_from_elsewhere_is_refused_like_any_forgery(meta: ProviderAccount) -> None:
    change(meta, receipt_sources=["203.0.113.0/24"])

    assert (call_from(meta, "203.0.113.9").status_code, call_from(meta, "198.51.100.7").status_code) == (200, 401)
    assert counted(meta) == {"source": 1}
    assert call_from(meta, "198.51.100.7").json()["detail"] == "The signature does not fit."


def test_behind_a_trusted_proxy_the_caller_is_whom_the_proxy_names(meta: ProviderAccount, settings: object) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]  # type: ignore[attr-defined]
    change(meta, receipt_sources=["203.0.113.0/24"])

    assert call_from(meta, "10.1.1.1", forwarded="203.0.113.9").status_code == 200
    assert call_from(meta, "10.1.1.1", forwarded="203.0.113.9, 198.51.100.7").status_code == 401
    assert call_from(meta, "198.51.100.7", forwarded="203.0.113.9").status_code == 401


# When it was signed


class Stamped(Meta):
    """A scheme that signs the time, each call anew: here the body says it."""

    calls_again_for = timedelta(0)

    def signed_at(self, account: object, incoming: Incoming) -> datetime | None:
        return datetime.fromtimestamp(int(incoming.body.rpartition(b" ")[2]), UTC)


@pytest.mark.parametrize("seconds, status", [(0, 200), (-290, 200), (290, 200), (-310, 401), (310, 401)])
def test_a_signature_counts_for_five_minutes_around_its_time(
    meta: ProviderAccount, monkeypatch: pytest.MonkeyPatch, seconds: int, status: int
) -> None:
    monkeypatch.setitem(registry.ADAPTERS, "meta", Stamped())
    body = providers.meta_body([STATUS]) + b" %d" % (timezone.now() + timedelta(seconds=seconds)).timestamp()

    answer = providers.post(meta, body, headers={"X-Hub-Signature-256": providers.sign_meta(body)})

    assert (answer.status_code, counted(meta)) == (status, {} if status == 200 else {"stale": 1})


def post_vonage(account: ProviderAccount, *, seconds: float, secret: str = "vonage's") -> HttpResponse:
    """As Vonage signs: a token with the time and the body's hash."""
    body = b'{"message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab", "status": "delivered", "channel": "sms"}'
    issued = int((timezone.now() + timedelta(seconds=seconds)).timestamp())
    claims = {"iat": issued, "jti": "1", "payload_hash": hashlib.sha256(body).hexdigest()}
    token = b".".join(_base64(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = _base64(hmac.new(secret.encode(), token, hashlib.sha256).digest())
    return providers.post(account, body, headers={"Authorization": f"Bearer {(token + b'.' + signature).decode()}"})


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


DAY = 24 * 3600


@pytest.mark.parametrize("seconds, status", [(0, 200), (290, 200), (310, 401), (-DAY, 200), (-DAY - 310, 401)])
def test_vonages_tokens_count_as_long_as_it_calls_again(seconds: int, status: int) -> None:
    account = providers.vonage()

    assert post_vonage(account, seconds=seconds).status_code == status


# Which secret signed it


def test_both_secrets_are_heard_while_one_replaces_the_other_and_then_only_the_new_one(meta: ProviderAccount) -> None:
    credentials.store(meta, {"app_secret": "new", "app_secret_previous": META_SECRET, "verify_token": "v", "access_token": "a"}).save()
    ways: Sequence[tuple[timedelta, str, int]] = (
        (timedelta(hours=1), META_SECRET, 200),
        (timedelta(hours=1), "new", 200),
        (timedelta(hours=-1), META_SECRET, 401),
        (timedelta(hours=-1), "new", 200),
    )
    for until, secret, status in ways:
        change(meta, previous_until=timezone.now() + until)
        assert providers.post_meta(meta, STATUS, secret=secret).status_code == status


# What is left of it


def test_forgeries_are_counted_by_the_minute_and_logged_once_in_it(meta: ProviderAccount, caplog: pytest.LogCaptureFixture) -> None:
    for second in range(3):
        forgeries.note(meta.id, Forgery.SIGNATURE, at=AT + timedelta(seconds=second))
    forgeries.note(meta.id, Forgery.SIGNATURE, at=AT + timedelta(minutes=1))

    assert list(ForgedCalls.objects.order_by("minute").values_list("minute", "times")) == [(AT, 3), (AT + timedelta(minutes=1), 1)]
    assert caplog.text.count("was refused") == 2


def test_a_forged_handshake_counts_too(meta: ProviderAccount) -> None:
    Client().get(providers.path(meta), {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "forged"})

    assert counted(meta) == {"signature": 1}


@pytest.mark.django_db(transaction=True)
def test_forgeries_that_come_at_once_are_each_counted() -> None:
    account = providers.meta()

    def forge(number: int) -> int:
        try:
            return providers.post_meta(account, STATUS | {"number": number}, secret="forged").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(forge, range(60)))

    assert (set(answers), sum(counted(account).values()), ProviderCall.objects.count()) == ({401}, 60, 0)


def forge(account: ProviderAccount, times: int, *, at: datetime) -> None:
    ForgedCalls.objects.create(account_id=account.id, minute=at, because=Forgery.SIGNATURE, times=times)


def test_many_forgeries_alert_staff_once_and_the_alert_ends_with_them(meta: ProviderAccount) -> None:
    forge(meta, forgeries.MANY, at=AT - timedelta(minutes=1))
    for minute in (0, 1):
        forgeries.watch(at=AT + timedelta(minutes=minute))
    alert = Alert.objects.get()
    assert (alert.kind, alert.about, alert.times, alert.resolved_at) == ("forged_receipts", ids.public("pac", meta.id), 2, None)
    assert META_SECRET not in alert.because

    forgeries.watch(at=AT + forgeries.SPAN)
    assert Alert.objects.get().resolved_at == AT + forgeries.SPAN


def test_a_few_forgeries_wake_nobody(meta: ProviderAccount) -> None:
    forge(meta, forgeries.MANY - 1, at=AT - timedelta(minutes=1))
    forge(meta, 1_000, at=AT - forgeries.SPAN)
    forgeries.watch(at=AT)

    assert not Alert.objects.exists()


def test_old_counts_are_cleared(meta: ProviderAccount) -> None:
    forge(meta, 1, at=AT)
    forgeries.forget(at=AT + forgeries.KEPT)
    assert ForgedCalls.objects.exists()
    forgeries.forget(at=AT + forgeries.KEPT + timedelta(seconds=1))
    assert not ForgedCalls.objects.exists()
