"""Plain SMTP: letters as they are written, reply codes, and what mail servers report afterwards."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.providers import registry
from routing.providers.base import (
    Answer,
    Email,
    ErrorClass,
    Forged,
    Incoming,
    Outbound,
    ProviderAccount,
    Receipt,
    ReceiptStatus,
    Text,
    Unreadable,
    Unsendable,
)
from routing.providers.smtp import Letter
from tests.routing.providers.contract import CANARY, anything, fuzzed

REFERENCE = "att_0198c5f27a107c3e9d551f0a6f1b2c3d.1"
URL = "https://qsura.example/v1/providers/tok_en/callbacks"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT = ProviderAccount(
    "account",
    "smtp:",
    URL,
    {"host": "post.example", "user": "shop", "sender": "Läden & Co <orders@shop.example>", "return_path": "bounces@shop.example"},
    {"password": f"{CANARY}-password", "report_secret": f"{CANARY}-reports"},
)
ADAPTER = registry.get("smtp")
LETTER = Email(subject="Your order ☃", text="It is ready.\n.\nفي أمان", html="<p>Ready ☃</p>")


def submit(content: Any = LETTER, *, to: str = "sara@example.com", **settings: str) -> Letter:
    account = replace(ACCOUNT, settings={**ACCOUNT.settings, **settings})
    made: Letter = ADAPTER.submit(account, Outbound(REFERENCE, "email", to, content, at=AT))
    return made


def written(letter: Letter) -> EmailMessage:
    return message_from_bytes(letter.content, policy=default)


# Letters


def test_a_letter_says_what_was_meant() -> None:
    letter = submit()
    message = written(letter)

    assert (letter.host, letter.port, letter.security, letter.user) == ("post.example", 587, "starttls", "shop")
    assert (letter.sender, letter.recipient) == ("bounces@shop.example", "sara@example.com")
    assert (message["Subject"], message["To"]) == ("Your order ☃", "sara@example.com")
    assert message["From"].addresses[0].display_name == "Läden & Co"
    assert message["Message-ID"] == letter.message_id == f"<{REFERENCE}.qsura@shop.example>"
    assert message["Date"] == "Sun, 22 Nov 2026 12:00:00 +0000"
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert text.get_content().split() == LETTER.text.split()
    assert html.get_content().strip() == LETTER.html


def test_a_marketing_letter_can_be_unsubscribed_from_with_one_click() -> None:
    url = "https://qsura.example/u/" + "x" * 80
    letter = ADAPTER.submit(ACCOUNT, Outbound(REFERENCE, "email", "sara@example.com", LETTER, at=AT, unsubscribe_url=url))
    message = written(letter)

    assert f"List-Unsubscribe: <{url}>\r\n".encode() in letter.content  # in one piece, and in no encoded word
    assert (message["List-Unsubscribe"], message["List-Unsubscribe-Post"]) == (f"<{url}>", "List-Unsubscribe=One-Click")
    assert written(submit())["List-Unsubscribe"] is None


def test_a_letter_is_ascii_with_short_lines_whatever_is_in_it() -> None:
    content = submit(Email(subject="☃" * 300, text="ش" * 5_000, html="x" * 5_000)).content

    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_nothing_that_is_printed_tells_a_secret_a_recipient_or_a_text() -> None:
    printed = repr(submit())

    assert not [word for word in (CANARY, "sara@", "ready") if word in printed]


@fuzzed
@given(subject=anything, text=anything, html=anything)
def test_no_text_becomes_a_header(subject: str, text: str, html: str) -> None:
    try:
        message = written(submit(Email(subject=f"x\r\nBcc: evil@example.com\r\n{subject}", text=text, html=html)))
    except Unsendable:
        return
    assert message["Bcc"] is None
    assert set(message.keys()) <= {
        *("From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    }


@pytest.mark.parametrize(
    "to", ["", "nobody", "a@b.example, c@d.example", "a@b.example>\r\nRCPT TO:<c@d.example", "ä@b.example", "a b@c.example"]
)
def test_an_address_that_is_none_is_not_written_to(to: str) -> None:
    with pytest.raises(Unsendable) as caught:
        submit(to=to)
    assert caught.value.error_class is ErrorClass.INVALID_RECIPIENT_ON_CHANNEL


def test_what_is_no_letter_is_unsendable() -> None:
    for channel, content in (("email", Text("x")), ("sms", LETTER)):
        with pytest.raises(Unsendable):
            ADAPTER.submit(ACCOUNT, Outbound(REFERENCE, channel, "sara@example.com", content))


@pytest.mark.parametrize(
    "name, value",
    [
        ("host", ""),
        ("host", "post.example/x"),
        ("host", "post example"),
        ("port", "0"),
        ("port", "smtp"),
        ("port", "70000"),
        ("security", "maybe"),
        ("sender", "Shop"),
        ("sender", "a@b.example\r\nBcc: c@d.example"),
        ("return_path", "a@b.example> SIZE=1"),
    ],
)
def test_settings_are_judged_one_by_one(name: str, value: str) -> None:
    told = ADAPTER.judge({**ACCOUNT.settings, name: value})  # type: ignore[attr-defined]

    assert list(told) == [name]
    with pytest.raises(Unsendable) as caught:
        submit(**{name: value})
    assert caught.value.error_class is ErrorClass.ACCOUNT_FAULT


# Reply codes


@pytest.mark.parametrize(
    "code, stage, text, expected",
    [
        (421, "connect", "4.3.2 Busy", ErrorClass.THROTTLED),
        (450, "rcpt", "4.2.0 Greylisted", ErrorClass.THROTTLED),
        (451, "data", "4.3.0 Later", ErrorClass.THROTTLED),
        (452, "rcpt", "4.2.2 Full for now", ErrorClass.THROTTLED),
        (454, "auth", "4.7.0 Later", ErrorClass.PROVIDER_FAULT),
        (535, "auth", "5.7.8 Wrong", ErrorClass.ACCOUNT_FAULT),
        (534, "auth", "no", ErrorClass.ACCOUNT_FAULT),
        (530, "mail", "Log in first", ErrorClass.ACCOUNT_FAULT),
        (530, "rcpt", "Log in first", ErrorClass.ACCOUNT_FAULT),
        (553, "mail", "5.1.8 Not your address", ErrorClass.ACCOUNT_FAULT),
        (550, "rcpt", "5.1.1 No such user", ErrorClass.INVALID_RECIPIENT_ON_CHANNEL),
        (550, "rcpt", "No such user", ErrorClass.INVALID_RECIPIENT_ON_CHANNEL),
        (552, "rcpt", "5.2.2 Full", ErrorClass.UNREACHABLE),
        (552, "data", "Too long", ErrorClass.TEMPLATE_FAULT),
        (552, "data", "5.3.4 Too long", ErrorClass.TEMPLATE_FAULT),
        (554, "data", "5.7.1 Spam", ErrorClass.BLOCKED_CONTENT),
        (554, "data", "We don't like it", ErrorClass.BLOCKED_CONTENT),
        (550, "rcpt", "5.7.509 DMARC", ErrorClass.BLOCKED_CONTENT),
        (550, "rcpt", "5.4.1 No route", ErrorClass.UNREACHABLE),
        (554, "data", "5.6.0 Bad MIME", ErrorClass.TEMPLATE_FAULT),
        (554, "rcpt", "5.5.1 What?", ErrorClass.UNMAPPED),
        (599, "data", "", ErrorClass.UNMAPPED),
    ],
)
def test_a_reply_says_what_is_to_be_done(code: int, stage: str, text: str, expected: ErrorClass) -> None:
    fault = ADAPTER.read_answer(ACCOUNT, Answer(code, {"stage": stage}, text.encode())).fault

    assert fault is not None
    assert fault.error_class is expected
    assert fault.raw_code.startswith(str(code))


def test_a_letter_that_is_taken_is_known_by_its_own_id() -> None:
    answer = Answer(250, {"stage": "data", "message-id": "<m@shop.example>"}, b"2.0.0 Queued")

    assert ADAPTER.read_answer(ACCOUNT, answer).reference == "<m@shop.example>"


@fuzzed
@given(code=st.integers(100, 999), stage=anything, body=st.binary())
def test_no_reply_crashes_it(code: int, stage: str, body: bytes) -> None:
    ADAPTER.read_answer(ACCOUNT, Answer(code, {"stage": stage}, body))


# Reports


def bounce(
    action: str = "failed", status: str = "5.1.1", *, diagnostic: str = "", returned: str = "message/rfc822", ours: str = REFERENCE
) -> bytes:
    lines = [
        "From: MAILER-DAEMON@post.example",
        "Subject: Undelivered",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "Sorry.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; post.example",
        "Arrival-Date: Sun, 22 Nov 2026 12:00:00 +0000",
        "",
        "Final-Recipient: rfc822; sara@example.com",
        f"Action: {action}",
        f"Status: {status}",
        *([f"Diagnostic-Code: smtp; {diagnostic}"] if diagnostic else []),
        "",
        "--b",
        f"Content-Type: {returned}",
        "",
        f"Message-ID: <{ours}.qsura@shop.example>",
        "Subject: Your order",
        "",
        "Body",
        "--b--",
    ]
    return "\r\n".join(lines).encode()


def complaint(kind: str = "abuse") -> bytes:
    lines = [
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
        "",
        "--b",
        "Content-Type: message/feedback-report",
        "",
        f"Feedback-Type: {kind}",
        "User-Agent: SomeGenerator/1.0",
        "Version: 1",
        "",
        "--b",
        "Content-Type: message/rfc822",
        "",
        f"Message-ID: <{REFERENCE}.qsura@shop.example>",
        "",
        "Body",
        "--b--",
    ]
    return "\r\n".join(lines).encode()


def read(body: bytes) -> list[Receipt]:
    return ADAPTER.read_receipts(ACCOUNT, Incoming("POST", URL, {}, {}, body))


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_finds_its_letter_and_says_why(returned: str) -> None:
    [receipt] = read(bounce(returned=returned))

    assert receipt.fault is not None
    assert (receipt.status, receipt.raw_status, receipt.client_reference) == (ReceiptStatus.FAILED, "failed", REFERENCE)
    assert (receipt.fault.error_class, receipt.fault.raw_code) == (ErrorClass.INVALID_RECIPIENT_ON_CHANNEL, "5.1.1")
    assert receipt.occurred_at == AT


@pytest.mark.parametrize(
    "status, diagnostic, expected",
    [
        ("5.2.2", "", ErrorClass.UNREACHABLE),
        ("5.7.1", "", ErrorClass.BLOCKED_CONTENT),
        ("5.4.7", "", ErrorClass.UNREACHABLE),
        ("5.0.0", "550 5.1.1 No such user", ErrorClass.INVALID_RECIPIENT_ON_CHANNEL),
        ("5.0.0", "", ErrorClass.UNMAPPED),
        ("soon", "", ErrorClass.UNMAPPED),
    ],
)
def test_a_bounce_is_judged_by_its_status(status: str, diagnostic: str, expected: ErrorClass) -> None:
    [receipt] = read(bounce(status=status, diagnostic=diagnostic))

    assert receipt.fault is not None
    assert receipt.fault.error_class is expected


@pytest.mark.parametrize(
    "action, expected",
    [
        ("delayed", ReceiptStatus.SUBMITTED),
        ("relayed", ReceiptStatus.SENT),
        ("delivered", ReceiptStatus.DELIVERED),
        ("teleported", ReceiptStatus.UNMAPPED),
    ],
)
def test_other_reports_say_what_they_say(action: str, expected: ReceiptStatus) -> None:
    [receipt] = read(bounce(action, "2.0.0"))

    assert (receipt.status, receipt.raw_status, receipt.fault) == (expected, action, None)


def test_a_bounce_of_somebody_elses_letter_names_nobody() -> None:
    [receipt] = read(bounce(ours="their own id"))

    assert (receipt.status, receipt.client_reference) == (ReceiptStatus.UNMAPPED, "")


def test_a_complaint_means_that_it_arrived_and_was_not_wanted() -> None:
    [receipt] = read(complaint())

    assert receipt.fault is not None
    assert (receipt.status, receipt.client_reference) == (ReceiptStatus.DELIVERED, REFERENCE)
    assert (receipt.fault.error_class, receipt.fault.raw_code) == (ErrorClass.OPTED_OUT, "complained")


def test_praise_is_no_receipt_and_a_new_kind_of_complaint_is_kept() -> None:
    assert read(complaint("not-spam")) == []
    assert read(complaint("of-the-future"))[0].status is ReceiptStatus.UNMAPPED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Subject: Out of office\r\n\r\nI am away",
        b"\xff\xfe",
        b"{}",
        bounce().replace(b"Action: failed\r\n", b""),
        complaint()[:259] + b"\n" + complaint()[259:],  # the library's own parser breaks on it
    ],
)
def test_a_letter_that_is_no_report_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


@fuzzed
@given(start=st.integers(0, 700), length=st.integers(0, 60), noise=st.binary(max_size=60), body=st.sampled_from([bounce(), complaint()]))
def test_no_report_crashes_its_reader(start: int, length: int, noise: bytes, body: bytes) -> None:
    try:
        receipts = read(body[:start] + noise + body[start + length :])
    except Unreadable:
        return
    for receipt in receipts:
        f"{receipt.raw_status}{receipt.client_reference}".encode()
        assert "\x00" not in receipt.raw_status


def authorized(secret: str, *, user: str = "qsura") -> Incoming:
    return Incoming("POST", URL, {}, {"authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}, bounce())


def test_reports_come_with_the_accounts_secret_for_them() -> None:
    ADAPTER.authenticate(ACCOUNT, authorized(f"{CANARY}-reports"))
    ADAPTER.authenticate(replace(ACCOUNT, credentials={**ACCOUNT.credentials, "report_secret_previous": "old"}), authorized("old"))
    empty = replace(ACCOUNT, credentials={"report_secret": ""})
    for account, incoming in (
        (ACCOUNT, authorized("x")),
        (ACCOUNT, authorized(f"{CANARY}-reports", user="x")),
        (ACCOUNT, replace(authorized(f"{CANARY}-reports"), headers={})),
        (ACCOUNT, replace(authorized(f"{CANARY}-reports"), method="GET")),
        (ACCOUNT, replace(authorized(f"{CANARY}-reports"), body=b"x" * 4_000_000)),
        (empty, authorized("")),
    ):
        with pytest.raises(Forged):
            ADAPTER.authenticate(account, incoming)
