"""SMPP's dialects: what of the contract a wire without HTTP can keep, the shared tables, and the cases that only SMPP has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.providers import gsm, registry, smpp, smpp_errors, smpp_pdu, smpp_receipts, smpp_settings, smpp_text
from routing.providers.base import (
    Adapter,
    Answer,
    Call,
    Email,
    ErrorClass,
    Forged,
    Handoff,
    Incoming,
    Outbound,
    Particular,
    ProviderAccount,
    Receipt,
    ReceiptStatus,
    Text,
    Unreadable,
    Unsendable,
)
from routing.providers.smpp_pdu import Address, Message, Pdu
from routing.providers.smpp_receipts import Dialect
from tests.fixtures import cases, load
from tests.routing.providers.contract import CANARY, RECIPIENT, REFERENCE

ADAPTER: Adapter = registry.get("smpp")
SETTINGS = {"host": "smsc.example", "port": "2775", "system_id": "shop", "sender": "+15005550009"}
ACCOUNT = ProviderAccount(
    id="account",
    base_url="",
    callback_url="https://qsura.example/v1/providers/tok_en/callbacks",
    settings=SETTINGS,
    credentials={"password": f"{CANARY}-password"},
)
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SUBMIT_ANSWER = smpp_pdu.SUBMIT_SM | smpp_pdu.ANSWER


def outbound(text: str = "Your code is 123456.", *, validity: int | None = None, recipient: str = RECIPIENT) -> Outbound:
    return Outbound(reference=REFERENCE, channel="sms", recipient=recipient, content=Text(text), validity_seconds=validity)


def submit(text: str = "Your code is 123456.", *, validity: int | None = None, **more: str) -> list[Message]:
    call = ADAPTER.submit(replace(ACCOUNT, settings={**SETTINGS, **more}), outbound(text, validity=validity))
    return [smpp_pdu.read_message(pdu.body) for pdu in smpp_pdu.split(call.body)]


def answers(*told: tuple[int, str]) -> Answer:
    return Answer(0, {}, b"".join(Pdu(SUBMIT_ANSWER, status, 7, smpp_pdu.text(id_)).encode() for status, id_ in told))


def brought(text: str | bytes, **message: Any) -> Incoming:
    """A deliver_sm as the session process keeps it."""
    octets = text.encode() if isinstance(text, str) else text
    pdu = Pdu(smpp_pdu.DELIVER_SM, 0, 9, smpp_pdu.write_message(Message(short_message=octets, **message)))
    url, body = smpp.brought(pdu, at="1")
    return Incoming("POST", url, dict(parse_qsl(url.partition("?")[2])), {}, body)


def read(text: str | bytes, *, told: Mapping[str, str] | None = None, **message: Any) -> Receipt:
    account = replace(ACCOUNT, settings={**SETTINGS, **(told or {})})
    [receipt] = ADAPTER.read_receipts(account, brought(text, **{"esm_class": 4, **message}))
    return receipt


def receipt(stat: str = "DELIVRD", *, id_: str = "42", err: str = "000", done: str = "2411221531", text: str = "x") -> str:
    return f"id:{id_} sub:001 dlvrd:001 submit date:2411221530 done date:{done} stat:{stat} err:{err} text:{text}"


# What it is


def test_the_registry_knows_it_as_one_that_is_kept_in_sessions() -> None:
    assert ADAPTER.name == "smpp"
    assert "smpp" in registry.IN_SESSIONS
    assert isinstance(ADAPTER, Particular)
    assert ADAPTER.optional_fields <= {*ADAPTER.credential_fields, *ADAPTER.setting_fields}


# Handing off


def test_a_text_goes_out_as_one_submit_sm() -> None:
    [message] = submit("Ünïcode: nö, GSM")

    assert (message.source, message.destination) == (Address("15005550009", 1, 1), Address("201001234567", 1, 1))
    assert (message.registered_delivery, message.esm_class, message.validity) == (1, 0, "")


def test_nothing_that_is_printed_tells_a_secret_or_a_recipient() -> None:
    call = ADAPTER.submit(ACCOUNT, outbound())
    printed = repr([ACCOUNT, outbound(), call, *smpp_pdu.split(call.body), *submit()])

    assert CANARY not in printed
    assert RECIPIENT.removeprefix("+") not in printed
    assert "123456." not in printed


def test_our_reference_travels_beside_the_pdus() -> None:
    call = ADAPTER.submit(ACCOUNT, outbound())

    assert isinstance(call, smpp.Submission)
    assert (call.account_id, call.reference) == ("account", REFERENCE)


def test_content_of_another_channel_is_unsendable() -> None:
    for other in (replace(outbound(), content=Email(subject="S", text="T")), replace(outbound(), channel="email"), outbound("")):
        with pytest.raises(Unsendable) as caught:
            ADAPTER.submit(ACCOUNT, other)
        assert caught.value.error_class is ErrorClass.TEMPLATE_FAULT


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""},
        {"port": "smpp"},
        {"port": "70000"},
        {"alphabet": "ebcdic"},
        {"sender": "x" * 21},
        {"receipt_clock": "noon"},
        {"host": "a b"},
    ],
)
def test_an_account_with_a_wrong_setting_is_unsendable(wrong: dict[str, str]) -> None:
    with pytest.raises(Unsendable) as caught:
        ADAPTER.submit(replace(ACCOUNT, settings={**SETTINGS, **wrong}), outbound())

    assert caught.value.error_class is ErrorClass.ACCOUNT_FAULT
    assert set(smpp_settings.judge({**SETTINGS, **wrong})) == set(wrong)


@pytest.mark.parametrize(
    "sender, more, expected",
    [
        ("+15005550009", {}, Address("15005550009", 1, 1)),
        ("15005550009", {}, Address("15005550009", 1, 1)),
        ("20300", {}, Address("20300", 3, 0)),
        ("Qsura", {}, Address("Qsura", 5, 0)),
        ("20300", {"sender_ton": "0", "sender_npi": "1"}, Address("20300", 0, 1)),
    ],
)
def test_a_sender_has_the_type_that_its_looks_tell_unless_a_setting_says_otherwise(
    sender: str, more: dict[str, str], expected: Address
) -> None:
    [message] = submit(sender=sender, **more)

    assert message.source == expected


@pytest.mark.parametrize(
    "seconds, expected",
    [(None, ""), (0, "000000000001000R"), (90, "000000000130000R"), (90_061, "000001010101000R"), (10**9, "000014000000000R")],
)
def test_the_validity_goes_out_as_a_span(seconds: int | None, expected: str) -> None:
    [message] = submit(validity=seconds)

    assert message.validity == expected


@pytest.mark.parametrize(
    "text, alphabet, coding, octets",
    [
        ("@£ {€}", "gsm", 0, bytes([0, 1, 0x20, 0x1B, 0x28, 0x1B, 0x65, 0x1B, 0x29])),
        ("café", "latin1", 3, b"caf\xe9"),
        ("café", "ucs2", 8, "café".encode("utf-16-be")),
        ("مرحبا", "gsm", 8, "مرحبا".encode("utf-16-be")),
        ("€", "latin1", 8, b"\x20\xac"),
        ("lone \ud800", "gsm", 8, "lone ?".encode("utf-16-be")),
    ],
)
def test_a_text_goes_out_in_the_smallest_coding_that_the_account_takes(text: str, alphabet: str, coding: int, octets: bytes) -> None:
    [message] = submit(text, alphabet=alphabet)

    assert (message.data_coding, message.short_message) == (coding, octets)
    assert smpp_text.decode(octets, data_coding=coding) == text.replace("\ud800", "?")


@pytest.mark.parametrize(
    "way, text, sizes",
    [
        ("udh8", "a" * 160, [160]),
        ("udh8", "a" * 161, [153, 8]),
        ("udh8", "a" * 152 + "€" + "a" * 20, [152, 22]),
        ("udh16", "a" * 161, [152, 9]),
        ("sar", "a" * 161, [153, 8]),
        ("udh8", "ع" * 70, [140]),
        ("udh8", "ع" * 71, [134, 8]),
        ("udh16", "ع" * 71, [132, 10]),
        ("udh8", "😀" * 36, [132, 12]),
    ],
)
def test_a_long_text_is_cut_where_no_character_is(way: str, text: str, sizes: list[int]) -> None:
    header = {"udh8": 6, "udh16": 7, "sar": 0}[way]
    parts = submit(text, long_messages=way)
    contents = [part.short_message[header if len(parts) > 1 else 0 :] for part in parts]

    assert [len(each) for each in contents] == sizes
    assert "".join(smpp_text.decode(each, data_coding=parts[0].data_coding) for each in contents) == text


def test_the_parts_of_a_text_bear_one_number_and_again_the_same_when_it_is_sent_again() -> None:
    heads = [[part.short_message[:6] for part in submit("a" * 400)] for _ in range(2)]

    assert heads[0] == heads[1]
    assert [head[4:] for head in heads[0]] == [b"\x03\x01", b"\x03\x02", b"\x03\x03"]
    assert {head[:3] for head in heads[0]} == {b"\x05\x00\x03"}
    assert len({head[3] for head in heads[0]}) == 1
    assert all(part.esm_class == 0x40 for part in submit("a" * 400))


def test_a_header_of_sixteen_bits_has_a_longer_number() -> None:
    assert {part.short_message[:3] for part in submit("a" * 400, long_messages="udh16")} == {b"\x06\x08\x04"}


def test_parts_may_be_told_by_optional_parameters() -> None:
    parts = submit("a" * 400, long_messages="sar")

    assert [part.options[smpp_pdu.SAR_NUMBER] for part in parts] == [b"\x01", b"\x02", b"\x03"]
    assert {part.options[smpp_pdu.SAR_TOTAL] for part in parts} == {b"\x03"}
    assert {part.esm_class for part in parts} == {0}


def test_a_long_text_may_go_out_whole() -> None:
    [part] = submit("a" * 400, long_messages="payload")

    assert (part.short_message, part.options[smpp_pdu.MESSAGE_PAYLOAD], part.content) == (b"", b"a" * 400, b"a" * 400)


def test_a_text_of_more_parts_than_can_be_numbered_is_unsendable() -> None:
    with pytest.raises(Unsendable):
        submit("a" * 153 * 256)


@relaxed
@given(text=st.text(max_size=400), alphabet=st.sampled_from(smpp_text.ALPHABETS), way=st.sampled_from(smpp_text.WAYS))
def test_whatever_is_written_fits_and_says_the_same_when_it_is_read(text: str, alphabet: str, way: str) -> None:
    coded = smpp_text.code(text, alphabet=alphabet)
    parts = smpp_text.fill(Message(), coded, way=way, reference=REFERENCE)

    for part in parts:
        assert len(part.short_message) <= 160
        assert smpp_pdu.read_message(smpp_pdu.write_message(part)) == part
    header = {"udh8": 6, "udh16": 7}.get(way, 0) if len(parts) > 1 else 0
    whole = b"".join(part.content[header:] for part in parts)
    assert smpp_text.decode(whole, data_coding=coded.data_coding) == text


def test_the_sms_alphabet_has_its_characters_in_their_places() -> None:
    assert (len(gsm.BASIC), gsm.BASIC[0x00], gsm.BASIC[0x41], gsm.BASIC[0x7F]) == (128, "@", "A", "à")
    assert gsm.decode(b"\x1b\x65\x1b\x01\x80a") == "€ \N{REPLACEMENT CHARACTER}a"


# Reading answers


def test_an_answer_with_an_id_is_taken() -> None:
    assert ADAPTER.read_answer(ACCOUNT, answers((0, "0000AB12"))) == Handoff(reference="ab12")


def test_an_answer_for_each_part_is_taken_with_every_id() -> None:
    assert ADAPTER.read_answer(ACCOUNT, answers((0, "1"), (0, "2"), (0, "3"))) == Handoff(reference="1", parts=("1", "2", "3"))


def test_one_refused_part_refuses_the_whole() -> None:
    handoff = ADAPTER.read_answer(ACCOUNT, answers((0, "1"), (0x58, "")))

    assert handoff.fault is not None
    assert (handoff.fault.error_class, handoff.fault.raw_code) == (ErrorClass.THROTTLED, "ESME_RTHROTTLED")


@pytest.mark.parametrize(
    "body", [b"", b"half", Pdu(SUBMIT_ANSWER).encode(), answers((0, "1")).body[:-3], Pdu(smpp_pdu.ENQUIRE_LINK | smpp_pdu.ANSWER).encode()]
)
def test_a_success_without_an_id_is_unknown(body: bytes) -> None:
    assert ADAPTER.read_answer(ACCOUNT, Answer(0, {}, body)).is_unknown


def test_a_nack_is_a_refusal() -> None:
    fault = ADAPTER.read_answer(ACCOUNT, Answer(0, {}, Pdu(smpp_pdu.GENERIC_NACK, 0x03, 7).encode())).fault

    assert fault is not None
    assert (fault.error_class, fault.raw_code) == (ErrorClass.UNMAPPED, "ESME_RINVCMDID")


@relaxed
@given(body=st.binary())
def test_no_answer_crashes_it(body: bytes) -> None:
    ADAPTER.read_answer(ACCOUNT, Answer(0, {}, body))


@pytest.mark.parametrize("case", cases("smpp/command_status.json"))
def test_every_status_has_its_name(case: dict[str, Any]) -> None:
    assert smpp_errors.name(case["value"]) == case["name"]


def test_what_has_no_name_keeps_its_number() -> None:
    assert smpp_errors.fault(0x0400).raw_code == "0x00000400"
    assert smpp_errors.fault(0x0400).error_class is ErrorClass.UNMAPPED
    assert set(smpp_errors.CLASSES) <= set(smpp_errors.NAMES)


def test_statuses_make_the_platform_do_what_the_shared_table_expects() -> None:
    expected = load("smpp/retry_classes.json")
    classes = {smpp_errors.name(status): error_class for status, error_class in smpp_errors.CLASSES.items()}
    retried = {ErrorClass.THROTTLED, ErrorClass.PROVIDER_FAULT}

    assert {classes[name] for name in expected["retry_later"]} == retried
    assert not {classes[name] for name in expected["permanent"]} & {*retried, ErrorClass.UNMAPPED, ErrorClass.ACCOUNT_FAULT}
    assert {classes[name] for name in expected["configuration"]} == {ErrorClass.ACCOUNT_FAULT}


@pytest.mark.parametrize("case", cases("smpp/commands.json"))
def test_commands_have_the_numbers_that_the_shared_table_says(case: dict[str, str]) -> None:
    is_answer = case["command"].endswith("_resp")
    ours = getattr(smpp_pdu, case["command"].removesuffix("_resp").upper(), None)
    if ours is not None:
        assert (ours | smpp_pdu.ANSWER if is_answer else ours) == int(case["id"], 16)


def test_states_have_the_numbers_that_the_shared_table_says() -> None:
    states = load("smpp/consts.json")["MESSAGE_STATE"]

    assert {smpp_receipts.STATES[number][:5] for number in states.values()} == {
        {"ACCEPTED": "ACCEP", "DELIVERED": "DELIV", "REJECTED": "REJEC", "UNDELIVERABLE": "UNDEL"}.get(name, name[:5]) for name in states
    }


# Being called


def test_nobody_calls_it_by_http() -> None:
    with pytest.raises(Forged):
        ADAPTER.authenticate(ACCOUNT, brought(receipt()))


# Reading receipts

OURS = {
    "delivered": ReceiptStatus.DELIVERED,
    "failed": ReceiptStatus.FAILED,
    "intermediate": ReceiptStatus.SENT,
    "unknown": ReceiptStatus.SUBMITTED,
}


@pytest.mark.parametrize("case", cases("smpp/dlr_texts.json"), ids=lambda case: case and case["name"])
def test_every_shared_receipt_is_read(case: dict[str, Any]) -> None:
    expect = case["expect"]
    options = {}
    if "tlv" in expect:
        options = {
            smpp_pdu.RECEIPTED_MESSAGE_ID: smpp_pdu.text(expect["tlv"]["receipted_message_id"]),
            smpp_pdu.MESSAGE_STATE: bytes([expect["tlv"]["message_state"]]),
        }
    said = read(case["short_message"], options=options)

    assert said.status is OURS[expect["state"]]
    assert said.provider_reference == smpp_receipts.canonical(expect["id"])
    if said.fault is not None:
        assert said.fault.raw_code.endswith(expect["err"])
    if other := expect.get("also_matches_submit_resp_id"):
        ids = "receipt_hex" if "hex" in case["name"] else "same"
        assert read(case["short_message"], told={"receipt_ids": ids}).provider_reference == smpp_receipts.canonical(other)


@pytest.mark.parametrize(
    "ids, answered, receipted",
    [
        ("same", "42", "0000000042"),
        ("same", "00AbCd", "abcd"),
        ("same", "0", "000"),
        ("same", "5f0c-9A", "5f0c-9A"),
        ("receipt_hex", "123456789", "75BCD15"),
        ("receipt_hex", "0123456789", "075bcd15"),
        ("receipt_decimal", "75BCD15", "123456789"),
        ("receipt_decimal", "075bcd15", "0123456789"),
    ],
)
def test_a_receipts_id_is_the_answers_in_whatever_dialect(ids: str, answered: str, receipted: str) -> None:
    handoff = ADAPTER.read_answer(ACCOUNT, answers((0, answered)))

    assert read(receipt(id_=receipted), told={"receipt_ids": ids}).provider_reference == handoff.reference


def test_ids_whose_case_may_matter_are_left_alone() -> None:
    assert smpp_receipts.canonical("aBx-00") == "aBx-00"


@pytest.mark.parametrize("word, status", list(smpp_receipts.STATUSES.items()))
def test_each_word_has_its_meaning_and_a_failure_says_why(word: str, status: ReceiptStatus) -> None:
    said = read(receipt(word, err="045"))

    assert (said.status, said.raw_status) == (status, word)
    negative = {ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERABLE, ReceiptStatus.REJECTED, ReceiptStatus.EXPIRED}
    assert (said.fault is not None) == (status in negative)
    assert said.fault is None or said.fault.raw_code == f"{word} 045"


def test_a_word_that_nobody_knows_is_kept_and_guessed_as_nothing() -> None:
    said = read(receipt("TELEPORT"))

    assert (said.status, said.raw_status, said.provider_reference) == (ReceiptStatus.UNMAPPED, "TELEPORT", "42")


def test_what_the_message_itself_says_is_no_receipt() -> None:
    said = read(receipt("UNDELIV", text="id:99 stat:DELIVRD err:000 done date:3001010000"))

    assert (said.status, said.provider_reference) == (ReceiptStatus.UNDELIVERABLE, "42")


def test_the_operators_code_may_stand_in_an_option() -> None:
    said = read("id:1 stat:UNDELIV err: text:", options={smpp_pdu.NETWORK_ERROR_CODE: b"\x03\x00\x1b"})

    assert said.fault is not None
    assert said.fault.raw_code == "UNDELIV 3:27"


@pytest.mark.parametrize(
    "clock, done, expected",
    [
        ("", "2411221531", None),
        ("UTC", "2411221531", datetime(2024, 11, 22, 15, 31, tzinfo=UTC)),
        ("+02:00", "241122153107", datetime(2024, 11, 22, 13, 31, 7, tzinfo=UTC)),
        ("-0530", "20241122153107", datetime(2024, 11, 22, 21, 1, 7, tzinfo=UTC)),
        ("UTC", "2413221531", None),
        ("UTC", "soon", None),
        ("UTC", "0000000000", None),
    ],
)
def test_a_time_counts_where_the_account_knows_its_clock(clock: str, done: str, expected: datetime | None) -> None:
    assert read(receipt(done=done), told={"receipt_clock": clock} if clock else None).occurred_at == expected


@pytest.mark.parametrize("esm_class", [0x04, 0x08, 0x20, 0x00])
def test_a_receipt_is_known_by_its_mark_or_by_its_looks(esm_class: int) -> None:
    [said] = ADAPTER.read_receipts(ACCOUNT, brought(receipt(), esm_class=esm_class))

    assert said.status is ReceiptStatus.DELIVERED


def test_a_receipt_in_ucs_2_or_in_the_payload_is_read_alike() -> None:
    assert read(receipt().encode("utf-16-be"), data_coding=8).status is ReceiptStatus.DELIVERED
    assert read("", options={smpp_pdu.MESSAGE_PAYLOAD: receipt().encode()}).status is ReceiptStatus.DELIVERED


def test_somebodys_own_message_is_no_receipt() -> None:
    assert ADAPTER.read_receipts(ACCOUNT, brought("STOP", source=Address(RECIPIENT, 1, 1))) == []


@pytest.mark.parametrize(
    "octets, message, told, text",
    [
        (b"STOP", {}, {}, "STOP"),
        (b"\x00 \x11", {}, {}, "@ _"),
        (b"caf\xe9", {}, {"alphabet": "latin1"}, "café"),
        ("قف".encode("utf-16-be"), {"data_coding": 8}, {}, "قف"),
        (b"\x05\x00\x03\x01\x02\x01Hello", {"esm_class": 0x40}, {}, "Hello"),
        (b"\xff", {"esm_class": 0x40}, {}, ""),
    ],
)
def test_what_somebody_writes_is_read_whole(octets: bytes, message: dict[str, Any], told: dict[str, str], text: str) -> None:
    account = replace(ACCOUNT, settings={**SETTINGS, **told})
    call = brought(octets, source=Address("201001234567", 1, 1), destination=Address("20300", 3, 0), **message)

    [said] = ADAPTER.read_inbound(account, call)
    assert (said.sender, said.to, said.text) == (RECIPIENT, "+20300", text)
    assert ADAPTER.read_receipts(account, call) == []


def test_a_receipt_is_nobodys_message() -> None:
    assert ADAPTER.read_inbound(ACCOUNT, brought(receipt(), esm_class=4)) == []
    assert ADAPTER.read_inbound(ACCOUNT, Incoming("POST", "smpp:", {}, {}, b"no PDU")) == []


def test_data_sm_brings_receipts_too() -> None:
    head = smpp_pdu.text("") + bytes([1, 1]) + smpp_pdu.text("1") + bytes([1, 1]) + smpp_pdu.text("2") + bytes([4, 0, 0])
    options = smpp_pdu.write_option(smpp_pdu.RECEIPTED_MESSAGE_ID, b"42\0") + smpp_pdu.write_option(smpp_pdu.MESSAGE_STATE, b"\x02")
    url, body = smpp.brought(Pdu(smpp_pdu.DATA_SM, 0, 1, head + options), at="1")

    [said] = ADAPTER.read_receipts(ACCOUNT, Incoming("POST", url, {}, {}, body))
    assert (said.status, said.provider_reference) == (ReceiptStatus.DELIVERED, "42")


def test_a_late_answer_settles_its_attempt() -> None:
    url, body = smpp.answered_late(next(smpp_pdu.split(answers((0, "0AB")).body)), reference=REFERENCE)
    [said] = ADAPTER.read_receipts(ACCOUNT, Incoming("POST", url, {"reference": REFERENCE}, {}, body))

    assert (said.status, said.client_reference, said.provider_reference) == (ReceiptStatus.SUBMITTED, REFERENCE, "ab")


def test_a_late_refusal_says_why() -> None:
    _, body = smpp.answered_late(next(smpp_pdu.split(answers((0x0B, "")).body)), reference=REFERENCE)
    [said] = ADAPTER.read_receipts(ACCOUNT, Incoming("POST", "smpp:", {"reference": REFERENCE}, {}, body))

    assert said.status is ReceiptStatus.REJECTED
    assert said.fault is not None
    assert said.fault.raw_code == "ESME_RINVDSTADR"


def test_a_receipt_that_is_brought_again_is_the_same_call_and_a_message_that_is_said_again_is_not() -> None:
    def kept(text: str, *, sequence: int, at: str) -> tuple[str, bytes]:
        body = smpp_pdu.write_message(Message(short_message=text.encode()))
        return smpp.brought(Pdu(smpp_pdu.DELIVER_SM, 0, sequence, body), at=at)

    assert kept(receipt(), sequence=1, at="1") == kept(receipt(), sequence=2, at="2")
    assert kept("yes", sequence=1, at="1") != kept("yes", sequence=2, at="2")


@settings(relaxed, max_examples=300)
@given(
    text=st.binary(max_size=300)
    | st.from_regex(r"(?:(?:id|sub|stat|err|text|done date): ?[0-9A-Za-z:\x00-\xff]{0,12} ?){1,8}").map(lambda text: text.encode("utf-8")),
    esm_class=st.sampled_from([0, 4, 0x40, 0xFF]),
    data_coding=st.sampled_from([0, 3, 8, 255]),
    options=st.dictionaries(st.sampled_from([0x1E, 0x427, 0x423, 0x424]), st.binary(max_size=70), max_size=4),
    told=st.fixed_dictionaries({"receipt_ids": st.sampled_from(smpp_receipts.IDS), "receipt_clock": st.sampled_from(["UTC", "+02:00"])}),
)
def test_no_receipt_crashes_the_reader_and_what_it_makes_can_be_stored(
    text: bytes, esm_class: int, data_coding: int, options: dict[int, bytes], told: dict[str, str]
) -> None:
    message = Message(short_message=text[:254], esm_class=esm_class, data_coding=data_coding, options=options)
    smpp_receipts.is_receipt(message)
    said = smpp_receipts.read(message, Dialect(told["receipt_ids"], smpp_receipts.clock(told["receipt_clock"])))

    for word in (said.raw_status, said.provider_reference, said.fault.raw_code if said.fault else ""):
        assert "\x00" not in word
        assert len(word) <= 255
        word.encode()
    assert said.occurred_at is None or said.occurred_at.tzinfo is UTC


@relaxed
@given(body=st.binary(max_size=400), command=st.sampled_from([smpp_pdu.DELIVER_SM, smpp_pdu.DATA_SM, SUBMIT_ANSWER, 0x102, 0x1234]))
def test_no_pdu_crashes_the_reader(body: bytes, command: int) -> None:
    url, octets = smpp.brought(Pdu(command, 0, 1, body), at="1")
    for whole in (octets, body):
        try:
            ADAPTER.read_receipts(ACCOUNT, Incoming("POST", url, {}, {}, whole))
        except Unreadable:
            continue


def test_a_calls_length_is_judged_before_it_is_waited_for() -> None:
    for head in (b"\0\0\0\0", b"\0\0\0\x0f", b"\xff\xff\xff\xff"):
        with pytest.raises(smpp_pdu.Broken):
            smpp_pdu.length(head)


def test_a_submit_names_where_it_goes_and_nothing_else() -> None:
    call: Call = ADAPTER.submit(ACCOUNT, outbound())

    assert (call.method, call.url) == ("SUBMIT", "smpp://smsc.example:2775")
