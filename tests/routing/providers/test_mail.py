"""E-mail by Anymail's services: the contract for one that signs and one that proves itself by a password, and what all of them share."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from routing.providers import mail, registry, wire
from routing.providers.base import (
    Adapter,
    Answer,
    Content,
    Email,
    ErrorClass,
    Forged,
    Incoming,
    Outbound,
    ProviderAccount,
    ReceiptStatus,
    Text,
    Unreadable,
    Unsendable,
)
from tests.fixtures import cases
from tests.routing.providers.contract import CANARY, REFERENCE, AdapterContract

URL = "https://qsura.example/v1/providers/tok_en/callbacks"
ACCOUNT = ProviderAccount(
    id="account",
    base_url="https://api.service.example/v1/",
    callback_url=URL,
    settings={"sender": "Shop <orders@shop.example>"},
    credentials={"api_key": f"{CANARY}-key", "secret_key": f"{CANARY}-secret", "webhook_secret": f"{CANARY}-webhook"},
)
LETTER = Email(subject="Your order \N{SNOWMAN}", text="It is on its way.", html="<p>It is on its way.</p>")
SARA = "sara@example.com"
SERVICES = sorted(mail.ADAPTERS)
JSON = "application/json"
# What each service answers to a message that it takes, after its own documentation.
TAKEN: dict[str, tuple[int, dict[str, str], Any]] = {
    "brevo": (201, {}, {"messageId": "their-id"}),
    "mailersend": (202, {"x-message-id": "their-id", "content-type": "text/html"}, None),
    "mailgun": (200, {}, {"id": "their-id", "message": "Queued. Thank you."}),
    "mailjet": (200, {}, {"Messages": [{"Status": "success", "To": [{"Email": SARA, "MessageID": "their-id", "MessageUUID": "u"}]}]}),
    "mailtrap": (200, {}, {"success": True, "message_ids": ["their-id"]}),
    "mandrill": (200, {}, [{"email": SARA, "status": "queued", "_id": "their-id", "reject_reason": None}]),
    "postal": (200, {}, {"status": "success", "data": {"message_id": "m", "messages": {SARA: {"id": "their-id", "token": "t"}}}}),
    "postmark": (200, {}, {"To": SARA, "MessageID": "their-id", "ErrorCode": 0, "Message": "OK"}),
    "resend": (200, {}, {"id": "their-id"}),
    "sendgrid": (202, {"x-message-id": "their-id"}, None),
    "sparkpost": (200, {}, {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "their-id"}}),
    "unisender_go": (200, {}, {"status": "success", "job_id": "their-id", "emails": [SARA]}),
}


def letter(content: Content = LETTER, *, channel: str = "email", recipient: str = SARA) -> Outbound:
    return Outbound(reference=REFERENCE, channel=channel, recipient=recipient, content=content)


def body(said: Any) -> bytes:
    return b"" if said is None else json.dumps(said).encode()


def is_authentic(adapter: Adapter, incoming: Incoming) -> bool:
    try:
        adapter.authenticate(ACCOUNT, incoming)
    except Forged:
        return False
    return True


class MailContract(AdapterContract):
    account = ACCOUNT
    contents: Mapping[str, list[Content]] = {"email": [LETTER, replace(LETTER, html="")]}

    def outbound(self, channel: str, content: Content, *, validity: int | None = None) -> Outbound:
        return replace(super().outbound(channel, content, validity=validity), recipient=SARA)


class TestPostmark(MailContract):
    taken = Answer(200, {}, body(TAKEN["postmark"][2]))
    taken_as = "their-id"
    refusals = [
        (Answer(401, {}, body({"ErrorCode": 10})), ErrorClass.ACCOUNT_FAULT),
        (Answer(422, {}, body({"ErrorCode": 400})), ErrorClass.ACCOUNT_FAULT),
        (Answer(422, {}, body({"ErrorCode": 406})), ErrorClass.OPTED_OUT),
        (Answer(422, {}, body({"ErrorCode": 300})), ErrorClass.UNMAPPED),
        (Answer(403, {}, b""), ErrorClass.ACCOUNT_FAULT),
    ]
    statuses = {
        "delivered": ReceiptStatus.DELIVERED,
        "opened": ReceiptStatus.READ,
        "clicked": ReceiptStatus.READ,
        "bounced": ReceiptStatus.UNDELIVERABLE,
        "rejected": ReceiptStatus.REJECTED,
        "failed": ReceiptStatus.FAILED,
        "deferred": ReceiptStatus.SUBMITTED,
    }
    signature_header = "authorization"
    words = {
        "delivered": {"RecordType": "Delivery", "DeliveredAt": "2026-01-01T10:00:00Z"},
        "opened": {"RecordType": "Open"},
        "clicked": {"RecordType": "Click"},
        "bounced": {"RecordType": "Bounce", "Type": "HardBounce"},
        "rejected": {"RecordType": "Bounce", "Type": "Blocked"},
        "failed": {"RecordType": "Bounce", "Type": "SMTPApiError"},
        "deferred": {"RecordType": "Bounce", "Type": "Transient"},
    }

    @property
    def adapter(self) -> Adapter:
        return registry.get("postmark")

    def describe(self, body: bytes) -> object:
        said = json.loads(body)
        assert set(said) <= {"From", "To", "Subject", "TextBody", "HtmlBody", "Metadata", "ReplyTo", "MessageStream"}
        assert said["Metadata"] == {"qsura": REFERENCE}
        return said

    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        said = self.words.get(status, {"RecordType": status}) | {
            "MessageID": "their-id",
            "Recipient": SARA,
            "Metadata": {"qsura": REFERENCE},
        }
        headers = {"authorization": wire.basic("qsura", account.credentials["webhook_secret"]), "content-type": JSON}
        return Incoming("POST", URL, {}, headers, body(said))

    def test_a_call_with_any_byte_changed_is_forged(self) -> None:
        """Postmark signs no body: whoever knows the password of the URL speaks for it, and that is all that can be known."""
        call = self.call_in("delivered", account=self.account)

        with pytest.raises(Forged):
            self.adapter.authenticate(self.account, replace(call, headers={**call.headers, "authorization": wire.basic("qsura", "x")}))


class TestMailersend(MailContract):
    taken = Answer(202, {"x-message-id": "their-id", "content-type": "text/html"}, b"")
    taken_as = "their-id"
    refusals = [
        (Answer(401, {}, b"{}"), ErrorClass.ACCOUNT_FAULT),
        (Answer(402, {}, b"{}"), ErrorClass.ACCOUNT_FAULT),
        (Answer(422, {}, b"{}"), ErrorClass.UNMAPPED),
        (Answer(429, {}, b"{}"), ErrorClass.THROTTLED),
    ]
    statuses = {
        "sent": ReceiptStatus.SENT,
        "delivered": ReceiptStatus.DELIVERED,
        "opened": ReceiptStatus.READ,
        "bounced": ReceiptStatus.UNDELIVERABLE,
    }
    signature_header = "signature"
    words = {"bounced": "hard_bounced"}

    @property
    def adapter(self) -> Adapter:
        return registry.get("mailersend")

    def describe(self, body: bytes) -> object:
        said = json.loads(body)
        assert said["tags"] == [REFERENCE]
        return said

    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        email = {"message": {"id": "their-id"}, "recipient": {"email": SARA}, "tags": [REFERENCE]}
        word = self.words.get(status, status)
        said = body({"type": word, "data": {"type": word, "created_at": "2026-01-01T10:00:00.000000Z", "email": email}})
        signature = hmac.new(account.credentials["webhook_secret"].encode(), said, hashlib.sha256).hexdigest()
        return Incoming("POST", URL, {}, {"signature": signature, "content-type": JSON}, said)

    def test_a_truncated_success_is_unknown(self) -> None:
        """MailerSend's answer has no body: its id is a header, and can't be half there."""
        assert self.adapter.read_answer(self.account, Answer(202, {}, b"")).is_unknown


# Every service


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_writes_the_letter_with_our_reference(name: str) -> None:
    call = registry.get(name).submit(ACCOUNT, letter())

    assert call.method == "POST"
    assert call.url.startswith("https://api.service.example/v1/")
    for said in (REFERENCE, SARA, "orders@shop.example"):
        assert said in call.body.decode().replace("%40", "@")
    assert "content-length" not in call.headers
    assert not [name for name in call.headers if name != name.lower()]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_authorised_with_its_key(name: str) -> None:
    call = registry.get(name).submit(ACCOUNT, letter())
    basic = [wire.basic("api", f"{CANARY}-key"), wire.basic(f"{CANARY}-key", f"{CANARY}-secret")]

    told = " ".join(call.headers.values()) + call.body.decode()
    assert f"{CANARY}-key" in told or any(each in told for each in basic)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_tells_the_id_of_what_it_took(name: str) -> None:
    status, headers, said = TAKEN[name]

    assert registry.get(name).read_answer(ACCOUNT, Answer(status, headers, body(said))).reference == "their-id"


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("said", [b"", b"<html>", b"{}", b"[]", b"null", b'{"id": {}}'])
def test_an_answer_that_names_no_id_is_unknown(name: str, said: bytes) -> None:
    assert registry.get(name).read_answer(ACCOUNT, Answer(200, {}, said)).is_unknown


@pytest.mark.parametrize(
    "said, expected, raw_code",
    [
        ({"status": "error", "data": {"code": "InvalidServerAPIKey"}}, ErrorClass.ACCOUNT_FAULT, "InvalidServerAPIKey"),
        ({"status": "error", "data": {"code": "NoRecipients"}}, ErrorClass.INVALID_RECIPIENT_ON_CHANNEL, "NoRecipients"),
        ({"status": "error", "data": {"code": "OfTheFuture"}}, ErrorClass.UNMAPPED, "OfTheFuture"),
        ({"status": "parameter-error", "data": {"message": "why"}}, ErrorClass.UNMAPPED, "parameter-error"),
        ({"status": "error", "data": []}, ErrorClass.UNMAPPED, "error"),
    ],
)
def test_postal_refuses_with_200(said: object, expected: ErrorClass, raw_code: str) -> None:
    fault = registry.get("postal").read_answer(ACCOUNT, Answer(200, {}, body(said))).fault

    assert fault is not None
    assert (fault.error_class, fault.raw_code) == (expected, raw_code)


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_lets_a_stranger_in(name: str) -> None:
    call = Incoming("POST", URL, {}, {"content-type": JSON}, b'{"event": "delivered"}')

    for headers in ({}, {"authorization": wire.basic("qsura", "wrong")}, {"signature": "x"}, {"x-mandrill-signature": "x"}):
        assert not is_authentic(registry.get(name), replace(call, headers={**call.headers, **headers}))


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("said", [b"", b"[", b"{}", b"\xff", b"[" * 5_000, b"1" * 5_000])
def test_no_service_makes_something_of_garbage(name: str, said: bytes) -> None:
    try:
        receipts = registry.get(name).read_receipts(ACCOUNT, Incoming("POST", URL, {}, {"content-type": JSON}, said))
    except Unreadable:
        receipts = []

    assert {receipt.status for receipt in receipts} <= {ReceiptStatus.UNMAPPED}


def test_a_text_is_no_letter() -> None:
    with pytest.raises(Unsendable) as caught:
        registry.get("postmark").submit(ACCOUNT, letter(Text("Hello")))

    assert caught.value.error_class is ErrorClass.TEMPLATE_FAULT


def test_an_address_that_the_library_can_t_write_costs_this_letter_and_not_the_account() -> None:
    with pytest.raises(Unsendable) as caught:
        registry.get("postmark").submit(ACCOUNT, letter(recipient="no address"))

    assert caught.value.error_class is ErrorClass.TEMPLATE_FAULT


def test_replies_go_where_the_account_says() -> None:
    account = replace(ACCOUNT, settings={**ACCOUNT.settings, "reply_to": "help@shop.example"})

    assert json.loads(registry.get("postmark").submit(account, letter()).body)["ReplyTo"] == "help@shop.example"


def test_a_service_s_own_option_is_heard() -> None:
    account = replace(ACCOUNT, settings={**ACCOUNT.settings, "sender_domain": "mg.shop.example"})

    assert registry.get("mailgun").submit(account, letter()).url == "https://api.service.example/v1/mg.shop.example/messages"


def test_a_refusal_in_a_200_is_a_refusal() -> None:
    said = body([{"email": SARA, "status": "rejected", "_id": "x", "reject_reason": "unsub"}])

    fault = registry.get("mandrill").read_answer(ACCOUNT, Answer(200, {}, said)).fault

    assert fault is not None
    assert (fault.error_class, fault.raw_code) == (ErrorClass.OPTED_OUT, "rejected")


def test_mandrill_signs_the_url_and_the_form() -> None:
    adapter, form = registry.get("mandrill"), "mandrill_events=%5B%5D"
    content = f"{URL}mandrill_events[]"
    signature = base64.b64encode(hmac.new(f"{CANARY}-webhook".encode(), content.encode(), hashlib.sha1).digest()).decode()
    headers = {"x-mandrill-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    call = Incoming("POST", URL, {}, headers, form.encode())

    assert is_authentic(adapter, call)
    assert not is_authentic(adapter, replace(call, body=b"mandrill_events=%5B1%5D"))


def test_postmark_is_told_where_its_webhooks_go() -> None:
    call = registry.get("postmark").subscribe(ACCOUNT)

    assert call is not None
    said = json.loads(call.body)
    assert (call.url, said["Url"]) == ("https://api.service.example/v1/webhooks", URL)
    assert said["HttpAuth"] == {"Username": "qsura", "Password": f"{CANARY}-webhook"}


def test_a_complaint_says_nothing_of_the_delivery() -> None:
    said = body({"RecordType": "SpamComplaint", "Type": "SpamComplaint", "MessageID": "their-id", "Email": SARA})

    assert registry.get("postmark").read_receipts(ACCOUNT, Incoming("POST", URL, {}, {"content-type": JSON}, said)) == []


@pytest.mark.parametrize("case", cases("email_anymail/postmark.json"))
def test_recorded_webhooks_of_postmark_are_read(case: dict[str, Any]) -> None:
    expected = case.get("expect", {}).get("events", [])
    if case["kind"] != "webhooks" or not expected:
        return
    call = Incoming("POST", URL, {}, {"content-type": case["content_type"]}, case["body"].encode())

    receipts = registry.get("postmark").read_receipts(ACCOUNT, call)

    heard = [event for event in expected if event["event_type"] not in mail._SILENT]
    assert [(receipt.raw_status, receipt.provider_reference) for receipt in receipts] == [
        (event["event_type"], event["message_id"] or "") for event in heard
    ]
    assert [receipt.occurred_at for receipt in receipts] == [
        event["timestamp"] and datetime.fromisoformat(event["timestamp"]) for event in heard
    ]
