"""A small world for tests: a business with a key, a live template and a published route by the platform's stand-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.utils import timezone

from accounts import keys
from accounts.choices import Mode, Role
from accounts.keys import Caller
from accounts.models import Business, Person
from messaging import intake
from messaging.intake import Answer, Asked
from messaging.preparing import Wanted
from routing import allowances, book, calendar, credentials, prices, publishing
from routing.models import ProviderAccount, Route, RouteVersion
from routing.providers.base import TemplateNews, TemplateStatus
from templates_app import approval, catalogue, owing, registration, writing
from templates_app.choices import Source
from templates_app.models import Registration, TemplateVersion

NUMBER = "+201001234567"

WORDS: dict[str, Any] = {
    "content": {
        "whatsapp": {"components": [{"type": "BODY", "text": "Your order {{order_id}} is on its way."}]},
        "sms": {"text": "Your order {{order_id}} is on its way."},
    },
    "variables": [{"name": "order_id", "type": "text", "sample": "A-17", "max_length": 20}],
}


CODE: dict[str, Any] = {
    "content": {"sms": {"text": "{{order_id}} is your code. Never tell it to anybody."}},
    "variables": [{"name": "order_id", "type": "code", "sample": "481516", "max_length": 8}],
}
"""What a template of the class authentication says."""


class Ways:
    """Whether requests are offered to the quick door's deed first, as qsura_platform.quick does."""

    quick = False


@dataclass
class World:
    business: Business
    caller: Caller
    key: str
    version: TemplateVersion
    route: RouteVersion
    author: Person
    approver: Person

    def wanted(self, **more: Any) -> Wanted:
        given: dict[str, Any] = {"channel": "whatsapp", "template": "order_shipped", "recipient": NUMBER, "variables": {"order_id": "A-17"}}
        return Wanted(**{**given, **more})

    def accept(self, *, key: str | None = None, same: bytes = b"\0" * 32, caller: Caller | None = None, **more: Any) -> Answer:
        """Accept a message as the API does, by the door that `Ways.quick` names."""
        asked = Asked(self.wanted(**more), caller or self.caller, key, same, "req_test", timezone.now())
        if Ways.quick:
            (answer,) = intake.accept_together([asked])
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                return answer
        return intake.accept(asked.wanted, caller=asked.caller, key=key, same=same, request_id="req_test", at=asked.at)


def make(slug: str = "alice", *, category: str = "utility", mode: str = Mode.TEST, steps: list[dict[str, Any]] | None = None) -> World:
    """One business's world. Forgets what the process kept of earlier ones."""
    forget()
    business = Business.objects.create(slug=slug, name=slug.title())
    author, approver = (person(f"{slug}-{role}", role, business) for role in (Role.AUTHOR, Role.APPROVER))
    version = live_template(business, author, approver, category=category)
    route = publish_route(business, author, steps or whatsapp_then_sms())
    _, text = keys.create(business, name="test", mode=mode)
    caller = keys.recognise(text, address="127.0.0.1", at=timezone.now())
    return World(business, caller, text, version, route, author, approver)


def forget() -> None:
    catalogue.forget()
    book.forget()
    credentials.forget()
    calendar.forget()
    allowances.forget()
    prices.forget()


def person(name: str, role: Role, business: Business | None) -> Person:
    made = Person.objects.create(username=name, is_staff=True, business=business)
    made.groups.add(Group.objects.get_or_create(name=role)[0])
    return made


def live_template(
    business: Business, author: Person, approver: Person, *, category: str = "utility", name: str = "order_shipped"
) -> TemplateVersion:
    words = CODE if category == "authentication" else WORDS
    version = writing.begin(business.pk, name=name, category=category, language="en", author=author, **words)
    approval.submit(version, by=author, at=timezone.now())
    approval.approve(version, by=approver, at=timezone.now())
    approve_at_providers()
    return approval.publish(version, by=approver, at=timezone.now())


def approve_at_providers() -> None:
    """Every template at every provider account that a route names, as if the providers had said yes to all that they were asked."""
    book.forget()
    owing.owe_all(at=timezone.now())
    for row in Registration.objects.filter(status="owed"):
        news = TemplateNews(provider_id=row.provider_id or f"theirs-{row.pk.hex}", status=TemplateStatus.APPROVED, raw_status="APPROVED")
        registration.record(row.pk, news, source=Source.SUBMISSION, at=timezone.now(), submitted_at=timezone.now())
    catalogue.forget()


def stand_in(provider: str) -> ProviderAccount:
    return ProviderAccount.objects.get(mode=Mode.TEST, provider=provider, business=None)


def whatsapp_then_sms(**first: Any) -> list[dict[str, Any]]:
    return [
        {"channel": "whatsapp", "accounts": [{"account": str(stand_in("meta").pk), "weight": 1}], **first},
        {"channel": "sms", "accounts": [{"account": str(stand_in("twilio").pk), "weight": 1}]},
    ]


def publish_route(business: Business, by: Person, steps: list[dict[str, Any]]) -> RouteVersion:
    route, _ = Route.objects.get_or_create(business=business, name="default")
    version = publishing.draft(route, rules=[{"when": [], "steps": steps}], by=by, accept_double_delivery=True)
    published = publishing.publish(version, by=by, because="for a test", at=timezone.now())
    approve_at_providers()
    return published


def rooms(each: int = 100) -> dict[UUID, int]:
    """That much room for every account."""
    return dict.fromkeys(credentials.directory(), each)
