"""Which version speaks for a template: the live one in the best language, kept in the process for five seconds.

What a sender is told here may be five seconds old, so the statement that accepts a message asks the database again whether the version is
live. A version's content never changes once it is approved: it is read once for each process, and compared with what was reviewed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from accounts.refusals import FieldError, Refusal
from templates_app import content, declarations, languages, standing
from templates_app.choices import VersionStatus
from templates_app.content import Shape
from templates_app.models import Template, TemplateVersion
from templates_app.variables import Variable

KEPT_FOR = timedelta(seconds=5)
_MANY = 10_000
_REVIEWED = (VersionStatus.APPROVED, VersionStatus.LIVE, VersionStatus.PAUSED, VersionStatus.RETIRED)

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_log = logging.getLogger(__name__)


class TemplateNotFound(Refusal):
    code = "template_not_found"
    title = "There is no such template."


class TemplateNotLive(Refusal):
    code = "template_not_live"
    title = "The template has no live version for this."


class TemplateAltered(Refusal):
    """The stored content is not the content that was reviewed: somebody went round the platform."""

    status = 409
    code = "template_altered"
    title = "The template's content is not what was approved."


@dataclass(frozen=True, slots=True)
class Entry:
    """One version, ready to be rendered."""

    version_id: UUID
    template_id: UUID
    name: str
    number: int
    language: str
    category: str
    content: Mapping[str, Any] = field(repr=False)
    variables: list[dict[str, Any]] = field(repr=False)
    content_hash: bytes
    channels: frozenset[str]
    declared: Mapping[str, Variable] = field(repr=False)
    shapes: Mapping[str, Shape] = field(repr=False)
    """By channel, the content taken apart."""
    tags: tuple[str, ...] = ()
    """The template's, as its shelf was read: they are no part of the version, and may change."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A template's live versions, by language."""

    versions: Mapping[str, UUID]
    default_language: str
    tags: tuple[str, ...]
    read_at: datetime


_shelves: dict[tuple[UUID, str], _Shelf] = {}
_entries: dict[UUID, Entry] = {}


def live(business_id: UUID, name: str, language: str | None, *, at: datetime) -> Entry:
    """The version that a request of that language gets: that language, its base, the business's default, or the only one there is.

    Raises TemplateNotFound, TemplateNotLive or TemplateAltered.
    """
    shelf = _shelf(business_id, name, at=at)
    found = entry(_choose(shelf, language or ""))
    if found.tags != shelf.tags:
        # The same object from now on: messages that share one go to the database with it once (messaging.orders).
        found = _entries[found.version_id] = replace(found, tags=shelf.tags)
    return found


def entry(version_id: UUID) -> Entry:
    """That very version, whether or not it is live now. Raises TemplateNotFound where it was never approved, and TemplateAltered."""
    found = _entries.get(version_id)
    if found is None:
        row = TemplateVersion.objects.select_related("template").filter(pk=version_id, status__in=_REVIEWED).first()
        if row is None:
            raise TemplateNotFound("This version was never approved.")
        found = _keep(_entries, version_id, _reviewed(row))
    return found


def of(version: TemplateVersion) -> Entry:
    """A version as it is now, draft or not; never kept."""
    declared = declarations.load(version.variables)
    shapes = content.load(version.content, declared=declared, language=version.language, name=version.template.name)
    return Entry(
        version_id=version.pk,
        template_id=version.template_id,
        name=version.template.name,
        number=version.number,
        language=version.language,
        category=version.template.category,
        content=version.content,
        variables=version.variables,
        content_hash=version.digest(),
        channels=frozenset(shapes),
        declared=declared,
        shapes=shapes,
        tags=tuple(version.template.tags),
    )


def forget() -> None:
    """Reads everything anew: for tests, and for a sender that was told something out of date."""
    _shelves.clear()
    _entries.clear()
    standing.forget()


def _reviewed(row: TemplateVersion) -> Entry:
    found = of(row)
    if found.content_hash != bytes(row.content_hash or b""):
        _log.error("ALERT: the content of template version %s is not what was reviewed", row.pk)
        raise TemplateAltered("The template was changed outside the platform, and is not sent. Publish a new version.")
    return found


def _shelf(business_id: UUID, name: str, *, at: datetime) -> _Shelf:
    shelf = _shelves.get((business_id, name))
    if shelf is None or not shelf.read_at <= at < shelf.read_at + KEPT_FOR:
        # Absence is not kept: a template that has just been published works at once.
        shelf = _keep(_shelves, (business_id, name), _read_shelf(business_id, name, at=at))
    return shelf


def _read_shelf(business_id: UUID, name: str, *, at: datetime) -> _Shelf:
    rows = TemplateVersion.objects.live().filter(template__business_id=business_id, template__name=name)
    found = list(rows.values_list("language", "pk", "template__business__default_language", "template__tags"))
    if found:
        versions = {language: pk for language, pk, _, _ in found}
        return _Shelf(versions=versions, default_language=found[0][2], tags=tuple(found[0][3]), read_at=at)
    if Template.objects.filter(business_id=business_id, name=name).exists():
        message = "No version of this template is live. Have one approved and published, or use another template."
        raise TemplateNotLive(message, errors=[FieldError("template", "template_not_live", message)])
    message = "There is no template of this name. Check the name, or create it."
    raise TemplateNotFound(message, errors=[FieldError("template", "template_not_found", message)])


def _choose(shelf: _Shelf, wanted: str) -> UUID:
    tag = languages.canonical(wanted)
    if wanted and tag is None:
        message = "This is no language tag. Write it as in BCP 47: en, ar, pt-BR."
        raise TemplateNotLive(message, errors=[FieldError("language", "invalid_language", message)])
    for language in languages.chain(tag or "", default=shelf.default_language):
        if language in shelf.versions:
            return shelf.versions[language]
    if len(shelf.versions) == 1:
        return next(iter(shelf.versions.values()))
    message = f"The template is live in {', '.join(sorted(shelf.versions))}. Choose one of them."
    raise TemplateNotLive(message, errors=[FieldError("language", "template_not_live", message)])


def _keep(kept: dict[_Key, _Value], key: _Key, value: _Value) -> _Value:
    if len(kept) >= _MANY:
        kept.clear()
    kept[key] = value
    return value
