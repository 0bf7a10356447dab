"""What the tests of registration share: a registration of a live version, and what a provider says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from routing.models import ProviderAccount
from routing.providers.base import TemplateNews, TemplateStatus
from templates_app import catalogue, registration
from templates_app.choices import Source
from templates_app.models import Registration
from tests import world
from tests.world import World


def of(world_: World, provider: str = "meta") -> Registration:
    """The world's version at the platform's test account of that provider."""
    return Registration.objects.select_related("version__template", "account").get(version=world_.version, account__provider=provider)


def says(status: TemplateStatus | None, *, at: datetime | None = None, **more: Any) -> TemplateNews:
    return TemplateNews(status=status, raw_status=status.upper() if status else "", occurred_at=at or timezone.now(), **more)


def hears(row: Registration, *news: TemplateNews) -> Registration:
    """A webhook of the row's account brings the news."""
    named = [TemplateNews(**{**_fields(each), "provider_id": row.provider_id}) for each in news]
    registration.hear(row.account_id, named, source=Source.WEBHOOK, at=timezone.now())
    catalogue.forget()
    row.refresh_from_db()
    return row


def _fields(news: TemplateNews) -> dict[str, Any]:
    return {name: getattr(news, name) for name in TemplateNews.__dataclass_fields__}


def own_account(world_: World, **more: Any) -> ProviderAccount:
    """An account of the business's own that its route uses."""
    account = ProviderAccount.objects.create(
        business=world_.business, name=f"{world_.business.slug} meta", provider="meta", mode="test", **more
    )
    steps = [{"channel": "whatsapp", "accounts": [{"account": str(account.pk), "weight": 1}]}]
    world_.route = world.publish_route(world_.business, world_.author, steps)
    return account
