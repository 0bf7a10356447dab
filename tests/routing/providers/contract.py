"""What every adapter promises, as one test class. A new adapter's test inherits it and says what its provider's wire looks like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.providers import registry
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
    Receipt,
    ReceiptStatus,
    Unreadable,
    Unsendable,
)

REFERENCE = "0198c5f2-7a10-7c3e-9d55-1f0a6f1b2c3d"
RECIPIENT = "+201001234567"
CANARY = "canary"
"""Every secret of a test account begins with it, and so must nothing that is printed."""

# Each subclass runs the same examples' engine; that is the very purpose of inheriting.
fuzzed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])

anything = st.text(st.characters(exclude_categories=()), max_size=60)
some_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(anything, inner, max_size=4),
    max_leaves=12,
)


class AdapterContract(ABC):
    """Inherit it as `class TestMeta(AdapterContract)`, and fill in what is abstract."""

    account: ProviderAccount
    """Its secrets begin with CANARY; its callback URL is https://qsura.example/v1/providers/<token>/callbacks."""
    contents: Mapping[str, list[Content]]
    """For each channel of the adapter, one of each kind of content that it carries."""
    taken: Answer
    taken_as: str
    """An answer that takes a message over, and the reference that it gives."""
    refusals: list[tuple[Answer, ErrorClass]]
    statuses: Mapping[str, ReceiptStatus]
    """The provider's words, and ours."""
    signature_header: str

    @property
    @abstractmethod
    def adapter(self) -> Adapter: ...

    @abstractmethod
    def describe(self, body: bytes) -> object:
        """The body of a hand-off as the published description would judge it; raises if it does not conform."""

    @abstractmethod
    def call_in(self, status: str, *, account: ProviderAccount) -> Incoming:
        """A genuine call of the provider that says `status` of REFERENCE, signed with the account's secret."""

    def outbound(self, channel: str, content: Content, *, validity: int | None = None) -> Outbound:
        return Outbound(reference=REFERENCE, channel=channel, recipient=RECIPIENT, content=content, validity_seconds=validity)

    def every_outbound(self) -> list[Outbound]:
        return [self.outbound(channel, content) for channel, contents in self.contents.items() for content in contents]

    # What it is

    def test_the_registry_knows_it_by_its_name(self) -> None:
        assert registry.get(self.adapter.name) is self.adapter

    def test_it_says_which_fields_may_be_left_out(self) -> None:
        assert self.adapter.optional_fields <= {*self.adapter.credential_fields, *self.adapter.setting_fields}

    def test_the_test_speaks_of_every_channel(self) -> None:
        assert set(self.contents) == self.adapter.channels

    # Handing off

    def test_a_hand_off_goes_to_the_accounts_base_url(self) -> None:
        for outbound in self.every_outbound():
            call = self.adapter.submit(replace(self.account, base_url="http://127.0.0.1:9/there/"), outbound)

            assert call.method == "POST"
            assert call.url.startswith("http://127.0.0.1:9/there/")
            assert "//" not in call.url.removeprefix("http://")

    def test_a_hand_off_conforms_to_the_published_description(self) -> None:
        for outbound in self.every_outbound():
            self.describe(self.adapter.submit(self.account, outbound).body)

    def test_our_reference_travels_with_the_hand_off(self) -> None:
        for outbound in self.every_outbound():
            assert REFERENCE.encode() in self.adapter.submit(self.account, outbound).body

    def test_header_names_are_lower_case(self) -> None:
        for outbound in self.every_outbound():
            assert all(name == name.lower() for name in self.adapter.submit(self.account, outbound).headers)

    def test_nothing_that_is_printed_tells_a_secret_or_a_recipient(self) -> None:
        for outbound in self.every_outbound():
            printed = repr([self.account, outbound, self.adapter.submit(self.account, outbound)])

            assert CANARY not in printed
            assert RECIPIENT not in printed

    def test_content_of_another_channel_is_unsendable(self) -> None:
        if "email" not in self.adapter.channels:
            for channel in self.adapter.channels:
                with pytest.raises(Unsendable):
                    self.adapter.submit(self.account, self.outbound(channel, Email(subject="S", text="T")))

    def test_an_account_without_settings_is_unsendable(self) -> None:
        for outbound in self.every_outbound():
            with pytest.raises(Unsendable) as caught:
                self.adapter.submit(replace(self.account, settings={}), outbound)
            assert caught.value.error_class is ErrorClass.ACCOUNT_FAULT

    # Reading answers

    def test_an_answer_with_an_id_is_taken(self) -> None:
        handoff = self.adapter.read_answer(self.account, self.taken)

        assert (handoff.reference, handoff.fault) == (self.taken_as, None)

    def test_a_refusal_has_its_class_and_keeps_the_raw_code(self) -> None:
        for answer, expected in self.refusals:
            handoff = self.adapter.read_answer(self.account, answer)

            assert handoff.fault is not None
            assert handoff.fault.error_class is expected, answer.body
            assert handoff.fault.raw_code
            assert not handoff.reference

    @pytest.mark.parametrize("body", [b"", b"<html>OK</html>", b"null", b"[]", b'"x"', b"{}", b"{}}", b"\xff\xfe", b"[" * 10_000])
    def test_a_success_without_an_id_is_unknown(self, body: bytes) -> None:
        assert self.adapter.read_answer(self.account, Answer(200, {}, body)).is_unknown

    def test_a_truncated_success_is_unknown(self) -> None:
        assert self.adapter.read_answer(self.account, replace(self.taken, body=self.taken.body[:-9])).is_unknown

    @pytest.mark.parametrize(
        "status, expected",
        [
            (301, ErrorClass.UNMAPPED),
            (400, ErrorClass.UNMAPPED),
            (401, ErrorClass.ACCOUNT_FAULT),
            (408, ErrorClass.PROVIDER_FAULT),
            (413, ErrorClass.UNMAPPED),
            (429, ErrorClass.THROTTLED),
            (500, ErrorClass.PROVIDER_FAULT),
            (502, ErrorClass.PROVIDER_FAULT),
            (503, ErrorClass.PROVIDER_FAULT),
        ],
    )
    def test_without_a_code_the_http_status_decides(self, status: int, expected: ErrorClass) -> None:
        fault = self.adapter.read_answer(self.account, Answer(status, {}, b"<html>A proxy speaks</html>")).fault

        assert fault is not None
        assert (fault.error_class, fault.raw_code) == (expected, f"http_{status}")

    def test_a_gateways_time_out_is_unknown(self) -> None:
        assert self.adapter.read_answer(self.account, Answer(504, {}, b"<html>Gateway Time-out</html>")).is_unknown

    @pytest.mark.parametrize(
        "headers, expected",
        [
            ({"retry-after": "2"}, 2.0),
            ({"retry-after": "999999999999"}, 86_400.0),
            ({"retry-after": "Wed, 21 Oct 2026 07:28:05 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 5.0),
            ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
            ({"retry-after": "Wed, 21 Oct 2026 07:28:05 GMT"}, None),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "-5"}, None),
            ({}, None),
        ],
    )
    def test_the_wait_that_the_provider_asks_for_is_kept(self, headers: dict[str, str], expected: float | None) -> None:
        fault = self.adapter.read_answer(self.account, Answer(429, headers, b"")).fault

        assert fault is not None
        assert fault.retry_after == expected

    @fuzzed
    @given(status=st.integers(100, 599), headers=st.dictionaries(st.sampled_from(["retry-after", "date"]), anything), body=st.binary())
    def test_no_answer_crashes_it(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.adapter.read_answer(self.account, Answer(status, headers, body))

    # Being called

    def test_a_genuine_call_is_authentic(self) -> None:
        self.adapter.authenticate(self.account, self.call_in("delivered", account=self.account))

    def test_a_call_with_any_byte_changed_is_forged(self) -> None:
        call = self.call_in("delivered", account=self.account)

        for body in (call.body + b" ", call.body[:-1], call.body.replace(b"delivered", b"read"), b""):
            with pytest.raises(Forged):
                self.adapter.authenticate(self.account, replace(call, body=body))

    @pytest.mark.parametrize(
        "signature", [None, "", "ééé", "\ud800", "\x00", "sha256=", "sha256=" + "0" * 64, "0" * 28, "1" * 5000, "a, b"]
    )
    def test_a_call_with_another_signature_is_forged(self, signature: str | None) -> None:
        call = self.call_in("delivered", account=self.account)
        headers = {name: value for name, value in call.headers.items() if name != self.signature_header}
        headers |= {} if signature is None else {self.signature_header: signature}

        with pytest.raises(Forged):
            self.adapter.authenticate(self.account, replace(call, headers=headers))

    def test_a_second_signature_beside_the_valid_one_is_forged(self) -> None:
        call = self.call_in("delivered", account=self.account)
        doubled = f"0000, {call.headers[self.signature_header]}"

        with pytest.raises(Forged):
            self.adapter.authenticate(self.account, replace(call, headers={**call.headers, self.signature_header: doubled}))

    @pytest.mark.parametrize("secret", ["None", "", "null", "another business's secret"])
    def test_another_secret_does_not_open_the_door(self, secret: str) -> None:
        others = {name: secret for name in self.adapter.credential_fields}
        call = self.call_in("delivered", account=replace(self.account, credentials=others))

        with pytest.raises(Forged):
            self.adapter.authenticate(self.account, call)

    @pytest.mark.parametrize("nothing", ["", None])
    def test_an_account_without_a_secret_lets_nobody_in(self, nothing: str | None) -> None:
        empty = replace(self.account, credentials={name: "" for name in self.adapter.credential_fields})
        call = self.call_in("delivered", account=empty)
        bare = replace(self.account, credentials={name: nothing for name in self.adapter.credential_fields if nothing is not None})

        with pytest.raises(Forged):
            self.adapter.authenticate(bare, call)

    def test_both_secrets_open_the_door_while_one_replaces_the_other(self) -> None:
        before = {name: f"{CANARY}-old" for name in self.adapter.credential_fields}
        call = self.call_in("delivered", account=replace(self.account, credentials=before))
        previous = {name: f"{CANARY}-old" for name in self.adapter.credential_fields if name.endswith("_previous")}

        self.adapter.authenticate(replace(self.account, credentials={**self.account.credentials, **previous}), call)

    def test_a_large_body_is_judged_like_any_other(self) -> None:
        call = self.call_in("delivered", account=self.account)

        with pytest.raises(Forged):
            self.adapter.authenticate(self.account, replace(call, body=b"a=%41&" * 17_000_000))

    @fuzzed
    @given(
        method=st.sampled_from(["GET", "POST", "PUT", "\ud800"]),
        url=anything,
        query=st.dictionaries(anything, anything, max_size=3),
        headers=st.dictionaries(
            st.sampled_from(["x-hub-signature-256", "x-twilio-signature", "content-type"]) | anything, anything, max_size=4
        ),
        body=st.binary(),
    )
    def test_no_call_raises_anything_but_forged(
        self, method: str, url: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> None:
        incoming = Incoming(method=method, url=url, query=query, headers=headers, body=body)

        with pytest.raises(Forged):
            self.adapter.authenticate(self.account, incoming)

    # Reading receipts

    def test_each_word_of_the_provider_has_its_meaning(self) -> None:
        for word, expected in self.statuses.items():
            [receipt] = self.adapter.read_receipts(self.account, self.call_in(word, account=self.account))

            assert (receipt.status, receipt.raw_status) == (expected, word)
            assert receipt.client_reference == REFERENCE
            assert receipt.provider_reference

    def test_a_failure_says_why_and_a_success_does_not(self) -> None:
        for word, status in self.statuses.items():
            [receipt] = self.adapter.read_receipts(self.account, self.call_in(word, account=self.account))
            is_negative = status in {ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERABLE, ReceiptStatus.REJECTED, ReceiptStatus.EXPIRED}

            assert (receipt.fault is not None) == is_negative

    def test_a_word_that_nobody_knows_is_kept_and_guessed_as_nothing(self) -> None:
        [receipt] = self.adapter.read_receipts(self.account, self.call_in("something_new", account=self.account))

        assert (receipt.status, receipt.raw_status) == (ReceiptStatus.UNMAPPED, "something_new")
        assert receipt.client_reference == REFERENCE

    @pytest.mark.parametrize("word", ["nul\x00", "lone \ud800"])
    def test_words_become_storable(self, word: str) -> None:
        for receipt in self.read(self.call_in(word, account=self.account)):
            assert "\x00" not in receipt.raw_status
            receipt.raw_status.encode()

    def test_an_endless_word_is_shortened(self) -> None:
        [receipt] = self.adapter.read_receipts(self.account, self.call_in("x" * 10_000, account=self.account))

        assert receipt.raw_status == "x" * 64

    @fuzzed
    @given(body=st.binary() | some_json.map(lambda value: repr(value).encode("utf-8", "replace")))
    def test_no_body_crashes_the_reader(self, body: bytes) -> None:
        call = self.call_in("delivered", account=self.account)

        self.judge(self.read(replace(call, body=body)))

    @pytest.mark.parametrize(
        "body", [b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000, b"1" * 5_000, b"\x00", "\N{SNOWMAN}".encode("utf-16")]
    )
    def test_hostile_bodies_are_unreadable_or_empty(self, body: bytes) -> None:
        call = self.call_in("delivered", account=self.account)

        assert self.read(replace(call, body=body)) == []

    def read(self, incoming: Incoming) -> list[Receipt]:
        try:
            return self.adapter.read_receipts(self.account, incoming)
        except Unreadable:
            return []

    def judge(self, receipts: list[Receipt]) -> None:
        """Whatever was said, what we made of it can be stored."""
        for receipt in receipts:
            for text in (receipt.raw_status, receipt.client_reference, receipt.provider_reference):
                assert "\x00" not in text
                assert len(text) <= 255
                text.encode()
            assert receipt.occurred_at is None or receipt.occurred_at.tzinfo is UTC

    # Proving the URL

    def test_an_ordinary_call_is_no_handshake(self) -> None:
        assert self.adapter.handshake(self.account, self.call_in("delivered", account=self.account)) is None
