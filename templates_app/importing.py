"""Templates taken from files: whole or not at all, once, and only ever as drafts. Approval stays with the people of this installation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Person
from accounts.refusals import FieldError
from templates_app import approval, comments, writing
from templates_app.choices import VersionStatus
from templates_app.content import InvalidContent
from templates_app.files import File, Version
from templates_app.models import Template, TemplateVersion
from templates_app.writing import TemplateExists


class Outcome(StrEnum):
    """What becomes of one language of a file."""

    DRAFTED = "drafted"
    UNCHANGED = "unchanged"
    """A version says exactly this already."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is another one now; None where there is none."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What is done, or would be, for one language."""

    language: str
    outcome: Outcome
    number: int | None
    """Of the version that says it; None for one that is yet to be drafted."""
    status: str
    against: int | None = None
    """The version that it is compared with: the live one, or else the newest."""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file changes."""

    name: str
    is_new: bool
    steps: tuple[Step, ...]


def plan(business_id: UUID, file: File) -> Plan:
    """What `carry_out` would do now; nothing is changed. Raises InvalidContent, each mistake by its field in the file."""
    template = Template.objects.filter(business_id=business_id, name=file.name).first()
    _refuse(file, template)
    return Plan(file.name, template is None, tuple(_step(file, each, template) for each in file.versions))


def carry_out(
    business_id: UUID,
    file: File,
    *,
    source: str,
    by: Person | None = None,
    by_key_id: UUID | None = None,
    is_submitted: bool = False,
    at: datetime,
) -> Plan:
    """Draft what no version says yet, and submit it for review if that is wished. All of the file or nothing.

    `source` says where the file came from, for the version's history. Raises InvalidContent, each mistake by its field in the file.
    """
    with transaction.atomic():
        template, is_new = _locked(business_id, file)
        # Under the lock: of two who bring the same file at once, the second finds what the first has drafted.
        planned = plan(business_id, file)
        steps = list(planned.steps)
        for place, (step, version) in enumerate(zip(planned.steps, file.versions, strict=True)):
            if step.outcome == Outcome.DRAFTED:
                drafted = _draft(template, version, source=source, by=by, by_key_id=by_key_id, at=at)
                if is_submitted:
                    drafted = approval.submit(drafted, by=by, by_key_id=by_key_id, at=at)
                steps[place] = replace(step, number=drafted.number, status=drafted.status)
    return Plan(file.name, is_new, tuple(steps))


def _locked(business_id: UUID, file: File) -> tuple[Template, bool]:
    """The template, made now if there is none, and ours until the transaction ends."""
    _refuse(file, Template.objects.filter(business_id=business_id, name=file.name).first())
    rows = Template.objects.select_for_update().filter(business_id=business_id, name=file.name)
    if (found := rows.first()) is not None:
        return found, False
    try:
        return writing.create(business_id, name=file.name, category=file.category, description=file.description), True
    except TemplateExists:
        # Somebody else made it in this very moment, and has committed: our insert waited for that.
        return rows.get(), False


def _draft(
    template: Template, version: Version, *, source: str, by: Person | None, by_key_id: UUID | None, at: datetime
) -> TemplateVersion:
    drafted = writing.draft(
        template, language=version.language, content=version.content, variables=version.variables, author=by, author_key_id=by_key_id
    )
    origin = ", ".join(f"{key} {word}" for key, word in version.origin.items())
    comments.note(drafted, text=f"Imported from {source}{f' ({origin})' if origin else ''}.", by=by, by_key_id=by_key_id, at=at)
    return drafted


def _refuse(file: File, template: Template | None) -> None:
    errors = writing.mistakes_of_template(file.name, category=file.category, description=file.description)
    if template is not None and template.category != file.category:
        message = f"This template is {template.category} here, and keeps that. Use another name, or that category."
        errors.append(FieldError("category", "category_differs", message))
    for place, each in enumerate(file.versions):
        found = writing.mistakes(each.content, variables=each.variables, language=each.language, category=file.category)
        errors += [replace(error, field=f"versions[{place}].{error.field}") for error in found]
    if errors:
        raise InvalidContent(f"The template has {len(errors)} mistake(s); see `errors`.", errors=errors)


def _step(file: File, version: Version, template: Template | None) -> Step:
    rows = _standing(template, version.language)
    wanted = file.digest(version)
    if (same := next((row for row in rows if row.digest() == wanted), None)) is not None:
        return Step(version.language, Outcome.UNCHANGED, same.number, same.status)
    before = next((row for row in rows if row.status == VersionStatus.LIVE), rows[0] if rows else None)
    old = _flat({"content": before.content, "variables": _by_name(before.variables)}) if before else {}
    new = _flat({"content": version.content, "variables": _by_name(version.variables)})
    differences = tuple(
        Difference(key, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)
    )
    return Step(version.language, Outcome.DRAFTED, None, VersionStatus.DRAFT, before.number if before else None, differences)


def _standing(template: Template | None, language: str) -> list[TemplateVersion]:
    """Newest first. What was retired may come back; what was rejected was rejected, whoever brings it again."""
    if template is None:
        return []
    rows = TemplateVersion.objects.filter(template=template, language=language).exclude(status=VersionStatus.RETIRED)
    return list(rows.select_related("template").order_by("-number"))


def _by_name(variables: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in variables}


def _flat(value: Any, path: str = "") -> dict[str, str]:
    return dict(_leaves(value, path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _leaves(each, f"{path}[{place}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)
