"""The configured provider: the contract with both of the documentation's examples, hostile texts, and signatures made by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from routing.providers import registry, signed_http_configuration
from routing.providers.base import (
    Adapter,
    Answer,
    Call,
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
    WhatsAppTemplate,
)
from routing.providers.signed_http_configuration import Misconfigured
from tests.fixtures import ROOT
from tests.routing.providers.contract import CANARY, RECIPIENT, REFERENCE, AdapterContract, fuzzed

URL = "https://qsura.example/v1/providers/tok_en/callbacks"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = "1795348800"
JSON_EXAMPLE, FORM_EXAMPLE = re.findall(r"```json\n(.*?)```", (ROOT / "docs/providers/signed-http.md").read_text(), re.DOTALL)
LETTER = Email(subject="Order", text="Ready", html="<p>Ready")


def account(configuration: str | Mapping[str, Any], **secrets: str) -> ProviderAccount:
    text = configuration if isinstance(configuration, str) else json.dumps(configuration)
    known = {"secret": f"{CANARY}-key", "receipt_secret": f"{CANARY}-receipts"}
    settings = {"sender": "+15005550009", "configuration": text}
    return ProviderAccount("account", "https://gateway.example/api", URL, settings, known | secrets)


def changed(example: str, place: str, value: Any) -> str:
    """The example with another value at that place; None takes it out."""
    said = json.loads(example)
    *way, last = place.split(".")
    inner = reduce(lambda tree, name: tree[name], way, said)
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(said)


def outbound(content: Content | None = None, *, to: str = RECIPIENT, validity: int | None = None, at: datetime | None = AT) -> Outbound:
    content = content or Text("Hello ☃")
    channel = "email" if isinstance(content, Email) else "sms"
    return Outbound(REFERENCE, channel, to, content, validity_seconds=validity, at=at)


def submit(configuration: str | Mapping[str, Any], content: Content | None = None, **words: Any) -> Call:
    return registry.get("signed_http").submit(account(configuration), outbound(content, **words))


def problems(configuration: str) -> list[str]:
    try:
        signed_http_configuration.read(configuration)
    except Misconfigured as wrong:
        return wrong.problems
    return []


class _Signed(AdapterContract):
    """What both examples have in common."""

    configuration: str

    @property
    def adapter(self) -> Adapter:
        return registry.get("signed_http")

    def outbound(self, channel: str, content: Content, *, validity: int | None = None) -> Outbound:
        return replace(super().outbound(channel, content, validity=validity), at=AT)

    def test_it_says_nothing_wrong_of_its_configuration(self) -> None:
        assert problems(self.configuration) == []


class TestJson(_Signed):
    configuration = JSON_EXAMPLE
    account = account(JSON_EXAMPLE)
    contents: Mapping[str, list[Content]] = {"sms": [Text("Hello ☃")], "email": [LETTER, replace(LETTER, html="")]}
    taken = Answer(202, {}, b'{"messages": [{"id": "their-id"}]}')
    taken_as = "their-id"
    refusals = [
        (Answer(422, {}, b'{"error": {"code": "bad_number"}}'), ErrorClass.INVALID_RECIPIENT),
        (Answer(402, {}, b'{"error": {"code": "no_credit"}}'), ErrorClass.ACCOUNT_FAULT),
        (Answer(200, {}, b'{"error": {"code": "stopped"}}'), ErrorClass.OPTED_OUT),
        (Answer(422, {}, b'{"error": {"code": "of_the_future"}}'), ErrorClass.UNMAPPED),
    ]
    statuses = {
        "sent": ReceiptStatus.SENT,
        "delivered": ReceiptStatus.DELIVERED,
        "read": ReceiptStatus.READ,
        "failed": ReceiptStatus.FAILED,
        "expired": ReceiptStatus.EXPIRED,
    }
    signature_header = "x-signature"

    def describe(self, body: bytes) -> object:
        said = json.loads(body)
        assert said.keys() == {"to", "from", "content", "client_ref", "report_to"}
        assert said["content"]["body"]
        return said

    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        event = {"client_ref": REFERENCE, "id": "their-id", "state": status, "at": "2026-11-22T12:00:01Z", "reason": {"code": "absent"}}
        body = json.dumps({"events": [event]}).encode()
        digest = hmac.new(account.credentials["receipt_secret"].encode(), SECOND.encode() + b"." + body, hashlib.sha256).hexdigest()
        return Incoming("POST", URL, {}, {"x-signature": f"v1={digest}", "x-timestamp": SECOND}, body)


class TestForm(_Signed):
    configuration = FORM_EXAMPLE
    account = account(FORM_EXAMPLE)
    contents: Mapping[str, list[Content]] = {"sms": [Text("Hello ☃ & more")]}
    taken = Answer(200, {}, b"status=ok&msgid=their-id")
    taken_as = "their-id"
    refusals = [
        (Answer(200, {}, b"err=213"), ErrorClass.INVALID_RECIPIENT),
        (Answer(400, {}, b"err=100"), ErrorClass.ACCOUNT_FAULT),
        (Answer(400, {}, b"err=999"), ErrorClass.UNMAPPED),
    ]
    statuses = {
        "ENROUTE": ReceiptStatus.SENT,
        "DELIVRD": ReceiptStatus.DELIVERED,
        "UNDELIV": ReceiptStatus.UNDELIVERABLE,
        "REJECTD": ReceiptStatus.REJECTED,
    }
    signature_header = "x-hub-signature"

    def describe(self, body: bytes) -> object:
        form = parse_qs(body.decode(), strict_parsing=True)
        assert form.keys() == {"mobile", "sid", "msg", "ref"}
        return form

    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        form = {"ref": REFERENCE, "msgid": "their-id", "stat": status.encode("utf-8", "surrogatepass"), "err": "1", "ts": SECOND}
        body = urlencode(form).encode()
        digest = hmac.new(account.credentials["receipt_secret"].encode(), body, hashlib.sha512).digest()
        return Incoming("POST", URL, {}, {"x-hub-signature": base64.b64encode(digest).decode()}, body)

    def test_the_test_speaks_of_every_channel(self) -> None:
        assert set(self.contents) == signed_http_configuration.read(FORM_EXAMPLE).channels

    def test_it_carries_no_letters(self) -> None:
        with pytest.raises(Unsendable):
            submit(FORM_EXAMPLE, LETTER)

    def test_a_truncated_success_is_unknown(self) -> None:
        assert self.adapter.read_answer(self.account, Answer(200, {}, b"status=ok&msg")).is_unknown


# Filling the gaps


def test_a_message_is_filled_in_signed_and_proven() -> None:
    call = submit(JSON_EXAMPLE, validity=900_000)

    assert json.loads(call.body) == {
        "to": RECIPIENT,
        "from": "+15005550009",
        "content": {"body": "Hello ☃"},
        "client_ref": REFERENCE,
        "ttl": 172_800,
        "report_to": URL,
    }
    digest = hmac.new(f"{CANARY}-key".encode(), f"{SECOND}.POST./v2/messages.".encode() + call.body, hashlib.sha256).hexdigest()
    assert call.headers == {
        "idempotency-key": REFERENCE,
        "content-type": "application/json",
        "authorization": f"Bearer {CANARY}-key",
        "x-signature": f"v1={digest}",
        "x-timestamp": SECOND,
    }


def test_a_forms_key_stands_in_the_url() -> None:
    call = submit(FORM_EXAMPLE)

    assert call.url == f"https://gateway.example/api/http/send?user=acme&apikey={CANARY}-key"
    assert call.headers == {"content-type": "application/x-www-form-urlencoded"}


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=200) | st.sampled_from(
    ['"}, "to": "+1', "&to=1&", "{recipient}", "{", "}}", "\r\nx-evil: 1", "../../", "?a=b#c", "%00%0a", '\\u0022,"a":"', "\x00", "=;&+ "]
)


@fuzzed
@given(text=texts, subject=texts, html=texts, reference=st.uuids().map(str))
def test_no_text_ends_the_string_that_it_was_put_into(text: str, subject: str, html: str, reference: str) -> None:
    sent = replace(outbound(Email(subject=subject, text=text, html=html)), reference=reference)
    said = json.loads(registry.get("signed_http").submit(account(JSON_EXAMPLE), sent).body)

    content = {"subject": subject, "body": text, "html": html}
    assert said == {
        "to": RECIPIENT,
        "from": "+15005550009",
        "content": {name: value for name, value in content.items() if value or name == "body"},
        "client_ref": reference,
        "report_to": URL,
    }


@fuzzed
@given(text=texts, subject=texts)
def test_no_text_ends_its_field_or_its_parameter(text: str, subject: str) -> None:
    words = json.loads(changed(FORM_EXAMPLE, "request.path", "/to/{recipient}?subject={subject}&b={text}"))
    words["channels"] = ["email"]
    words["request"]["form"] |= {"msg": "<{text}> of {subject}"}
    call = submit(words, Email(subject=subject, text=text))

    assert dict(parse_qsl(call.body.decode(), keep_blank_values=True, strict_parsing=True)) == {
        "mobile": "201001234567",
        "sid": "+15005550009",
        "msg": f"<{text}> of {subject}",
        "ref": REFERENCE,
    }
    # As the transport's own library reads it.
    url = yarl.URL(call.url)
    assert (url.host, url.path, url.fragment) == ("gateway.example", f"/api/to/{RECIPIENT}", "")
    assert dict(url.query) == {"subject": subject, "b": text, "apikey": f"{CANARY}-key"}


def test_an_address_to_unsubscribe_goes_with_the_letters_that_have_one() -> None:
    mine = account(changed(JSON_EXAMPLE, "request.json.headers", {"List-Unsubscribe": "{unsubscribe_url}"}))

    def headers(url: str) -> object:
        return json.loads(registry.get("signed_http").submit(mine, replace(outbound(LETTER), unsubscribe_url=url)).body)["headers"]

    assert headers("https://qsura.example/u/1") == {"List-Unsubscribe": "https://qsura.example/u/1"}
    assert headers("") == {}


@pytest.mark.parametrize("sender", ["Acmé", "a\r\nx-evil: 1", "a\x00", "☃"])
def test_what_no_header_can_hold_is_unsendable(sender: str) -> None:
    words = changed(JSON_EXAMPLE, "request.headers", {"x-sender": "{sender}"})
    mine = account(words)

    with pytest.raises(Unsendable):
        registry.get("signed_http").submit(replace(mine, settings={**mine.settings, "sender": sender}), outbound())


def test_half_a_character_is_unsendable() -> None:
    for example in (JSON_EXAMPLE, FORM_EXAMPLE):
        with pytest.raises(Unsendable):
            submit(example, Text("lone \ud800"))


def test_a_template_of_whatsapp_is_unsendable() -> None:
    with pytest.raises(Unsendable) as caught:
        submit(JSON_EXAMPLE, WhatsAppTemplate(name="n", language="en", components=[], text="t"))
    assert caught.value.error_class is ErrorClass.TEMPLATE_FAULT


@pytest.mark.parametrize(
    "said, expected",
    [
        ({"type": "basic", "user": "acme"}, {"authorization": "Basic " + base64.b64encode(f"acme:{CANARY}-key".encode()).decode()}),
        ({"type": "header", "name": "X-Api-Key"}, {"x-api-key": f"{CANARY}-key"}),
        ({"type": "header", "name": "authorization", "prefix": "App "}, {"authorization": f"App {CANARY}-key"}),
    ],
)
def test_it_proves_itself_as_it_was_told(said: dict[str, str], expected: dict[str, str]) -> None:
    assert expected.items() <= submit(changed(JSON_EXAMPLE, "authentication", said)).headers.items()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_request_is_signed_by_the_secret_for_it(algorithm: str) -> None:
    words = changed(JSON_EXAMPLE, "signature", {"algorithm": algorithm, "header": "x-sum", "encoding": "base64"})
    call = registry.get("signed_http").submit(account(words, signature_secret="another"), outbound())

    assert base64.b64decode(call.headers["x-sum"]) == hmac.new(b"another", call.body, algorithm).digest()


def test_without_a_time_nothing_that_bears_one_is_signed() -> None:
    with pytest.raises(Unsendable) as caught:
        submit(JSON_EXAMPLE, at=None)
    assert caught.value.error_class is ErrorClass.ACCOUNT_FAULT


@pytest.mark.parametrize("secret", ["", "new\nline", "ключ"])
def test_a_secret_that_can_not_be_sent_is_the_accounts_fault(secret: str) -> None:
    with pytest.raises(Unsendable) as caught:
        registry.get("signed_http").submit(account(JSON_EXAMPLE, secret=secret), outbound())
    assert caught.value.error_class is ErrorClass.ACCOUNT_FAULT


# Being called


def test_a_signed_time_decides_how_long_a_call_counts() -> None:
    adapter, call = registry.get("signed_http"), TestJson().call_in("sent", account=account(JSON_EXAMPLE))
    patient = account(changed(JSON_EXAMPLE, "receipts.proof.tolerance", 86_400))

    assert adapter.signed_at(account(JSON_EXAMPLE), call) == AT
    assert adapter.repeats_for(account(JSON_EXAMPLE)) == timedelta(0)
    assert adapter.repeats_for(patient) == timedelta(seconds=86_100)


@pytest.mark.parametrize("said", [None, "soon", "", "99999999999999"])
def test_a_time_that_can_not_be_read_is_long_ago(said: str | None) -> None:
    headers = {} if said is None else {"x-timestamp": said}
    signed_at = registry.get("signed_http").signed_at(account(JSON_EXAMPLE), Incoming("POST", URL, {}, headers, b""))

    assert signed_at is not None
    assert signed_at.year == 1970


@pytest.mark.parametrize(
    "proof, headers",
    [
        ({"type": "header", "name": "X-Token", "prefix": "Token "}, {"x-token": f"Token {CANARY}-receipts"}),
        ({"type": "basic", "user": "gw"}, {"authorization": "Basic " + base64.b64encode(f"gw:{CANARY}-receipts".encode()).decode()}),
    ],
)
def test_a_caller_may_prove_itself_by_the_secret_itself(proof: dict[str, str], headers: dict[str, str]) -> None:
    adapter, mine = registry.get("signed_http"), account(changed(JSON_EXAMPLE, "receipts.proof", proof))

    adapter.authenticate(mine, Incoming("POST", URL, {}, headers, b"{}"))
    for wrong in ({}, {name: value + "x" for name, value in headers.items()}):
        with pytest.raises(Forged):
            adapter.authenticate(mine, Incoming("POST", URL, {}, wrong, b"{}"))


def read(words: str, body: object) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return registry.get("signed_http").read_receipts(account(words), Incoming("POST", URL, {}, {}, raw))


def test_a_list_holds_many_and_a_broken_one_costs_no_other() -> None:
    receipts = read(JSON_EXAMPLE, {"events": [{"client_ref": REFERENCE, "state": "sent"}, 7, {"state": "sent"}]})

    assert [receipt.status for receipt in receipts] == [ReceiptStatus.SENT, ReceiptStatus.UNMAPPED, ReceiptStatus.UNMAPPED]


def test_the_body_itself_may_be_the_list_or_the_receipt() -> None:
    one = {"client_ref": REFERENCE, "id": 17, "state": "delivered"}

    assert read(changed(JSON_EXAMPLE, "receipts.list", ""), [one, one])[1].provider_reference == "17"
    assert read(changed(JSON_EXAMPLE, "receipts.list", None), one)[0].status is ReceiptStatus.DELIVERED


def test_a_body_without_the_list_is_unreadable() -> None:
    for body in ({}, {"events": {}}, [1]):
        with pytest.raises(Unreadable):
            read(JSON_EXAMPLE, body)


@pytest.mark.parametrize(
    "time_format, said, expected",
    [
        ("iso", "2026-11-22T12:00:00Z", AT),
        ("iso", "2026-11-22T12:00:00", None),
        ("unix", 1795348800, AT),
        ("unix_ms", 1795348800123, AT),
        ("unix_ms", "soon", None),
    ],
)
def test_times_come_in_three_forms(time_format: str, said: object, expected: datetime | None) -> None:
    words = changed(JSON_EXAMPLE, "receipts.time_format", time_format)
    [receipt] = read(words, {"events": [{"client_ref": REFERENCE, "state": "sent", "at": said}]})

    assert receipt.occurred_at == expected


# Judging what staff wrote


@pytest.mark.parametrize(
    "place, value, told",
    [
        ("channels", ["whatsapp"], "channels"),
        ("request.method", "GET", "request.method"),
        ("request.path", "v2/messages", "request.path"),
        ("request.path", "https://evil.example/", "request.path"),
        ("request.path", "//evil.example/", "request.path"),
        ("request.path", "/a/../b", "request.path"),
        ("request.path", "/a b", "request.path"),
        ("request.path", "/a#b", "request.path"),
        ("request.path", "/{text}", "request.path"),
        ("request.headers", {"authorization": "Bearer x"}, "request.headers.authorization"),
        ("request.headers", {"Host": "x"}, "request.headers.host"),
        ("request.headers", {"x y": "z"}, "request.headers.x y"),
        ("request.headers", {"x-a": "a\r\nb: c"}, "request.headers.x-a"),
        ("request.headers", {"x-a": "{text}"}, "request.headers.x-a"),
        ("request.headers", {"x-a": 1}, "request.headers"),
        ("request.json", {"a": "{recipient}{text}{reference}{secret}"}, "request.json.a"),
        ("request.json", {"to": "{recipient}", "text": "{text}"}, "request"),
        ("request.json", None, "request"),
        ("request.xml", "<a/>", "request.xml"),
        ("authentication.type", "oauth", "authentication.type"),
        ("authentication", {"type": "basic", "user": "a:b"}, "authentication.user"),
        ("authentication", {"type": "header", "name": "content-length"}, "authentication.name"),
        ("authentication", {"type": "query", "name": "a&b=c d"}, "authentication.name"),
        ("signature.algorithm", "md5", "signature.algorithm"),
        ("signature.over", "{timestamp}", "signature.over"),
        ("signature.over", "{body}{text}", "signature.over"),
        ("signature.timestamp_header", None, "signature.timestamp_header"),
        ("signature.header", "a b", "signature.header"),
        ("signature.prefix", "a\nb", "signature.prefix"),
        ("answer.taken", ["2xx"], "answer.taken"),
        ("answer.id", None, "answer.id"),
        ("answer.id", "a..b", "answer.id"),
        ("answer.codes", {"1": "unmapped"}, "answer.codes.1"),
        ("receipts", None, "receipts"),
        ("receipts.format", "xml", "receipts.format"),
        ("receipts.statuses", {}, "receipts.statuses"),
        ("receipts.statuses", {"DELIVRD": "arrived"}, "receipts.statuses.DELIVRD"),
        ("receipts.proof", {"type": "none"}, "receipts.proof.type"),
        ("receipts.proof.tolerance", 5, "receipts.proof.tolerance"),
        ("receipts.proof.over", "{timestamp}.{path}.{body}", "receipts.proof.over"),
        ("receipts.time_format", "strptime", "receipts.time_format"),
        ("longest_validity", True, "longest_validity"),
        ("secret", "x", "configuration.secret"),
    ],
)
def test_every_problem_is_told_with_its_place(place: str, value: object, told: str) -> None:
    assert [each.partition(": ")[0] for each in problems(changed(JSON_EXAMPLE, place, value)) if each.startswith(f"{told}: ")]


def test_all_problems_are_told_at_once() -> None:
    words = changed(changed(JSON_EXAMPLE, "request.method", "GET"), "answer.id", 7)

    assert {each.partition(":")[0] for each in problems(words)} == {"request.method", "answer.id"}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"request": 7}', '{"a":' * 900 + "1" + "}" * 900, "x" * 20_000, "\ud800"])
def test_what_is_no_configuration_is_told_and_never_raises_anything_else(text: str) -> None:
    assert problems(text)
    assert registry.get("signed_http").longest_validity({"configuration": text}) is None
    with pytest.raises(Unsendable):
        submit(text)


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)


@fuzzed
@given(
    place=st.sampled_from(["channels", "request", "request.json", "answer", "answer.codes", "receipts", "receipts.proof", "signature"]),
    value=nested,
)
def test_no_configuration_crashes_its_reader(place: str, value: object) -> None:
    words = changed(JSON_EXAMPLE, place, value)

    if not problems(words):
        registry.get("signed_http").submit(account(words), outbound())


def test_a_validity_that_is_told_makes_a_route_sure() -> None:
    adapter = registry.get("signed_http")

    assert adapter.longest_validity({"configuration": JSON_EXAMPLE}) == 172_800
    assert adapter.longest_validity({"configuration": FORM_EXAMPLE}) is None
