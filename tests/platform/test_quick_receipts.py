"""The quick door for providers' calls says what Django's would say, header by header; and it never says no itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from callbacks.models import ForgedCalls, ProviderCall
from routing import credentials
from routing.models import ProviderAccount
from tests import doors
from tests.callbacks import providers
from tests.doors import Told

pytestmark = pytest.mark.django_db
BODY = providers.meta_body([{"id": "wamid.1", "status": "sent"}])


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


def knock(account: ProviderAccount, body: bytes = BODY, *, quick: bool = True, secret: str = providers.META_SECRET, **environ: str) -> Told:
    doors.Front.quick = quick
    given = {"HTTP_X_HUB_SIGNATURE_256": providers.sign_meta(body, secret=secret), "HTTP_X_REQUEST_ID": "req-1", **environ}
    try:
        return doors.ask("POST", providers.path(account), body, **given)
    finally:
        doors.Front.quick = False


def seen(told: Told) -> tuple[int, dict[str, str], bytes]:
    return told.status_code, {name.lower(): value for name, value in told.headers.items()}, told.content


@pytest.mark.parametrize(
    "environ, status",
    [
        ({}, 200),
        ({"CONTENT_TYPE": ""}, 200),
        ({"QUERY_STRING": "a=%00&b=%ff"}, 200),
        ({"HTTP_X_HUB_SIGNATURE_256": "ééé"}, 401),
        ({"HTTP_X_HUB_SIGNATURE_256": ""}, 401),
        ({"HTTP_HOST": "evil.example"}, 400),
        ({"CONTENT_LENGTH": str(10**9)}, 413),
        ({"CONTENT_LENGTH": "٣"}, 401),
    ],
)
def test_both_doors_answer_alike(meta: ProviderAccount, environ: dict[str, str], status: int) -> None:
    quick, slow = (knock(meta, quick=quick, **environ) for quick in (True, False))

    assert seen(quick) == seen(slow)
    assert quick.status_code == status
    assert quick.went_through is (status != 200)


@pytest.mark.parametrize("is_tls", [False, True])
def test_they_answer_alike_behind_a_proxy(meta: ProviderAccount, settings: Settings, is_tls: bool) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1/32"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    forwarded = {"HTTP_X_FORWARDED_PROTO": "https" if is_tls else "http"}

    quick, slow = (knock(meta, quick=quick, **forwarded) for quick in (True, False))

    assert seen(quick) == seen(slow)
    assert (quick.status_code, quick.went_through) == ((200, False) if is_tls else (301, True))


def test_an_unknown_account_and_one_that_does_not_open_are_the_other_doors(meta: ProviderAccount) -> None:
    stranger = ProviderAccount(callback_token="nobody")
    ProviderAccount.objects.filter(id=meta.id).update(credentials=b"sealed with a key that is gone")
    credentials.forget()

    assert [(told.status_code, told.went_through) for told in (knock(stranger), knock(meta))] == [(404, True), (503, True)]


def test_the_same_call_through_both_doors_is_one_row(meta: ProviderAccount) -> None:
    for quick in (True, False, True):
        knock(meta, quick=quick)

    assert ProviderCall.objects.count() == 1


def test_twilios_signed_query_is_kept_with_the_call() -> None:
    account = providers.twilio()
    doors.Front.quick = True
    try:
        answer = providers.post_twilio(account, {"MessageSid": "SM1"}, query="?reference=abc.1")
    finally:
        doors.Front.quick = False

    assert (answer.status_code, ProviderCall.objects.count()) == (200, 1)


def test_a_forgery_is_counted_once(meta: ProviderAccount) -> None:
    assert knock(meta, secret="forged").status_code == 401
    assert ForgedCalls.objects.get().times == 1


def test_sources_and_overlaps_hold_at_this_door_too(meta: ProviderAccount) -> None:
    ProviderAccount.objects.filter(id=meta.id).update(receipt_sources=["203.0.113.0/24"])
    credentials.forget()

    assert (knock(meta, REMOTE_ADDR="203.0.113.9").status_code, knock(meta).status_code) == (200, 401)

    credentials.store(meta, {"app_secret": "new", "app_secret_previous": providers.META_SECRET, "access_token": "a", "verify_token": "v"})
    meta.previous_until, meta.receipt_sources = timezone.now() - timedelta(seconds=1), []
    meta.save()
    credentials.forget()
    assert (knock(meta).status_code, knock(meta, secret="new").status_code) == (401, 200)


@pytest.mark.django_db(transaction=True)
class TestTrouble:
    def test_a_connection_that_was_cut_costs_no_call(self) -> None:
        account = providers.meta()
        assert knock(account).status_code == 200
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with ThreadPoolExecutor(1) as other:
            other.submit(cut, pid).result()

        told = knock(account, providers.meta_body([{"id": "wamid.2", "status": "sent"}]))

        assert (told.status_code, told.went_through, ProviderCall.objects.count()) == (200, False, 2)

    def test_a_database_that_is_away_is_never_answered_200(self) -> None:
        account = providers.meta()
        knock(account)

        def call() -> Told:
            connection.settings_dict = connection.settings_dict | {"HOST": "127.0.0.1", "PORT": 9}
            try:
                return knock(account, providers.meta_body([]))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as other:
            told = other.submit(call).result()

        assert (told.status_code, told.headers["Retry-After"], told.json()["code"]) == (503, "5", "database_unavailable")
        assert (told.went_through, ProviderCall.objects.count()) == (False, 1)

    def test_a_crowd_is_kept_whole(self) -> None:
        account, start = providers.meta(), threading.Barrier(16)

        def ask(number: int) -> set[int]:
            start.wait()
            try:
                bodies = [providers.meta_body([{"id": f"wamid.{number}.{turn}", "status": "sent"}]) for turn in range(10)]
                return {quickly(account, body) for body in bodies}
            finally:
                connections.close_all()

        with ThreadPoolExecutor(16) as threads:
            told = list(threads.map(ask, range(16)))

        assert (told, ProviderCall.objects.count()) == ([{200}] * 16, 160)


def quickly(account: ProviderAccount, body: bytes) -> int:
    doors.Front.quick = True
    headers = {"HTTP_X_HUB_SIGNATURE_256": providers.sign_meta(body)}
    return doors.ask("POST", providers.path(account), body, **headers).status_code


@pytest.fixture(autouse=True)
def _front() -> object:
    yield
    doors.Front.quick = False


def cut(pid: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        connections.close_all()
