"""Meta's dialect: the contract, the official examples and the cases that only Meta has."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.providers import registry
from routing.providers.base import (
    Adapter,
    Answer,
    Call,
    Content,
    ErrorClass,
    Forged,
    Incoming,
    ProviderAccount,
    Receipt,
    ReceiptStatus,
    Text,
    Unreadable,
    WhatsAppTemplate,
)
from tests.fixtures import cases, load
from tests.routing.providers.contract import CANARY, REFERENCE, AdapterContract, anything, fuzzed, some_json

URL = "https://qsura.example/v1/providers/tok_en/callbacks"
ACCOUNT = ProviderAccount(
    id="account",
    base_url="https://graph.facebook.com",
    callback_url=URL,
    settings={"phone_number_id": "106540352242922", "waba_id": "102290129340398"},
    credentials={"access_token": f"{CANARY}-access", "app_secret": f"{CANARY}-app", "verify_token": f"{CANARY}-verify"},
)
TEMPLATE = WhatsAppTemplate(
    name="order_ready",
    language="en-US",
    components=[{"type": "body", "parameters": [{"type": "text", "parameter_name": "order_id", "text": "A-17 ☃"}]}],
    text="Your order A-17 is ready.",
)
# How the fixtures' words for what to do translate into our classes.
VERDICTS: Mapping[str, set[ErrorClass]] = {
    "config": {ErrorClass.ACCOUNT_FAULT},
    "pause sender": {ErrorClass.ACCOUNT_FAULT},
    "retry later": {ErrorClass.THROTTLED, ErrorClass.PROVIDER_FAULT},
    "permanent": {
        ErrorClass.UNREACHABLE,
        ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
        ErrorClass.WINDOW_CLOSED,
        ErrorClass.TEMPLATE_FAULT,
        ErrorClass.OPTED_OUT,
        ErrorClass.BLOCKED_CONTENT,
        ErrorClass.INVALID_RECIPIENT,
    },
}


def error(code: object, *, status: int = 400, **more: object) -> Answer:
    return Answer(status, {}, json.dumps({"error": {"message": "m", "type": "OAuthException", "code": code, **more}}).encode())


def webhook(*statuses: object) -> bytes:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "106540352242922"}, "statuses": list(statuses)}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}
    ).encode()


def status(word: object, **more: object) -> dict[str, object]:
    return {
        "id": "wamid.HBgL",
        "status": word,
        "timestamp": "1750263773",
        "recipient_id": "201001234567",
        "biz_opaque_callback_data": REFERENCE,
    } | more


def signed(body: bytes, *, account: ProviderAccount = ACCOUNT) -> Incoming:
    digest = hmac.new(account.credentials["app_secret"].encode(), body, hashlib.sha256).hexdigest()
    return Incoming("POST", URL, {}, {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}, body)


def read(*statuses: object) -> list[Receipt]:
    return registry.get("meta").read_receipts(ACCOUNT, signed(webhook(*statuses)))


def ask(**query: str) -> Incoming:
    query = {"hub." + name: value for name, value in query.items()}
    return Incoming("GET", URL, query, {}, b"")


class TestMeta(AdapterContract):
    account = ACCOUNT
    contents: Mapping[str, list[Content]] = {"whatsapp": [TEMPLATE, replace(TEMPLATE, components=[]), Text("Hello ☃")]}
    taken = Answer(200, {}, b'{"messaging_product":"whatsapp","contacts":[{"input":"+1","wa_id":"1"}],"messages":[{"id":"wamid.HBgL"}]}')
    taken_as = "wamid.HBgL"
    refusals = [
        (error(190, status=401), ErrorClass.ACCOUNT_FAULT),
        (error("190", status=401), ErrorClass.ACCOUNT_FAULT),
        (error(130429, status=400), ErrorClass.THROTTLED),
        (error(131016, status=500), ErrorClass.PROVIDER_FAULT),
        (error(132001, status=404), ErrorClass.TEMPLATE_FAULT),
        (error(131026), ErrorClass.UNREACHABLE),
        (error(100, error_subcode=33), ErrorClass.ACCOUNT_FAULT),
        (error(100), ErrorClass.TEMPLATE_FAULT),
        (error(3, status=500), ErrorClass.ACCOUNT_FAULT),
        (error(213, status=403), ErrorClass.ACCOUNT_FAULT),
        (error(999_999), ErrorClass.UNMAPPED),
        (error(999_999, status=500), ErrorClass.UNMAPPED),
        (error(999_999, status=429), ErrorClass.THROTTLED),
        (error(None, status=500), ErrorClass.PROVIDER_FAULT),
        (error("٣"), ErrorClass.UNMAPPED),
        (error("abc", error_subcode=33), ErrorClass.UNMAPPED),
    ]
    statuses = {
        "sent": ReceiptStatus.SENT,
        "delivered": ReceiptStatus.DELIVERED,
        "read": ReceiptStatus.READ,
        "played": ReceiptStatus.READ,
        "failed": ReceiptStatus.FAILED,
    }
    signature_header = "x-hub-signature-256"

    @property
    def adapter(self) -> Adapter:
        return registry.get("meta")

    def describe(self, body: bytes) -> object:
        message = json.loads(body)
        paths = load("openapi/meta_whatsapp_mock.json")["paths"]
        schema = paths["/{Version}/{Phone-Number-ID}/messages"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema).validate(message)
        return message

    def call_in(self, status_word: str, *, account: ProviderAccount) -> Incoming:
        return signed(webhook(status(status_word)), account=account)


# Handing off


def test_a_template_travels_by_name_language_and_components() -> None:
    call = registry.get("meta").submit(ACCOUNT, TestMeta().outbound("whatsapp", TEMPLATE))

    assert call.url == "https://graph.facebook.com/v23.0/106540352242922/messages"
    assert call.headers["authorization"] == f"Bearer {CANARY}-access"
    assert json.loads(call.body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+201001234567",
        "type": "template",
        "template": {"name": "order_ready", "language": {"code": "en_US"}, "components": list(TEMPLATE.components)},
        "biz_opaque_callback_data": REFERENCE,
    }


def test_the_account_chooses_the_version_of_the_api() -> None:
    account = replace(ACCOUNT, settings={**ACCOUNT.settings, "api_version": "v24.0"})

    assert "/v24.0/" in registry.get("meta").submit(account, TestMeta().outbound("whatsapp", TEMPLATE)).url


@pytest.mark.parametrize("word", ["accepted", "held_for_quality_assessment"])
def test_an_accepted_or_held_message_is_taken(word: str) -> None:
    body = json.dumps({"messages": [{"id": "wamid.A", "message_status": word}]}).encode()

    assert registry.get("meta").read_answer(ACCOUNT, Answer(200, {}, body)).reference == "wamid.A"


def test_a_message_of_a_paused_template_is_a_template_fault() -> None:
    handoff = registry.get("meta").read_answer(ACCOUNT, Answer(200, {}, b'{"messages": [{"id": "wamid.A", "message_status": "paused"}]}'))

    assert handoff.fault is not None
    assert handoff.fault.error_class is ErrorClass.TEMPLATE_FAULT
    assert not handoff.reference


@pytest.mark.parametrize("made_up", [17, None, "", "x" * 256, "nul\x00", "\ud800", ["wamid"], {"id": "wamid"}])
def test_an_id_that_cannot_be_kept_whole_is_none(made_up: object) -> None:
    body = json.dumps({"messages": [{"id": made_up}]}).encode()

    assert registry.get("meta").read_answer(ACCOUNT, Answer(200, {}, body)).is_unknown


@pytest.mark.parametrize("case", cases("whatsapp_meta_openapi/send_responses_200.json"))
def test_official_answers_are_taken(case: dict[str, Any]) -> None:
    messages = case["body"].get("messages")
    handoff = registry.get("meta").read_answer(ACCOUNT, Answer(200, {}, json.dumps(case["body"]).encode()))

    assert handoff.reference == (messages[0]["id"] if messages else "")
    assert handoff.fault is None


@pytest.mark.parametrize("case", cases("whatsapp_pywa/error_codes.json"))
def test_every_documented_code_has_the_class_that_the_field_gives_it(case: dict[str, Any]) -> None:
    fault = registry.get("meta").read_answer(ACCOUNT, error(case["code"])).fault
    [allowed] = [classes for verdict, classes in VERDICTS.items() if case["expected_class"].startswith(verdict)]

    assert fault is not None
    assert fault.error_class in allowed, case["title"]
    assert fault.raw_code == str(case["code"])


@pytest.mark.parametrize(
    "code, expected",
    [
        (131026, ErrorClass.UNREACHABLE),
        (131047, ErrorClass.WINDOW_CLOSED),
        (131050, ErrorClass.OPTED_OUT),
        (132000, ErrorClass.TEMPLATE_FAULT),
        (132015, ErrorClass.TEMPLATE_FAULT),
        (130429, ErrorClass.THROTTLED),
        (131056, ErrorClass.THROTTLED),
        (131048, ErrorClass.ACCOUNT_FAULT),
        (190, ErrorClass.ACCOUNT_FAULT),
    ],
)
def test_the_codes_that_decide_most_often(code: int, expected: ErrorClass) -> None:
    [receipt] = read(status("failed", errors=[{"code": code, "title": "t"}]))

    assert receipt.fault is not None
    assert (receipt.fault.error_class, receipt.fault.raw_code) == (expected, str(code))


@pytest.mark.parametrize("code", [True, None, [], {}, 1.5])
def test_a_code_that_is_neither_word_nor_number_is_none(code: object) -> None:
    fault = registry.get("meta").read_answer(ACCOUNT, error(code)).fault

    assert fault is not None
    assert fault.raw_code == "http_400"


# Subscribing and proving the URL


def subscription(call: Call) -> Any:
    document = load("openapi/meta_whatsapp_mock.json")
    schema = {"$ref": "#/components/schemas/SubscriptionRequest", "components": document["components"]}
    body = json.loads(call.body)
    jsonschema.Draft202012Validator(schema).validate(body)
    return body


def test_an_account_is_subscribed_at_its_own_url() -> None:
    call = registry.get("meta").subscribe(ACCOUNT)

    assert call is not None
    assert (call.method, call.url) == ("POST", "https://graph.facebook.com/v23.0/102290129340398/subscribed_apps")
    assert subscription(call) == {"override_callback_uri": URL, "verify_token": f"{CANARY}-verify"}


def test_the_handshake_answers_the_challenge() -> None:
    call = ask(mode="subscribe", challenge="1158201444", verify_token=f"{CANARY}-verify")

    assert registry.get("meta").handshake(ACCOUNT, call) == "1158201444"


@pytest.mark.parametrize(
    "query",
    [
        {"mode": "subscribe", "challenge": "1", "verify_token": "wrong"},
        {"mode": "subscribe", "challenge": "1", "verify_token": ""},
        {"mode": "subscribe", "challenge": "1", "verify_token": "ééé\ud800"},
        {"mode": "subscribe", "challenge": "1"},
        {"mode": "subscribe", "verify_token": f"{CANARY}-verify"},
        {"mode": "unsubscribe", "challenge": "1", "verify_token": f"{CANARY}-verify"},
    ],
)
def test_any_other_handshake_is_forged(query: dict[str, str]) -> None:
    with pytest.raises(Forged):
        registry.get("meta").handshake(ACCOUNT, ask(**query))


@pytest.mark.parametrize("token", ["", "None"])
def test_without_a_verify_token_no_handshake_holds(token: str) -> None:
    account = replace(ACCOUNT, credentials={})

    with pytest.raises(Forged):
        registry.get("meta").handshake(account, ask(mode="subscribe", challenge="1", verify_token=token))


def test_a_get_without_a_mode_is_no_handshake() -> None:
    assert registry.get("meta").handshake(ACCOUNT, Incoming("GET", URL, {}, {}, b"")) is None


@fuzzed
@given(query=st.dictionaries(st.sampled_from(["hub.mode", "hub.challenge", "hub.verify_token"]), anything))
def test_no_handshake_raises_anything_but_forged(query: dict[str, str]) -> None:
    try:
        assert registry.get("meta").handshake(ACCOUNT, Incoming("GET", URL, query, {}, b"")) is None
    except Forged:
        assert "hub.mode" in query


# Signatures


def test_the_known_vector_holds() -> None:
    vector = load("whatsapp_meta_openapi/platform_facts.json")["signature_vector"]
    account = replace(ACCOUNT, credentials={"app_secret": vector["secret"]})
    call = Incoming("POST", URL, {}, {"x-hub-signature-256": f"sha256={vector['hex']}"}, vector["body"].encode())

    registry.get("meta").authenticate(account, call)


def test_the_signature_is_made_of_the_raw_bytes() -> None:
    escaped = signed(webhook(status("sent")).replace(b"whatsapp_business_account", rb"whatsapp_business_account \ud83d\ude00 / \/"))

    registry.get("meta").authenticate(ACCOUNT, escaped)


@pytest.mark.parametrize("change", [str.upper, lambda value: value.removeprefix("sha256="), lambda value: f" {value}"])
def test_another_spelling_of_the_signature_is_forged(change: Any) -> None:
    call = signed(webhook(status("sent")))
    headers = {"x-hub-signature-256": change(call.headers["x-hub-signature-256"])}

    with pytest.raises(Forged):
        registry.get("meta").authenticate(ACCOUNT, replace(call, headers=headers))


# Receipts


def test_the_providers_time_is_read_in_utc() -> None:
    [receipt] = read(status("delivered"))

    assert receipt.occurred_at == datetime(2025, 6, 18, 16, 22, 53, tzinfo=UTC)
    assert receipt.provider_reference == "wamid.HBgL"


@pytest.mark.parametrize(
    "garbage",
    ["", "x", "-1750263773", "9" * 10, "9" * 5000, "1750263773000", "17", -1, 0, 10**30, 1.5, True, None, [], {}, "١٧٥٠٢٦٣٧٧٣", "\x00"],
)
def test_a_time_that_cannot_be_is_none(garbage: object) -> None:
    [receipt] = read(status("delivered", timestamp=garbage))

    assert receipt.occurred_at is None
    assert receipt.status is ReceiptStatus.DELIVERED


def test_a_number_is_a_time_too() -> None:
    [receipt] = read(status("delivered", timestamp=1750263773))

    assert receipt.occurred_at is not None


def test_a_failure_without_an_error_is_unmapped() -> None:
    [receipt] = read(status("failed"))

    assert receipt.fault is not None
    assert (receipt.fault.error_class, receipt.fault.raw_code) == (ErrorClass.UNMAPPED, "failed")


@pytest.mark.parametrize("broken", [None, 17, "x", [], {}, {"status": "sent"}, {"id": 3, "status": "sent"}, {"id": "w", "status": {}}])
def test_one_broken_receipt_does_not_cost_the_others(broken: object) -> None:
    receipts = read(status("sent"), broken, status("read"))

    assert [receipt.status for receipt in receipts] == [ReceiptStatus.SENT, ReceiptStatus.UNMAPPED, ReceiptStatus.READ]


def test_one_lone_surrogate_or_endless_number_does_not_cost_the_others() -> None:
    body = webhook(status("sent", note="\ud800"), status("read", id="wamid.B")).replace(b'"note"', b'"count": ' + b"9" * 5000 + b', "note"')
    receipts = registry.get("meta").read_receipts(ACCOUNT, signed(body))

    assert [receipt.status for receipt in receipts] == [ReceiptStatus.SENT, ReceiptStatus.READ]


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    body = webhook(status("sent")).replace(b'"status": "sent"', b'"status": "sent", "status": "read"')

    [receipt] = registry.get("meta").read_receipts(ACCOUNT, signed(body))

    assert receipt.status is ReceiptStatus.READ


def test_a_deleted_message_says_nothing_of_its_delivery() -> None:
    assert read(status("deleted")) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"17", b"{}", b'{"entry": {}}', b"[" * 10_000])
def test_what_is_no_webhook_of_metas_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        registry.get("meta").read_receipts(ACCOUNT, signed(body))


@fuzzed
@given(value=some_json)
def test_any_value_in_any_place_is_survived(value: object) -> None:
    for body in ({"entry": [value]}, {"entry": [{"changes": [value]}]}, {"entry": [{"changes": [{"value": value}]}]}):
        TestMeta().judge(TestMeta().read(signed(json.dumps(body).encode())))
    TestMeta().judge(read(value, status(value), status("failed", errors=value), status("sent", id=value, biz_opaque_callback_data=value)))


@pytest.mark.parametrize("case", cases("whatsapp_pywa/webhook_message_status.json"))
def test_official_receipts_are_read(case: dict[str, Any]) -> None:
    body = json.dumps(case["body"]).encode()
    [said] = case["body"]["entry"][0]["changes"][0]["value"]["statuses"]

    registry.get("meta").authenticate(ACCOUNT, signed(body))
    [receipt] = registry.get("meta").read_receipts(ACCOUNT, signed(body))

    assert receipt.status == said["status"]
    assert receipt.provider_reference == said["id"]
    assert receipt.occurred_at is not None


@pytest.mark.parametrize(
    "name",
    [
        "whatsapp_meta_openapi/webhook_inbound.json",
        "whatsapp_pywa/webhook_message.json",
        "whatsapp_pywa/webhook_callback_button.json",
        "whatsapp_pywa/webhook_account_update.json",
        "whatsapp_pywa/webhook_template_status_update.json",
        "whatsapp_pywa/webhook_template_quality_update.json",
        "whatsapp_pywa/webhook_template_category_update.json",
        "whatsapp_pywa/webhook_template_components_update.json",
    ],
)
def test_what_is_no_receipt_is_read_as_none(name: str) -> None:
    for case in load(name):
        assert registry.get("meta").read_receipts(ACCOUNT, signed(json.dumps(case["body"]).encode())) == [], case["name"]


def test_news_of_templates_are_no_receipts() -> None:
    for body in load("whatsapp_meta_openapi/template_status_events.json")["examples"]:
        assert registry.get("meta").read_receipts(ACCOUNT, signed(json.dumps(body).encode())) == []
