"""All that a reviewer looks at before deciding: the previews, the changes, the history, and what this person may decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from accounts.choices import Role
from accounts.models import Person
from accounts.refusals import FieldError
from templates_app import advice, catalogue, claims, comparison, components, emails, marks, moves, previews, sms
from templates_app.choices import Decision, VersionStatus
from templates_app.models import Review, TemplateVersion
from templates_app.previews import Preview
from templates_app.rendering import InvalidVariables
from templates_app.variables import Variable

_OF_REVIEWERS = {Decision.APPROVED, Decision.REJECTED, Decision.CHANGES_REQUESTED}


@dataclass(frozen=True, slots=True)
class Shown:
    """One rendering of the version on every channel."""

    kind: str
    preview: Preview
    marked: Mapping[str, SafeString]
    """The texts of the preview, with what the variables put in."""
    problems: tuple[FieldError, ...] = ()
    """Why a request with these values would be refused."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """One version as staff see it."""

    version: TemplateVersion
    variables: tuple[Variable, ...]
    shown: tuple[Shown, ...]
    """With the samples, and with the longest values."""
    problems: tuple[FieldError, ...]
    """Why there is no preview."""
    hints: tuple[FieldError, ...]
    sizes: previews.Sizes | None
    comparison: comparison.Comparison | None
    history: tuple[Review, ...]
    decisions: tuple[Decision, ...]
    """What this person may decide now."""
    may_comment: bool
    may_claim: bool
    holder: Person | None
    """Who has claimed the review."""
    following: TemplateVersion | None
    """What waits for this person after it, the oldest first."""
    is_own: bool
    hash: str
    """Of what is shown; travels with the decision."""


def gather(version: TemplateVersion, *, person: Person, may_write: bool, at: datetime) -> Dossier:
    """The version with its template selected; `may_write` says whether the person may submit drafts."""
    entry, roles, is_own = catalogue.of(version), person.roles(), version.author_id == person.pk
    shown, problems = _shown(entry)
    is_approver = Role.APPROVER in roles
    return Dossier(
        version=version,
        variables=tuple(entry.declared.values()),
        shown=shown,
        problems=problems,
        # What the longest values break stands beside them.
        hints=tuple(hint for hint in advice.give(entry) if hint.code != advice.TOO_LONG) if shown else (),
        sizes=previews.sizes(entry),
        comparison=comparison.with_live(version, at=at),
        history=tuple(version.reviews.select_related("person", "api_key").order_by("pk")),
        decisions=_decisions(version, is_approver=is_approver, is_own=is_own, may_write=may_write),
        may_comment=bool({Role.AUTHOR, Role.APPROVER} & roles),
        may_claim=is_approver and not is_own and version.status == VersionStatus.IN_REVIEW,
        holder=claims.holder(version, at=at),
        following=_following(version, person=person) if is_approver else None,
        is_own=is_own,
        hash=entry.content_hash.hex(),
    )


def _shown(entry: catalogue.Entry) -> tuple[tuple[Shown, ...], tuple[FieldError, ...]]:
    try:
        samples = previews.preview(entry)
    except InvalidVariables as refusal:
        return (), refusal.errors
    shown = Shown("samples", samples, dict(_marks(entry, samples)))
    if not entry.declared:
        return (shown,), ()
    longest, problems = previews.worst(entry)
    return (shown, Shown("longest", longest, dict(_marks(entry, longest)), problems)), ()


def _following(version: TemplateVersion, *, person: Person) -> TemplateVersion | None:
    waiting = TemplateVersion.objects.waiting().exclude(pk=version.pk).exclude(author=person).select_related("template")
    if person.business_id is not None:
        waiting = waiting.filter(template__business_id=person.business_id)
    return waiting.first()


def _marks(entry: catalogue.Entry, shown: Preview) -> Iterator[tuple[str, SafeString]]:
    for shape in entry.shapes.values():
        match shape:
            case components.Shape():
                yield "body", marks.whatsapp(shape.body, shown.values)
                yield "header", marks.plain(shape.header.get("text", ("",)), shown.values)
            case sms.Shape():
                yield "sms", marks.plain(shape.parts, shown.values)
            case emails.Shape():
                yield "subject", marks.plain(shape.subject, shown.values)
                yield "text", marks.plain(shape.text, shown.values)


def _decisions(version: TemplateVersion, *, is_approver: bool, is_own: bool, may_write: bool) -> tuple[Decision, ...]:
    """Only what would be granted is offered; approval decides all the same when it is asked for."""
    possible = set(moves.possible(version.status))
    allowed = {Decision.SUBMITTED} if may_write else set()
    if is_approver:
        allowed |= set(moves.MOVES) - {Decision.SUBMITTED}
        allowed -= _OF_REVIEWERS if is_own else set()
    return tuple(decision for decision in moves.MOVES if decision in possible & allowed)
