"""Which registrations are owed: every version that staff have approved, at every account that may have to send it over WhatsApp.

Rows are made here and nowhere else; submitting them is somebody else's (templates_app.asking), so that approval never waits for a network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.choices import Mode
from routing.book import Known, book
from routing.choices import Channel
from routing.providers import registry
from routing.providers.base import TemplateWords
from templates_app import catalogue, meta_form
from templates_app.choices import RegistrationStatus, VersionStatus
from templates_app.models import Registration, TemplateVersion

SENT = (VersionStatus.APPROVED, VersionStatus.LIVE, VersionStatus.PAUSED)
"""Versions that are registered: from approval on, so that the provider may have looked before anybody publishes."""
_SHARED = (RegistrationStatus.PENDING, RegistrationStatus.APPROVED, RegistrationStatus.PAUSED)
_LONGEST_NAME = 512


def owe_all(*, at: datetime) -> int:
    """For every business; returns how many registrations are new."""
    businesses = _versions().values_list("template__business_id", flat=True).distinct()
    return sum(owe(business_id, at=at) for business_id in businesses)


def owe(business_id: UUID, *, at: datetime) -> int:
    """Make what is missing of a business's registrations, due at once; returns how many. Idempotent."""
    accounts = {UUID(known.id): known for known in _accounts(business_id, at=at)}
    if not accounts:
        return 0
    with transaction.atomic():
        _one_at_a_time()
        made = 0
        for version in _versions().filter(template__business_id=business_id).select_related("template__business").order_by("created_at"):
            registered = set(version.registrations.values_list("account_id", flat=True))
            for account_id, known in accounts.items():
                if account_id not in registered:
                    _make(version, account_id, known.provider, at=at).save()
                    made += 1
    return made


def words(version: TemplateVersion, *, name: str) -> TemplateWords:
    """What a provider is asked to approve; the version's template must have been selected."""
    raw, category = version.content[Channel.WHATSAPP], version.template.category
    shape: Any = catalogue.of(version).shapes[Channel.WHATSAPP]
    parameters = meta_form.Parameters(raw.get("parameter_format", meta_form.Parameters.NAMED))
    return TemplateWords(
        name=name,
        language=raw.get("language", version.language),
        category=category,
        components=raw["components"],
        form=meta_form.write(
            raw, variables=version.variables, name=name, language=version.language, category=category, parameters=parameters
        ),
        samples={each["name"]: each["sample"] for each in version.variables},
        order=shape.order,
    )


def has_own_name(version: TemplateVersion) -> bool:
    """Whether its author has said what it is called at the provider."""
    return "name" in version.content[Channel.WHATSAPP]


def free_name(version: TemplateVersion, *, account_id: UUID, language: str) -> str:
    """A name that no other content has at the account: the template's, with its version where that is taken, with its business's too."""
    template = version.template
    plain, numbered = template.name, f"{template.name}_v{version.number}"
    slug = template.business.slug.replace("-", "_")
    for name in (plain, numbered, f"{slug}_{numbered}", f"{plain}_{version.pk.hex}"):
        name = name[:_LONGEST_NAME]
        if not Registration.objects.filter(account_id=account_id, name=name, language=language).exists():
            return name
    return f"{plain[:450]}_{version.pk.hex}"


def _versions() -> Any:
    return TemplateVersion.objects.filter(status__in=SENT, content__has_key=Channel.WHATSAPP.value)


def _accounts(business_id: UUID, *, at: datetime) -> Iterator[Known]:
    """Those that a published route names for WhatsApp, and for each live one the test account that replaces it."""
    shelf = book(business_id, at=at)
    steps = (step for road in shelf.roads for rule in road.rules for step in rule.steps if step.channel == Channel.WHATSAPP)
    for share in (share for step in steps for share in step.accounts):
        known = shelf.accounts.get(share.account)
        stand_in = shelf.stand_ins.get(known.provider) if known and known.mode == Mode.LIVE else None
        yield from (each for each in (known, stand_in) if each and _approves(each.provider))


def _approves(provider: str) -> bool:
    adapter = registry.ADAPTERS.get(provider)
    return adapter is not None and adapter.registrar is not None


def _make(version: TemplateVersion, account_id: UUID, provider: str, *, at: datetime) -> Registration:
    raw, registrar = version.content[Channel.WHATSAPP], registry.get(provider).registrar
    spoken = words(version, name="")
    language = registrar.language_there(spoken.language) if registrar else spoken.language
    row = Registration(
        version=version,
        account_id=account_id,
        language=language,
        provider_id=raw.get("provider_ids", {}).get(provider, ""),
        content_digest=_digest(spoken),
        due_at=at,
    )
    twin = None if row.provider_id else _twin(row)
    if twin is not None:
        row.name, row.provider_id, row.submitted_at = twin.name, twin.provider_id, twin.submitted_at
        row.believe(twin.known())
    else:
        row.name = raw.get("name") or free_name(version, account_id=account_id, language=language)
    return row


def _twin(row: Registration) -> Registration | None:
    """Another version of the same template with the same WhatsApp content: what the provider knows already it need not approve again."""
    same = Registration.objects.filter(account_id=row.account_id, version__template_id=row.version.template_id, language=row.language)
    return same.filter(content_digest=row.content_digest, status__in=_SHARED).exclude(provider_id="").order_by("-created_at").first()


def _digest(spoken: TemplateWords) -> bytes:
    whole = [spoken.language, spoken.category, spoken.form.get("parameter_format"), list(spoken.components)]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).digest()


def _one_at_a_time() -> None:
    """Two that choose names for different contents at once would choose the same one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('templates_app.owing'))")
