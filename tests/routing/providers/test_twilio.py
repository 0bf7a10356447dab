"""Twilio's dialect: the contract, the published signature vectors and the cases that only Twilio has."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jsonschema
import pytest

from routing.providers import registry
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
from tests.fixtures import cases, load
from tests.routing.providers.contract import CANARY, REFERENCE, AdapterContract

SID = "AC" + "0123456789abcdef" * 2
URL = "https://qsura.example/v1/providers/tok_en/callbacks"
ACCOUNT = ProviderAccount(
    id="account",
    base_url="https://api.twilio.com",
    callback_url=URL,
    settings={"account_sid": SID, "sender": "+15017122661"},
    credentials={"auth_token": f"{CANARY}-token"},
)
TEMPLATE = WhatsAppTemplate(
    name="order_ready",
    language="en",
    components=[],
    text="Your order A-17 is ready.",
    provider_ids={"twilio": "HX" + "0123456789abcdef" * 2},
    variables={"1": "A-17 ☃", "2": "Nile"},
)
FORM = "application/x-www-form-urlencoded"
VERDICTS: Mapping[str, set[ErrorClass]] = {
    "config/permanent": {ErrorClass.INVALID_RECIPIENT_ON_CHANNEL},
    "config": {ErrorClass.ACCOUNT_FAULT},
    "retry later": {ErrorClass.THROTTLED},
    "unknown": {ErrorClass.PROVIDER_FAULT},
    "temporary/undelivered": {ErrorClass.UNREACHABLE},
    "permanent, suppress": {ErrorClass.OPTED_OUT},
    "permanent": {
        ErrorClass.UNREACHABLE,
        ErrorClass.INVALID_RECIPIENT_ON_CHANNEL,
        ErrorClass.WINDOW_CLOSED,
        ErrorClass.TEMPLATE_FAULT,
        ErrorClass.BLOCKED_CONTENT,
        ErrorClass.INVALID_RECIPIENT,
    },
}


def refusal(code: int, *, status: int = 400) -> Answer:
    return Answer(status, {}, json.dumps({"code": code, "message": "m", "more_info": "u", "status": status}).encode())


def created(**fields: object) -> Answer:
    return Answer(201, {}, json.dumps({"sid": "SM" + "b" * 32, "status": "queued", "error_code": None} | fields).encode())


def sign(token: str, url: str, pairs: list[tuple[str, str]]) -> str:
    text = url + "".join(name + value for name, value in sorted(pairs))
    return base64.b64encode(hmac.new(token.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()).decode()


def called(form: Mapping[str, str], *, account: ProviderAccount = ACCOUNT, reference: str = REFERENCE) -> Incoming:
    url = f"{URL}?reference={reference}"
    body = urlencode(form, errors="surrogatepass").encode()
    headers = {"x-twilio-signature": sign(account.credentials["auth_token"], url, list(form.items())), "content-type": FORM}
    return Incoming("POST", url, {"reference": reference}, headers, body)


def submit(content: Content, *, channel: str = "sms", account: ProviderAccount = ACCOUNT, validity: int | None = None) -> dict[str, str]:
    call = registry.get("twilio").submit(account, TestTwilio().outbound(channel, content, validity=validity))
    return dict(parse_qsl(call.body.decode(), keep_blank_values=True))


class TestTwilio(AdapterContract):
    account = ACCOUNT
    contents: Mapping[str, list[Content]] = {
        "sms": [Text("Your code is 1234 & more ☃")],
        "whatsapp": [TEMPLATE, replace(TEMPLATE, provider_ids={}), replace(TEMPLATE, variables={}), Text("Hello")],
    }
    taken = created()
    taken_as = "SM" + "b" * 32
    refusals = [
        (refusal(20003, status=401), ErrorClass.ACCOUNT_FAULT),
        (refusal(20429, status=429), ErrorClass.THROTTLED),
        (refusal(21211), ErrorClass.INVALID_RECIPIENT),
        (refusal(21610), ErrorClass.OPTED_OUT),
        (refusal(21656), ErrorClass.TEMPLATE_FAULT),
        (refusal(20503, status=503), ErrorClass.PROVIDER_FAULT),
        (refusal(999_999), ErrorClass.UNMAPPED),
        (created(status="failed", error_code=30006), ErrorClass.INVALID_RECIPIENT_ON_CHANNEL),
        (created(status="failed"), ErrorClass.UNMAPPED),
    ]
    statuses = {
        "accepted": ReceiptStatus.SUBMITTED,
        "scheduled": ReceiptStatus.SUBMITTED,
        "queued": ReceiptStatus.SUBMITTED,
        "sending": ReceiptStatus.SUBMITTED,
        "sent": ReceiptStatus.SENT,
        "delivered": ReceiptStatus.DELIVERED,
        "undelivered": ReceiptStatus.UNDELIVERABLE,
        "failed": ReceiptStatus.FAILED,
        "canceled": ReceiptStatus.FAILED,
        "read": ReceiptStatus.READ,
    }
    signature_header = "x-twilio-signature"

    @property
    def adapter(self) -> Adapter:
        return registry.get("twilio")

    def describe(self, body: bytes) -> object:
        form: dict[str, Any] = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        path = load("openapi/twilio_messages.json")["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]
        schema = path["post"]["requestBody"]["content"][FORM]["schema"]
        known = schema["properties"]
        form |= {name: int(value) for name, value in form.items() if known.get(name, {}).get("type") == "integer"}
        jsonschema.Draft202012Validator(schema | {"additionalProperties": False}).validate(form)
        return form

    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        form = {"AccountSid": SID, "MessageSid": "SM" + "b" * 32, "MessageStatus": status, "SmsStatus": status, "To": "+15558675310"}
        return called(form, account=account)


# Handing off


def test_an_sms_travels_as_a_form() -> None:
    call = registry.get("twilio").submit(ACCOUNT, TestTwilio().outbound("sms", Text("Hello & goodbye"), validity=300))

    assert call.url == f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"
    assert base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode() == f"{SID}:{CANARY}-token"
    assert dict(parse_qsl(call.body.decode())) == {
        "To": "+201001234567",
        "From": "+15017122661",
        "Body": "Hello & goodbye",
        "StatusCallback": f"{URL}?reference={REFERENCE}",
        "ValidityPeriod": "300",
    }


def test_a_whatsapp_template_travels_by_its_content_sid() -> None:
    form = submit(TEMPLATE, channel="whatsapp")

    assert (form["To"], form["From"]) == ("whatsapp:+201001234567", "whatsapp:+15017122661")
    assert form["ContentSid"] == TEMPLATE.provider_ids["twilio"]
    assert json.loads(form["ContentVariables"]) == {"1": "A-17 ☃", "2": "Nile"}
    assert "Body" not in form


def test_a_template_without_a_content_sid_travels_as_its_text() -> None:
    form = submit(replace(TEMPLATE, provider_ids={"other": "1"}), channel="whatsapp")

    assert form["Body"] == TEMPLATE.text
    assert "ContentSid" not in form


@pytest.mark.parametrize("asked, told", [(None, None), (0, "1"), (-5, "1"), (1, "1"), (36_000, "36000"), (90_000, "36000")])
def test_the_validity_stays_within_what_twilio_takes(asked: int | None, told: str | None) -> None:
    assert submit(Text("x"), validity=asked).get("ValidityPeriod") == told


def test_a_messaging_service_may_stand_for_the_sender() -> None:
    service = "MG" + "0" * 32
    form = submit(Text("x"), account=replace(ACCOUNT, settings={"account_sid": SID, "messaging_service_sid": service}))

    assert form["MessagingServiceSid"] == service
    assert "From" not in form


def test_a_callback_url_with_a_query_keeps_it() -> None:
    form = submit(Text("x"), account=replace(ACCOUNT, callback_url=URL + "?region=eu"))

    assert form["StatusCallback"] == f"{URL}?region=eu&reference={REFERENCE}"


@pytest.mark.parametrize("channel, content", [("sms", TEMPLATE), ("sms", Text("")), ("email", Text("x"))])
def test_content_that_the_channel_does_not_carry_is_a_template_fault(channel: str, content: Content) -> None:
    with pytest.raises(Unsendable) as caught:
        submit(content, channel=channel)

    assert caught.value.error_class is ErrorClass.TEMPLATE_FAULT


def test_nothing_needs_subscribing() -> None:
    assert registry.get("twilio").subscribe(ACCOUNT) is None


@pytest.mark.parametrize("case", cases("twilio/error_codes.json"))
def test_every_documented_code_has_the_class_that_the_field_gives_it(case: dict[str, Any]) -> None:
    fault = registry.get("twilio").read_answer(ACCOUNT, refusal(case["code"])).fault
    allowed = next(classes for verdict, classes in VERDICTS.items() if case["expected_class"].startswith(verdict))

    assert fault is not None
    assert fault.error_class in allowed, case["title"]
    assert fault.raw_code == str(case["code"])


def test_official_answers_are_taken() -> None:
    path = load("openapi/twilio_messages.json")["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]
    for example in path["post"]["responses"]["201"]["content"]["application/json"]["examples"].values():
        handoff = registry.get("twilio").read_answer(ACCOUNT, Answer(201, {}, json.dumps(example["value"]).encode()))

        assert handoff.reference == example["value"]["sid"]


# Signatures


def from_vector(vector: dict[str, Any]) -> Incoming:
    is_form = vector["params"] is not None
    body = urlencode([tuple(pair) for pair in vector["params"]]) if is_form else vector["raw_body"]
    headers = {"content-type": FORM if is_form else "application/json"}
    if vector["signature"] is not None:
        headers["x-twilio-signature"] = vector["signature"]
    return Incoming("POST", vector["url"], dict(parse_qsl(vector["url"].partition("?")[2])), headers, body.encode())


def is_authentic(account: ProviderAccount, incoming: Incoming) -> bool:
    try:
        registry.get("twilio").authenticate(account, incoming)
    except Forged:
        return False
    return True


@pytest.mark.parametrize("vector", cases("twilio/signature_vectors.json"))
def test_the_published_vectors_hold(vector: dict[str, Any]) -> None:
    account = replace(ACCOUNT, credentials={"auth_token": vector["auth_token"]})
    call = from_vector(vector)

    assert is_authentic(account, call) == vector["valid"]
    assert is_authentic(account, replace(call, headers={**call.headers, "content-type": ""})) == vector["valid"]


@pytest.mark.parametrize(
    "called_at, signed_at",
    [
        ("https://a.example/x?y=1", "https://a.example:443/x?y=1"),
        ("https://a.example:443/x?y=1", "https://a.example/x?y=1"),
        ("http://a.example/x", "http://a.example:80/x"),
        ("http://a.example:8000/x", "http://a.example/x"),
        ("http://a.example:8000/x", "http://a.example:8000/x"),
        ("https://user:pass@a.example/x", "https://user:pass@a.example:443/x"),
        ("https://user:pass@a.example:8443/x", "https://user:pass@a.example/x"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]/x"),
        ("https://a.example?y=1", "https://a.example:443?y=1"),
        ("https://a.example/x?at=12:30&u=it's+amazing", "https://a.example:443/x?at=12:30&u=it's+amazing"),
    ],
)
def test_the_port_may_be_left_out_or_added(called_at: str, signed_at: str) -> None:
    headers = {"x-twilio-signature": sign(f"{CANARY}-token", signed_at, [("a", "b")]), "content-type": FORM}

    assert is_authentic(ACCOUNT, Incoming("POST", called_at, {}, headers, b"a=b"))


@pytest.mark.parametrize(
    "signed_at", ["https://a.example:444/x", "http://a.example:443/x", "https://b.example/x", "https://a.example/x?reference=2"]
)
def test_another_url_is_forged(signed_at: str) -> None:
    headers = {"x-twilio-signature": sign(f"{CANARY}-token", signed_at, [("a", "b")]), "content-type": FORM}

    assert not is_authentic(ACCOUNT, Incoming("POST", "https://a.example/x", {}, headers, b"a=b"))


def test_a_field_that_comes_twice_with_one_value_is_signed_once() -> None:
    headers = {"x-twilio-signature": sign(f"{CANARY}-token", URL, [("MessageSid", "SM1")]), "content-type": FORM}

    assert is_authentic(ACCOUNT, Incoming("POST", URL, {}, headers, b"MessageSid=SM1&MessageSid=SM1"))


def test_a_field_that_comes_twice_with_two_values_is_signed_twice() -> None:
    pairs = [("MessageSid", "SM1"), ("MessageSid", "SM2")]
    headers = {"x-twilio-signature": sign(f"{CANARY}-token", URL, pairs), "content-type": FORM}

    assert is_authentic(ACCOUNT, Incoming("POST", URL, {}, headers, b"MessageSid=SM2&MessageSid=SM1"))
    assert not is_authentic(ACCOUNT, Incoming("POST", URL, {}, headers, b"MessageSid=SM2"))


@pytest.mark.parametrize("content_type", ["application/json", "", FORM, "text/plain; charset=utf-16"])
def test_a_signature_over_the_url_alone_covers_no_body(content_type: str) -> None:
    headers = {"x-twilio-signature": sign(f"{CANARY}-token", URL, []), "content-type": content_type}

    for body in (b'{"MessageStatus": "read"}', b"MessageStatus=read", b"&&&"):
        assert not is_authentic(ACCOUNT, Incoming("POST", URL, {}, headers, body))


def test_a_body_hash_of_another_body_is_forged() -> None:
    url = f"{URL}?bodySHA256={hashlib.sha256(b'{}').hexdigest()}"
    headers = {"x-twilio-signature": sign(f"{CANARY}-token", url, []), "content-type": "application/json"}

    assert is_authentic(ACCOUNT, Incoming("POST", url, {}, headers, b"{}"))
    assert not is_authentic(ACCOUNT, Incoming("POST", url, {}, headers, b"{ }"))


def test_a_body_larger_than_any_receipt_is_forged_however_well_it_is_signed() -> None:
    assert is_authentic(ACCOUNT, called({"Body": "x" * 1_000_000}))
    assert not is_authentic(ACCOUNT, called({"Body": "x" * 1_048_577}))


def test_a_get_with_the_fields_of_a_post_is_forged() -> None:
    assert not is_authentic(ACCOUNT, replace(called({"MessageStatus": "read"}), method="GET"))


# Receipts


@pytest.mark.parametrize("case", cases("twilio/status_callbacks.json", pick=lambda content: content["callbacks"]))
def test_published_callbacks_are_authentic_and_read(case: dict[str, Any]) -> None:
    account = replace(ACCOUNT, credentials={"auth_token": "12345"})
    headers = {"x-twilio-signature": case["x_twilio_signature"], "content-type": FORM}
    url = "https://api.example.com/hooks/twilio/status"
    call = Incoming("POST", url, {"reference": REFERENCE}, headers, urlencode(case["form"]).encode())

    registry.get("twilio").authenticate(account, call)
    receipts = registry.get("twilio").read_receipts(ACCOUNT, call)

    if case["name"] == "stop_inbound":
        assert receipts == []
    else:
        assert [receipt.raw_status for receipt in receipts] == [case["form"]["MessageStatus"]]
        assert [receipt.occurred_at for receipt in receipts] == [None]


@pytest.mark.parametrize(
    "word, code, status, error_class",
    [
        ("undelivered", "30003", ReceiptStatus.UNDELIVERABLE, ErrorClass.UNREACHABLE),
        ("failed", "30006", ReceiptStatus.FAILED, ErrorClass.INVALID_RECIPIENT_ON_CHANNEL),
        ("undelivered", "63016", ReceiptStatus.UNDELIVERABLE, ErrorClass.WINDOW_CLOSED),
        ("failed", "30036", ReceiptStatus.EXPIRED, ErrorClass.EXPIRED),
        ("failed", "999999", ReceiptStatus.FAILED, ErrorClass.UNMAPPED),
        ("failed", "", ReceiptStatus.FAILED, ErrorClass.UNMAPPED),
    ],
)
def test_a_failure_is_told_by_its_code(word: str, code: str, status: ReceiptStatus, error_class: ErrorClass) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": word, "ErrorCode": code}

    [receipt] = registry.get("twilio").read_receipts(ACCOUNT, called(form))

    assert receipt.status is status
    assert receipt.fault is not None
    assert (receipt.fault.error_class, receipt.fault.raw_code) == (error_class, code or word)


def test_a_receipt_that_names_no_message_changes_nothing() -> None:
    [receipt] = registry.get("twilio").read_receipts(ACCOUNT, replace(called({"MessageStatus": "read"}), query={}))

    assert receipt.status is ReceiptStatus.UNMAPPED


@pytest.mark.parametrize("body", [b"", b"x", b"MessageSid=SM1", b"MessageStatus=", b'{"MessageStatus": "read"}', b"a&" * 1000])
def test_what_names_no_status_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        registry.get("twilio").read_receipts(ACCOUNT, replace(called({}), body=body))
