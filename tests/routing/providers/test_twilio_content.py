"""Twilio's Content API: what is asked, and how its answers are read."""

from __future__ import annotations

import base64
import json
from typing import Any

import jsonschema
import pytest

from routing.providers import registry
from routing.providers.base import (
    ErrorClass,
    ProviderAccount,
    Registrar,
    TemplateRef,
    TemplateRefused,
    TemplateStatus,
    TemplateWords,
    Unsendable,
)
from tests.fixtures import load
from tests.routing.providers.test_meta_templates import talk

SID = "HX" + "a" * 32
ACCOUNT = ProviderAccount(
    id="account",
    base_url="https://api.twilio.com",
    callback_url="https://qsura.example/v1/providers/tok_en/callbacks",
    settings={"account_sid": "AC" + "b" * 32, "sender": "+15005550006"},
    credentials={"auth_token": "canary-token"},
)
BODY = {"type": "BODY", "text": "Hello {{name}}, order {{order_id}} is on its way."}
CARD: list[dict[str, Any]] = [
    {"type": "HEADER", "format": "TEXT", "text": "Order {{order_id}}"},
    BODY,
    {"type": "FOOTER", "text": "Nile Books"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "URL", "text": "Follow it", "url": "https://shop.example/t/{{order_id}}"},
            {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+201001234567"},
            {"type": "QUICK_REPLY", "text": "Thank you"},
            {"type": "COPY_CODE", "coupon_code": "SAVE10"},
        ],
    },
]
PICTURE: list[dict[str, Any]] = [{"type": "HEADER", "format": "IMAGE", "link": "https://shop.example/a.png"}, BODY]
CODE: list[dict[str, Any]] = [
    {"type": "BODY", "add_security_recommendation": True},
    {"type": "FOOTER", "code_expiration_minutes": 10},
    {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
]


def registrar() -> Registrar:
    found = registry.get("twilio").registrar
    assert found is not None
    return found


def words(components: list[dict[str, Any]]) -> TemplateWords:
    samples = {"name": "Sara", "order_id": "A-17"}
    return TemplateWords("order_shipped", "pt-BR", "utility", components, samples=samples, order=("name", "order_id"))


def approval(status: str, reason: str = "") -> dict[str, Any]:
    return {"name": "order_shipped", "category": "UTILITY", "content_type": "twilio/text", "status": status, "rejection_reason": reason}


def submit(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bodies of the two calls."""
    answers = [(201, {"sid": SID, "friendly_name": "order_shipped", "language": "pt_BR"}), (201, approval("received"))]
    calls, told = talk(registrar().submit(ACCOUNT, words(components), is_repeat=False), answers)
    assert (told.status, told.provider_id) == (TemplateStatus.PENDING, SID)
    return [json.loads(call.body) for call in calls]


@pytest.mark.parametrize("components", [[BODY], CARD, PICTURE, CODE])
def test_a_submission_is_the_published_create_request_and_approval_request(components: list[dict[str, Any]]) -> None:
    description = load("openapi/twilio_content_v1.json")

    content, asked = submit(components)

    for body, name in ((content, "ContentCreateRequest"), (asked, "ContentApprovalRequest")):
        schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
        jsonschema.Draft202012Validator(schema).validate(body)
    assert asked == {"name": "order_shipped", "category": "UTILITY"}


def test_names_become_numbers_in_the_order_in_which_they_are_sent() -> None:
    content, _ = submit(CARD)

    card = content["types"]["whatsapp/card"]
    assert content["variables"] == {"1": "Sara", "2": "A-17"}
    assert (card["header_text"], card["actions"][0]["url"]) == ("Order {{2}}", "https://shop.example/t/{{2}}")


def test_the_content_api_stands_beside_the_messages_api() -> None:
    call = next(registrar().look(ACCOUNT, [TemplateRef(SID, "a", "en")]))

    assert call.url == f"https://content.twilio.com/v1/Content/{SID}/ApprovalRequests"
    assert base64.b64decode(call.headers["authorization"].partition(" ")[2]) == f"{ACCOUNT.settings['account_sid']}:canary-token".encode()


def test_a_repeated_submission_finds_what_the_first_one_made() -> None:
    there = {"sid": SID, "friendly_name": "order_shipped", "language": "pt_BR", "approval_requests": approval("pending")}

    calls, told = talk(registrar().submit(ACCOUNT, words([BODY]), is_repeat=True), [(200, {"contents": [there], "meta": {}})])

    assert (len(calls), told.provider_id, told.status) == (1, SID, TemplateStatus.PENDING)


def test_a_content_whose_approval_nobody_asked_for_is_asked_for() -> None:
    there = {"sid": SID, "friendly_name": "order_shipped", "language": "pt_BR", "approval_requests": approval("unsubmitted")}
    answers = [(200, {"contents": [there], "meta": {}}), (201, approval("received"))]

    calls, _ = talk(registrar().submit(ACCOUNT, words([BODY]), is_repeat=True), answers)

    assert calls[1].url.endswith(f"/v1/Content/{SID}/ApprovalRequests/whatsapp")


@pytest.mark.parametrize(
    "word, status",
    [
        ("received", TemplateStatus.PENDING),
        ("pending", TemplateStatus.PENDING),
        ("approved", TemplateStatus.APPROVED),
        ("rejected", TemplateStatus.REJECTED),
        ("paused", TemplateStatus.PAUSED),
        ("disabled", TemplateStatus.DISABLED),
        ("teleported", TemplateStatus.UNMAPPED),
    ],
)
def test_each_word_has_its_meaning_and_an_unknown_one_is_kept(word: str, status: TemplateStatus) -> None:
    answer = {"sid": SID, "whatsapp": approval(word, "INVALID_FORMAT")}

    _, [told] = talk(registrar().look(ACCOUNT, [TemplateRef(SID, "a", "en")]), [(200, answer)])

    assert (told.status, told.raw_status, told.reason, told.category) == (status, word, "INVALID_FORMAT", "utility")


def test_the_official_list_is_read() -> None:
    description = load("openapi/twilio_content_v1.json")
    examples = description["paths"]["/v1/ContentAndApprovals"]["get"]["responses"]["200"]["content"]["application/json"]["examples"]

    _, told = talk(registrar().everything(ACCOUNT), [(200, examples["readResults"]["value"])])

    assert [each.status for each in told] == [TemplateStatus.PENDING, TemplateStatus.APPROVED, TemplateStatus.REJECTED]
    assert told[2].reason.startswith("INVALID_FORMAT")


def test_every_page_is_read_from_an_address_of_our_own() -> None:
    row = {"sid": SID, "friendly_name": "a", "language": "en"}
    first = {"contents": [row], "meta": {"next_page_url": "https://evil.example/x?Page=1&PageToken=DN"}}

    calls, told = talk(registrar().everything(ACCOUNT), [(200, first), (200, {"contents": [row], "meta": {"next_page_url": None}})])

    assert calls[1].url == "https://content.twilio.com/v1/ContentAndApprovals?PageSize=500&Page=1&PageToken=DN"
    assert len(told) == 2


def test_a_content_that_was_removed_there_is_gone() -> None:
    _, [told] = talk(registrar().look(ACCOUNT, [TemplateRef(SID, "a", "en")]), [(404, {"code": 20404, "message": "not found"})])

    assert told.status is TemplateStatus.GONE


def test_a_wrong_token_is_the_accounts_fault() -> None:
    with pytest.raises(TemplateRefused) as refusal:
        talk(registrar().look(ACCOUNT, [TemplateRef(SID, "a", "en")]), [(401, {"code": 20003, "message": "Authenticate"})])

    assert refusal.value.fault.error_class is ErrorClass.ACCOUNT_FAULT


@pytest.mark.parametrize(
    "components",
    [
        [{"type": "HEADER", "format": "LOCATION", "location": {}}, BODY],
        [*CODE[:2], {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "ONE_TAP"}]}],
    ],
)
def test_what_twilio_has_no_words_for_is_not_even_asked_for(components: list[dict[str, Any]]) -> None:
    with pytest.raises(Unsendable):
        next(registrar().submit(ACCOUNT, words(components), is_repeat=False))


def test_the_codes_that_concern_the_template_itself_are_told_apart() -> None:
    told = [registrar().read_fault(code) for code in ("63041", "63040", "63027", "63028", "")]

    assert told == [TemplateStatus.PAUSED, TemplateStatus.REJECTED, TemplateStatus.GONE, None, None]
