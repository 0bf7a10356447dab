"""One message through its whole life, told line by line: what `make run` shows."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.choices import Mode
from accounts.models import Business
from callbacks import keyring
from callbacks.keyring import Holder
from qsura_platform import example
from routing import connecting, stand_ins
from routing.models import ProviderAccount

RECEIVER = "demo"
PATIENCE = 60.0
"""Seconds for the whole story."""


class Command(BaseCommand):
    help = "Send a message from the example business and tell its story until the verified webhook of its last event."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--recipient", default="+201001234567", help="a number; docs/simulator.md lists those that meet a fault")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        callback = f"{settings.QSURA_SIMULATOR_URL}/receiver/{RECEIVER}"
        _prepare(callback)
        body = {"channel": "whatsapp", "template": example.PLAIN_TEMPLATE, "recipient": options["recipient"], "callback": callback}
        self.say(f"\n  POST {settings.PUBLIC_URL}/v1/messages\n")
        self.say("\n".join("    " + line for line in json.dumps(body, indent=2).splitlines()) + "\n")
        answer = _call("POST", f"{settings.PUBLIC_URL}/v1/messages", body, key=example.remember()["test_key"])
        id_ = answer["id"]
        roads = " then ".join(f"{step['channel']} by {step['provider']}" for step in answer["route"]["steps"])
        self.say(f"  202  {id_}\n       template {answer['template']['name']} v{answer['template']['version']}, route: {roads}\n")
        for event in _webhooks(callback, id_):
            self.say(_line(event, time.monotonic() - started))
            if event["body"]["data"]["final"]:
                self.say("\n  Its whole life: accepted, handed off, received, read, and reported by signed webhooks.\n")
                return
        raise CommandError(f"After {PATIENCE:.0f} s the last webhook of {id_} has not come. `GET /v1/messages/{id_}` says where it stands.")

    def say(self, text: str) -> None:
        self.stdout.write(text)
        sys.stdout.flush()


def _prepare(callback: str) -> None:
    """The receiver learns the secret by which it verifies, and the simulated providers that must be told where to send their receipts."""
    business = Business.objects.get(slug=example.SLUG)
    _call("PUT", callback, {"secret": keyring.reveal(keyring.ensure(Holder(business.pk, Mode.TEST)))})
    for account in ProviderAccount.objects.filter(mode=Mode.TEST, provider__in=("meta", stand_ins.MAIL), business=None):
        connecting.connect(account)


def _webhooks(callback: str, id_: str) -> Iterator[dict[str, Any]]:
    """What the receiver saw of this message, as it sees it."""
    stop, after = time.monotonic() + PATIENCE, 0
    while time.monotonic() < stop:
        seen = _call("GET", f"{callback}/events?after={after}&wait=2")
        for event in seen["events"]:
            after = event["seq"]
            if event["body"] and event["body"]["data"]["id"] == id_:
                yield event


def _line(event: dict[str, Any], seconds: float) -> str:
    body = event["body"]
    verdict = "signature verified" if event["verified"] else "SIGNATURE REFUSED"
    fallback = body["data"].get("fallback")
    because = f"  ({fallback['from']} -> {fallback['to']}: {fallback['because']})" if fallback else ""
    return f"  {seconds:6.2f} s  webhook  {body['type']:<20} {verdict}{because}"


def _call(method: str, url: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers, method=method)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise CommandError(f"{method} {url} was answered with {error.code}: {error.read().decode(errors='replace')[:500]}") from error
    except OSError as error:
        raise CommandError(f"{method} {url} was not answered: {error}. Is everything up? `make run` starts it.") from error
