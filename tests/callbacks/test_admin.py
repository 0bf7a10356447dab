"""Endpoints and deliveries before staff: what operators do, what auditors see, what strangers don't."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import ids
from accounts.models import Business, Person
from callbacks import keyring, resending
from callbacks.endpoints import holder
from callbacks.models import Delivery, DeliveryDue, Endpoint, Replay, SigningSecret
from tests.callbacks.receiver import Receiver, status
from tests.callbacks.webhooks import listen, new_business, new_event, pay, record, secret_of, tries, until

URL = "https://shop.example/hooks"
ENDPOINTS = "/admin/callbacks/endpoint/"
DELIVERIES = "/admin/callbacks/delivery/"


def enter(name: str, role: str | None, business: Business | None) -> Client:
    person = Person.objects.create_user(name, business=business, is_staff=True, is_superuser=role is None)
    if role:
        person.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def shop(db: None) -> Business:
    return new_business()


@pytest.fixture
def operator(shop: Business) -> Client:
    return enter("operator-olga", "operator", shop)


@pytest.fixture
def auditor(shop: Business) -> Client:
    return enter("auditor-aziz", "auditor", shop)


@pytest.fixture
def neighbour(db: None) -> Client:
    return enter("operator-nadia", "operator", new_business("stranger"))


@pytest.fixture
def root(db: None) -> Client:
    return enter("root", None, None)


def page(of: Any, deed: str = "change") -> str:
    return reverse(f"admin:callbacks_{of._meta.model_name}_{deed}", args=[of.pk])


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response
    return response.content.decode()


def the_delivery() -> Delivery:
    found: Delivery = Delivery.objects.get()
    return found


FORM = {"mode": "test", "url": URL, "description": "Orders", "event_types": ["message.delivered"], "body": "thin", "signature": "v1"}

# Endpoints


def test_an_operator_registers_an_endpoint_and_sees_its_secret_once(operator: Client, shop: Business) -> None:
    response = operator.post(f"{ENDPOINTS}add/", FORM | {"business": shop.id})

    endpoint = Endpoint.objects.get()
    secret = secret_of(endpoint)
    assert secret in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert (endpoint.business_id, endpoint.url, endpoint.event_types, endpoint.lane) == (shop.id, URL, ["message.delivered"], endpoint.id)
    for address in (ENDPOINTS, page(endpoint), page(endpoint, "history")):
        assert secret not in text(operator, address)


def test_a_key_pairs_public_half_can_be_seen_again(operator: Client, shop: Business) -> None:
    operator.post(f"{ENDPOINTS}add/", FORM | {"business": shop.id, "signature": "v1a"})

    assert re.search(r"whpk_[\w+/=]+", text(operator, page(Endpoint.objects.get())))


@pytest.mark.parametrize("url", ["https://10.0.0.1/hooks", "http://shop.example/hooks", "nonsense", ""])
def test_a_url_that_leads_inside_is_refused_at_its_field(operator: Client, shop: Business, url: str, settings: Any) -> None:
    settings.QSURA_ALLOWED_PRIVATE_TARGETS = []

    response = operator.post(f"{ENDPOINTS}add/", FORM | {"business": shop.id, "url": url})

    assert "url" in response.context["adminform"].form.errors
    assert not Endpoint.objects.exists()


def test_nobody_registers_for_another_business(operator: Client) -> None:
    operator.post(f"{ENDPOINTS}add/", FORM | {"business": new_business("stranger").id})

    assert not Endpoint.objects.exists()


def test_the_twenty_first_is_refused_in_words(operator: Client, shop: Business) -> None:
    for _ in range(20):
        listen(shop)

    response = operator.post(f"{ENDPOINTS}add/", FORM | {"business": shop.id}, follow=True)

    assert "at most 20 endpoints" in response.content.decode()
    assert Endpoint.objects.count() == 20


def test_switching_off_says_so_and_on_starts_anew(operator: Client, shop: Business) -> None:
    endpoint = listen(shop, failing_since=timezone.now())
    form = {"url": endpoint.url, "description": "", "event_types": [], "body": "thin"}

    operator.post(page(endpoint), form)
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_because) == (False, "It was switched off.")

    operator.post(page(endpoint), form | {"is_enabled": "on"})
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_because, endpoint.failing_since) == (True, "", None)


def test_a_callback_can_be_switched_off_but_is_otherwise_the_requests_own(operator: Client, shop: Business) -> None:
    record(new_event(shop, callback=URL))
    endpoint = Endpoint.objects.get()

    operator.post(page(endpoint), {"url": "https://elsewhere.example/", "description": "mine"})

    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.description, endpoint.is_enabled) == (URL, "", False)
    shown = text(operator, page(endpoint))
    assert "Rotate the secret" not in shown
    assert "Enable, and send what it missed" in shown


def test_rotating_asks_first_and_shows_the_new_secret_once(operator: Client, shop: Business) -> None:
    endpoint = listen(shop)
    old = secret_of(endpoint)
    address = reverse("admin:callbacks_endpoint_rotate", args=[endpoint.pk])

    assert SigningSecret.objects.count() == 1
    text(operator, address)
    assert SigningSecret.objects.count() == 1
    response = operator.post(address, {"answer": "24"})

    assert secret_of(endpoint) in response.content.decode()
    assert keyring.live([holder(endpoint)])[holder(endpoint)] == [secret_of(endpoint), old]


def test_a_sample_leads_to_its_delivery(operator: Client, shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.url())
    address = reverse("admin:callbacks_endpoint_sample", args=[endpoint.pk])
    text(operator, address)

    response = operator.post(address, {"answer": "message.read"})
    pay()

    assert response.headers["Location"] == page(the_delivery())
    assert receiver.got()[0].type == "message.read"
    assert "a sample" in text(operator, page(the_delivery()))


@pytest.mark.django_db(transaction=True)
def test_what_is_missing_is_sent(operator: Client, shop: Business, receiver: Receiver) -> None:
    endpoint = listen(shop, receiver.at("/hooks", status(410)))
    record(new_event(shop))
    pay()
    Endpoint.objects.update(is_enabled=True)
    receiver.at("/hooks", status(200))
    address = reverse("admin:callbacks_endpoint_missing", args=[endpoint.pk])
    text(operator, address)

    response = operator.post(address, {"answer": "24"}, follow=True)
    until(lambda: not resending.advance(at=timezone.now()) and Replay.objects.get().state == "done")
    pay()

    assert "missing" in response.content.decode()
    assert "100 %" in text(operator, page(Replay.objects.get()))
    assert sorted(each.outcome for each in tries()) == ["delivered", "delivered", "exhausted"]


def test_a_disabled_endpoint_says_why_nothing_is_sent(operator: Client, shop: Business) -> None:
    endpoint = listen(shop, is_enabled=False)

    response = operator.post(reverse("admin:callbacks_endpoint_sample", args=[endpoint.pk]), {"answer": "message.read"}, follow=True)

    assert "Enable the endpoint first" in response.content.decode()


def test_removing_asks_first_and_keeps_the_history(operator: Client, shop: Business) -> None:
    endpoint = listen(shop)
    record(new_event(shop))
    address = reverse("admin:callbacks_endpoint_remove", args=[endpoint.pk])

    text(operator, address)
    endpoint.refresh_from_db()
    assert endpoint.removed_at is None

    operator.post(address)
    endpoint.refresh_from_db()
    assert endpoint.removed_at is not None
    assert text(operator, page(the_delivery()))
    assert operator.get(page(endpoint)).status_code == 302


# Deliveries


def test_the_list_shows_how_each_delivery_stands(operator: Client, shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.at("/away", status(503)), description="Warehouse")
    listen(shop, receiver.url(), event_types=["message.read"], description="Orders")
    record(new_event(shop), new_event(shop, type="message.read"))
    pay()

    shown = text(operator, DELIVERIES)

    assert all(word in shown for word in ("Warehouse", "Orders", "failing", "delivered", "503", "message.read"))


@pytest.mark.parametrize(
    "query,expected", [("status=waiting", 1), ("status=delivered", 1), ("status=exhausted", 1), ("type=message.read", 1)]
)
def test_the_list_is_narrowed(operator: Client, shop: Business, receiver: Receiver, query: str, expected: int) -> None:
    listen(shop, receiver.at("/away", status(503)), event_types=["message.sent"])
    listen(shop, receiver.at("/gone", status(410)), event_types=["message.delivered"])
    listen(shop, receiver.url(), event_types=["message.read"])
    record(*[new_event(shop, type=f"message.{word}") for word in ("sent", "delivered", "read")])
    pay()

    shown = text(operator, f"{DELIVERIES}?{query}")

    assert shown.count("dlv_…") == expected


def test_an_endpoints_button_leads_to_its_deliveries(operator: Client, shop: Business) -> None:
    endpoint, _ = listen(shop), listen(shop)
    record(new_event(shop))

    response = operator.get(reverse("admin:callbacks_endpoint_deliveries", args=[endpoint.pk]), follow=True)

    assert response.content.decode().count("dlv_…") == 1
    assert operator.get(f"{DELIVERIES}?endpoint=nonsense").content.decode().count("dlv_…") == 0


def test_a_deliverys_page_shows_the_body_and_each_try(operator: Client, shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.at("/hooks", status(503)))
    event = new_event(shop, reference="order-17")
    record(event)
    pay()

    shown = text(operator, page(the_delivery()))

    assert ids.public("evt", event.id) in shown
    assert "order-17" in shown
    assert "Answered 503" in shown
    assert "I say 503" in shown
    assert "Next try" in shown


def test_an_answer_that_is_html_is_shown_as_text(operator: Client, shop: Business, receiver: Receiver) -> None:
    async def page_of_evil(_: Any) -> Any:
        return web.Response(status=500, text="<script>alert(1)</script>")

    listen(shop, receiver.at("/hooks", page_of_evil))
    record(new_event(shop))
    pay()

    shown = text(operator, page(the_delivery()))

    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_sending_again_from_the_page_and_from_the_list(operator: Client, shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.url())
    record(new_event(shop))
    pay()

    again = operator.post(reverse("admin:callbacks_delivery_again", args=[the_delivery().pk]), follow=True)
    pay()
    operator.post(DELIVERIES, {"action": "send_again", "_selected_action": [str(the_delivery().pk)]})
    pay()

    assert "on its way again" in again.content.decode()
    assert len(receiver.got()) == 3
    assert len({(each.id, each.body) for each in receiver.got()}) == 1


def test_sending_again_twice_sends_once(operator: Client, shop: Business, receiver: Receiver) -> None:
    listen(shop, receiver.url())
    record(new_event(shop))
    pay()

    for _ in range(2):
        operator.post(reverse("admin:callbacks_delivery_again", args=[the_delivery().pk]))
    pay()

    assert len(receiver.got()) == 2


def test_nothing_is_sent_again_to_a_disabled_endpoint(operator: Client, shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    DeliveryDue.objects.all().delete()
    Endpoint.objects.update(is_enabled=False)

    one = operator.post(reverse("admin:callbacks_delivery_again", args=[the_delivery().pk]), follow=True)
    many = operator.post(DELIVERIES, {"action": "send_again", "_selected_action": [str(the_delivery().pk)]}, follow=True)

    assert "Enable the endpoint first" in one.content.decode()
    assert "1 not sent" in many.content.decode()
    assert not DeliveryDue.objects.exists()


# Who may not


def test_an_auditor_sees_everything_and_changes_nothing(auditor: Client, shop: Business) -> None:
    endpoint = listen(shop)
    record(new_event(shop))
    for address in (ENDPOINTS, page(endpoint), DELIVERIES, page(the_delivery())):
        assert "Send again" not in text(auditor, address)

    deeds = ["sample", "missing", "rotate", "remove"]
    refused = [auditor.post(reverse(f"admin:callbacks_endpoint_{deed}", args=[endpoint.pk]), {"answer": "24"}) for deed in deeds]
    refused += [auditor.post(page(endpoint), {"url": "https://elsewhere.example/"}), auditor.get(f"{ENDPOINTS}add/")]
    refused += [auditor.post(reverse("admin:callbacks_delivery_again", args=[the_delivery().pk]))]

    assert {response.status_code for response in refused} == {403}
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.removed_at) == (URL, None)
    assert SigningSecret.objects.count() == 1


def test_a_neighbour_sees_and_touches_nothing(neighbour: Client, shop: Business) -> None:
    endpoint = listen(shop, description="Hidden")
    record(new_event(shop))
    delivery = the_delivery()

    for address in (ENDPOINTS, DELIVERIES, f"{DELIVERIES}?endpoint={endpoint.id}"):
        assert "Hidden" not in text(neighbour, address)
        assert "dlv_…" not in text(neighbour, address)
    assert neighbour.get(page(delivery)).status_code == 404
    assert neighbour.get(page(endpoint)).status_code == 302
    assert neighbour.post(reverse("admin:callbacks_delivery_again", args=[delivery.pk])).status_code == 404
    for deed in ("deliveries", "sample", "missing", "rotate", "remove"):
        assert neighbour.post(reverse(f"admin:callbacks_endpoint_{deed}", args=[endpoint.pk]), {"answer": "24"}).status_code in {403, 404}
    assert SigningSecret.objects.count() == 1


def test_history_can_be_changed_by_nobody(root: Client, shop: Business) -> None:
    listen(shop)
    record(new_event(shop))
    delivery = the_delivery()

    assert root.get(f"{DELIVERIES}add/").status_code == 403
    assert root.post(page(delivery, "delete"), {"post": "yes"}).status_code == 403
    root.post(page(delivery), {"body": "altered"})

    assert the_delivery().body == delivery.body


def test_the_platforms_staff_see_every_business(root: Client, shop: Business) -> None:
    other = new_business("stranger")
    for business in (shop, other):
        listen(business, description=f"of {business.slug}")
        record(new_event(business))

    assert text(root, DELIVERIES).count("dlv_…") == 2
    assert "of stranger" in text(root, ENDPOINTS)
    assert "Stranger" in text(root, page(Delivery.objects.get(business_id=other.id)))


def test_a_delivery_is_found_by_the_id_that_the_api_shows(operator: Client, shop: Business) -> None:
    listen(shop)
    record(new_event(shop))

    assert ids.public("dlv", the_delivery().id) in text(operator, f"{DELIVERIES}{ids.public('dlv', the_delivery().id)}/change/")


def test_an_old_delivery_is_found_in_its_time(operator: Client, shop: Business) -> None:
    listen(shop)
    record(new_event(shop, id=ids.first_at(timezone.now() - timedelta(days=20))))

    assert text(operator, DELIVERIES).count("dlv_…") == 0
    assert text(operator, f"{DELIVERIES}?when=month").count("dlv_…") == 1
