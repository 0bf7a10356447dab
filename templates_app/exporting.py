"""Templates told as files: for each language what is said now, or what is about to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch

from accounts.pages import BadFilter
from accounts.refusals import FieldError, NotFound
from templates_app import files
from templates_app.choices import VersionStatus
from templates_app.models import Template, TemplateVersion

_OVER = (VersionStatus.REJECTED, VersionStatus.RETIRED)


class Which(StrEnum):
    """The version of each language that a file holds."""

    LIVE = "live"
    """What is sent; where nothing is, the newest."""
    NEWEST = "newest"
    """The newest that was neither rejected nor retired."""


def export(business_id: UUID, *, names: Iterable[str] = (), which: Which = Which.LIVE) -> list[dict[str, Any]]:
    """A file for each template that says something, by name. Raises NotFound, naming what there is not."""
    wanted = set(names)
    standing = TemplateVersion.objects.exclude(status__in=_OVER).select_related("template").order_by("number")
    rows = Template.objects.filter(business_id=business_id).select_related("business").order_by("name")
    rows = rows.filter(name__in=wanted) if wanted else rows
    found = list(rows.prefetch_related(Prefetch("versions", queryset=standing, to_attr="standing")))
    if missing := sorted(wanted - {row.name for row in found}):
        raise NotFound(f"There is no template called {', '.join(missing)}.")
    return [_file(row, which) for row in found if row.standing]


def one(business_id: UUID, name: str, *, which: Which = Which.LIVE) -> dict[str, Any]:
    """One template's file. Raises NotFound."""
    found = export(business_id, names=[name], which=which)
    if not found:
        raise NotFound("Every version of this template was rejected or retired.")
    return found[0]


def read_which(text: str | None) -> Which:
    """Which versions somebody asks for; by default what is live. Raises BadFilter."""
    try:
        return Which(text or Which.LIVE)
    except ValueError:
        message = f"Use one of {', '.join(Which)}."
        raise BadFilter(message, errors=[FieldError("which", "bad_filter", message)]) from None


def _file(template: Any, which: Which) -> dict[str, Any]:
    chosen: dict[str, TemplateVersion] = {}
    for row in template.standing:
        if which == Which.NEWEST or row.language not in chosen or chosen[row.language].status != VersionStatus.LIVE:
            chosen[row.language] = row
    return files.write(
        name=template.name,
        category=template.category,
        description=template.description,
        versions=_versions(template, list(chosen.values())),
    )


def _versions(template: Template, rows: Sequence[TemplateVersion]) -> list[files.Version]:
    here = {"platform": settings.PUBLIC_URL, "business": template.business.slug}
    return [
        files.Version(
            language=row.language,
            content=row.content,
            variables=row.variables,
            hash=row.digest().hex(),
            origin={**here, "version": str(row.number), "status": row.status},
        )
        for row in rows
    ]
