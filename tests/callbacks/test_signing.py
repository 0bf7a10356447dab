"""Signatures are right by the specification's library, by independent cryptography, and by the shared vectors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from callbacks import signing
from callbacks.signing import UnusableSecret
from tests.fixtures import cases, load

AT = datetime(2026, 3, 1, 12, 0, 0, 750_000, tzinfo=UTC)
BODY = '{"name":"Zoë 🦉 \\u0000"}'.encode()


def verify(secret: str, headers: dict[str, str], body: bytes = BODY, *, now: datetime = AT) -> None:
    with time_machine.travel(now, tick=False):
        Webhook(secret).verify(body, headers, json_parse=False)


def test_the_specifications_library_accepts_what_we_sign() -> None:
    secret = signing.new_secret()

    headers = signing.sign("evt_1", at=AT, body=BODY, secrets=[secret])

    verify(secret, headers)


@given(body=st.text().map(str.encode), secret=st.binary(min_size=24, max_size=64))
def test_any_body_and_any_secret_of_the_allowed_length_verify(body: bytes, secret: bytes) -> None:
    text = "whsec_" + base64.b64encode(secret).decode()

    headers = signing.sign("evt_1", at=AT, body=body, secrets=[text])

    verify(text, headers, body)


def test_the_timestamp_is_whole_seconds_of_the_moment_in_any_zone() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=-9, minutes=-30)))

    headers = signing.sign("evt_1", at=elsewhere, body=BODY, secrets=[signing.new_secret()])

    assert headers["webhook-timestamp"] == "1772366400"


def test_while_rotating_each_secret_verifies_the_same_webhook() -> None:
    new, old, stranger = signing.new_secret(), signing.new_secret(), signing.new_secret()

    headers = signing.sign("evt_1", at=AT, body=BODY, secrets=[new, old])

    verify(new, headers)
    verify(old, headers)
    with pytest.raises(WebhookVerificationError):
        verify(stranger, headers)


def test_a_private_key_signs_what_its_public_key_verifies() -> None:
    key = signing.new_private_key()

    headers = signing.sign("evt_1", at=AT, body=BODY, secrets=[key])

    public = signing.public_key(key)
    assert public is not None
    version, _, signature = headers["webhook-signature"].partition(",")
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    verifier.verify(base64.b64decode(signature), b"evt_1.1772366400." + BODY)
    assert version == "v1a"


def test_a_private_key_of_the_seed_alone_signs_the_same() -> None:
    key = signing.new_private_key()
    seed = "whsk_" + base64.b64encode(base64.b64decode(key.removeprefix("whsk_"))[:32]).decode()

    signatures = {signing.sign("evt_1", at=AT, body=BODY, secrets=[each])["webhook-signature"] for each in (key, seed)}

    assert len(signatures) == 1
    assert signing.public_key(seed) == signing.public_key(key)


def test_both_kinds_stand_side_by_side_and_the_shared_one_still_verifies() -> None:
    shared, private = signing.new_secret(), signing.new_private_key()

    headers = signing.sign("evt_1", at=AT, body=BODY, secrets=[private, shared])

    assert [each.partition(",")[0] for each in headers["webhook-signature"].split(" ")] == ["v1a", "v1"]
    verify(shared, headers)


def test_a_shared_secret_has_no_public_key() -> None:
    assert signing.public_key(signing.new_secret()) is None


def test_new_secrets_have_256_bits_and_are_never_the_same() -> None:
    secrets = {signing.new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(base64.b64decode(each.removeprefix("whsec_"))) for each in secrets} == {32}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsk_", "whsec_c2hvcnQ=", "whsk_c2hvcnQ=", "whsec_ünïcode", "whsec_" + "QUFB" * 30])
def test_a_secret_that_signs_nothing_is_refused(secret: str) -> None:
    with pytest.raises(UnusableSecret):
        signing.sign("evt_1", at=AT, body=BODY, secrets=[secret])


def test_nothing_leaves_unsigned() -> None:
    with pytest.raises(UnusableSecret):
        signing.sign("evt_1", at=AT, body=BODY, secrets=[])


def test_an_id_with_a_full_stop_is_refused() -> None:
    with pytest.raises(UnusableSecret):
        signing.sign("evt.1", at=AT, body=BODY, secrets=[signing.new_secret()])


def test_the_specifications_own_example_is_signed_alike() -> None:
    example = load("standard_webhooks/vectors.json")["sign_vector"]

    headers = signing.sign(
        example["id"], at=datetime.fromtimestamp(example["timestamp"], UTC), body=example["body"].encode(), secrets=[example["secret"]]
    )

    assert headers["webhook-signature"] == example["signature"]


def test_the_specifications_bad_secrets_are_refused() -> None:
    for secret in load("standard_webhooks/vectors.json")["bad_secrets"]:
        with pytest.raises(UnusableSecret):
            signing.sign("msg_1", at=AT, body=BODY, secrets=[secret])


@pytest.mark.parametrize(
    "case", cases("standard_webhooks/vectors.json", pick=lambda content: content["vectors"]), ids=lambda case: case["name"]
)
def test_a_vector_is_valid_exactly_if_it_bears_our_signature_in_time(case: dict) -> None:
    given_headers = {name.lower(): value for name, value in case["headers"].items()}

    assert is_ours(case, given_headers) is case["valid"]


def is_ours(case: dict, headers: dict[str, str]) -> bool:
    """What a receiver does, with our signer in the place of its own."""
    try:
        id_, timestamp, signatures = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        at = datetime.fromtimestamp(int(timestamp), UTC)
    except (KeyError, ValueError):
        return False
    ours = signing.sign(id_, at=at, body=case["body"].encode(), secrets=[case["secret"]])
    return abs(case["now"] - at.timestamp()) <= 300 and ours["webhook-signature"] in signatures.split(" ")
