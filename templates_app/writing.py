"""Writing what may be said: templates and their drafts, checked against every channel's rules while they are written."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts.models import Person
from accounts.refusals import FieldError, NotFound, Refusal
from routing.choices import TrafficClass
from templates_app import content as rules
from templates_app import languages, letters
from templates_app.content import InvalidContent
from templates_app.models import Template, TemplateVersion
from templates_app.moves import EDITABLE

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LONGEST_DESCRIPTION = 500


class TemplateExists(Refusal):
    status = 409
    code = "template_exists"
    title = "A template of this name exists."


class VersionIsFrozen(Refusal):
    """From submission on, a version is what reviewers saw."""

    status = 409
    code = "version_is_frozen"
    title = "This version can't be changed any more."


class NotYourDraft(Refusal):
    """Only its author changes a draft: else an approver could rewrite it, and approve it in the author's name."""

    status = 403
    code = "not_your_draft"
    title = "This draft belongs to somebody else."


def create(business_id: UUID, *, name: str, category: str, description: str = "") -> Template:
    """A template without versions. Raises InvalidContent or TemplateExists."""
    _refuse(mistakes_of_template(name, category=category, description=description))
    try:
        with transaction.atomic():
            return Template.objects.create(business_id=business_id, name=name, category=category, description=description)
    except IntegrityError as error:
        message = "Choose another name, or write a new version of that template."
        raise TemplateExists(message, errors=[FieldError("name", "template_exists", message)]) from error


def begin(
    business_id: UUID,
    *,
    name: str,
    category: str,
    description: str = "",
    language: str,
    content: dict[str, Any],
    variables: list[dict[str, Any]],
    author: Person | None = None,
    author_key_id: UUID | None = None,
) -> TemplateVersion:
    """A template and its first draft, both or neither."""
    _refuse(
        [
            *mistakes_of_template(name, category=category, description=description),
            *mistakes(content, variables=variables, language=language, category=category),
        ]
    )
    with transaction.atomic():
        template = create(business_id, name=name, category=category, description=description)
        return draft(template, language=language, content=content, variables=variables, author=author, author_key_id=author_key_id)


def draft(
    template: Template,
    *,
    language: str,
    content: dict[str, Any],
    variables: list[dict[str, Any]],
    author: Person | None = None,
    author_key_id: UUID | None = None,
) -> TemplateVersion:
    """The template's next version. Raises InvalidContent with every mistake that can be seen at once."""
    _refuse(mistakes(content, variables=variables, language=language, category=template.category))
    _refuse_stranger(template, author)
    with transaction.atomic():
        # The template's row is the lock of its numbers.
        Template.objects.select_for_update().get(pk=template.pk)
        last = TemplateVersion.objects.filter(template=template).aggregate(last=Max("number"))["last"]
        return TemplateVersion.objects.create(
            template=template,
            number=(last or 0) + 1,
            language=languages.canonical(language) or language,
            content=content,
            variables=variables,
            author=author,
            author_key_id=author_key_id,
        )


def change(
    version: TemplateVersion,
    *,
    language: str | None = None,
    content: dict[str, Any] | None = None,
    variables: list[dict[str, Any]] | None = None,
    author: Person | None = None,
    author_key_id: UUID | None = None,
) -> TemplateVersion:
    """Rewrite what is given of a draft, or of a version handed back. Raises VersionIsFrozen, NotYourDraft or InvalidContent."""
    with transaction.atomic():
        current = TemplateVersion.objects.select_for_update(of=("self",)).select_related("template").get(pk=version.pk)
        _refuse_stranger(current.template, author)
        _refuse_other_hand(current, author)
        if current.status not in EDITABLE:
            raise VersionIsFrozen("It was submitted. Write a new version instead.")
        current.language = (languages.canonical(language) or language) if language is not None else current.language
        current.content = content if content is not None else current.content
        current.variables = variables if variables is not None else current.variables
        _refuse(mistakes(current.content, variables=current.variables, language=current.language, category=current.template.category))
        current.author = author
        current.author_key_id = author_key_id or current.author_key_id
        current.save(update_fields=["language", "content", "variables", "author", "author_key"])
    version.refresh_from_db()
    return version


def _refuse_stranger(template: Template, author: Person | None) -> None:
    if author is not None and author.business_id not in {None, template.business_id}:
        raise NotFound("There is no such template, or it is not yours.")


def _refuse_other_hand(current: TemplateVersion, author: Person | None) -> None:
    """A person's draft is that person's. A key's draft may be taken over: keys are rotated, and who takes it over is its author then."""
    if current.author_id is not None and current.author_id != (author and author.pk):
        raise NotYourDraft("Only its author changes a draft. Write a version of your own.")


def mistakes_of_template(name: str, *, category: str, description: str) -> list[FieldError]:
    """Why there can be no such template; empty where there can."""
    errors = []
    if not _NAME.fullmatch(name):
        errors.append(FieldError("name", "invalid_name", "Use 1 to 512 lower-case letters, digits and underscores, as WhatsApp demands."))
    if category not in TrafficClass.values:
        errors.append(FieldError("category", "unknown_category", f"Use one of {', '.join(TrafficClass.values)}."))
    if len(description) > _LONGEST_DESCRIPTION:
        errors.append(FieldError("description", "too_long", f"{_LONGEST_DESCRIPTION} characters are allowed."))
    if letters.is_unprintable(description) or letters.turns_others(description):
        errors.append(
            FieldError("description", "unprintable", "It holds a control character or turns the direction of writing. Remove it.")
        )
    return errors


def mistakes(words: Any, *, variables: Any, language: str, category: str) -> list[FieldError]:
    """Why there can be no such version; empty where there can."""
    errors = rules.mistakes(words, variables=variables, category=category)
    if languages.canonical(language) is None:
        errors.append(FieldError("language", "invalid_language", "Write the language as in BCP 47: en, ar, pt-BR."))
    return errors


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidContent(f"The template has {len(errors)} mistake(s); see `errors`.", errors=errors)
