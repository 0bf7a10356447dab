"""What the door says when it can't keep what it is told, and what it does when many call at once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.db import connection
from django.http import HttpResponse

from callbacks.models import ProviderCall
from routing import credentials
from routing.models import ProviderAccount
from tests.callbacks import providers

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def closed_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def elsewhere(act: Callable[[], T]) -> T:
    """In a thread of its own, with a database connection of its own."""

    def act_and_close() -> T:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act_and_close).result()


def call_while_the_database_is_away(account: ProviderAccount, *, secret: str = providers.META_SECRET) -> HttpResponse:
    connection.settings_dict = connection.settings_dict | {"HOST": "127.0.0.1", "PORT": closed_port(), "CONN_HEALTH_CHECKS": False}
    return providers.post_meta(account, {"id": "wamid.1", "status": "sent"}, secret=secret)


def known(account: ProviderAccount) -> ProviderAccount:
    """This process has read the account before."""
    credentials.forget()
    credentials.by_token(account.callback_token)
    return account


def test_a_database_that_is_away_is_never_answered_200() -> None:
    account = known(providers.meta())

    answer = elsewhere(lambda: call_while_the_database_is_away(account))

    assert (answer.status_code, answer["Retry-After"], answer["Content-Type"]) == (503, "5", "application/problem+json")
    assert not ProviderCall.objects.exists()


def test_nor_while_the_account_is_not_known_yet() -> None:
    account = providers.meta()
    credentials.forget()

    assert elsewhere(lambda: call_while_the_database_is_away(account)).status_code == 503


def test_a_forgery_is_refused_without_the_database() -> None:
    account = known(providers.meta())

    assert elsewhere(lambda: call_while_the_database_is_away(account, secret="forged")).status_code == 401


def test_the_next_call_finds_the_database_again() -> None:
    account = known(providers.meta())
    elsewhere(lambda: call_while_the_database_is_away(account))

    answer = elsewhere(lambda: providers.post_meta(account, {"id": "wamid.1", "status": "sent"}))

    assert (answer.status_code, ProviderCall.objects.count()) == (200, 1)


def test_many_calls_at_once_are_each_kept_once() -> None:
    account = known(providers.meta())

    def call(number: int) -> int:
        try:
            return providers.post_meta(account, {"id": f"wamid.{number % 20}", "status": "sent"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(call, range(80)))

    assert (set(answers), ProviderCall.objects.count()) == ({200}, 20)
