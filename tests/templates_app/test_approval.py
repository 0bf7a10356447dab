from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import Business, Person
from accounts.refusals import NotFound
from templates_app import approval, content, writing
from templates_app.choices import Decision, VersionStatus
from templates_app.models import HistoryIsReadOnly, Review, Template, TemplateVersion
from tests.templates_app import samples
from tests.templates_app.conftest import Hire

AT = {"at": samples.NOON}


def decisions(version: TemplateVersion) -> list[str]:
    return [str(review.decision) for review in version.reviews.order_by("pk")]


def test_a_version_goes_from_desk_to_screen_with_every_step_on_record(template: Template, author: Person, approver: Person) -> None:
    version = writing.draft(template, language="en", content=samples.CONTENT, variables=samples.VARIABLES, author=author)

    approval.submit(version, by=author, **AT)
    approval.approve(version, by=approver, because="Reads well.", **AT)
    approval.publish(version, by=approver, **AT)

    assert version.status == VersionStatus.LIVE
    assert (version.reviewer, version.live_at) == (approver, samples.NOON)
    assert decisions(version) == ["submitted", "approved", "published"]
    assert {bytes(review.content_hash) for review in version.reviews.all()} == {bytes(version.content_hash or b"")}


def test_the_hash_covers_words_variables_language_category_and_name(template: Template, author: Person) -> None:
    version = samples.in_review(template, author=author)
    first = version.digest()
    others = []
    for field, value in (("content", {"sms": {"text": "x"}}), ("variables", []), ("language", "ar")):
        changed = TemplateVersion.objects.select_related("template").get(pk=version.pk)
        setattr(changed, field, value)
        others.append(changed.digest())
    for field, value in (("name", "other"), ("category", "marketing")):
        changed = TemplateVersion.objects.select_related("template").get(pk=version.pk)
        setattr(changed.template, field, value)
        others.append(changed.digest())

    assert first == bytes(version.content_hash or b"")
    assert len({first, *others}) == 6


def test_publishing_retires_the_former_version_of_that_language_only(template: Template, author: Person, approver: Person) -> None:
    first = samples.live(template, author=author, approver=approver)
    arabic = samples.live(template, author=author, approver=approver, language="ar")

    second = samples.live(template, author=author, approver=approver)

    for version in (first, arabic):
        version.refresh_from_db()
    assert (first.status, arabic.status, second.status) == ("retired", "live", "live")
    assert decisions(first)[-1] == "retired"


def test_a_paused_version_is_resumed_or_replaced(template: Template, author: Person, approver: Person) -> None:
    version = samples.live(template, author=author, approver=approver)

    approval.pause(version, by=approver, because="A wrong price.", **AT)
    assert version.status == "paused"
    approval.resume(version, by=approver, **AT)
    assert version.status == "live"
    approval.pause(version, by=approver, because="Again.", **AT)
    samples.live(template, author=author, approver=approver)

    version.refresh_from_db()
    assert version.status == "retired"


def test_changes_are_asked_for_made_and_submitted_again(template: Template, author: Person, approver: Person) -> None:
    version = samples.in_review(template, author=author)
    approval.request_changes(version, by=approver, because="Say who we are.", **AT)
    writing.change(version, content={"sms": {"text": "Nile Books: hello."}}, variables=[], author=author)

    approval.submit(version, by=author, **AT)

    assert (version.status, version.reviewer) == ("in_review", None)
    assert bytes(version.content_hash or b"") == version.digest()
    approval.approve(version, by=approver, **AT)


class TestFourEyes:
    def test_an_author_who_is_an_approver_can_not_approve_their_own(self, template: Template, both: Person) -> None:
        version = samples.in_review(template, author=both)

        with pytest.raises(approval.AuthorMayNotReview):
            approval.approve(version, by=both, **AT)
        with pytest.raises(approval.AuthorMayNotReview):
            approval.reject(version, by=both, because="No.", **AT)

    def test_a_superuser_can_not_approve_what_they_wrote(self, template: Template, hire: Hire) -> None:
        chief = hire("chief", "approver", is_superuser=True)
        version = samples.in_review(template, author=chief)

        with pytest.raises(approval.AuthorMayNotReview):
            approval.approve(version, by=chief, **AT)

    def test_a_superuser_needs_the_role_too(self, template: Template, author: Person, hire: Hire) -> None:
        version = samples.in_review(template, author=author)

        with pytest.raises(approval.NotAnApprover):
            approval.approve(version, by=hire("chief", is_superuser=True), **AT)

    @pytest.mark.parametrize("roles", [(), ("author",), ("operator",), ("auditor",)])
    def test_other_roles_can_not_decide(
        self, template: Template, author: Person, business: Business, hire: Hire, roles: tuple[str, ...]
    ) -> None:
        version = samples.in_review(template, author=author)

        with pytest.raises(approval.NotAnApprover):
            approval.approve(version, by=hire("somebody", *roles, business=business), **AT)

    def test_who_has_left_can_not_decide(self, template: Template, author: Person, approver: Person) -> None:
        version = samples.in_review(template, author=author)
        Person.objects.filter(pk=approver.pk).update(is_active=False)
        approver.refresh_from_db()

        with pytest.raises(approval.NotAnApprover):
            approval.approve(version, by=approver, **AT)

    def test_a_stranger_finds_nothing_to_decide(self, template: Template, author: Person, stranger: Person) -> None:
        version = samples.in_review(template, author=author)

        for decide in (approval.approve, approval.publish, approval.retire):
            with pytest.raises(NotFound):
                decide(version, by=stranger, **AT)
        with pytest.raises(NotFound):
            approval.submit(version, by=stranger, **AT)

    def test_staff_of_the_platform_may_decide_for_any_business(self, template: Template, author: Person, hire: Hire) -> None:
        version = samples.in_review(template, author=author)

        assert approval.approve(version, by=hire("platform", "approver"), **AT).status == "approved"

    def test_the_author_may_publish_what_somebody_else_approved(self, template: Template, both: Person, approver: Person) -> None:
        version = approval.approve(samples.in_review(template, author=both), by=approver, **AT)

        assert approval.publish(version, by=both, **AT).status == "live"


class TestWhatIsApprovedIsWhatWasShown:
    def test_an_approval_of_something_else_is_refused(self, template: Template, author: Person, approver: Person) -> None:
        version = samples.in_review(template, author=author)

        with pytest.raises(approval.ContentChanged):
            approval.approve(version, by=approver, seen=b"x" * 32, **AT)

        assert TemplateVersion.objects.get(pk=version.pk).status == "in_review"
        assert decisions(version) == ["submitted"]

    def test_a_page_that_was_opened_before_the_change_can_not_approve_it(
        self, template: Template, author: Person, approver: Person
    ) -> None:
        version = samples.in_review(template, author=author)
        page = TemplateVersion.objects.get(pk=version.pk)
        approval.request_changes(version, by=approver, because="Shorter.", **AT)
        writing.change(version, content={"sms": {"text": "Win a prize."}}, variables=[], author=author)
        approval.submit(version, by=author, **AT)

        with pytest.raises(approval.ContentChanged):
            approval.approve(page, by=approver, **AT)

    def test_content_changed_behind_the_platforms_back_is_not_published(self, template: Template, author: Person, approver: Person) -> None:
        version = approval.approve(samples.in_review(template, author=author), by=approver, **AT)
        samples.alter(version, "Win a prize.")

        with pytest.raises(approval.ContentChanged):
            approval.publish(version, by=approver, **AT)

    def test_an_invalid_draft_can_not_be_submitted(self, template: Template, author: Person) -> None:
        version = writing.draft(template, language="en", content={"sms": {"text": "Hi."}}, variables=[], author=author)
        TemplateVersion.objects.filter(pk=version.pk).update(content={"sms": {"text": "Hi {{x}}."}})

        with pytest.raises(content.InvalidContent):
            approval.submit(version, by=author, **AT)


def test_a_refusal_needs_a_reason(template: Template, author: Person, approver: Person) -> None:
    version = samples.in_review(template, author=author)

    with pytest.raises(approval.ReasonMissing):
        approval.reject(version, by=approver, because="  ", **AT)
    with pytest.raises(approval.ReasonMissing):
        approval.request_changes(version, by=approver, because="", **AT)


DECIDE: dict[Decision, Callable[..., Any]] = {
    Decision.SUBMITTED: lambda version, people: approval.submit(version, by=people[0], **AT),
    Decision.APPROVED: lambda version, people: approval.approve(version, by=people[1], **AT),
    Decision.REJECTED: lambda version, people: approval.reject(version, by=people[1], because="No.", **AT),
    Decision.CHANGES_REQUESTED: lambda version, people: approval.request_changes(version, by=people[1], because="Shorter.", **AT),
    Decision.PUBLISHED: lambda version, people: approval.publish(version, by=people[1], **AT),
    Decision.PAUSED: lambda version, people: approval.pause(version, by=people[1], because="Wait.", **AT),
    Decision.RESUMED: lambda version, people: approval.resume(version, by=people[1], **AT),
    Decision.RETIRED: lambda version, people: approval.retire(version, by=people[1], **AT),
}
WAYS: dict[VersionStatus, list[Decision]] = {
    VersionStatus.DRAFT: [],
    VersionStatus.IN_REVIEW: [Decision.SUBMITTED],
    VersionStatus.CHANGES_REQUESTED: [Decision.SUBMITTED, Decision.CHANGES_REQUESTED],
    VersionStatus.APPROVED: [Decision.SUBMITTED, Decision.APPROVED],
    VersionStatus.REJECTED: [Decision.SUBMITTED, Decision.REJECTED],
    VersionStatus.LIVE: [Decision.SUBMITTED, Decision.APPROVED, Decision.PUBLISHED],
    VersionStatus.PAUSED: [Decision.SUBMITTED, Decision.APPROVED, Decision.PUBLISHED, Decision.PAUSED],
    VersionStatus.RETIRED: [Decision.SUBMITTED, Decision.APPROVED, Decision.RETIRED],
}
LEGAL = {
    ("draft", "submitted"),
    ("changes_requested", "submitted"),
    ("in_review", "approved"),
    ("in_review", "rejected"),
    ("in_review", "changes_requested"),
    ("approved", "published"),
    ("approved", "retired"),
    ("live", "paused"),
    ("live", "retired"),
    ("paused", "resumed"),
    ("paused", "retired"),
}


@pytest.mark.parametrize("status, decision", list(itertools.product(WAYS, DECIDE)))
def test_only_the_moves_of_the_table_are_possible(
    template: Template, author: Person, approver: Person, status: VersionStatus, decision: Decision
) -> None:
    version = writing.draft(template, language="en", content={"sms": {"text": "Hi."}}, variables=[], author=author)
    for step in WAYS[status]:
        DECIDE[step](version, (author, approver))
    assert version.status == status

    if (status.value, decision.value) in LEGAL:
        DECIDE[decision](version, (author, approver))
    else:
        with pytest.raises(approval.IllegalMove):
            DECIDE[decision](version, (author, approver))
        assert TemplateVersion.objects.get(pk=version.pk).status == status
        assert len(decisions(version)) == len(WAYS[status])


def test_a_decision_on_record_can_not_be_changed_or_removed(template: Template, author: Person) -> None:
    review = samples.in_review(template, author=author).reviews.get()

    with pytest.raises(HistoryIsReadOnly):
        review.save()
    with pytest.raises(HistoryIsReadOnly):
        review.delete()
    with pytest.raises(HistoryIsReadOnly):
        Review.objects.update(reason="x")
    with pytest.raises(HistoryIsReadOnly):
        Review.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_of_many_versions_that_go_live_at_once_one_is_live(template: Template, author: Person, approver: Person) -> None:
    versions = [approval.approve(samples.in_review(template, author=author), by=approver, **AT) for _ in range(4)]

    def publish(version: TemplateVersion) -> None:
        try:
            approval.publish(version, by=approver, **AT)
        finally:
            connection.close()

    threads = [threading.Thread(target=publish, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(TemplateVersion.objects.values_list("status", flat=True)) == ["live", "retired", "retired", "retired"]


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_who_decide_at_once_one_decides(template: Template, author: Person, approver: Person, both: Person) -> None:
    version = samples.in_review(template, author=author)
    outcomes: list[str] = []

    def decide(person: Person, decision: Callable[..., Any]) -> None:
        try:
            decision(TemplateVersion.objects.get(pk=version.pk), by=person, because="Because.", **AT)
            outcomes.append("decided")
        except approval.IllegalMove:
            outcomes.append("late")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=each) for each in ((approver, approval.approve), (both, approval.reject))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["decided", "late"]
    assert len(decisions(version)) == 2
