"""What people write, as each provider tells it: every kind is read, nothing is lost, nothing raises."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.providers import registry
from routing.providers.base import Incoming, ProviderAccount
from routing.providers.inbound import Inbound
from tests import fixtures

ACCOUNT = ProviderAccount(id="1", base_url="", callback_url="https://qsura.example/v1/providers/t/callbacks")


def read(provider: str, body: bytes) -> list[Inbound]:
    return registry.get(provider).read_inbound(ACCOUNT, Incoming("POST", ACCOUNT.callback_url, {}, {}, body))


def meta(name: str, file: str = "whatsapp_meta_openapi/webhook_inbound.json") -> list[Inbound]:
    (body,) = [case["body"] for case in fixtures.load(file) if case["name"] == name]
    return read("meta", json.dumps(body).encode())


def test_a_text_on_whatsapp() -> None:
    (one,) = meta("Text Message")

    assert (one.kind, one.channel, one.sender, one.to, one.to_id) == ("text", "whatsapp", "+16505551234", "15550783881", "106540352242922")
    assert one.text == "Does it come in another color?"
    assert one.provider_id.startswith("wamid.")
    assert one.occurred_at is not None


def test_a_button_names_the_message_that_it_stood_under() -> None:
    (one,) = meta("Button Message")

    assert (one.kind, one.text, one.payload) == ("button", "Unsubscribe", "Unsubscribe")
    assert one.context == "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJFNjk2OTMwNEZCQjhGMzUyQUYA"


def test_an_interactive_button() -> None:
    (one,) = meta("Interactive Button Reply Message")

    assert (one.kind, one.raw_kind, one.text, one.payload) == ("button", "button_reply", "Cancel", "cancel-button")


@pytest.mark.parametrize(
    "name, kind, text",
    [
        ("media_with_url", "media", ""),
        ("document", "media", "caption"),
        ("voice", "media", ""),
        ("animated_sticker", "media", ""),
        ("current_location", "location", ""),
        ("contacts", "unknown", ""),
        ("unsupported", "unknown", ""),
        ("unreaction_empty", "reaction", ""),
        ("reply", "text", None),
    ],
)
def test_every_kind_on_whatsapp_is_kept(name: str, kind: str, text: str | None) -> None:
    (one,) = meta(name, "whatsapp_pywa/webhook_message.json")

    assert (one.kind, one.sender, one.user_id) == (kind, "+972987654321", "US.13491208655302741918")
    assert text is None or one.text == text


def test_a_reaction_is_about_the_message_that_it_stands_under() -> None:
    (one,) = meta("unreaction_empty", "whatsapp_pywa/webhook_message.json")

    assert (one.context, one.text) == ("wamid.yzxyzx=", "")


def test_somebody_may_be_known_by_an_id_alone() -> None:
    said = {"id": "wamid.1", "from_user_id": "US.1", "type": "text", "text": {"body": "Hi"}}
    body = {"entry": [{"changes": [{"field": "messages", "value": {"messages": [said]}}]}]}

    (one,) = read("meta", json.dumps(body).encode())

    assert (one.sender, one.user_id) == ("", "US.1")


def test_who_stops_advertising_in_whatsapp_itself() -> None:
    wish = {"wa_id": "16505551234", "category": "marketing_messages", "value": "stop", "timestamp": 1731705721}
    body = {"entry": [{"changes": [{"field": "user_preferences", "value": {"user_preferences": [wish]}}]}]}

    (one,) = read("meta", json.dumps(body).encode())

    assert (one.kind, one.sender, one.category) == ("opt_out", "+16505551234", "marketing")


def twilio(**more: str) -> list[Inbound]:
    usual = {"MessageSid": "SM1", "SmsStatus": "received", "From": "+201001234567", "To": "+15550001111", "Body": "Stop", "NumMedia": "0"}
    return read("twilio", urlencode({**usual, **more}).encode())


def test_an_sms_at_twilio() -> None:
    (one,) = twilio(OptOutType="STOP")

    assert (one.kind, one.channel, one.sender, one.to) == ("text", "sms", "+201001234567", "+15550001111")
    assert (one.text, one.keyword, one.provider_id) == ("Stop", "stop", "SM1")


@pytest.mark.parametrize(
    "more, kind, text, payload",
    [
        ({"ButtonText": "Yes", "ButtonPayload": "yes-1", "OriginalRepliedMessageSid": "SM9"}, "button", "Yes", "yes-1"),
        ({"ListId": "l-1", "ListTitle": "Blue"}, "list", "Blue", "l-1"),
        ({"NumMedia": "1", "Body": ""}, "media", "", ""),
        ({"Latitude": "30.04", "Longitude": "31.23", "Body": ""}, "location", "", ""),
        ({"Body": ""}, "unknown", "", ""),
    ],
)
def test_whatsapp_at_twilio(more: dict[str, str], kind: str, text: str, payload: str) -> None:
    (one,) = twilio(From="whatsapp:+201001234567", **more)

    assert (one.channel, one.sender, one.kind, one.text, one.payload) == ("whatsapp", "+201001234567", kind, text, payload)
    assert one.context == more.get("OriginalRepliedMessageSid", "")


def test_a_receipt_of_twilio_s_brings_nobody_s_words() -> None:
    assert read("twilio", urlencode({"MessageSid": "SM1", "MessageStatus": "delivered", "Body": "received"}).encode()) == []


def vonage(**more: Any) -> list[Inbound]:
    usual = {"message_uuid": "u1", "channel": "sms", "from": "201001234567", "to": "15550001111", "timestamp": "2026-01-01T00:00:00Z"}
    return read("vonage", json.dumps({**usual, **more}).encode())


def test_sms_and_whatsapp_at_vonage() -> None:
    (sms,) = vonage(message_type="text", text="STOP")
    (button,) = vonage(channel="whatsapp", message_type="button", button={"payload": "p", "text": "Yes"}, context={"message_uuid": "u0"})
    (reaction,) = vonage(channel="whatsapp", message_type="reaction", reaction={"action": "react", "emoji": "👍"})

    assert (sms.kind, sms.channel, sms.sender, sms.text) == ("text", "sms", "+201001234567", "STOP")
    assert (button.kind, button.context, button.text, button.payload) == ("button", "u0", "Yes", "p")
    assert (reaction.kind, reaction.text) == ("reaction", "👍")
    assert vonage(status="delivered", message_type="text") == []


def test_sms_and_whatsapp_at_infobip() -> None:
    sms = {"messageId": "m1", "from": "201001234567", "to": "15550001111", "text": "STOP", "receivedAt": "2026-01-01T00:00:00.000+0000"}
    button = {**sms, "messageId": "m2", "message": {"type": "BUTTON", "text": "Yes", "payload": "p", "context": {"id": "m0"}}}
    report = {"messageId": "m3", "status": {"groupName": "DELIVERED", "name": "DELIVERED_TO_HANDSET"}}
    body = json.dumps({"results": [sms, button, report]}).encode()

    first, second = read("infobip", body)
    receipts = registry.get("infobip").read_receipts(ACCOUNT, Incoming("POST", ACCOUNT.callback_url, {}, {}, body))

    assert (first.kind, first.channel, first.sender, first.text, first.provider_id) == ("text", "sms", "+201001234567", "STOP", "m1")
    assert first.occurred_at is not None
    assert (second.kind, second.channel, second.context, second.payload) == ("button", "whatsapp", "m0", "p")
    assert [receipt.provider_reference for receipt in receipts] == ["m3"]


def test_a_complaint_by_e_mail() -> None:
    body = {
        "RecordType": "SpamComplaint",
        "MessageID": "e1",
        "Type": "SpamComplaint",
        "TypeCode": 512,
        "Email": "sara@example.com",
        "BouncedAt": "2026-01-01T00:00:00Z",
        "Metadata": {"qsura": "0199d1f2b4c87a31b6d0e5f4a3c2b1d0.1"},
    }

    (one,) = read("postmark", json.dumps(body).encode())

    assert (one.kind, one.raw_kind, one.sender, one.context) == ("opt_out", "complained", "sara@example.com", "e1")
    assert one.client_reference == "0199d1f2b4c87a31b6d0e5f4a3c2b1d0.1"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["entry", "changes", "value", "messages", "type", "text", "interactive", "context", "from", "contacts", "results"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("provider", ["meta", "twilio", "vonage", "infobip", "postmark"])
@given(said=json_values, more=st.dictionaries(st.sampled_from(["messages", "receivedAt", "message_type", "SmsStatus"]), json_values))
def test_nothing_that_may_come_raises(provider: str, said: Any, more: dict[str, Any]) -> None:
    body = json.dumps({"messages": said, "message_type": said, **more, "results": [{"receivedAt": 1, "message": said}], "entry": said})

    assert isinstance(read(provider, body.encode()), list)
    assert isinstance(read(provider, b"SmsStatus=received&" + body.encode()), list)
