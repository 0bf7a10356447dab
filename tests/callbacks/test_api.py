"""Webhooks by the API: what integrators do, and what they may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from accounts import ids, keys
from accounts.choices import Scope
from accounts.models import Business
from callbacks import keyring, resending
from callbacks.keyring import Holder
from callbacks.models import Delivery, DeliveryTry, Endpoint
from tests.callbacks.receiver import Receiver, status
from tests.callbacks.webhooks import listen, new_business, new_event, pay, record, until

URL = "https://shop.example/hooks"
ENDPOINTS = "/v1/webhook-endpoints"


class Api:
    """One key's way of calling."""

    def __init__(self, business: Business, *, mode: str = "test", scopes: list[str] | None = None) -> None:
        _, text = keys.create(business, name="tests", mode=mode, scopes=scopes)
        self._client = Client(raise_request_exception=True, headers={"authorization": f"Bearer {text}"})

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = b"" if body is None else orjson.dumps(body)
        response = self._client.generic(method, path, data, content_type="application/json")
        return response.status_code, orjson.loads(response.content) if response.content else None


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


@pytest.fixture
def api(shop: Business) -> Api:
    return Api(shop)


def made(api: Api, **fields: Any) -> dict[str, Any]:
    code, body = api("POST", ENDPOINTS, {"url": URL} | fields)
    assert code == 201, body
    return dict(body)


def test_registering_shows_the_secret_once(api: Api) -> None:
    body = made(api, description="Orders", event_types=["message.delivered", "message.read"])

    assert body["id"].startswith("whe_")
    assert body["secret"].startswith("whsec_")
    assert (body["url"], body["description"], body["event_types"]) == (URL, "Orders", ["message.delivered", "message.read"])
    assert (body["is_enabled"], body["signature"], body["public_key"], body["kind"]) == (True, "v1", None, "registered")
    for path in (ENDPOINTS, f"{ENDPOINTS}/{body['id']}"):
        assert "whsec_" not in orjson.dumps(api("GET", path)[1]).decode()


def test_a_public_key_is_shown_as_often_as_one_likes(api: Api) -> None:
    body = made(api, signature="v1a")

    assert (body["secret"], body["signature"]) == (None, "v1a")
    assert body["public_key"].startswith("whpk_")
    assert api("GET", f"{ENDPOINTS}/{body['id']}")[1]["public_key"] == body["public_key"]


def test_endpoints_are_listed_in_pages(api: Api) -> None:
    registered = [made(api)["id"] for _ in range(5)]

    _, first = api("GET", f"{ENDPOINTS}?limit=3")
    _, second = api("GET", f"{ENDPOINTS}?limit=3&cursor={first['next_cursor']}")

    assert [each["id"] for each in first["items"] + second["items"]] == registered
    assert second["next_cursor"] is None


def test_callbacks_are_listed_apart(api: Api, shop: Business) -> None:
    made(api)
    record(new_event(shop, callback="https://shop.example/orders"))

    assert [each["kind"] for each in api("GET", ENDPOINTS)[1]["items"]] == ["registered"]
    assert [each["url"] for each in api("GET", f"{ENDPOINTS}?kind=callback")[1]["items"]] == ["https://shop.example/orders"]
    assert api("GET", f"{ENDPOINTS}?kind=other")[0] == 400


def test_only_what_is_named_is_changed(api: Api) -> None:
    body = made(api, description="Orders", event_types=["message.read"])

    code, changed = api("PATCH", f"{ENDPOINTS}/{body['id']}", {"description": "Everything", "event_types": []})

    assert code == 200
    assert (changed["description"], changed["event_types"], changed["url"]) == ("Everything", [], URL)


def test_disabling_and_enabling(api: Api) -> None:
    path = f"{ENDPOINTS}/{made(api)['id']}"

    _, off = api("PATCH", path, {"is_enabled": False})
    _, on = api("PATCH", path, {"is_enabled": True})

    assert (off["is_enabled"], off["disabled_because"]) == (False, "It was switched off.")
    assert off["disabled_at"] is not None
    assert (on["is_enabled"], on["disabled_because"], on["disabled_at"]) == (True, None, None)


def test_a_removed_endpoint_is_gone(api: Api) -> None:
    path = f"{ENDPOINTS}/{made(api)['id']}"

    assert api("DELETE", path) == (204, None)

    assert api("GET", path)[0] == 404
    assert api("DELETE", path)[0] == 404
    assert api("GET", ENDPOINTS)[1]["items"] == []


def test_rotating_shows_the_new_secret_and_until_when_the_old_one_signs(api: Api) -> None:
    body = made(api)

    code, rotated = api("POST", f"{ENDPOINTS}/{body['id']}/rotate-secret", {"overlap_seconds": 3600})

    assert code == 200
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != body["secret"]
    assert rotated["previous_until"] is not None


def test_the_default_overlap_is_a_day_and_a_leaked_secret_ends_at_once(api: Api, shop: Business) -> None:
    body = made(api)
    path = f"{ENDPOINTS}/{body['id']}/rotate-secret"
    endpoint = Endpoint.objects.get()

    assert api("POST", path)[0] == 200
    (during,) = keyring.live([Holder(shop.id, "test", endpoint.id)]).values()
    _, leaked = api("POST", path, {"overlap_seconds": 0})
    (afterwards,) = keyring.live([Holder(shop.id, "test", endpoint.id)]).values()

    assert (len(during), during[1]) == (2, body["secret"])
    assert leaked["previous_until"] is None
    assert afterwards == [leaked["secret"]]


def test_the_business_has_a_secret_for_its_callbacks(api: Api, shop: Business, receiver: Receiver) -> None:
    code, rotated = api("POST", "/v1/webhook-secret/rotate")
    record(new_event(shop, callback=receiver.url()))
    pay()

    assert code == 200
    receiver.got()[0].verify(rotated["secret"])
    code, told = api("GET", "/v1/webhook-secret")
    assert (code, told["signature"], told["public_key"]) == (200, "v1", None)
    assert "secret" not in told


def test_a_sample_can_be_followed_to_its_answer(api: Api, receiver: Receiver) -> None:
    body = made(api, url=receiver.url())

    code, sample = api("POST", f"{ENDPOINTS}/{body['id']}/test", {"type": "message.read"})
    pay()

    assert code == 202
    receiver.got()[0].verify(body["secret"])
    (delivery,) = api("GET", f"{ENDPOINTS}/{body['id']}/deliveries?type=message.read")[1]["items"]
    assert (delivery["id"], delivery["type"], delivery["message"], delivery["status"]) == (
        sample["delivery"],
        "message.read",
        None,
        "delivered",
    )
    assert delivery["tries"][0]["status_code"] == 200


def test_deliveries_show_every_try(api: Api, shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(503)))
    event = new_event(shop)
    record(event)
    pay()

    code, page = api("GET", f"{ENDPOINTS}/{ids.public('whe', endpoint.id)}/deliveries")

    assert code == 200
    (delivery,) = page["items"]
    assert (delivery["event"], delivery["message"]) == (ids.public("evt", event.id), ids.public("msg", event.message_id))
    assert (delivery["status"], delivery["type"]) == ("waiting", "message.delivered")
    (tried,) = delivery["tries"]
    assert (tried["number"], tried["outcome"], tried["status_code"], tried["answer"]) == (1, "failed", 503, "I say 503")
    assert tried["next_try_at"] == delivery["next_try_at"]


def test_deliveries_come_in_pages_newest_first_and_by_type_and_message(api: Api, shop: Business) -> None:
    path = f"{ENDPOINTS}/{ids.public('whe', listen(shop).id)}/deliveries"
    events = [new_event(shop, type="message.sent" if number % 2 else "message.delivered") for number in range(5)]
    record(*events)

    _, first = api("GET", f"{path}?limit=3")
    _, second = api("GET", f"{path}?limit=3&cursor={first['next_cursor']}")
    _, sent = api("GET", f"{path}?type=message.sent")
    _, one = api("GET", f"{path}?message={ids.public('msg', events[0].message_id)}")

    assert [each["event"] for each in first["items"] + second["items"]] == [ids.public("evt", event.id) for event in reversed(events)]
    assert len(sent["items"]) == 2
    assert [each["event"] for each in one["items"]] == [ids.public("evt", events[0].id)]


def test_one_delivery_is_replayed(api: Api, shop: Business, receiver: Receiver) -> None:
    path = f"{ENDPOINTS}/{ids.public('whe', listen(shop, receiver.url()).id)}"
    record(new_event(shop))
    pay()

    answer = api("POST", f"{path}/replay", {"delivery": ids.public("dlv", Delivery.objects.get().id)})
    pay()

    assert (answer[0], answer[1]["state"], answer[1]["queued"]) == (202, "done", 1)
    assert len(receiver.got()) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("word", ["since", "missing_since"])
def test_a_time_is_replayed_in_the_background(receiver: Receiver, word: str) -> None:
    shop = new_business()
    api = Api(shop)
    path = f"{ENDPOINTS}/{ids.public('whe', listen(shop, receiver.at('/hooks', status(410))).id)}"
    record(new_event(shop), new_event(shop))
    pay()
    api("PATCH", path, {"is_enabled": True})

    code, begun = api("POST", f"{path}/replay", {word: (timezone.now() - timedelta(hours=1)).isoformat()})
    assert (code, begun["state"], begun["queued"], begun["percent"]) == (202, "waiting", 0, 0)
    until(lambda: not resending.advance(at=timezone.now()) and api("GET", f"{path}/replays/{begun['id']}")[1]["state"] == "done")

    (done,) = api("GET", f"{path}/replays")[1]["items"]
    assert (done["id"], done["queued"], done["percent"]) == (begun["id"], 3, 100)  # and that it was disabled


def test_a_replay_is_canceled_and_another_one_refused_meanwhile(api: Api) -> None:
    path = f"{ENDPOINTS}/{made(api)['id']}"
    _, begun = api("POST", f"{path}/replay", {"since": "2026-01-01T00:00:00Z"})

    code, problem = api("POST", f"{path}/replay", {"missing_since": "2026-01-01T00:00:00Z"})
    assert (code, problem["code"]) == (409, "replay_running")
    assert begun["id"] in problem["detail"]
    assert api("POST", f"{path}/replay", {"since": "2026-01-01T00:00:00Z"})[1]["id"] == begun["id"]

    code, ended = api("POST", f"{path}/replays/{begun['id']}/cancel")
    assert (code, ended["state"], ended["because"]) == (200, "canceled", "It was canceled.")


def test_a_disabled_endpoint_comes_back_with_one_call(api: Api, shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(410)))
    path = f"{ENDPOINTS}/{ids.public('whe', endpoint.id)}"
    record(new_event(shop))
    pay()
    assert api("GET", path)[1]["status"] == "disabled"

    code, back = api("POST", f"{path}/enable", {})

    assert (code, back["status"], back["replay"]["kind"], back["replay"]["state"]) == (200, "enabled", "missing", "waiting")
    assert api("POST", f"{path}/enable", {"replay": "nothing"})[1]["replay"] is None


def test_what_an_endpoint_wants_can_be_read_back_but_no_header_s_value(api: Api) -> None:
    body = made(api, body="full", rate_limit=5, headers={"X-Gateway-Key": "canary-4711"})
    assert (body["status"], body["body"], body["rate_limit"], body["header_names"]) == ("pending", "full", 5, ["X-Gateway-Key"])

    _, changed = api("PATCH", f"{ENDPOINTS}/{body['id']}", {"rate_limit": None, "headers": {}, "body": "thin"})
    assert (changed["body"], changed["rate_limit"], changed["header_names"]) == ("thin", None, [])
    assert "canary" not in str(api("GET", ENDPOINTS)) + str(body)


def test_a_refused_header_is_named_and_its_value_is_not_repeated(api: Api) -> None:
    code, problem = api("POST", ENDPOINTS, {"url": URL, "headers": {"Host": "canary-4711"}})

    assert (code, problem["code"], problem["errors"][0]["field"]) == (422, "header_refused", "headers.Host")
    assert "canary" not in str(problem)


def test_the_challenge_is_asked_by_call(api: Api, receiver: Receiver) -> None:
    body = made(api, url=receiver.at("/hooks", status(500)))
    pay()

    code, told = api("POST", f"{ENDPOINTS}/{body['id']}/challenge")
    pay()

    assert (code, told["status"]) == (202, "pending")
    assert len(receiver.challenged()) == 2


@pytest.mark.parametrize("path", [ENDPOINTS, "deliveries", "replays"])
def test_a_misspelt_parameter_is_refused_by_name(api: Api, path: str) -> None:
    address = ENDPOINTS if path == ENDPOINTS else f"{ENDPOINTS}/{made(api)['id']}/{path}"

    code, problem = api("GET", f"{address}?colour=red")

    assert (code, problem["errors"][0]["field"]) == (400, "colour")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_any_moment_can_be_asked_for(api: Api, moment: str) -> None:
    path = f"{ENDPOINTS}/{made(api)['id']}/replay"

    code, begun = api("POST", path, {"since": moment, "until": moment})

    assert (code, begun["state"]) == (202, "waiting")


def test_a_disabled_endpoint_is_neither_tried_nor_replayed(api: Api) -> None:
    path = f"{ENDPOINTS}/{made(api)['id']}"
    api("PATCH", path, {"is_enabled": False})

    for deed, body in (("test", None), ("replay", {"missing_since": "2026-01-01T00:00:00Z"})):
        code, problem = api("POST", f"{path}/{deed}", body)
        assert (code, problem["code"]) == (409, "endpoint_disabled")


@pytest.mark.parametrize(
    "body,field",
    [
        ({}, "url"),
        ({"url": URL, "colour": "red"}, "colour"),
        ({"url": URL, "id": "whe_1"}, "id"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
        ({"url": URL, "business": "other"}, "business"),
        ({"url": URL, "kind": "callback"}, "kind"),
        ({"url": URL, "event_types": ["message.eaten"]}, "event_types"),
        ({"url": URL, "event_types": "message.read"}, "event_types"),
        ({"url": URL, "signature": "v2"}, "signature"),
        ({"url": URL, "description": "x" * 201}, "description"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "https://shop.example/" + "x" * 2_000}, "url"),
        ({"url": 7}, "url"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(api: Api, body: dict[str, Any], field: str) -> None:
    code, problem = api("POST", ENDPOINTS, body)

    assert code in {400, 422}
    assert [each["field"].partition("[")[0].partition(".")[0] for each in problem["errors"]] == [field]
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"since": "2026-01-01T00:00:00Z", "missing_since": "2026-01-01T00:00:00Z"},
        {"delivery": "dlv_1", "since": "2026-01-01T00:00:00Z"},
        {"since": "yesterday"},
        {"everything": True},
    ],
)
def test_a_replay_wants_exactly_one_thing(api: Api, body: dict[str, Any]) -> None:
    code, problem = api("POST", f"{ENDPOINTS}/{made(api)['id']}/replay", body)

    assert code == 422
    assert problem["errors"]


def calls_on(endpoint: str, delivery: str) -> list[tuple[str, str, Any]]:
    return [
        ("GET", endpoint, None),
        ("PATCH", endpoint, {"is_enabled": False}),
        ("DELETE", endpoint, None),
        ("POST", f"{endpoint}/rotate-secret", {}),
        ("POST", f"{endpoint}/test", {}),
        ("GET", f"{endpoint}/deliveries", None),
        ("POST", f"{endpoint}/replay", {"delivery": delivery}),
    ]


@pytest.mark.parametrize("stranger", ["another business", "the other mode", "a random id", "nonsense"])
def test_nobody_elses_endpoint_can_be_seen_or_touched(api: Api, shop: Business, stranger: str) -> None:
    owner = shop if stranger == "the other mode" else new_business("stranger")
    theirs = listen(owner, mode="live" if stranger == "the other mode" else "test")
    record(new_event(owner, mode=theirs.mode))
    id_ = {"a random id": "whe_" + "7" * 32, "nonsense": "%00..%2f"}.get(stranger, ids.public("whe", theirs.id))

    for method, path, body in calls_on(f"{ENDPOINTS}/{id_}", ids.public("dlv", Delivery.objects.get().id)):
        code, problem = api(method, path, body)
        assert code == 404, (method, path)
        if stranger != "nonsense":
            assert (problem["code"], problem["detail"]) == ("not_found", "There is no such endpoint.")

    theirs.refresh_from_db()
    assert theirs.is_enabled
    assert api("GET", ENDPOINTS)[1]["items"] == []


def test_a_delivery_of_another_endpoint_is_not_found(api: Api, shop: Business) -> None:
    listen(shop)
    other = listen(shop, event_types=["message.read"])
    record(new_event(shop))

    code, problem = api(
        "POST", f"{ENDPOINTS}/{ids.public('whe', other.id)}/replay", {"delivery": ids.public("dlv", Delivery.objects.get().id)}
    )

    assert (code, problem["detail"]) == (404, "There is no such delivery.")


def test_a_key_without_the_right_is_refused_everywhere(shop: Business) -> None:
    limited = Api(shop, scopes=[Scope.MESSAGES_SEND])
    endpoint = f"{ENDPOINTS}/{ids.public('whe', listen(shop).id)}"

    others = [
        ("GET", ENDPOINTS, None),
        ("POST", ENDPOINTS, {"url": URL}),
        ("GET", "/v1/webhook-secret", None),
        ("POST", "/v1/webhook-secret/rotate", {}),
    ]
    for method, path, body in [*calls_on(endpoint, "dlv_1"), *others]:
        code, problem = limited(method, path, body)
        assert (code, problem["code"]) == (403, "missing_scope"), (method, path)


def test_a_callback_endpoint_is_followed_but_not_owned(api: Api, shop: Business, receiver: Receiver) -> None:
    record(new_event(shop, callback=receiver.url()))
    pay()
    path = f"{ENDPOINTS}/{ids.public('whe', Endpoint.objects.get().id)}"

    assert api("GET", f"{path}/deliveries")[1]["items"][0]["status"] == "delivered"
    for method, way, body in (("PATCH", path, {"url": URL}), ("DELETE", path, None), ("POST", f"{path}/rotate-secret", {})):
        code, problem = api(method, way, body)
        assert (code, problem["code"]) == (409, "callback_endpoint")
    assert api("PATCH", path, {"is_enabled": False})[0] == 200


def test_no_answer_of_the_api_holds_a_secret_of_a_try(api: Api, shop: Business, receiver: Receiver) -> None:
    endpoint = made(api, url=receiver.url())
    record(new_event(shop))
    pay()

    page = orjson.dumps(api("GET", f"{ENDPOINTS}/{endpoint['id']}/deliveries")[1]).decode()

    assert "whsec_" not in page
    assert endpoint["secret"].removeprefix("whsec_") not in page
    assert DeliveryTry.objects.count() == 2
