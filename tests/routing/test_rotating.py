"""Secrets replaced without losing a receipt: the old one ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from routing import credentials, rotating
from routing.models import ProviderAccount
from tests.routing.conftest import AT

Make = Callable[..., ProviderAccount]
DAY = timedelta(days=1)
LATER = AT + DAY


def rotate(row: ProviderAccount, *, overlap: timedelta = DAY, **given: str) -> dict[str, str]:
    rotating.replace(row, {**credentials.reveal(row), **given}, overlap=overlap, at=AT).save()
    credentials.forget()
    return credentials.reveal(row)


def counting(row: ProviderAccount, *, at: object) -> set[str]:
    opened = credentials.by_id(row.pk).opened_at(at)  # type: ignore[arg-type]
    return {opened.credentials[name] for name in ("auth_token", "auth_token_previous") if name in opened.credentials}


def test_both_secrets_count_until_the_overlap_ends(account: Make) -> None:
    row = account("a")
    rotate(row, auth_token="t2")

    assert counting(row, at=LATER - timedelta(seconds=1)) == {"t1", "t2"}
    assert counting(row, at=LATER) == {"t2"}


def test_a_secret_that_is_given_again_replaces_nothing(account: Make) -> None:
    row = account("a")

    assert "auth_token_previous" not in rotate(row, auth_token="t1")
    assert row.previous_until is None


def test_the_last_two_secrets_count_and_no_third(account: Make) -> None:
    row = account("a")
    rotate(row, auth_token="t2")
    rotate(row, auth_token="t3")

    assert counting(row, at=AT) == {"t2", "t3"}


def test_another_old_one_may_be_written_down_by_hand(account: Make) -> None:
    row = account("a")

    assert rotate(row, auth_token="t2", auth_token_previous="t0")["auth_token_previous"] == "t0"
    assert row.previous_until == LATER


def test_a_secret_that_signs_no_receipt_is_simply_replaced(account: Make) -> None:
    row = account("a", "meta")

    assert set(rotate(row, access_token="EAA2")) == {"access_token", "app_secret", "verify_token", "auth_token"}


def test_without_an_overlap_the_old_one_is_gone_at_once(account: Make) -> None:
    row = account("a")
    rotate(row, auth_token="t2")

    assert "auth_token_previous" not in rotate(row, auth_token="t3", overlap=timedelta(0))
    assert counting(row, at=AT) == {"t3"}


def test_what_counts_no_more_is_erased(account: Make) -> None:
    row, other = account("a"), account("b")
    rotate(row, auth_token="t2")
    rotate(other, auth_token="t2", overlap=2 * DAY)

    assert (rotating.forget(at=LATER - timedelta(seconds=1)), rotating.forget(at=LATER), rotating.forget(at=LATER)) == (0, 1, 0)
    row.refresh_from_db()
    other.refresh_from_db()
    assert ("auth_token_previous" in credentials.reveal(row), row.previous_until) == (False, None)
    assert "auth_token_previous" in credentials.reveal(other)


def test_an_account_that_does_not_open_stops_nobody(account: Make, caplog: pytest.LogCaptureFixture) -> None:
    broken, row = account("a"), account("b")
    for each in (broken, row):
        rotate(each, auth_token="t2")
    ProviderAccount.objects.filter(pk=broken.pk).update(credentials=b"sealed with a key that is gone")

    rotating.forget(at=LATER)

    row.refresh_from_db()
    assert row.previous_until is None
    assert "can't be opened" in caplog.text


def test_networks_that_can_not_be_read_make_the_account_unusable_and_no_other(account: Make) -> None:
    broken, row = account("a", receipt_sources=["everywhere"]), account("b", receipt_sources=["203.0.113.0/24"])

    assert set(credentials.directory()) & {broken.pk, row.pk} == {row.pk}
    with pytest.raises(credentials.Unusable, match="everywhere"):
        credentials.by_id(broken.pk)


@pytest.mark.parametrize("address, may", [("203.0.113.9", True), ("::ffff:203.0.113.9", True), ("203.0.114.1", False), ("", False)])
def test_receipts_come_from_the_named_networks_only(account: Make, address: str, may: bool) -> None:
    row = account("a", receipt_sources=["203.0.113.0/24"])

    assert credentials.by_id(row.pk).hears_from(address) is may
    assert credentials.by_id(account("b").pk).hears_from(address)
