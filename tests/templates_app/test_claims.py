from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Person
from accounts.refusals import NotFound
from templates_app import approval, claims
from templates_app.models import Template, TemplateVersion
from tests.templates_app import samples
from tests.templates_app.conftest import Hire

NOON = samples.NOON


@pytest.fixture
def version(template: Template, author: Person) -> TemplateVersion:
    return samples.in_review(template, author=author)


def test_a_review_is_claimed_and_given_back(version: TemplateVersion, approver: Person) -> None:
    claims.claim(version, by=approver, at=NOON)
    assert claims.holder(version, at=NOON) == approver

    claims.release(version, by=approver)

    assert claims.holder(version, at=NOON) is None


def test_somebody_elses_claim_is_respected_until_it_lapses(version: TemplateVersion, approver: Person, both: Person) -> None:
    claims.claim(version, by=approver, at=NOON)

    with pytest.raises(claims.AlreadyClaimed, match="basma"):
        claims.claim(version, by=both, at=NOON + timedelta(hours=3))
    claims.release(version, by=both)
    assert version.claimed_by == approver

    later = NOON + claims.LASTS
    assert claims.holder(version, at=later) is None
    assert claims.claim(version, by=both, at=later).claimed_by == both


def test_a_claim_hinders_nobody_from_deciding_and_ends_with_the_decision(version: TemplateVersion, approver: Person, both: Person) -> None:
    claims.claim(version, by=approver, at=NOON)

    approved = approval.approve(version, by=both, at=NOON)

    assert (approved.reviewer, approved.claimed_by, approved.claimed_at) == (both, None, None)


def test_only_an_approver_claims(version: TemplateVersion, author: Person, hire: Hire) -> None:
    with pytest.raises(approval.NotAnApprover):
        claims.claim(version, by=author, at=NOON)
    with pytest.raises(approval.NotAnApprover):
        claims.claim(version, by=hire("root", is_superuser=True), at=NOON)


def test_a_stranger_finds_nothing_to_claim(version: TemplateVersion, stranger: Person) -> None:
    with pytest.raises(NotFound):
        claims.claim(version, by=stranger, at=NOON)


def test_nobody_claims_their_own_version(template: Template, both: Person) -> None:
    own = samples.in_review(template, author=both)

    with pytest.raises(approval.AuthorMayNotReview):
        claims.claim(own, by=both, at=NOON)
    with pytest.raises(IntegrityError, match="claim_is_a_reviewers"), transaction.atomic():
        TemplateVersion.objects.filter(pk=own.pk).update(claimed_by=both)


def test_what_does_not_wait_is_not_claimed(version: TemplateVersion, approver: Person) -> None:
    approval.approve(version, by=approver, at=NOON)

    with pytest.raises(approval.IllegalMove):
        claims.claim(version, by=approver, at=NOON)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_claim_at_once_one_has_it(version: TemplateVersion, approver: Person, both: Person) -> None:
    def claim(by: Person) -> bool:
        try:
            claims.claim(TemplateVersion.objects.get(pk=version.pk), by=by, at=NOON)
        except claims.AlreadyClaimed:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(claim, [approver, both])) == [False, True]
