"""From an author's desk to a recipient's screen: each step by one person, on record, guarded by the database.

Every decision is a row of its own, written in the transaction that moves the version. Four eyes see what goes out: who wrote it never
decides about it, whatever else they may do; and what is approved is what was shown, by its hash.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import news
from accounts.choices import BusinessEventType, Role
from accounts.models import Person
from accounts.refusals import FieldError, NotFound, Refusal
from templates_app import content, letters, owing
from templates_app.choices import Decision, VersionStatus
from templates_app.models import Review, Template, TemplateVersion
from templates_app.moves import MOVES

_NEWS = {
    Decision.SUBMITTED: BusinessEventType.TEMPLATE_SUBMITTED,
    Decision.APPROVED: BusinessEventType.TEMPLATE_APPROVED,
    Decision.REJECTED: BusinessEventType.TEMPLATE_REJECTED,
    Decision.PAUSED: BusinessEventType.TEMPLATE_PAUSED,
    Decision.RETIRED: BusinessEventType.TEMPLATE_RETIRED,
}
"""The decisions that the business's systems hear of."""
_TOLD = 300
"""Characters of a reason that its event tells; the API has the whole one."""


class IllegalMove(Refusal):
    """The version is not where this decision can be made."""

    status = 409
    code = "illegal_move"
    title = "The version can't go there from where it is."


class NotAnApprover(Refusal):
    status = 403
    code = "not_an_approver"
    title = "Only approvers decide about templates."


class AuthorMayNotReview(Refusal):
    """Four eyes: superusers included."""

    status = 403
    code = "author_may_not_review"
    title = "Nobody reviews their own version."


class ContentChanged(Refusal):
    """What is to be decided is not what the reviewer saw."""

    status = 409
    code = "content_changed"
    title = "The content is not what was reviewed."


class ReasonMissing(Refusal):
    code = "reason_missing"
    title = "This decision needs a reason."


def submit(version: TemplateVersion, *, by: Person | None = None, by_key_id: UUID | None = None, at: datetime) -> TemplateVersion:
    """Put a draft before the reviewers; from here on its content stands still. Raises InvalidContent or IllegalMove."""
    with transaction.atomic():
        current = _locked(version, by=by)
        content.check(current.content, variables=current.variables, category=current.template.category)
        current.content_hash = current.digest()
        stamps = {"content_hash": current.content_hash, "submitted_at": at, "reviewer": None, "decided_at": None}
        _move(current, Decision.SUBMITTED, by=by, by_key_id=by_key_id, because="", at=at, **stamps)
    return _refreshed(version)


def approve(version: TemplateVersion, *, by: Person, because: str = "", seen: bytes | None = None, at: datetime) -> TemplateVersion:
    """Say yes to exactly this content. `seen` is the hash of what the reviewer was shown; by default that of `version` as it was read."""
    shown = version.content_hash if seen is None else seen
    with transaction.atomic():
        current = _for_other_eyes(version, by=by)
        _move(current, Decision.APPROVED, by=by, because=because, at=at, reviewer=by, decided_at=at)
        _refuse_change(current, shown=shown)
        # From now on its providers may look at it, while people still decide when it goes live.
        owing.owe(current.template.business_id, at=at)
    return _refreshed(version)


def reject(version: TemplateVersion, *, by: Person, because: str, at: datetime) -> TemplateVersion:
    """Say no for good, with a reason."""
    return _decide(version, Decision.REJECTED, by=by, because=because, at=at)


def request_changes(version: TemplateVersion, *, by: Person, because: str, at: datetime) -> TemplateVersion:
    """Hand it back to its author, with what is to be mended."""
    return _decide(version, Decision.CHANGES_REQUESTED, by=by, because=because, at=at)


def publish(version: TemplateVersion, *, by: Person, because: str = "", at: datetime) -> TemplateVersion:
    """Make an approved version the one that is sent; the former one in its language retires in the same transaction."""
    with transaction.atomic():
        # One at a time: two that go live together would both retire the same former version.
        Template.objects.select_for_update().get(pk=version.template_id)
        current = _for_approver(version, by=by)
        for former in _siblings(current):
            _move(former, Decision.RETIRED, by=by, because=f"Version {current.number} went live.", at=at, retired_at=at)
        _move(current, Decision.PUBLISHED, by=by, because=because, at=at, live_at=at)
        _refuse_change(current, shown=current.content_hash)
    return _refreshed(version)


def pause(version: TemplateVersion, *, by: Person, because: str, at: datetime) -> TemplateVersion:
    """Stop sending it for now, with a reason."""
    return _carry_out(version, Decision.PAUSED, by=by, because=_reason(because), at=at)


def resume(version: TemplateVersion, *, by: Person, because: str = "", at: datetime) -> TemplateVersion:
    """Send a paused version again."""
    return _carry_out(version, Decision.RESUMED, by=by, because=because, at=at)


def retire(version: TemplateVersion, *, by: Person, because: str = "", at: datetime) -> TemplateVersion:
    """Never send it again. What was accepted with it goes out as it was accepted."""
    return _carry_out(version, Decision.RETIRED, by=by, because=because, at=at, retired_at=at)


def decide(version: TemplateVersion, decision: str, *, by: Person, because: str, seen: bytes, at: datetime) -> TemplateVersion:
    """Whichever decision a form names. `seen` is the hash of what the page showed."""
    match decision:
        case Decision.SUBMITTED:
            return submit(version, by=by, at=at)
        case Decision.APPROVED:
            return approve(version, by=by, because=because, seen=seen, at=at)
        case Decision.PUBLISHED:
            return publish(version, by=by, because=because, at=at)
        case Decision.REJECTED | Decision.CHANGES_REQUESTED:
            return _decide(version, Decision(decision), by=by, because=because, at=at)
        case Decision.PAUSED:
            return pause(version, by=by, because=because, at=at)
        case Decision.RESUMED:
            return resume(version, by=by, because=because, at=at)
        case Decision.RETIRED:
            return retire(version, by=by, because=because, at=at)
    raise NotFound("There is no such decision.")


def _decide(version: TemplateVersion, decision: Decision, *, by: Person, because: str, at: datetime) -> TemplateVersion:
    with transaction.atomic():
        current = _for_other_eyes(version, by=by)
        _move(current, decision, by=by, because=_reason(because), at=at, reviewer=by, decided_at=at)
    return _refreshed(version)


def _carry_out(version: TemplateVersion, decision: Decision, *, by: Person, because: str, at: datetime, **stamps: Any) -> TemplateVersion:
    with transaction.atomic():
        _move(_for_approver(version, by=by), decision, by=by, because=because, at=at, **stamps)
    return _refreshed(version)


def _for_other_eyes(version: TemplateVersion, *, by: Person) -> TemplateVersion:
    current = _for_approver(version, by=by)
    if current.author_id == by.pk:
        raise AuthorMayNotReview("You wrote this version. Ask another approver to decide about it.")
    return current


def _for_approver(version: TemplateVersion, *, by: Person) -> TemplateVersion:
    current = _locked(version, by=by)
    if Role.APPROVER not in by.roles() or not by.is_active:
        raise NotAnApprover("This needs the role approver. Ask somebody who has it.")
    return current


def _locked(version: TemplateVersion, *, by: Person | None) -> TemplateVersion:
    """The version as it is now, and as it stays till the transaction ends; NotFound for staff of another business."""
    found = TemplateVersion.objects.select_for_update(of=("self",)).select_related("template").filter(pk=version.pk).first()
    if found is None or (by is not None and by.business_id not in {None, found.template.business_id}):
        raise NotFound("There is no such version, or it is not yours.")
    return found


def _siblings(current: TemplateVersion) -> list[TemplateVersion]:
    sent = (VersionStatus.LIVE, VersionStatus.PAUSED)
    rows = TemplateVersion.objects.select_for_update(of=("self",)).select_related("template")
    rows = rows.filter(template_id=current.template_id, language=current.language, status__in=sent)
    return list(rows.exclude(pk=current.pk).order_by("pk"))


def _move(
    current: TemplateVersion,
    decision: Decision,
    *,
    by: Person | None,
    because: str,
    at: datetime,
    by_key_id: UUID | None = None,
    **stamps: Any,
) -> None:
    """Write the decision and move the version, if it is still where the decision can be made."""
    move = MOVES[decision]
    # The decision first: the database lets nothing be approved or go live without one on record.
    Review.objects.create(
        version=current,
        decision=decision,
        person=by,
        api_key_id=by_key_id,
        reason=letters.printable(because).strip(),
        content_hash=current.content_hash,
        at=at,
    )
    moved = {"status": move.to, "claimed_by": None, "claimed_at": None, **stamps}
    if not TemplateVersion.objects.filter(pk=current.pk, status__in=move.origins).update(**moved):
        origins = " or ".join(origin.replace("_", " ") for origin in move.origins)
        is_now = current.status.replace("_", " ")
        raise IllegalMove(f"Version {current.number} is {is_now}; this can be done only while it is {origins}. Load it again.")
    if decision in _NEWS:
        news.tell(current.template.business_id, type=_NEWS[decision], about=_about(current, because=because), at=at)


def _about(version: TemplateVersion, *, because: str) -> dict[str, Any]:
    about = {"template": version.template.name, "version": version.number, "language": version.language}
    reason = letters.printable(because).strip()
    shown = reason if len(reason) <= _TOLD else f"{reason[: _TOLD - 1]}\N{HORIZONTAL ELLIPSIS}"
    return {**about, "because": shown} if shown else about


def _refuse_change(current: TemplateVersion, *, shown: bytes | memoryview | None) -> None:
    """Compare what was shown, what was submitted and what is stored."""
    submitted = bytes(current.content_hash or b"")
    if not submitted or bytes(shown or b"") != submitted or current.digest() != submitted:
        raise ContentChanged("The content is not what was shown. Load the version again, and look at it once more.")


def _reason(because: str) -> str:
    if letters.is_blank(because):
        message = "Say why, so that the author can mend it."
        raise ReasonMissing(message, errors=[FieldError("reason", "required", message)])
    return because


def _refreshed(version: TemplateVersion) -> TemplateVersion:
    version.refresh_from_db()
    return version
