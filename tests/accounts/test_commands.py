from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Business, Person
from accounts.refusals import Unauthenticated


def run(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_a_business_is_made_by_its_slug() -> None:
    run("create_business", "acme", "--name", "Acme Shop")

    assert str(Business.objects.get(slug="acme")) == "Acme Shop"


@pytest.mark.parametrize("slug", ["demo", "Acme", "a b", ""])
def test_a_slug_that_is_taken_or_wrong_is_refused(demo: Business, slug: str) -> None:
    with pytest.raises(CommandError):
        run("create_business", slug)


def test_a_new_key_stands_alone_on_standard_output(demo: Business) -> None:
    printed = run("create_api_key", "--business", "demo", "--mode", "test")

    assert printed.endswith("\n")
    assert keys.recognise(printed[:-1], address="127.0.0.1", at=timezone.now()).business_id == demo.pk


def test_a_key_is_made_as_it_was_asked_for(demo: Business) -> None:
    more = ["--name", "crm", "--scope", "messages:read", "--scope", "templates:read", "--expires-in-days", "7", "--allow", "192.0.2.7/24"]

    run("create_api_key", "--business", "demo", "--mode", "live", *more)

    key = ApiKey.objects.get(business=demo)
    assert (key.name, key.mode) == ("crm", "live")
    assert key.scopes == ["messages:read", "templates:read"]
    assert key.allowed_addresses == ["192.0.2.0/24"]
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--business", "nobody", "--mode", "test"], "create_business nobody"),
        (["--business", "demo", "--mode", "real"], "'live'"),
        (["--business", "demo"], "--mode"),
        (["--business", "demo", "--mode", "test", "--scope", "everything"], "messages:send"),
        (["--business", "demo", "--mode", "test", "--allow", "localhost"], "192.0.2.0/24"),
    ],
)
def test_a_wrong_option_of_a_new_key_tells_the_way_out(demo: Business, arguments: list[str], word: str) -> None:
    with pytest.raises(CommandError, match=word):
        run("create_api_key", *arguments)

    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("write", [lambda key, text: text, lambda key, text: key.prefix, lambda key, text: f"qs_live_{key.prefix}"])
def test_a_key_is_revoked_by_whatever_names_it(demo: Business, write: object) -> None:
    key, text = keys.create(demo, name="shop", mode="live")

    printed = run("revoke_api_key", write(key, text))  # type: ignore[operator]

    assert text not in printed
    with pytest.raises(Unauthenticated):
        keys.recognise(text, address="127.0.0.1", at=timezone.now())


@pytest.mark.django_db
def test_a_key_that_nobody_knows_can_t_be_revoked() -> None:
    with pytest.raises(CommandError, match="no such key"):
        run("revoke_api_key", "abcdefghijkl")


def piped(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))


def test_a_person_of_a_business_is_made_with_roles(demo: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, "correct horse battery")

    run("create_person", "anna", "--role", "author", "--role", "operator", "--business", "demo")

    anna = Person.objects.get(username="anna")
    assert (anna.business, anna.roles(), anna.is_staff, anna.is_superuser) == (demo, {"author", "operator"}, True, False)
    assert anna.check_password("correct horse battery")


@pytest.mark.parametrize(
    "arguments, password, word",
    [
        (["anna", "--business", "nobody"], "correct horse battery", "create_business nobody"),
        (["anna", "--role", "king"], "correct horse battery", "auditor"),
        (["anna"], "short", "too short"),
        (["anna"], "", "too short"),
        (["an na"], "correct horse battery", "valid username"),
    ],
)
def test_a_person_who_can_t_be_made_is_told_why(
    demo: Business, monkeypatch: pytest.MonkeyPatch, arguments: list[str], password: str, word: str
) -> None:
    piped(monkeypatch, password)

    with pytest.raises(CommandError, match=word):
        run("create_person", *arguments)

    assert not Person.objects.exists()
