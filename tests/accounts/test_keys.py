from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import keys
from accounts.choices import Scope
from accounts.models import ApiKey, Business
from accounts.refusals import Unauthenticated

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE = "198.51.100.7"

Recognise = Callable[..., keys.Caller]

both = pytest.mark.parametrize("recognise", [keys.recognise, keys.recognise_cached], ids=["fresh", "cached"])


def test_a_key_shows_its_mode_and_prefix_and_keeps_256_bits_secret(demo: Business) -> None:
    key, text = keys.create(demo, name="shop", mode="live")

    assert re.fullmatch(r"qs_live_[a-z0-9]{12}_[A-Za-z0-9]{43}", text)
    assert text.startswith(f"qs_live_{key.prefix}_")


def test_the_secret_is_nowhere_in_the_row(demo: Business) -> None:
    key, text = keys.create(demo, name="shop", mode="live")

    row = ApiKey.objects.filter(pk=key.pk).values().get()

    assert text.split("_")[3] not in repr(row)
    assert len(bytes(row["secret_hash"])) == 32


@both
def test_a_key_tells_who_calls(demo: Business, recognise: Recognise) -> None:
    key, text = keys.create(demo, name="shop", mode="test", scopes=["messages:send"])

    caller = recognise(text, address=HERE, at=NOW)

    assert caller == keys.Caller(
        key_id=key.pk,
        business_id=demo.pk,
        mode="test",
        scopes=frozenset({"messages:send"}),
        default_language="de",
        callback_origins=("https://shop.example",),
        key_name="shop",
        key_prefix=key.prefix,
    )


def test_a_new_key_may_do_everything_until_it_is_narrowed(demo: Business) -> None:
    _, text = keys.create(demo, name="shop", mode="test")

    assert len(keys.recognise(text, address=HERE, at=NOW).scopes) == len(Scope)


@both
@pytest.mark.parametrize(
    "alter",
    [
        lambda text: text[:-1] + ("a" if text[-1] != "a" else "b"),
        lambda text: text.replace("qs_test_", "qs_live_"),
        lambda text: text.replace("qs_", "QS_"),
        lambda text: text + "a",
        lambda text: text + "\n",
        lambda text: text.rpartition("_")[0] + "_",
        lambda text: "qs_test_abcdefghijkl_" + text.rpartition("_")[2],
        lambda text: "qs_test_\x00bcdefghijkl_" + "A" * 43,
        lambda text: "\udce9",
        lambda text: "",
    ],
    ids=["secret", "mode", "case", "longer", "line end", "no secret", "prefix", "nul", "no text", "empty"],
)
def test_an_altered_key_is_nobody(demo: Business, recognise: Recognise, alter: Callable[[str], str]) -> None:
    _, text = keys.create(demo, name="shop", mode="test")

    with pytest.raises(Unauthenticated):
        recognise(alter(text), address=HERE, at=NOW)


@pytest.mark.parametrize("guess", ["qs_test_abcdefghijkl_" + "A" * 43, "nonsense", ""])
def test_an_unknown_key_costs_the_same_query_as_a_known_one(demo: Business, guess: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1), pytest.raises(Unauthenticated):
        keys.recognise(guess, address=HERE, at=NOW)


@both
def test_a_key_ends_at_its_expiry(demo: Business, recognise: Recognise) -> None:
    _, text = keys.create(demo, name="shop", mode="test", expires_at=NOW)
    recognise(text, address=HERE, at=NOW - timedelta(seconds=1))

    with pytest.raises(Unauthenticated):
        recognise(text, address=HERE, at=NOW)


@both
def test_a_revoked_key_opens_nothing_from_the_next_request_on(demo: Business, recognise: Recognise) -> None:
    key, text = keys.create(demo, name="shop", mode="test")
    recognise(text, address=HERE, at=NOW)

    keys.revoke(key, at=NOW)

    with pytest.raises(Unauthenticated):
        recognise(text, address=HERE, at=NOW)


def test_a_second_revocation_keeps_the_first_time(demo: Business) -> None:
    key, _ = keys.create(demo, name="shop", mode="test")
    keys.revoke(key, at=NOW)

    assert keys.revoke(key, at=NOW + timedelta(days=1)).revoked_at == NOW


def test_the_keys_of_an_inactive_business_open_nothing(demo: Business) -> None:
    _, text = keys.create(demo, name="shop", mode="test")
    Business.objects.update(is_active=False)

    with pytest.raises(Unauthenticated):
        keys.recognise(text, address=HERE, at=NOW)


@both
@pytest.mark.parametrize("address", ["198.51.100.7", "::ffff:198.51.100.7", "2001:db8::9"])
def test_a_key_works_from_the_networks_of_its_list(demo: Business, recognise: Recognise, address: str) -> None:
    _, text = keys.create(demo, name="shop", mode="test", allowed_addresses=["198.51.100.0/24", "2001:db8::/32"])

    assert recognise(text, address=address, at=NOW).business_id == demo.pk


@both
@pytest.mark.parametrize("address", ["203.0.113.1", "", "nonsense"])
def test_a_key_used_from_elsewhere_is_nobody_and_its_owner_can_find_out(
    demo: Business, recognise: Recognise, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    key, text = keys.create(demo, name="shop", mode="test", allowed_addresses=["198.51.100.0/24"])

    with pytest.raises(Unauthenticated):
        recognise(text, address=address, at=NOW)

    assert str(key.pk) in caplog.text
    assert text not in caplog.text


def test_a_network_that_is_none_is_refused_when_the_key_is_made(demo: Business) -> None:
    with pytest.raises(ValueError, match="localhost"):
        keys.create(demo, name="shop", mode="test", allowed_addresses=["localhost"])


def test_the_last_use_is_noted_once_a_minute(demo: Business) -> None:
    key, text = keys.create(demo, name="shop", mode="test")

    for seconds in (0, 20, 59, 60, 70):
        keys.recognise(text, address=HERE, at=NOW + timedelta(seconds=seconds))

    key.refresh_from_db()
    assert key.last_used_at == NOW + timedelta(seconds=60)


def test_the_hot_door_asks_the_database_once_in_30_seconds(demo: Business, django_assert_num_queries: Any) -> None:
    _, text = keys.create(demo, name="shop", mode="test")
    keys.recognise_cached(text, address=HERE, at=NOW)

    with django_assert_num_queries(0):
        keys.recognise_cached(text, address=HERE, at=NOW + timedelta(seconds=29))
    with django_assert_num_queries(1):
        keys.recognise_cached(text, address=HERE, at=NOW + timedelta(seconds=30))


def test_the_cache_holds_no_key_in_the_clear(demo: Business) -> None:
    _, text = keys.create(demo, name="shop", mode="test")

    keys.recognise_cached(text, address=HERE, at=NOW)

    assert text.split("_")[3] not in repr(keys._cache)


def test_the_cache_does_not_grow_without_end(demo: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_MANY", 2)

    for number in range(5):
        _, text = keys.create(demo, name=f"key {number}", mode="test")
        keys.recognise_cached(text, address=HERE, at=NOW)

    assert len(keys._cache) <= 2


def test_both_keys_work_while_a_rotation_overlaps(demo: Business) -> None:
    key, old = keys.create(demo, name="shop", mode="live", scopes=["messages:send"], allowed_addresses=["198.51.100.0/24"])

    successor, new = keys.rotate(key, overlap=timedelta(hours=24), at=NOW)

    assert (successor.mode, successor.scopes, successor.allowed_addresses) == ("live", ["messages:send"], ["198.51.100.0/24"])
    for text in (old, new):
        assert keys.recognise(text, address=HERE, at=NOW + timedelta(hours=23)).business_id == demo.pk


def test_only_the_new_key_works_after_the_overlap(demo: Business) -> None:
    key, old = keys.create(demo, name="shop", mode="live")
    _, new = keys.rotate(key, overlap=timedelta(hours=24), at=NOW)

    later = NOW + timedelta(hours=24)

    assert keys.recognise(new, address=HERE, at=later)
    with pytest.raises(Unauthenticated):
        keys.recognise(old, address=HERE, at=later)


def test_a_rotation_never_lengthens_a_key_s_life(demo: Business) -> None:
    soon = NOW + timedelta(hours=1)
    key, _ = keys.create(demo, name="shop", mode="live", expires_at=soon)

    successor, _ = keys.rotate(key, overlap=timedelta(hours=24), at=NOW)

    key.refresh_from_db()
    assert key.expires_at == successor.expires_at == soon
