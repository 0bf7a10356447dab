"""The platform's hands in these tests: the real adapters over plain HTTP, without a platform."""

from __future__ import annotations

import base64
import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from routing.providers import registry
from routing.providers.base import Answer, Call, Content, Handoff, Incoming, Outbound, ProviderAccount, Receipt, Text, WhatsAppTemplate
from simulator.identity import identity

SECRET = "a secret that only tests share"
WELL = "+201001234567"
TEMPLATE = WhatsAppTemplate(name="order_ready", language="en", components=[], text="Your order is ready.")
SMS = Text("Your order is ready.")

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
_references = (f"attempt-{number}" for number in itertools.count(1))


def fated(code: str) -> str:
    """An Egyptian mobile number that meets this fault."""
    return f"+2010000000{code}"


def http(method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, timeout: float = 10) -> Answer:
    request = urllib.request.Request(url, data=body or None, headers=dict(headers or {}), method=method)
    try:
        with _open(request, timeout=timeout) as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, {name.lower(): value for name, value in error.headers.items()}, error.read())


class World:
    """The simulated accounts as the platform would open them."""

    def __init__(self, base_url: str, callback_url: str) -> None:
        who = identity(SECRET)
        self.base_url = base_url
        self.meta = ProviderAccount(
            id="meta",
            base_url=f"{base_url}/meta",
            callback_url=f"{callback_url}/meta",
            settings={"phone_number_id": "100000000000001", "waba_id": "200000000000001"},
            credentials={"access_token": who.access_token, "app_secret": who.app_secret, "verify_token": who.verify_token},
        )
        self.twilio = ProviderAccount(
            id="twilio",
            base_url=f"{base_url}/twilio",
            callback_url=f"{callback_url}/twilio",
            settings={"account_sid": who.account_sid, "sender": "+15005550006"},
            credentials={"auth_token": who.auth_token},
        )
        self.vonage = ProviderAccount(
            id="vonage",
            base_url=f"{base_url}/vonage",
            callback_url=f"{callback_url}/vonage",
            settings={"api_key": who.api_key, "sender": "+15005550007"},
            credentials={"api_secret": who.api_secret, "signature_secret": who.signature_secret},
        )
        self.infobip = ProviderAccount(
            id="infobip",
            base_url=f"{base_url}/infobip",
            callback_url=f"{callback_url}/infobip",
            settings={"sender": "+15005550008"},
            credentials={"api_key": who.infobip_key, "callback_secret": who.callback_secret},
        )
        self.all = (self.meta, self.twilio, self.vonage, self.infobip)

    # What the platform does

    def subscribe(self, account: ProviderAccount | None = None) -> Answer:
        call = registry.get("meta").subscribe(account or self.meta)
        assert call is not None
        return self.send(call)

    def send(self, call: Call, *, timeout: float = 10) -> Answer:
        return http(call.method, call.url, body=call.body, headers=call.headers, timeout=timeout)

    def outbound(self, to: str, *, channel: str = "whatsapp", content: Content = TEMPLATE, reference: str = "") -> Outbound:
        return Outbound(reference=reference or next(_references), channel=channel, recipient=to, content=content)

    def sms(self, to: str) -> Outbound:
        return self.outbound(to, channel="sms", content=SMS)

    def hand_off(self, outbound: Outbound, *, by: ProviderAccount | None = None, timeout: float = 10) -> Handoff:
        account = by or self.meta
        adapter = registry.get(account.id)
        return adapter.read_answer(account, self.send(adapter.submit(account, outbound), timeout=timeout))

    def read(self, incoming: Incoming) -> Receipt:
        """One receipt, as the platform's door would let it in. Raises Forged."""
        account = next(each for each in self.all if f"/{each.id}" in incoming.url)
        adapter = registry.get(account.id)
        adapter.authenticate(account, incoming)
        [receipt] = adapter.read_receipts(account, incoming)
        return receipt

    # What only a test does

    def stranger(self, account: ProviderAccount) -> ProviderAccount:
        return replace(account, credentials=dict.fromkeys(account.credentials, "wrong"))

    def calls(self, outbound: Outbound, *, count: int = 1) -> list[dict[str, Any]]:
        return self.ask(f"/log/calls?reference={outbound.reference}&count={count}&wait=10")["calls"]

    def receipts(self, outbound: Outbound, *, count: int) -> list[dict[str, Any]]:
        return self.ask(f"/log/receipts?reference={outbound.reference}&count={count}&wait=20")["receipts"]

    def ask(self, path: str) -> Any:
        return json.loads(http("GET", self.base_url + path, timeout=60).body)

    def forget(self) -> None:
        http("DELETE", f"{self.base_url}/log")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
