"""A colleague and a stranger at every door of the admin."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Business, Person
from accounts.refusals import Unauthenticated

pytestmark = pytest.mark.django_db

Browser = Callable[[Person], Client]
Staff = Callable[..., Person]

FORM = {"name": "shop", "mode": "live", "scopes": ["messages:send"], "expires_at_0": "", "expires_at_1": "", "allowed_addresses": ""}


@pytest.fixture
def colleague(person: Staff, browser: Browser, demo: Business) -> Client:
    return browser(person("carol", role="operator", business=demo))


@pytest.fixture
def stranger(person: Staff, browser: Browser, other: Business) -> Client:
    return browser(person("steve", role="operator", business=other))


@pytest.fixture
def auditor(person: Staff, browser: Browser, demo: Business) -> Client:
    return browser(person("audrey", role="auditor", business=demo))


@pytest.fixture
def root(person: Staff, browser: Browser) -> Client:
    return browser(person("root", superuser=True))


@pytest.fixture
def key(demo: Business) -> ApiKey:
    return keys.create(demo, name="shop key", mode="live")[0]


def shown(page: bytes) -> str:
    found = re.search(r"qs_(?:live|test)_[a-z0-9]{12}_[A-Za-z0-9]{43}", page.decode())
    assert found
    return found[0]


def test_nobody_gets_in_without_logging_in(key: ApiKey) -> None:
    answer = Client().get(f"/admin/accounts/apikey/{key.pk}/change/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")


def test_a_colleague_sees_the_business_s_keys_and_a_stranger_does_not(key: ApiKey, colleague: Client, stranger: Client) -> None:
    assert b"shop key" in colleague.get("/admin/accounts/apikey/").content
    assert b"shop key" not in stranger.get("/admin/accounts/apikey/").content


@pytest.mark.parametrize("page", ["change", "revoke", "rotate", "history"])
def test_a_stranger_can_t_open_another_business_s_key(key: ApiKey, colleague: Client, stranger: Client, page: str) -> None:
    address = f"/admin/accounts/apikey/{key.pk}/{page}/"

    assert colleague.get(address, follow=True).status_code == 200
    assert stranger.get(address).status_code in {302, 404}
    assert b"shop key" not in stranger.get(address, follow=True).content


def test_platform_staff_see_every_business(key: ApiKey, other: Business, person: Staff, browser: Browser) -> None:
    keys.create(other, name="other key", mode="test")

    page = browser(person("paul", role="operator")).get("/admin/accounts/apikey/").content

    assert b"shop key" in page
    assert b"other key" in page


def test_staff_of_a_business_are_not_told_who_else_is_there(key: ApiKey, other: Business, colleague: Client, root: Client) -> None:
    pages = ["/admin/accounts/apikey/", "/admin/accounts/apikey/add/", "/admin/accounts/business/"]

    assert [page for page in pages if b"Other" in colleague.get(page).content] == []
    assert [page for page in pages if b"Other" in root.get(page).content] == pages


def test_a_key_can_t_be_made_for_somebody_else_s_business(other: Business, colleague: Client) -> None:
    answer = colleague.post("/admin/accounts/apikey/add/", FORM | {"business": str(other.pk)})

    assert b"not one of the available choices" in answer.content
    assert not ApiKey.objects.exists()


def test_a_new_key_is_shown_once_and_works(demo: Business, colleague: Client) -> None:
    answer = colleague.post("/admin/accounts/apikey/add/", FORM | {"business": str(demo.pk), "allowed_addresses": "192.0.2.0/24\n::1"})

    text = shown(answer.content)
    made = ApiKey.objects.get()
    assert "no-store" in answer.headers["Cache-Control"]
    assert keys.recognise(text, address="::1", at=timezone.now()).scopes == frozenset({"messages:send"})
    assert made.allowed_addresses == ["192.0.2.0/24", "::1/128"]
    later = [
        colleague.get(page).content for page in (f"/admin/accounts/apikey/{made.pk}/change/", f"/admin/accounts/apikey/{made.pk}/history/")
    ]
    assert not [page for page in later if text.encode() in page]


def test_a_network_that_is_none_is_refused_in_the_form(demo: Business, colleague: Client) -> None:
    answer = colleague.post("/admin/accounts/apikey/add/", FORM | {"business": str(demo.pk), "allowed_addresses": "localhost"})

    assert b"write a network as" in answer.content
    assert not ApiKey.objects.exists()


def test_a_key_is_narrowed_without_touching_its_secret(demo: Business, colleague: Client) -> None:
    key, text = keys.create(demo, name="shop", mode="live")

    answer = colleague.post(f"/admin/accounts/apikey/{key.pk}/change/", FORM | {"scopes": ["messages:read"], "mode": "test"})

    key.refresh_from_db()
    assert answer.status_code == 302
    assert (key.scopes, key.mode) == (["messages:read"], "live")
    assert keys.recognise(text, address="::1", at=timezone.now())


def test_revoking_asks_first(key: ApiKey, colleague: Client) -> None:
    page = colleague.get(f"/admin/accounts/apikey/{key.pk}/revoke/")

    key.refresh_from_db()
    assert b"open nothing" in page.content
    assert key.revoked_at is None


def test_a_revoked_key_opens_nothing_and_is_listed_as_such(demo: Business, colleague: Client) -> None:
    key, text = keys.create(demo, name="shop", mode="live")

    colleague.post(f"/admin/accounts/apikey/{key.pk}/revoke/")

    with pytest.raises(Unauthenticated):
        keys.recognise(text, address="::1", at=timezone.now())
    assert b"revoked" in colleague.get("/admin/accounts/apikey/").content


def test_a_rotated_key_shows_its_successor_and_ends_when_it_was_told(demo: Business, colleague: Client) -> None:
    key, old = keys.create(demo, name="shop", mode="live")

    new = shown(colleague.post(f"/admin/accounts/apikey/{key.pk}/rotate/", {"overlap": "24"}).content)

    assert new != old
    for text in (old, new):
        keys.recognise(text, address="::1", at=timezone.now())
    with pytest.raises(Unauthenticated):
        keys.recognise(old, address="::1", at=timezone.now() + timedelta(hours=25))


@pytest.mark.parametrize("overlap", ["", "9999", "-1", "day"])
def test_a_rotation_asks_again_for_an_overlap_that_it_does_not_know(key: ApiKey, colleague: Client, overlap: str) -> None:
    answer = colleague.post(f"/admin/accounts/apikey/{key.pk}/rotate/", {"overlap": overlap})

    assert b"When shall the old key end?" in answer.content
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("deed", ["revoke", "rotate"])
def test_an_auditor_sees_keys_and_changes_none(key: ApiKey, auditor: Client, deed: str) -> None:
    assert b"shop key" in auditor.get("/admin/accounts/apikey/").content

    assert auditor.post(f"/admin/accounts/apikey/{key.pk}/{deed}/", {"overlap": "0"}).status_code == 403
    assert auditor.post(f"/admin/accounts/apikey/{key.pk}/change/", FORM).status_code == 403
    assert auditor.post("/admin/accounts/apikey/add/", FORM).status_code == 403


def test_nobody_removes_a_key_or_a_business(key: ApiKey, demo: Business, root: Client) -> None:
    assert root.post(f"/admin/accounts/apikey/{key.pk}/delete/", {"post": "yes"}).status_code == 403
    assert root.post(f"/admin/accounts/business/{demo.pk}/delete/", {"post": "yes"}).status_code == 403


def test_no_page_shows_a_hash(key: ApiKey, root: Client) -> None:
    page = root.get(f"/admin/accounts/apikey/{key.pk}/change/").content.decode()

    assert bytes(ApiKey.objects.get(pk=key.pk).secret_hash).hex() not in page
    assert "secret_hash" not in page


def test_a_superuser_makes_people_with_roles(demo: Business, root: Client) -> None:
    password = {"password1": "correct horse battery", "password2": "correct horse battery", "usable_password": "true"}

    root.post("/admin/accounts/person/add/", {"username": "anna", "business": str(demo.pk), "is_staff": "on", **password})

    assert Person.objects.get(username="anna").business == demo
    assert b"anna" in root.get("/admin/accounts/person/").content


def test_who_may_change_people_still_can_t_hand_out_rights(demo: Business, person: Staff, browser: Browser) -> None:
    clerk = person("clara", business=demo)
    clerk.user_permissions.set(_permissions("change_person", "view_person"))
    grown = {"username": "clara", "is_superuser": "on", "is_staff": "on", "is_active": "on", "business": "", "groups": []}

    browser(clerk).post(f"/admin/accounts/person/{clerk.pk}/change/", grown)

    clerk.refresh_from_db()
    assert (clerk.is_superuser, clerk.business) == (False, demo)


def test_who_may_change_people_can_t_take_over_a_superuser(demo: Business, person: Staff, browser: Browser) -> None:
    boss = person("boss", business=demo, superuser=True)
    clerk = person("clara", business=demo)
    clerk.user_permissions.set(_permissions("change_person", "view_person"))

    answer = browser(clerk).post(
        f"/admin/accounts/person/{boss.pk}/password/",
        {"password1": "taken over by me", "password2": "taken over by me", "usable_password": "true"},
    )

    boss.refresh_from_db()
    assert answer.status_code == 403
    assert not boss.check_password("taken over by me")


def test_the_sidebar_shows_what_a_person_may_see(colleague: Client, root: Client) -> None:
    assert b"/admin/accounts/apikey/" in colleague.get("/admin/").content
    assert b"/admin/accounts/person/" not in colleague.get("/admin/").content
    assert b"/admin/accounts/person/" in root.get("/admin/").content


def _permissions(*codenames: str) -> QuerySet[Permission]:
    return Permission.objects.filter(codename__in=codenames)
