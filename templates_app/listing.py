"""A business's templates, found and listed; another business's are not there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Prefetch, QuerySet

from accounts import pages
from accounts.refusals import FieldError, NotFound
from routing.choices import Channel, TrafficClass
from templates_app import telling
from templates_app.choices import VersionStatus
from templates_app.meta_form import Parameters
from templates_app.models import Template, TemplateVersion

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_HEX = re.compile(r"[0-9a-f]{32}")
_PAGING = ("limit", "cursor")
_WORDS: Mapping[str, list[str]] = {"category": TrafficClass.values, "status": VersionStatus.values, "channel": Channel.values}
"""Filters that take one of these; `language` and `tag` take what staff wrote."""


def templates(business_id: UUID, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of templates, newest first: of a `category` or `tag`, or with one version that has this `status`, `language` and `channel`.

    Raises BadFilter or BadPage.
    """
    asked = _filters(query, known=("category", "tag", "status", "language", "channel"))
    rows, size = _templates(business_id), pages.limit(query)
    if "category" in asked:
        rows = rows.filter(category=asked["category"])
    if "tag" in asked:
        rows = rows.filter(tags__contains=[asked["tag"]])
    if of_version := _of_version(asked):
        rows = rows.filter(Exists(TemplateVersion.objects.filter(template=OuterRef("pk"), **of_version)))
    if (place := pages.cursor(query)) is not None:
        if not _HEX.fullmatch(place):
            raise pages.refused()
        rows = rows.filter(pk__lt=UUID(hex=place))
    found = list(rows.order_by("-pk")[: size + 1])
    return pages.page(found, size=size, place=lambda row: row.pk.hex, show=telling.template)


def template(business_id: UUID, name: str) -> Template:
    """That template, with its live versions. Raises NotFound."""
    row = _templates(business_id).filter(name=name).first() if _NAME.fullmatch(name) else None
    if row is None:
        raise NotFound("There is no template of this name.")
    return row


def versions(business_id: UUID, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of a template's versions, newest first: of a `status`, `language` or `channel`. Raises BadFilter or BadPage."""
    asked = _filters(query, known=("status", "language", "channel"))
    rows, size = _versions().filter(template=template(business_id, name), **_of_version(asked)), pages.limit(query)
    if (place := pages.cursor(query)) is not None:
        if not (place.isascii() and place.isdigit()):
            raise pages.refused()
        rows = rows.filter(number__lt=int(place))
    found = list(rows.order_by("-number")[: size + 1])
    return pages.page(found, size=size, place=lambda row: str(row.number), show=telling.version)


def version(business_id: UUID, name: str, number: int | None) -> TemplateVersion:
    """That version, or the newest. Raises NotFound."""
    rows = _versions().filter(template__business_id=business_id, template__name=name) if _NAME.fullmatch(name) else _versions().none()
    row = (rows if number is None else rows.filter(number=number)).order_by("-number").first()
    if row is None:
        raise NotFound("There is no such version of a template of this name.")
    return row


def parameters(query: Mapping[str, str]) -> Parameters:
    """How Meta's form shall write variables: `parameters`, by default by their names. Raises BadFilter."""
    pages.refuse_others(query, known=["parameters"])
    try:
        return Parameters(query.get("parameters", Parameters.NAMED))
    except ValueError:
        message = f"Use one of {', '.join(Parameters)}."
        raise pages.BadFilter(message, errors=[FieldError("parameters", "bad_filter", message)]) from None


def _filters(query: Mapping[str, str], *, known: Sequence[str]) -> dict[str, str]:
    """The filters that the query names. Raises BadFilter."""
    pages.refuse_others(query, known=(*_PAGING, *known))
    asked = {name: query[name] for name in known if name in query}
    for name, word in asked.items():
        if name in _WORDS and word not in _WORDS[name]:
            message = f"Use one of {', '.join(_WORDS[name])}."
            raise pages.BadFilter(message, errors=[FieldError(name, "bad_filter", message)])
    return asked


def _of_version(asked: Mapping[str, str]) -> dict[str, str]:
    """What a version must be like."""
    fields = {"status": "status", "language": "language", "channel": "content__has_key"}
    return {field: asked[name] for name, field in fields.items() if name in asked}


def _templates(business_id: UUID) -> QuerySet[Template]:
    live = Prefetch(
        "versions", queryset=TemplateVersion.objects.live().only("template_id", "number", "language").order_by("language"), to_attr="live"
    )
    return Template.objects.filter(business_id=business_id).annotate(newest=Max("versions__number")).prefetch_related(live)


def _versions() -> QuerySet[TemplateVersion]:
    return TemplateVersion.objects.select_related("template").prefetch_related("reviews", "registrations__account")
