"""Words about a version that decide nothing: questions, answers, hints. They stand among the decisions, and stay like them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.choices import Role
from accounts.models import Person
from accounts.refusals import FieldError, NotFound, Refusal
from templates_app import letters
from templates_app.choices import Decision
from templates_app.models import Review, TemplateVersion

LONGEST = 2_000
_SPEAKERS = {Role.AUTHOR, Role.APPROVER}


class MayNotComment(Refusal):
    """Authors, approvers and the business's keys speak about templates; others read."""

    status = 403
    code = "may_not_comment"
    title = "Only authors and approvers comment on templates."


class CommentUnfit(Refusal):
    code = "comment_unfit"
    title = "The comment can't be kept as it is."


def add(version: TemplateVersion, *, text: str, by: Person | None = None, by_key_id: UUID | None = None, at: datetime) -> Review:
    """One line of the version's history. Raises MayNotComment, CommentUnfit, or NotFound for staff of another business."""
    if by is not None and by.business_id not in {None, version.template.business_id}:
        raise NotFound("There is no such version, or it is not yours.")
    if by is not None and (not by.is_active or not _SPEAKERS & by.roles()):
        raise MayNotComment("This needs the role author or approver.")
    if problem := _problem(text):
        raise CommentUnfit(problem, errors=[FieldError("text", "comment_unfit", problem)])
    return note(version, text=text.strip(), by=by, by_key_id=by_key_id, at=at)


def note(version: TemplateVersion, *, text: str, by: Person | None = None, by_key_id: UUID | None = None, at: datetime) -> Review:
    """The same in the platform's own words, about what the person or the key has just done: where a version was imported from."""
    return Review.objects.create(
        version=version,
        decision=Decision.COMMENTED,
        person=by,
        api_key_id=by_key_id,
        reason=text,
        content_hash=version.content_hash,
        at=at,
    )


def _problem(text: str) -> str:
    if letters.is_blank(text):
        return "Write something."
    if len(text) > LONGEST:
        return f"It has {len(text)} characters; {LONGEST} are allowed. Shorten it."
    if letters.is_unprintable(text) or letters.turns_others(text):
        return "It holds a control character or turns the direction of writing. Remove it."
    return ""
