"""The command that hands an operator what verifies a business's callbacks."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Business
from callbacks import keyring
from callbacks.keyring import Holder
from tests.callbacks.receiver import Receiver
from tests.callbacks.webhooks import new_business, new_event, pay, record


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


def secret(*options: str) -> str:
    out = StringIO()
    call_command("signing_secret", "--business", "shop", "--mode", "test", *options, stdout=out)
    return out.getvalue().removesuffix("\n")


def test_it_prints_the_secret_alone_and_the_same_each_time(shop: Business, receiver: Receiver) -> None:
    printed = secret()
    record(new_event(shop, callback=receiver.url()))
    pay()

    receiver.got()[0].verify(printed)
    assert secret() == printed


def test_each_mode_has_its_own_secret(shop: Business) -> None:
    out = StringIO()
    call_command("signing_secret", "--business", "shop", "--mode", "live", stdout=out)

    assert out.getvalue().strip() != secret()


def test_rotating_leaves_the_old_one_for_a_day_or_ends_it_at_once(shop: Business) -> None:
    first, second = secret(), secret("--rotate")
    holder = Holder(shop.id, "test")

    assert keyring.live([holder])[holder] == [second, first]

    third = secret("--rotate", "--at-once")
    assert keyring.live([holder])[holder] == [third]


@pytest.mark.parametrize("options", [["--business", "nobody", "--mode", "test"], ["--business", "shop", "--mode", "test", "--at-once"]])
def test_a_wrong_wish_is_explained(shop: Business, options: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("signing_secret", *options)
