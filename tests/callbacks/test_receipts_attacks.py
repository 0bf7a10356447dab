"""The attacks on a provider's door that are known of the field: the shared list, and our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from callbacks import reading
from callbacks.models import ProviderCall
from routing import credentials
from routing.models import ProviderAccount
from tests import doors, fixtures
from tests.callbacks import providers

pytestmark = pytest.mark.django_db

BODY = providers.meta_body([{"id": "wamid.1", "status": "sent", "timestamp": "1700000000"}])
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Attack:
    """What the attacker sends, and the statuses that we may answer."""

    allowed: set[int]
    body: bytes = BODY
    headers: Mapping[str, str] = field(default_factory=dict)
    provider: str = "meta"
    secret: str | None = None
    query: str = ""


REFUSED = {401}


@pytest.fixture(autouse=True, params=["django", "quick"])
def door(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each attack is made on both doors."""
    doors.Front.quick = request.param == "quick"
    yield
    doors.Front.quick = False


def _signed(body: bytes) -> Attack:
    return Attack({200}, body, {"X-Hub-Signature-256": providers.sign_meta(body)})


ATTACKS: dict[str, Attack] = {
    "missing_header": Attack(REFUSED),
    "two_headers": Attack(REFUSED, headers={"X-Hub-Signature-256": f"sha256={'0' * 64},{providers.sign_meta(BODY)}"}),
    "upper_case_hex": Attack(REFUSED, headers={"X-Hub-Signature-256": "sha256=" + providers.sign_meta(BODY)[7:].upper()}),
    "non_ascii": Attack(REFUSED, headers={"X-Hub-Signature-256": "ééé"}),
    "other_tenant_secret": Attack(REFUSED, headers={"X-Hub-Signature-256": providers.sign_meta(BODY, secret="tenant B's")}),
    "secret_none_string": Attack(REFUSED, headers={"X-Hub-Signature-256": providers.sign_meta(BODY, secret="None")}),
    "body_appended": Attack(REFUSED, BODY + b" ", {"X-Hub-Signature-256": providers.sign_meta(BODY)}),
    "charset_utf16": Attack(
        {200}, headers={"X-Hub-Signature-256": providers.sign_meta(BODY), "Content-Type": "application/json; charset=utf-16"}
    ),
    "deep_json": _signed(b"[" * 10_000 + b"]" * 10_000),
    "nul_in_string": _signed(BODY.replace(b"wamid.1", b"wamid\\u0000")),
    "duplicate_json_keys": _signed(BODY.replace(b'"status": "sent"', b'"status": "sent", "status": "read"')),
    "NUL_in_the_body": _signed(b"\0" + BODY + b"\0"),
    "endless_integer": _signed(BODY.replace(b'"1700000000"', b"1" * 5_000)),
    "100MB_body": Attack({413}, b" " * 100_000_000, {"X-Hub-Signature-256": "sha256=" + "0" * 64}),
    "10MB_body": Attack({413}, b" " * 10_000_000, {"X-Hub-Signature-256": providers.sign_meta(b" " * 10_000_000)}),
    # Our own
    "empty_secret": Attack(REFUSED, headers={"X-Hub-Signature-256": providers.sign_meta(BODY, secret="")}, secret=""),
    "lone_surrogate": _signed(BODY.replace(b"sent", b"\\ud800")),
    "huge_number": _signed(BODY.replace(b'"1700000000"', b"9" * 5_000)),
    "not_utf8": _signed(b'{"entry": [{"changes": "\xff\xfe"}]}'),
    "not_json": _signed(b"<html>"),
    "empty": _signed(b""),
    "no_object": _signed(b"[1, null, {}]"),
    "odd_shapes": _signed(b'{"entry": [1, {"changes": 2}, {"changes": [{"value": 3}, {"value": {"statuses": [4, null, [], {}]}}]}]}'),
}


def _send(attack: Attack) -> tuple[ProviderAccount, int]:
    account = providers.meta(secret=providers.META_SECRET if attack.secret is None else attack.secret)
    return account, providers.post(account, attack.body, query=attack.query, headers=attack.headers).status_code


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_or_harmless(name: str) -> None:
    account, status = _send(ATTACKS[name])
    reading.read(at=AT)

    assert status in ATTACKS[name].allowed
    assert ProviderCall.objects.filter(account=account).count() == (status == 200)
    assert not ProviderCall.objects.filter(state="pending").exists()


def _replayed_on_another_path() -> int:
    one, other = providers.meta(), providers.meta(secret="tenant B's")
    assert one != other
    return providers.post(other, BODY, headers={"X-Hub-Signature-256": providers.sign_meta(BODY)}).status_code


def _with_a_tampered_query() -> int:
    account, form = providers.twilio(), {"MessageSid": "SM1"}
    signature = providers.sign_twilio(credentials.callback_url(account) + "?reference=a.1", form)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return providers.post(account, b"MessageSid=SM1", query="?reference=b.1", headers=headers).status_code


def _by_get() -> int:
    account, form = providers.twilio(), {"MessageSid": "SM1", "MessageStatus": "sent"}
    signature = providers.sign_twilio(credentials.callback_url(account), form)
    return Client().get(providers.path(account), form, headers={"X-Twilio-Signature": signature}).status_code


def _with_a_parameter_twice() -> int:
    account = providers.twilio()
    signature = providers.sign_twilio(credentials.callback_url(account), {"MessageSid": "SM1", "MessageStatus": "sent"})
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return providers.post(account, b"MessageSid=SM1&MessageSid=SM2&MessageStatus=sent", headers=headers).status_code


WAYS: dict[str, tuple[Callable[[], int], set[int]]] = {
    "replay_other_path": (_replayed_on_another_path, REFUSED),
    "query_tampered": (_with_a_tampered_query, REFUSED),
    "method_get": (_by_get, {401, 405}),
    "param_pollution": (_with_a_parameter_twice, REFUSED),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_devious_way_in_is_closed(name: str) -> None:
    way, allowed = WAYS[name]

    assert way() in allowed
    assert not ProviderCall.objects.exists()


ELSEWHERE = {
    "jwt_alg_swap": "tests/routing/providers/test_vonage.py",
    "jwt_payload_hash_missing": "tests/routing/providers/test_vonage.py",
    "timestamp_future": "tests/callbacks/test_receipts_forged.py",
    "sns_subscribe_confirm": "no adapter speaks it",
}
"""Attacks that have their test beside the scheme that they are made on."""


@pytest.mark.parametrize("attack", fixtures.cases("security/signature_attacks.json"))
def test_every_known_attack_on_receipts_has_its_test(attack: dict[str, Any]) -> None:
    assert attack["side"].startswith("outbound") or attack["name"] in ATTACKS.keys() | WAYS.keys() | ELSEWHERE.keys()
