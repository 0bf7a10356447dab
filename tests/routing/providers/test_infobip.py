"""Infobip's dialect: the contract, its client's recorded exchanges and the published reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import pytest

from routing.providers import infobip_errors, registry, wire
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

URL = "https://qsura.example/v1/providers/tok_en/callbacks"
OTHER = "0198c5f2-7a10-7c3e-9d55-000000000000"
ACCOUNT = ProviderAccount(
    id="account",
    base_url="https://xyz.api.infobip.com",
    callback_url=URL,
    settings={"sender": "+447860099299"},
    credentials={"api_key": f"{CANARY}-key", "callback_secret": f"{CANARY}-callback"},
)
TEMPLATE = WhatsAppTemplate(
    name="order_ready",
    language="pt-BR",
    components=[
        {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://shop.example/a.png"}}]},
        {"type": "body", "parameters": [{"type": "text", "parameter_name": "order", "text": "A-17 ☃"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "A-17"}]},
        {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": [{"type": "payload", "payload": "yes"}]},
    ],
    text="Your order A-17 is ready.",
    variables={"1": "A-17 ☃"},
)
# After the request bodies of Infobip's reference (SMS v3, WhatsApp template message).
NUMBER = {"type": "string", "pattern": "^[1-9][0-9]{6,14}$"}
ID = {"type": "string", "minLength": 1, "maxLength": 100}
SMS = {
    "required": ["sender", "destinations", "content"],
    "additionalProperties": False,
    "properties": {
        "sender": {"type": "string"},
        "destinations": {"items": {"required": ["to"], "properties": {"to": NUMBER, "messageId": ID}, "additionalProperties": False}},
        "content": {"required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}},
        "options": {"properties": {"validityPeriod": {"properties": {"timeUnit": {"const": "SECONDS"}, "amount": {"type": "integer"}}}}},
        "webhooks": {"properties": {"delivery": {"required": ["url"]}, "contentType": {"const": "application/json"}}},
    },
}
WHATSAPP = {
    "required": ["from", "to", "content"],
    "additionalProperties": False,
    "properties": {
        "from": {"type": "string", "maxLength": 24},
        "to": NUMBER,
        "messageId": ID,
        "notifyUrl": {"type": "string", "maxLength": 2048},
        "content": {
            "required": ["templateName", "templateData", "language"],
            "properties": {"templateData": {"required": ["body"], "properties": {"body": {"required": ["placeholders"]}}}},
        },
    },
}
SHAPE = {"required": ["messages"], "properties": {"messages": {"minItems": 1, "items": {"anyOf": [SMS, WHATSAPP]}}}}


def refusal(code: str, *, status: int = 400) -> Answer:
    return Answer(status, {}, json.dumps({"requestError": {"serviceException": {"messageId": code, "text": "T"}}}).encode())


def answered(name: str, group: str) -> Answer:
    message = {"messageId": REFERENCE, "status": {"groupName": group, "name": name}, "destination": "201001234567"}
    return Answer(200, {}, json.dumps({"bulkId": "B", "messages": [message]}).encode())


def result(status: str, **fields: Any) -> dict[str, Any]:
    group = status.partition("_")[0]
    return {
        "messageId": REFERENCE,
        "to": "201001234567",
        "doneAt": "2023-08-01T16:10:05.000+0000",
        "status": {"groupName": group, "name": status},
        "error": {"groupName": "OK", "name": "NO_ERROR", "permanent": False},
    } | fields


def report(*results: dict[str, Any], headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None) -> Incoming:
    return Incoming("POST", URL, dict(query or {}), dict(headers or {}), json.dumps({"results": results}).encode())


def query_of(reference: str) -> dict[str, str]:
    """What the report's URL carries, as the hand-off of that message named it."""
    call = registry.get("infobip").submit(ACCOUNT, replace(TestInfobip().outbound("sms", Text("x")), reference=reference))
    url: str = json.loads(call.body)["messages"][0]["webhooks"]["delivery"]["url"]
    return dict(parse_qsl(url.partition("?")[2]))


def message(content: Content, *, channel: str = "sms", validity: int | None = None) -> dict[str, Any]:
    call = registry.get("infobip").submit(ACCOUNT, TestInfobip().outbound(channel, content, validity=validity))
    [said] = json.loads(call.body)["messages"]
    assert isinstance(said, dict)
    return said


def is_authentic(incoming: Incoming, *, account: ProviderAccount = ACCOUNT) -> bool:
    try:
        registry.get("infobip").authenticate(account, incoming)
    except Forged:
        return False
    return True


class TestInfobip(AdapterContract):
    account = ACCOUNT
    contents: Mapping[str, list[Content]] = {
        "sms": [Text("Your code is 1234 & more ☃")],
        "whatsapp": [TEMPLATE, replace(TEMPLATE, components=[], variables={})],
    }
    taken = answered("PENDING_ACCEPTED", "PENDING")
    taken_as = REFERENCE
    refusals = [
        (refusal("UNAUTHORIZED", status=403), ErrorClass.ACCOUNT_FAULT),
        (refusal("TOO_MANY_REQUESTS", status=429), ErrorClass.THROTTLED),
        (refusal("BAD_REQUEST"), ErrorClass.UNMAPPED),
        (answered("REJECTED_NOT_ENOUGH_CREDITS", "REJECTED"), ErrorClass.ACCOUNT_FAULT),
        (answered("REJECTED_PREFIX_MISSING", "REJECTED"), ErrorClass.INVALID_RECIPIENT),
        (answered("REJECTED_BY_THE_FUTURE", "REJECTED"), ErrorClass.UNMAPPED),
    ]
    statuses = {
        "PENDING_ACCEPTED": ReceiptStatus.SUBMITTED,
        "PENDING_ENROUTE": ReceiptStatus.SUBMITTED,
        "PENDING_WAITING_DELIVERY": ReceiptStatus.SENT,
        "DELIVERED_TO_OPERATOR": ReceiptStatus.SENT,
        "DELIVERED_TO_HANDSET": ReceiptStatus.DELIVERED,
        "UNDELIVERABLE_NOT_DELIVERED": ReceiptStatus.UNDELIVERABLE,
        "UNDELIVERABLE_REJECTED_OPERATOR": ReceiptStatus.UNDELIVERABLE,
        "EXPIRED_EXPIRED": ReceiptStatus.EXPIRED,
        "REJECTED_DND": ReceiptStatus.REJECTED,
        "REJECTED_BY_THE_FUTURE": ReceiptStatus.REJECTED,
    }
    signature_header = "authorization"

    @property
    def adapter(self) -> Adapter:
        return registry.get("infobip")

    def describe(self, body: bytes) -> object:
        said = json.loads(body)
        jsonschema.Draft202012Validator(SHAPE).validate(said)
        return said

    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        return report(result(status), headers={"authorization": wire.basic("qsura", account.credentials["callback_secret"])})

    def test_a_call_with_any_byte_changed_is_forged(self) -> None:
        """Infobip signs no body. What a message's own URL vouches for is that message, and nothing else."""
        own = query_of(REFERENCE)

        assert is_authentic(report(result("DELIVERED_TO_HANDSET"), query=own))
        for results in ([result("X", messageId=OTHER)], [result("X"), result("X", messageId=OTHER)], [result("X", messageId=None)]):
            assert not is_authentic(report(*results, query=own))
        for body in (b"", b"{", b"\xff"):
            assert not is_authentic(replace(report(query=own), body=body))


# Handing off


def test_an_sms_names_the_url_of_its_report_and_its_time() -> None:
    call = registry.get("infobip").submit(ACCOUNT, TestInfobip().outbound("sms", Text("Hello"), validity=300))
    [said] = json.loads(call.body)["messages"]

    assert call.url == "https://xyz.api.infobip.com/sms/3/messages"
    assert call.headers["authorization"] == f"App {CANARY}-key"
    assert said["destinations"] == [{"to": "201001234567", "messageId": REFERENCE}]
    assert said["options"] == {"validityPeriod": {"amount": 300, "timeUnit": "SECONDS"}}
    assert said["webhooks"]["delivery"]["url"].startswith(f"{URL}?reference={REFERENCE}&key=")
    assert said["webhooks"]["delivery"]["intermediateReport"] is True


def test_a_whatsapp_template_is_filled_in_infobips_words() -> None:
    said = message(TEMPLATE, channel="whatsapp", validity=300)

    assert (said["from"], said["to"], said["messageId"]) == ("447860099299", "201001234567", REFERENCE)
    assert said["content"] == {
        "templateName": "order_ready",
        "language": "pt_BR",
        "templateData": {
            "body": {"placeholders": ["A-17 ☃"]},
            "header": {"type": "IMAGE", "mediaUrl": "https://shop.example/a.png"},
            "buttons": [{"type": "URL", "parameter": "A-17"}, {"type": "QUICK_REPLY", "parameter": "yes"}],
        },
    }


@pytest.mark.parametrize(
    "parameter, expected",
    [
        ({"type": "text", "text": "Hi"}, {"type": "TEXT", "placeholder": "Hi"}),
        (
            {"type": "document", "document": {"link": "https://a.example/b.pdf", "filename": "b.pdf"}},
            {"type": "DOCUMENT", "mediaUrl": "https://a.example/b.pdf", "filename": "b.pdf"},
        ),
        ({"type": "location", "location": {"latitude": 1.5, "longitude": 2.5}}, {"type": "LOCATION", "latitude": 1.5, "longitude": 2.5}),
    ],
)
def test_every_kind_of_header_has_its_words(parameter: dict[str, Any], expected: dict[str, Any]) -> None:
    template = replace(TEMPLATE, components=[{"type": "header", "parameters": [parameter]}])

    assert message(template, channel="whatsapp")["content"]["templateData"]["header"] == expected


@pytest.mark.parametrize("asked, told", [(0, 1), (1, 1), (172_800, 172_800), (900_000, 172_800)])
def test_the_validity_stays_within_what_infobip_takes(asked: int, told: int) -> None:
    assert message(Text("x"), validity=asked)["options"]["validityPeriod"]["amount"] == told


def test_without_a_validity_infobip_uses_its_own() -> None:
    assert "options" not in message(Text("x"))


@pytest.mark.parametrize("channel, content", [("sms", TEMPLATE), ("sms", Text("")), ("whatsapp", Text("Hello")), ("email", Text("x"))])
def test_content_that_the_channel_does_not_carry_is_a_template_fault(channel: str, content: Content) -> None:
    with pytest.raises(Unsendable) as caught:
        message(content, channel=channel)

    assert caught.value.error_class is ErrorClass.TEMPLATE_FAULT


def test_nothing_needs_subscribing() -> None:
    assert registry.get("infobip").subscribe(ACCOUNT) is None


def test_a_message_that_infobip_has_had_before_was_taken_then() -> None:
    assert registry.get("infobip").read_answer(ACCOUNT, answered("REJECTED_DUPLICATE_MESSAGE_ID", "REJECTED")).reference == REFERENCE


@pytest.mark.parametrize("exchange", cases("infobip/http_exchanges.json"))
def test_recorded_answers_to_an_sms_are_read(exchange: dict[str, Any]) -> None:
    if exchange["request"]["path"] != "/sms/3/messages":
        return
    said = exchange["response"]
    handoff = registry.get("infobip").read_answer(ACCOUNT, Answer(said["status"], {}, json.dumps(said["body"]).encode()))

    if said["status"] == 200:
        assert handoff.reference == said["body"]["messages"][0]["messageId"]
    else:
        assert handoff.fault is not None
        assert handoff.fault.raw_code == said["body"]["requestError"]["serviceException"]["messageId"]


# Who calls


@pytest.mark.parametrize("query", [{}, {"reference": REFERENCE}, {"reference": REFERENCE, "key": ""}, {"key": "x"}])
def test_a_report_without_its_key_is_forged(query: dict[str, str]) -> None:
    assert not is_authentic(report(result("DELIVERED_TO_HANDSET"), query=query))


def test_a_key_of_another_message_is_forged() -> None:
    assert not is_authentic(report(result("DELIVERED_TO_HANDSET"), query={**query_of(OTHER), "reference": REFERENCE}))


def test_a_key_of_no_message_is_forged() -> None:
    assert not is_authentic(report(query=query_of("")))


def test_the_old_secrets_urls_work_while_it_is_replaced() -> None:
    call = report(result("DELIVERED_TO_HANDSET"), query=query_of(REFERENCE))
    rotated = {"callback_secret": "new", "callback_secret_previous": f"{CANARY}-callback"}

    assert is_authentic(call, account=replace(ACCOUNT, credentials=rotated))
    assert not is_authentic(call, account=replace(ACCOUNT, credentials={"callback_secret": "new"}))


def test_a_password_that_is_wrong_is_not_mended_by_a_key() -> None:
    call = report(result("X"), query=query_of(REFERENCE), headers={"authorization": wire.basic("qsura", "wrong")})

    assert not is_authentic(call)


def test_a_get_is_no_report() -> None:
    assert not is_authentic(replace(report(result("X"), query=query_of(REFERENCE)), method="GET"))


def test_the_key_of_a_report_tells_nothing_of_the_secret() -> None:
    assert CANARY not in query_of(REFERENCE)["key"]


# Receipts


@pytest.mark.parametrize("case", cases("infobip/delivery_report_examples.json", pick=lambda content: content["webhooks"]))
def test_published_reports_are_read(case: dict[str, Any]) -> None:
    results = case["body"]["results"]
    receipts = registry.get("infobip").read_receipts(ACCOUNT, report(*results))

    assert [(each.client_reference, each.raw_status) for each in receipts] == [(row["messageId"], row["status"]["name"]) for row in results]
    assert all((each.status is ReceiptStatus.DELIVERED) == (each.raw_status == "DELIVERED_TO_HANDSET") for each in receipts)
    assert [each.occurred_at is not None for each in receipts] == ["doneAt" in row for row in results]


def test_what_the_operator_holds_is_not_delivered() -> None:
    [receipt] = registry.get("infobip").read_receipts(ACCOUNT, report(result("DELIVERED_TO_OPERATOR")))

    assert receipt.status is ReceiptStatus.SENT


def test_a_seen_report_is_a_read_receipt() -> None:
    seen = {"messageId": REFERENCE, "from": "447860099299", "to": "201001234567", "seenAt": "2023-08-01T18:10:05.000+0200"}

    [receipt] = registry.get("infobip").read_receipts(ACCOUNT, report(seen))

    assert (receipt.status, receipt.raw_status) == (ReceiptStatus.READ, "SEEN")
    assert receipt.occurred_at == datetime(2023, 8, 1, 16, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize("name, expected", [(name, value) for name, value in infobip_errors.CLASSES.items() if name.startswith("EC_")])
def test_a_failure_is_told_by_the_errors_name(name: str, expected: ErrorClass) -> None:
    [receipt] = registry.get("infobip").read_receipts(ACCOUNT, report(result("UNDELIVERABLE_NOT_DELIVERED", error={"name": name})))

    assert receipt.fault is not None
    assert (receipt.fault.error_class, receipt.fault.raw_code) == (expected, name)


def test_an_errors_name_may_be_written_in_either_case() -> None:
    [receipt] = registry.get("infobip").read_receipts(
        ACCOUNT, report(result("UNDELIVERABLE_NOT_DELIVERED", error={"name": "EC_SM_DF_memoryCapacityExceeded"}))
    )

    assert receipt.fault is not None
    assert receipt.fault.error_class is ErrorClass.UNREACHABLE


def test_a_failure_without_an_error_is_told_by_its_status() -> None:
    [receipt] = registry.get("infobip").read_receipts(ACCOUNT, report(result("REJECTED_DND")))

    assert receipt.fault is not None
    assert receipt.fault.error_class is ErrorClass.OPTED_OUT


def test_one_broken_result_does_not_cost_the_others() -> None:
    broken = Incoming("POST", URL, {}, {}, json.dumps({"results": [result("DELIVERED_TO_HANDSET"), 5, {}, None]}).encode())

    receipts = registry.get("infobip").read_receipts(ACCOUNT, broken)

    assert [each.status for each in receipts] == [ReceiptStatus.DELIVERED, ReceiptStatus.UNMAPPED]


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"results": {}}'])
def test_what_has_no_results_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        registry.get("infobip").read_receipts(ACCOUNT, replace(report(), body=body))
