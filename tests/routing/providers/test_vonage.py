"""Vonage's dialect: the contract, the published tokens and webhooks, and the cases that only Vonage has."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from routing.providers import registry, vonage_errors
from routing.providers.base import (
    Adapter,
    Answer,
    Content,
    ErrorClass,
    Forged,
    Incoming,
    ProviderAccount,
    ReceiptStatus,
    Text,
    Unreadable,
    Unsendable,
    WhatsAppTemplate,
)
from tests.fixtures import cases
from tests.routing.providers.contract import CANARY, REFERENCE, AdapterContract

UUID = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
URL = "https://qsura.example/v1/providers/tok_en/callbacks"
ACCOUNT = ProviderAccount(
    id="account",
    base_url="https://api.nexmo.com",
    callback_url=URL,
    settings={"api_key": "abcd1234", "sender": "+447700900001"},
    credentials={"api_secret": f"{CANARY}-api", "signature_secret": f"{CANARY}-signature"},
)
TEMPLATE = WhatsAppTemplate(
    name="order_ready",
    language="pt-BR",
    components=[{"type": "body", "parameters": [{"type": "text", "text": "A-17 ☃"}]}],
    text="Your order A-17 is ready.",
)
# After the reference's description of a message (developer.vonage.com/en/api/messages): what every one has, and what each kind adds.
SHAPE = {
    "type": "object",
    "required": ["message_type", "channel", "to", "from", "client_ref", "webhook_url", "webhook_version"],
    "additionalProperties": False,
    "properties": {
        "message_type": {"enum": ["text", "custom"]},
        "channel": {"enum": ["sms", "whatsapp"]},
        "to": {"type": "string", "pattern": "^[1-9][0-9]{6,14}$"},
        "from": {"type": "string", "pattern": "^[^+]+$"},
        "text": {"type": "string", "minLength": 1, "maxLength": 4096},
        "custom": {
            "type": "object",
            "required": ["type", "template"],
            "properties": {"type": {"const": "template"}, "template": {"required": ["name", "language", "components"]}},
        },
        "ttl": {"type": "integer", "minimum": 1, "maximum": 259_200},
        "client_ref": {"type": "string", "maxLength": 100},
        "webhook_url": {"type": "string", "format": "uri"},
        "webhook_version": {"enum": ["v1"]},
    },
    "oneOf": [{"required": ["text"]}, {"required": ["custom"]}],
}


def refusal(code: int | str, *, status: int = 422) -> Answer:
    body = {"type": f"https://developer.vonage.com/api-errors/messages#{code}", "title": "T", "detail": "D", "instance": "i"}
    return Answer(status, {}, json.dumps(body).encode())


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(claims: Mapping[str, Any], *, secret: str, algorithm: str = "HS256") -> str:
    content = f"{b64(json.dumps({'typ': 'JWT', 'alg': algorithm}).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{content}.{b64(hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest())}"


def called(body: bytes, *, secret: str = f"{CANARY}-signature", **claims: Any) -> Incoming:
    said = {
        "iat": 1738584865,
        "jti": "j",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": "abcd1234",
    } | claims
    return Incoming("POST", URL, {}, {"authorization": f"Bearer {token(said, secret=secret)}", "content-type": "application/json"}, body)


def told(status: str = "delivered", **fields: Any) -> bytes:
    said = {"message_uuid": UUID, "to": "447700900000", "timestamp": "2025-02-03T12:14:25.250Z", "status": status, "channel": "sms"}
    return json.dumps(said | {"client_ref": REFERENCE} | fields).encode()


def submit(content: Content, *, channel: str = "sms", account: ProviderAccount = ACCOUNT, validity: int | None = None) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        registry.get("vonage").submit(account, TestVonage().outbound(channel, content, validity=validity)).body
    )
    return body


def is_authentic(incoming: Incoming, *, account: ProviderAccount = ACCOUNT) -> bool:
    try:
        registry.get("vonage").authenticate(account, incoming)
    except Forged:
        return False
    return True


class TestVonage(AdapterContract):
    account = ACCOUNT
    contents: Mapping[str, list[Content]] = {
        "sms": [Text("Your code is 1234 & more ☃")],
        "whatsapp": [TEMPLATE, replace(TEMPLATE, components=[]), Text("Hello")],
    }
    taken = Answer(202, {}, json.dumps({"message_uuid": UUID}).encode())
    taken_as = UUID
    refusals = [
        (refusal("unauthorized", status=401), ErrorClass.ACCOUNT_FAULT),
        (refusal("low-balance", status=402), ErrorClass.ACCOUNT_FAULT),
        (refusal("throttled", status=429), ErrorClass.THROTTLED),
        (refusal(1022), ErrorClass.TEMPLATE_FAULT),
        (refusal(1240), ErrorClass.OPTED_OUT),
        (refusal(1430), ErrorClass.INVALID_RECIPIENT),
        (refusal(1030, status=500), ErrorClass.PROVIDER_FAULT),
        (refusal(1999), ErrorClass.UNMAPPED),
        (refusal("a-word-of-the-future"), ErrorClass.UNMAPPED),
    ]
    statuses = {
        "submitted": ReceiptStatus.SENT,
        "delivered": ReceiptStatus.DELIVERED,
        "read": ReceiptStatus.READ,
        "rejected": ReceiptStatus.REJECTED,
        "undeliverable": ReceiptStatus.UNDELIVERABLE,
    }
    signature_header = "authorization"

    @property
    def adapter(self) -> Adapter:
        return registry.get("vonage")

    def describe(self, body: bytes) -> object:
        said = json.loads(body)
        jsonschema.Draft202012Validator(SHAPE).validate(said)
        return said

    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        return called(told(status), secret=account.credentials["signature_secret"])


# Handing off


def test_an_sms_names_its_webhook_and_its_time() -> None:
    call = registry.get("vonage").submit(ACCOUNT, TestVonage().outbound("sms", Text("Hello"), validity=300))

    assert call.url == "https://api.nexmo.com/v1/messages"
    assert base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode() == f"abcd1234:{CANARY}-api"
    assert json.loads(call.body) == {
        "channel": "sms",
        "to": "201001234567",
        "from": "447700900001",
        "message_type": "text",
        "text": "Hello",
        "ttl": 300,
        "client_ref": REFERENCE,
        "webhook_url": URL,
        "webhook_version": "v1",
    }


def test_a_whatsapp_template_travels_in_metas_words() -> None:
    said = submit(TEMPLATE, channel="whatsapp", validity=300)

    assert (said["message_type"], said["custom"]["type"]) == ("custom", "template")
    assert said["custom"]["template"] == {
        "name": "order_ready",
        "language": {"policy": "deterministic", "code": "pt_BR"},
        "components": list(TEMPLATE.components),
    }
    assert "ttl" not in said


@pytest.mark.parametrize("asked, expected", [(None, None), (0, 1), (-5, 1), (1, 1), (259_200, 259_200), (900_000, 259_200)])
def test_the_validity_stays_within_what_vonage_takes(asked: int | None, expected: int | None) -> None:
    assert submit(Text("x"), validity=asked).get("ttl") == expected


def test_an_alphanumeric_sender_stays_as_it_is() -> None:
    assert submit(Text("x"), account=replace(ACCOUNT, settings={"api_key": "k", "sender": "AcmeInc"}))["from"] == "AcmeInc"


@pytest.mark.parametrize("channel, content", [("sms", TEMPLATE), ("sms", Text("")), ("whatsapp", Text("")), ("email", Text("x"))])
def test_content_that_the_channel_does_not_carry_is_a_template_fault(channel: str, content: Content) -> None:
    with pytest.raises(Unsendable) as caught:
        submit(content, channel=channel)

    assert caught.value.error_class is ErrorClass.TEMPLATE_FAULT


def test_nothing_needs_subscribing() -> None:
    assert registry.get("vonage").subscribe(ACCOUNT) is None


@pytest.mark.parametrize("code, expected", vonage_errors.CLASSES.items())
def test_a_code_means_the_same_in_an_answer_and_in_a_webhook(code: int | str, expected: ErrorClass) -> None:
    error = {"type": f"https://developer.vonage.com/api-errors/messages#{code}", "title": code}
    fault = registry.get("vonage").read_answer(ACCOUNT, refusal(code)).fault
    [receipt] = registry.get("vonage").read_receipts(ACCOUNT, called(told("rejected", error=error)))

    assert fault == receipt.fault
    assert fault is not None
    assert (fault.error_class, fault.raw_code) == (expected, str(code))


# Signatures


@pytest.mark.parametrize("vector", cases("vonage/jwt_vectors.json", pick=lambda content: content["vectors"]))
def test_the_published_tokens_hold_where_they_cover_the_body(vector: dict[str, Any]) -> None:
    account = replace(ACCOUNT, credentials={"signature_secret": vector["secret"]})
    incoming = Incoming("POST", URL, {}, {"authorization": f"Bearer {vector['token']}"}, vector.get("body", "").encode())

    # A token without a payload_hash vouches for no body: it is right by its signature, and still opens no door.
    assert is_authentic(incoming, account=account) == (vector["valid"] and "body" in vector)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_name_may_be_written_either_way(scheme: str) -> None:
    call = called(told())

    assert is_authentic(replace(call, headers={"authorization": call.headers["authorization"].replace("Bearer", scheme)}))


@pytest.mark.parametrize("claimed", [None, "", 5, [], "0" * 64, hashlib.sha256(b"").hexdigest()])
def test_a_token_that_vouches_for_another_body_is_forged(claimed: object) -> None:
    assert not is_authentic(called(told(), payload_hash=claimed))


@pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", "hs256"])
def test_a_token_of_another_algorithm_is_forged(algorithm: str) -> None:
    body = told()
    bearer = token({"payload_hash": hashlib.sha256(body).hexdigest()}, secret=f"{CANARY}-signature", algorithm=algorithm)

    assert not is_authentic(Incoming("POST", URL, {}, {"authorization": f"Bearer {bearer}"}, body))


@pytest.mark.parametrize("broken", ["e30.e30.", "..", "e30.W10.", "\ud800.e30.x", "a" * 5_000, "é.é.é", "%%%.%%%.%%%"])
def test_a_token_that_is_none_is_forged(broken: str) -> None:
    assert not is_authentic(Incoming("POST", URL, {}, {"authorization": f"Bearer {broken}"}, told()))


@pytest.mark.parametrize("content", ["e30.W10", "W10.e30", "e30.eyJ4Ijox", "e30", "x.y.z"])
def test_a_well_signed_token_that_says_nothing_is_forged(content: str) -> None:
    signature = b64(hmac.new(f"{CANARY}-signature".encode(), content.encode(), hashlib.sha256).digest())

    assert not is_authentic(Incoming("POST", URL, {}, {"authorization": f"Bearer {content}.{signature}"}, told()))


# Receipts


@pytest.mark.parametrize("case", cases("vonage/webhooks.json", pick=lambda content: content["messages_status"]))
def test_published_webhooks_are_read(case: dict[str, Any]) -> None:
    [receipt] = registry.get("vonage").read_receipts(ACCOUNT, called(json.dumps(case["body"]).encode()))

    assert receipt.status is TestVonage.statuses[case["body"]["status"]]
    assert receipt.provider_reference == case["body"]["message_uuid"]
    assert receipt.occurred_at == datetime.fromisoformat(case["body"]["timestamp"])
    assert (receipt.fault.raw_code if receipt.fault else None) == (str(case["body"]["error"]["title"]) if "error" in case["body"] else None)


def test_an_error_inside_an_error_is_found() -> None:
    inner = {"type": "https://developer.vonage.com/api-errors/messages#1300", "title": 1300}

    [receipt] = registry.get("vonage").read_receipts(ACCOUNT, called(told("undeliverable", error={"error": inner})))

    assert receipt.fault is not None
    assert receipt.fault.error_class is ErrorClass.INVALID_RECIPIENT_ON_CHANNEL


def test_a_message_that_ran_out_of_time_is_expired() -> None:
    error = {"type": "https://developer.vonage.com/api-errors/messages#1360", "title": 1360}

    [receipt] = registry.get("vonage").read_receipts(ACCOUNT, called(told("rejected", error=error)))

    assert receipt.status is ReceiptStatus.EXPIRED


@pytest.mark.parametrize(
    "said, expected",
    [
        ("2025-02-03T12:14:25.250Z", datetime(2025, 2, 3, 12, 14, 25, 250_000, tzinfo=UTC)),
        ("2025-02-03T12:14:25+0100", datetime(2025, 2, 3, 11, 14, 25, tzinfo=UTC)),
        ("2025-02-03T12:14:25", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59Z", None),
        ("soon", None),
        (1738584865, None),
        (None, None),
    ],
)
def test_only_a_time_with_an_offset_is_a_time(said: object, expected: datetime | None) -> None:
    [receipt] = registry.get("vonage").read_receipts(ACCOUNT, called(told(timestamp=said)))

    assert receipt.occurred_at == expected


def test_an_inbound_message_is_no_receipt() -> None:
    body = json.dumps({"message_uuid": UUID, "from": "447700900000", "message_type": "text", "text": "STOP", "channel": "sms"}).encode()

    assert registry.get("vonage").read_receipts(ACCOUNT, called(body)) == []


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"status": "delivered"}', b'{"message_uuid": {}}'])
def test_what_names_no_message_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        registry.get("vonage").read_receipts(ACCOUNT, called(body))
