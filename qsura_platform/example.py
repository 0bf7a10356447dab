"""The example business of `make run`: staff of each role, keys, templates for each channel, a route with fallback, a version to review.

Safe to repeat. Its log-ins and keys are this installation's own, kept in the state folder, and open nothing elsewhere.
"""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts import keys
from accounts.choices import Mode, Role
from accounts.models import Business, Person
from routing import publishing
from routing.models import ProviderAccount, Route
from templates_app import approval, asking, owing, writing
from templates_app.models import Registration, Template

SLUG = "demo"
PLAIN_TEMPLATE = "order_confirmed"
"""The one that needs no variables, so that a request has just the brief's four fields."""
ADMIN = "admin"
PATIENCE = 10.0
"""Seconds for the simulated providers to approve the templates."""

_CUSTOMER = {"name": "name", "type": "text", "sample": "Sara", "max_length": 60}
_ORDER = {"name": "order_id", "type": "text", "sample": "A-17", "max_length": 20}

TEMPLATES: list[dict[str, Any]] = [
    {
        "name": PLAIN_TEMPLATE,
        "category": "utility",
        "description": "An order has been placed.",
        "content": {
            "whatsapp": {
                "components": [
                    {"type": "HEADER", "format": "TEXT", "text": "Thank you!"},
                    {"type": "BODY", "text": "Your order is confirmed. We will write again as soon as it is on its way."},
                    {"type": "FOOTER", "text": "Nile Books"},
                ]
            },
            "sms": {"text": "Nile Books: your order is confirmed. We will write again as soon as it is on its way."},
            "email": {
                "subject": "Your order is confirmed",
                "text": "Thank you!\n\nYour order is confirmed. We will write again as soon as it is on its way.\n\nNile Books",
                "html": "<h1>Thank you!</h1><p>Your order is confirmed. We will write again when it is on its way.</p><p>Nile Books</p>",
            },
        },
        "variables": [],
    },
    {
        "name": "order_shipped",
        "category": "utility",
        "description": "An order has left the warehouse.",
        "content": {
            "whatsapp": {
                "components": [
                    {"type": "BODY", "text": "Hello {{name}}, your order {{order_id}} is on its way. It should arrive within three days."},
                    {"type": "FOOTER", "text": "Nile Books"},
                ]
            },
            "sms": {"text": "Nile Books: hello {{name}}, your order {{order_id}} is on its way."},
            "email": {
                "subject": "Your order {{order_id}} is on its way",
                "text": "Hello {{name}},\n\nyour order {{order_id}} is on its way. It should arrive within three days.\n\nNile Books",
                "html": "<p>Hello {{name}},</p><p>your order <b>{{order_id}}</b> is on its way. It should arrive within three days.</p>",
            },
        },
        "variables": [_CUSTOMER, _ORDER],
    },
    {
        "name": "login_code",
        "category": "authentication",
        "description": "A code that proves who logs in.",
        "content": {"sms": {"text": "{{code}} is your Nile Books code. Never tell it to anybody."}},
        "variables": [{"name": "code", "type": "code", "sample": "481516", "max_length": 8}],
    },
]
TO_REVIEW: dict[str, Any] = {
    "language": "en",
    "content": {
        "whatsapp": {
            "components": [
                {"type": "BODY", "text": "Hello {{name}}, good news: your order {{order_id}} has left our warehouse and arrives tomorrow."},
                {"type": "FOOTER", "text": "Nile Books"},
            ]
        },
        "sms": {
            "text": "Nile Books: hello {{name}}, your order {{order_id}} has left our warehouse and arrives tomorrow. Track it in the app."
        },
    },
    "variables": [_CUSTOMER, _ORDER],
}


def load() -> None:
    """Make whatever of the example is missing."""
    business, _ = Business.objects.get_or_create(slug=SLUG, defaults={"name": "Nile Books"})
    memory = _recall() or _introduce(business)
    people = {name: _person(name, password, business) for name, password in memory["people"].items()}
    if not Template.objects.filter(business=business).exists():
        _write_templates(business, people)
    if not Route.objects.filter(business=business).exists():
        _draw_route(business, people[ADMIN])
    _register(business)


def remember() -> dict[str, Any]:
    """The example's keys and log-ins: {test_key, live_key, people: {username: password}}. Raises LookupError before `load`."""
    memory = _recall()
    if memory is None:
        raise LookupError("The example is not loaded here: manage.py load_demo")
    return memory


def _place() -> Path:
    return settings.QSURA_STATE / "demo.json"


def _recall() -> dict[str, Any] | None:
    if not _place().is_file():
        return None
    memory: dict[str, Any] = json.loads(_place().read_text())
    known = Person.objects.filter(username=ADMIN).exists() and keys.is_known(memory["test_key"])
    return memory if known else None


def _introduce(business: Business) -> dict[str, Any]:
    """New keys and log-ins, written where only this installation's owner reads."""
    memory = {f"{mode}_key": keys.create(business, name=f"Example, {mode}", mode=mode)[1] for mode in Mode.values} | {
        "people": {name: secrets.token_urlsafe(9) for name in [*Role.values, ADMIN]}
    }
    _place().touch(mode=0o600)
    _place().write_text(json.dumps(memory, indent=2))
    return memory


def _person(name: str, password: str, business: Business) -> Person:
    person, is_new = Person.objects.get_or_create(
        username=name, defaults={"is_staff": True, "is_superuser": name == ADMIN, "business": None if name == ADMIN else business}
    )
    if is_new or not person.check_password(password):
        person.set_password(password)
        person.save(update_fields=["password"])
    if name != ADMIN:
        person.groups.set(Group.objects.filter(name=name))
    return person


def _write_templates(business: Business, people: dict[str, Person]) -> None:
    author, approver = people[Role.AUTHOR], people[Role.APPROVER]
    for words in TEMPLATES:
        version = writing.begin(business.pk, language="en", author=author, **words)
        version = approval.submit(version, by=author, at=timezone.now())
        version = approval.approve(version, by=approver, because="Clear, short, and says who writes.", at=timezone.now())
        approval.publish(version, by=approver, at=timezone.now())
    template = Template.objects.get(business=business, name="order_shipped")
    approval.submit(writing.draft(template, author=author, **TO_REVIEW), by=author, at=timezone.now())


def _register(business: Business) -> None:
    """Ask the simulated providers for their approval, and wait a moment for it; where they are not up yet, the sweeps go on asking."""
    owing.owe(business.pk, at=timezone.now())
    stop = time.monotonic() + PATIENCE
    while _is_asked_for(business) and time.monotonic() < stop:
        if not asking.work(at=timezone.now()):
            time.sleep(0.1)


def _is_asked_for(business: Business) -> bool:
    waiting = Registration.objects.filter(version__template__business=business, status__in=["owed", "pending"], problem="")
    return waiting.exists()


def _draw_route(business: Business, person: Person) -> None:
    """WhatsApp first; SMS after an error, or after two minutes without a delivery; e-mail to addresses. Through test accounts alone."""
    stand_ins = {row.provider: str(row.pk) for row in ProviderAccount.objects.filter(mode=Mode.TEST, business=None)}
    steps = [
        {"channel": "whatsapp", "accounts": [{"account": stand_ins["meta"], "weight": 1}], "until": "delivered", "within": 120},
        {"channel": "sms", "accounts": [{"account": stand_ins["twilio"], "weight": 1}]},
        {"channel": "email", "accounts": [{"account": stand_ins["postmark"], "weight": 1}]},
    ]
    route = Route.objects.create(business=business, name="default")
    version = publishing.draft(route, rules=[{"when": [], "steps": steps}], by=person, accept_double_delivery=True)
    publishing.publish(
        version, by=person, because="The example: WhatsApp first, SMS where that fails; e-mail to addresses.", at=timezone.now()
    )
