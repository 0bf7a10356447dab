"""Messages handed over: what is taken, refused and left in doubt."""

from __future__ import annotations

import http.client
import json
import urllib.error

import jsonschema
import pytest

from routing.providers.base import ErrorClass, ProviderAccount, ReceiptStatus
from simulator.faults import FAULTS
from tests.fixtures import load
from tests.simulator.conftest import Caught
from tests.simulator.wire import SMS, WELL, World, basic, fated
from tests.simulator.wire import http as call


def test_a_message_is_taken_and_logged_under_our_reference(world: World) -> None:
    outbound = world.outbound(WELL)

    handoff = world.hand_off(outbound)

    [logged] = world.calls(outbound)
    assert handoff.reference == logged["id"]
    assert (logged["provider"], logged["outcome"], logged["fault"]) == ("meta", "accepted", "00")


def test_twilio_takes_an_sms_and_a_whatsapp_message(world: World) -> None:
    for outbound in (world.sms(WELL), world.outbound(WELL)):
        handoff = world.hand_off(outbound, by=world.twilio)

        assert handoff.reference.startswith("SM")
        assert [logged["provider"] for logged in world.calls(outbound)] == ["twilio"]


@pytest.mark.parametrize("name", ["meta", "twilio", "vonage", "infobip"])
def test_a_wrong_secret_is_refused_in_the_providers_words(world: World, name: str) -> None:
    account: ProviderAccount = getattr(world, name)
    outbound = world.sms(WELL) if name == "twilio" else world.outbound(WELL)

    fault = world.hand_off(outbound, by=world.stranger(account)).fault

    assert fault is not None
    assert (fault.error_class, fault.raw_code) == (
        ErrorClass.ACCOUNT_FAULT,
        {"meta": "190", "twilio": "20003", "vonage": "unauthorized", "infobip": "UNAUTHORIZED"}[name],
    )
    assert world.ask(f"/log/calls?reference={outbound.reference}")["count"] == 0


@pytest.mark.parametrize(
    "code, expected",
    [
        ("10", ErrorClass.ACCOUNT_FAULT),
        ("12", ErrorClass.OPTED_OUT),
        ("13", ErrorClass.TEMPLATE_FAULT),
        ("14", ErrorClass.UNREACHABLE),
        ("15", ErrorClass.UNMAPPED),
        ("32", ErrorClass.THROTTLED),
        ("33", ErrorClass.PROVIDER_FAULT),
    ],
)
def test_every_provider_refuses_with_the_same_meaning(world: World, code: str, expected: ErrorClass) -> None:
    for account in world.all:
        fault = world.hand_off(world.outbound(fated(code)), by=account).fault

        assert fault is not None
        assert fault.error_class is expected


@pytest.mark.parametrize("code, refusal", [("30", ErrorClass.THROTTLED), ("31", ErrorClass.PROVIDER_FAULT)])
def test_trouble_that_passes_is_over_at_the_third_try(world: World, code: str, refusal: ErrorClass) -> None:
    outbound = world.outbound(fated(code))

    handoffs = [world.hand_off(outbound) for _ in range(3)]

    assert [handoff.fault and handoff.fault.error_class for handoff in handoffs] == [refusal, refusal, None]
    assert [logged["outcome"] == "accepted" for logged in world.calls(outbound, count=3)] == [False, False, True]
    assert world.ask(f"/log/calls?reference={outbound.reference}&outcome=accepted")["count"] == 1


def test_throttling_says_how_long_to_wait(world: World) -> None:
    for account in world.all:
        fault = world.hand_off(world.outbound(fated("32")), by=account).fault

        assert fault is not None
        assert fault.retry_after == 1.0


def test_each_message_meets_its_own_trouble(world: World) -> None:
    first, second = world.outbound(fated("31")), world.outbound(fated("31"))

    assert [world.hand_off(outbound).fault is None for outbound in (first, second, first, second, first, second)] == [False] * 4 + [
        True
    ] * 2


@pytest.mark.parametrize("code", ["40", "41"])
def test_a_message_may_be_taken_and_never_answered(world: World, code: str) -> None:
    outbound = world.outbound(fated(code))

    with pytest.raises(TimeoutError):
        world.hand_off(outbound, timeout=0.5)

    assert [logged["outcome"] for logged in world.calls(outbound)] == ["accepted"]


def test_a_connection_may_be_cut_before_anything_is_taken(world: World) -> None:
    outbound = world.outbound(fated("42"))

    for _ in range(2):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
            world.hand_off(outbound)

    assert world.hand_off(outbound).reference
    assert [logged["outcome"] for logged in world.calls(outbound, count=3)] == ["cut", "cut", "accepted"]


def test_a_connection_may_be_cut_after_the_message_was_taken(world: World) -> None:
    outbound = world.outbound(fated("43"))

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
        world.hand_off(outbound)

    assert [logged["outcome"] for logged in world.calls(outbound)] == ["accepted"]


@pytest.mark.parametrize("code", ["44", "45"])
def test_an_answer_that_says_nothing_leaves_everybody_in_doubt(world: World, code: str) -> None:
    for account in world.all:
        outbound = world.outbound(fated(code))

        assert world.hand_off(outbound, by=account).is_unknown
        assert [logged["outcome"] for logged in world.calls(outbound)] == ["accepted"]


def test_one_id_may_be_given_to_two_messages(world: World) -> None:
    first, second = (world.hand_off(world.outbound(fated("58"))) for _ in range(2))

    assert first.reference == second.reference


def test_every_fault_answers_somehow(world: World) -> None:
    for code in FAULTS.keys() - {"40", "41", "42", "43"}:
        for account in world.all:
            handoff = world.hand_off(world.outbound(fated(code)), by=account)

            assert handoff.reference or handoff.fault or code in {"44", "45"}, code


# As strict as the originals


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"messaging_product":"sms"}', b'{"messaging_product":"whatsapp","type":"text","text":{"body":"x"}}']
    + [b'{"messaging_product":"whatsapp","to":"+1","type":' + kind + b"}" for kind in (b'"template"', b'["text"]', b'"text","text":{}')],
)
def test_meta_refuses_what_it_would_not_take(world: World, body: bytes) -> None:
    headers = {"authorization": f"Bearer {world.meta.credentials['access_token']}"}

    answer = call("POST", f"{world.meta.base_url}/v23.0/100000000000001/messages", body=body, headers=headers)

    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, 100)


@pytest.mark.parametrize(
    "form, code",
    [
        ("From=%2B15005550006&Body=x", 21604),
        ("To=tomorrow&From=%2B15005550006&Body=x", 21211),
        ("To=%2B201001234567&Body=x", 21603),
        ("To=%2B201001234567&From=%2B15005550006", 21602),
        ("To=%2B201001234567&From=%2B15005550006&Body=" + "x" * 1601, 21617),
        ("To=%2B201001234567&From=%2B15005550006&Body=x&StatusCallback=ftp%3A%2F%2Fa", 21609),
        ("To=%2B201001234567&From=%2B15005550006&Body=x&ValidityPeriod=36001", 21624),
    ],
)
def test_twilio_refuses_what_it_would_not_take(world: World, form: str, code: int) -> None:
    sid, token = world.twilio.settings["account_sid"], world.twilio.credentials["auth_token"]

    url = f"{world.twilio.base_url}/2010-04-01/Accounts/{sid}/Messages.json"
    answer = call("POST", url, body=form.encode(), headers={"authorization": basic(sid, token)})

    assert (answer.status, json.loads(answer.body)["code"]) == (400, code)


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"to": None}, 1010),
        ({"channel": "pigeon"}, 1400),
        ({"to": "+201001234567"}, 1430),
        ({"message_type": "song"}, 1440),
        ({"text": ""}, 1010),
        ({"ttl": 0}, 1130),
        ({"ttl": 259_201}, 1130),
        ({"client_ref": "x" * 101}, 1450),
    ],
)
def test_vonage_refuses_what_it_would_not_take(world: World, fields: dict[str, object], code: int) -> None:
    key, secret = world.vonage.settings["api_key"], world.vonage.credentials["api_secret"]
    said = {"channel": "sms", "message_type": "text", "to": "201001234567", "from": "15005550007", "text": "x"} | fields

    answer = call(
        "POST", f"{world.vonage.base_url}/v1/messages", body=json.dumps(said).encode(), headers={"authorization": basic(key, secret)}
    )

    assert (answer.status, json.loads(answer.body)["type"].rpartition("#")[2]) == (422, str(code))


def test_what_does_not_exist_is_an_account_fault(world: World) -> None:
    for account, settings in ((world.meta, {"phone_number_id": "3"}), (world.twilio, {"account_sid": "AC" + "0" * 32, "sender": "+1"})):
        wrong = ProviderAccount(account.id, account.base_url, account.callback_url, settings, account.credentials)

        fault = world.hand_off(world.outbound(WELL), by=wrong).fault

        assert fault is not None
        assert fault.error_class is ErrorClass.ACCOUNT_FAULT


# In the originals' format


def test_metas_answers_conform_to_the_official_description(world: World, caught: Caught) -> None:
    document = load("openapi/meta_whatsapp.json")
    outbound = world.outbound(WELL)

    def judge(name: str, said: object) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(said)

    headers = {"authorization": f"Bearer {world.meta.credentials['access_token']}"}
    message = {"messaging_product": "whatsapp", "to": WELL, "type": "text", "text": {"body": "x"}}
    taken = call("POST", f"{world.meta.base_url}/v23.0/100000000000001/messages", body=json.dumps(message).encode(), headers=headers)
    refused = call("POST", f"{world.meta.base_url}/v23.0/100000000000001/messages", body=b"{}", headers=headers)
    world.hand_off(outbound)

    judge("MessageResponsePayload", json.loads(taken.body))
    judge("GraphAPIError", json.loads(refused.body))
    for _ in range(3):
        [entry] = json.loads(caught.calls.get(timeout=10).body)["entry"]
        judge("StatusMessageValue", entry["changes"][0]["value"])


def test_twilios_answer_conforms_to_the_official_description(world: World) -> None:
    document = load("openapi/twilio_messages.json")
    sid, token = world.twilio.settings["account_sid"], world.twilio.credentials["auth_token"]
    url = f"{world.twilio.base_url}/2010-04-01/Accounts/{sid}/Messages.json"

    form = f"To=%2B201001234567&From=%2B15005550006&Body={SMS.text.replace(' ', '+')}"
    said = json.loads(call("POST", url, body=form.encode(), headers={"authorization": basic(sid, token)}).body)

    # OpenAPI 3.0 writes `nullable` where JSON Schema would name the type null.
    told = {name: value for name, value in said.items() if value is not None}
    schema = {"$ref": "#/components/schemas/api.v2010.account.message", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(told)
    assert set(said) == set(document["components"]["schemas"]["api.v2010.account.message"]["properties"])
    assert said["status"] == "queued"
    assert ReceiptStatus.SUBMITTED == "submitted"
