from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Person
from tests.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def log_in(username: str, password: str, *, address: str = "203.0.113.1") -> Any:
    return Client(REMOTE_ADDR=address).post("/admin/login/", {"username": username, "password": password})


@pytest.fixture
def anna(person: Callable[..., Person]) -> Person:
    return person("anna", role="author")


def test_staff_log_in_with_their_password(anna: Person) -> None:
    assert log_in("anna", PASSWORD).status_code == 302


def test_a_wrong_password_opens_nothing(anna: Person) -> None:
    assert log_in("anna", "wrong").status_code == 200


def test_who_is_no_staff_stays_outside(anna: Person) -> None:
    Person.objects.update(is_staff=False)

    assert log_in("anna", PASSWORD).status_code == 200


def test_after_five_wrong_tries_the_right_password_does_not_help_either(anna: Person) -> None:
    for _ in range(5):
        answer = log_in("anna", "wrong")

    assert answer.status_code == 429
    assert b"quarter of an hour" in answer.content
    assert log_in("anna", PASSWORD).status_code == 429


def test_a_guesser_elsewhere_does_not_shut_anna_out(anna: Person) -> None:
    for _ in range(5):
        log_in("anna", "wrong", address="198.51.100.66")

    assert log_in("anna", PASSWORD).status_code == 302


def test_a_guesser_can_t_change_his_address_by_a_header(anna: Person) -> None:
    for number in range(5):
        answer = Client().post("/admin/login/", {"username": "anna", "password": "wrong"}, headers={"X-Forwarded-For": f"192.0.2.{number}"})

    assert answer.status_code == 429


def test_the_session_s_cookie_is_closed_to_scripts_and_other_sites(anna: Person) -> None:
    cookie = log_in("anna", PASSWORD).cookies["sessionid"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
