"""Who has taken a review upon them, so that two do not read the same words. A claim is a courtesy: anybody else may still decide."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.choices import Role
from accounts.models import Person
from accounts.refusals import NotFound, Refusal
from templates_app.approval import AuthorMayNotReview, IllegalMove, NotAnApprover
from templates_app.choices import VersionStatus
from templates_app.models import TemplateVersion

LASTS = timedelta(hours=4)
"""A claim older than that is nobody's: its holder went home."""


class AlreadyClaimed(Refusal):
    """Somebody else is at it."""

    status = 409
    code = "already_claimed"
    title = "Somebody else has claimed this review."


def claim(version: TemplateVersion, *, by: Person, at: datetime) -> TemplateVersion:
    """Take the review; again, to hold it longer.

    Raises AlreadyClaimed, NotAnApprover, AuthorMayNotReview, IllegalMove, or NotFound for staff of another business.
    """
    if by.business_id not in {None, version.template.business_id}:
        raise NotFound("There is no such version, or it is not yours.")
    if Role.APPROVER not in by.roles() or not by.is_active:
        raise NotAnApprover("This needs the role approver. Ask somebody who has it.")
    if version.author_id == by.pk:
        raise AuthorMayNotReview("You wrote this version. Another approver reviews it.")
    free = Q(claimed_by=None) | Q(claimed_by=by) | Q(claimed_at__lte=at - LASTS)
    waiting = TemplateVersion.objects.filter(pk=version.pk, status=VersionStatus.IN_REVIEW)
    with transaction.atomic():
        # One statement decides who of two comes first.
        if not waiting.filter(free).update(claimed_by=by, claimed_at=at):
            _refuse(version)
    version.refresh_from_db()
    return version


def release(version: TemplateVersion, *, by: Person) -> TemplateVersion:
    """Give one's own claim back; somebody else's stays."""
    TemplateVersion.objects.filter(pk=version.pk, claimed_by=by).update(claimed_by=None, claimed_at=None)
    version.refresh_from_db()
    return version


def holder(version: TemplateVersion, *, at: datetime) -> Person | None:
    """Who is at it now."""
    return version.claimed_by if version.claimed_at is not None and version.claimed_at > at - LASTS else None


def _refuse(version: TemplateVersion) -> None:
    version.refresh_from_db()
    if version.status != VersionStatus.IN_REVIEW:
        raise IllegalMove("Only a version that waits for review can be claimed. Load it again.")
    raise AlreadyClaimed(f"{version.claimed_by} is reviewing this version. Choose another one, or ask them to release it.")
