from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import call_command
from pytest_django import Settings

from routing import credentials, vault
from routing.apps import ensure_stand_ins, worlds_apart
from routing.credentials import LiveAtSimulator, NoSuchAccount, Unusable
from routing.models import ProviderAccount

Make = Callable[..., ProviderAccount]


def derived(label: str) -> str:
    return hmac.new(b"the tests' own simulator secret", label.encode(), hashlib.sha256).hexdigest()


def test_a_live_account_opens_with_its_own_credentials(account: Make) -> None:
    row = account("a", settings={"account_sid": "AC1", "sender": "+15550001", "note": None, "weight": 3})
    opened = credentials.open_account(row)
    assert opened.credentials["auth_token"] == "t1"
    assert opened.base_url == "https://api.twilio.com"
    assert opened.callback_url == f"http://testserver/v1/providers/{row.callback_token}/callbacks"
    assert opened.settings == {"account_sid": "AC1", "sender": "+15550001", "weight": "3"}


def test_the_row_holds_no_secret_in_plain(account: Make) -> None:
    row = account("a")
    assert b"t1" not in bytes(row.credentials)
    assert row.credentials_key_id == "k1"
    assert "t1" not in repr(credentials.open_account(row)) + repr(credentials.by_id(row.pk))


def test_credentials_moved_to_another_row_do_not_open(account: Make) -> None:
    row, other = account("a"), account("b")
    other.credentials = row.credentials
    with pytest.raises(vault.CannotOpen):
        credentials.reveal(other)
    with pytest.raises(Unusable, match="don't open"):
        credentials.open_account(other)


def test_an_account_without_credentials_opens_empty(business: Any) -> None:
    row = ProviderAccount.objects.create(business=business, name="bare", provider="twilio", mode="live")
    assert credentials.open_account(row).credentials == {}


def test_an_unknown_provider_is_unusable(account: Make) -> None:
    with pytest.raises(Unusable, match="'pigeon'"):
        credentials.open_account(account("a", "pigeon"))


# The two worlds


def test_there_is_one_stand_in_for_each_provider(db: None) -> None:
    ensure_stand_ins(apps.get_app_config("routing"), using="default")
    rows = ProviderAccount.objects.filter(business__isnull=True).order_by("provider").values_list("provider", "name", "mode")
    assert list(rows) == [
        ("infobip", "Simulated Infobip", "test"),
        ("meta", "Simulated Meta", "test"),
        ("postmark", "Simulated Postmark", "test"),
        ("signed_http", "Simulated Signed http", "test"),
        ("smpp", "Simulated SMPP", "test"),
        ("twilio", "Simulated Twilio", "test"),
        ("vonage", "Simulated Vonage", "test"),
    ]


def test_a_stand_in_derives_what_the_simulator_derives(db: None) -> None:
    opened = credentials.open_account(ProviderAccount.objects.get(name="Simulated Meta"))
    assert opened.base_url == "http://127.0.0.1:9/meta"
    assert opened.settings == {"phone_number_id": "100000000000001", "waba_id": "200000000000001"}
    assert opened.credentials == {name: derived(f"meta.{name}") for name in ("access_token", "app_secret", "verify_token")}


def test_the_twilio_stand_in_derives_its_number_too(db: None) -> None:
    opened = credentials.open_account(ProviderAccount.objects.get(name="Simulated Twilio"))
    assert opened.settings == {"account_sid": "AC" + derived("twilio.account_sid")[:32], "sender": "+15005550006"}
    assert opened.credentials == {"auth_token": derived("twilio.auth_token")}


def test_a_test_account_speaks_to_the_simulator_whatever_it_says(account: Make) -> None:
    opened = credentials.open_account(account("a", mode="test", base_url="https://api.twilio.com"))
    assert opened.base_url == "http://127.0.0.1:9/twilio"
    assert opened.credentials == {"auth_token": derived("twilio.auth_token")}


@pytest.mark.parametrize("missing", ["QSURA_SIMULATOR_URL", "QSURA_SIMULATOR_SECRET"])
def test_without_a_simulator_no_test_account_opens(db: None, settings: Any, missing: str) -> None:
    setattr(settings, missing, "")
    with pytest.raises(Unusable, match="QSURA_SIMULATOR"):
        credentials.open_account(ProviderAccount.objects.get(name="Simulated Meta"))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://127.0.0.1:9/twilio", "https://127.0.0.1:9/x", "http://LOCALHOST:9", "http://[::1]:9/"]
)
def test_a_live_account_never_speaks_to_the_simulator(account: Make, url: str) -> None:
    with pytest.raises(LiveAtSimulator) as refused:
        account("a", base_url=url)
    assert refused.value.errors[0].field == "base_url"
    row = account("b")
    row.base_url = url
    with pytest.raises(Unusable):
        credentials.open_account(row)


def test_a_live_account_at_the_simulator_is_reported_at_start(account: Make, settings: Any) -> None:
    account("lost", base_url="http://127.0.0.1:10/twilio")
    assert worlds_apart(databases=["default"]) == []
    settings.QSURA_SIMULATOR_URL = "http://127.0.0.1:10"
    assert [(each.id, "'lost'" in each.msg) for each in worlds_apart(databases=["default"])] == [("qsura.E020", True)]


def test_a_stand_in_with_another_name_stays_the_only_one(db: None) -> None:
    ProviderAccount.objects.filter(name="Simulated Meta").update(name="Play WhatsApp")
    ensure_stand_ins(apps.get_app_config("routing"), using="default")
    assert list(ProviderAccount.objects.filter(provider="meta").values_list("name", flat=True)) == ["Play WhatsApp"]


# The directory


def test_accounts_are_found_by_id_and_by_token(account: Make, django_assert_num_queries: Any) -> None:
    row = account("a", max_in_flight=7)
    with django_assert_num_queries(1):
        found = credentials.by_id(row.pk)
        assert credentials.by_token(row.callback_token) is found
        assert credentials.directory()[row.pk] is found
    assert (found.name, found.adapter.name, found.max_in_flight, found.business_id) == ("a", "twilio", 7, row.business_id)


def test_an_account_made_a_moment_ago_is_found(account: Make) -> None:
    credentials.directory()
    row = account("a")
    assert credentials.by_token(row.callback_token).id == row.pk
    assert credentials.by_id(row.pk).id == row.pk


def test_an_unknown_account_is_said_to_be_unknown(db: None) -> None:
    with pytest.raises(NoSuchAccount):
        credentials.by_id(uuid4())
    for token in ("x" * 43, "x" * 5_000, "", "\0", "\ud800", "é"):
        with pytest.raises(NoSuchAccount):
            credentials.by_token(token)


def test_an_account_that_does_not_open_hides_no_other(account: Make, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = account("good"), account("bad")
    ProviderAccount.objects.filter(pk=bad.pk).update(credentials=b"\x01\x02k1 altered")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            credentials.forget()
            assert good.pk in credentials.directory()
    assert [record.getMessage() for record in caplog.records if str(bad.pk) in record.getMessage()] == [
        f"The provider account {bad.pk} can't be used: the credentials don't open: altered, or sealed for another place."
    ]
    with pytest.raises(Unusable, match="don't open"):
        credentials.by_id(bad.pk)


@pytest.mark.django_db(transaction=True)
def test_migrating_again_adds_no_second_stand_in() -> None:
    call_command("migrate", verbosity=0)
    assert ProviderAccount.objects.filter(business__isnull=True, mode="test").count() == 7


def test_smpp_has_a_stand_in_where_the_simulator_speaks_it(settings: Settings, db: None) -> None:
    row = ProviderAccount.objects.get(name="Simulated SMPP")
    row.settings = {"host": "smsc.example", "system_id": "qsura-hex"}
    opened = credentials.open_account(row)
    assert {name: opened.settings[name] for name in ("host", "port", "tls", "system_id")} == {
        "host": "127.0.0.1",
        "port": "9",
        "tls": "no",
        "system_id": "qsura-hex",
    }

    settings.QSURA_SIMULATOR_SMPP = ""
    with pytest.raises(Unusable, match="QSURA_SIMULATOR_SMPP"):
        credentials.open_account(row)
    row.delete()
    ensure_stand_ins(apps.get_app_config("routing"), using="default")
    assert not ProviderAccount.objects.filter(provider="smpp").exists()


def test_smtp_has_one_of_its_own_where_the_simulator_listens(settings: Settings, db: None) -> None:
    row = ProviderAccount(name="Simulated SMTP", provider="smtp", mode="test", settings={"host": "mail.example", "security": "tls"})
    with pytest.raises(Unusable, match="as postmark"):
        credentials.open_account(row)

    settings.QSURA_SIMULATOR_SMTP = "127.0.0.1:2525"
    ensure_stand_ins(apps.get_app_config("routing"), using="default")
    assert ProviderAccount.objects.get(provider="smtp").name == row.name
    opened = credentials.open_account(row)
    assert {name: opened.settings[name] for name in ("host", "port", "security", "user")} == {
        "host": "127.0.0.1",
        "port": "2525",
        "security": "none",
        "user": "qsura",
    }
    assert opened.credentials == {name: derived(f"smtp.{name}") for name in ("password", "report_secret")}


def test_a_live_smtp_account_never_writes_to_the_simulator(settings: Settings, account: Make) -> None:
    settings.QSURA_SIMULATOR_SMTP = "127.0.0.1:2525"
    row = ProviderAccount(name="x", provider="smtp", mode="live", settings={"host": "localhost", "port": "2525"})
    with pytest.raises(LiveAtSimulator):
        credentials.check_world(row)
