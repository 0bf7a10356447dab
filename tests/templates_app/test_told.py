"""What a business's systems hear of its templates: one event for each decision, in the decision's own transaction."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Business, BusinessEvent, Person
from accounts.refusals import Refusal
from templates_app import approval, writing
from templates_app.models import Template
from tests.templates_app import samples

AT = {"at": samples.NOON}


def told(business: Business) -> list[tuple[str, dict[str, Any]]]:
    return [(event.type, event.about) for event in BusinessEvent.objects.filter(business_id=business.pk).order_by("pk")]


def test_each_step_of_a_version_is_told(template: Template, author: Person, approver: Person) -> None:
    version = samples.live(template, author=author, approver=approver)
    approval.pause(version, by=approver, because="The link is wrong.", **AT)
    approval.resume(version, by=approver, **AT)
    approval.retire(version, by=approver, **AT)

    about = {"template": "order_on_its_way", "version": 1, "language": "en"}
    assert told(template.business) == [
        ("template.submitted", about),
        ("template.approved", about),
        ("template.paused", {**about, "because": "The link is wrong."}),
        ("template.retired", about),
    ]


def test_a_rejection_is_told_with_its_reason(template: Template, author: Person, approver: Person) -> None:
    approval.reject(samples.in_review(template, author=author), by=approver, because="Says\nnothing.", **AT)

    type_, about = told(template.business)[-1]
    assert (type_, about["version"]) == ("template.rejected", 1)
    assert about["because"].startswith("Says")


def test_the_version_that_another_one_replaces_is_told_to_be_retired(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)
    samples.live(template, author=author, approver=approver)

    (retired,) = [about for type_, about in told(template.business) if type_ == "template.retired"]
    assert (retired["version"], retired["because"]) == (1, "Version 2 went live.")


@pytest.mark.parametrize("letter", ["a", "\N{OWL}"])
def test_a_long_reason_is_kept_whole_and_told_in_part(letter: str, business: Business, author: Person, approver: Person) -> None:
    template = writing.create(business.pk, name="n" * 512, category="utility")
    version = samples.in_review(template, author=author, content=samples.CONTENT)

    approval.reject(version, by=approver, because=letter * 2_000, **AT)

    assert told(business)[-1][1]["because"] == letter * 299 + "\N{HORIZONTAL ELLIPSIS}"
    assert version.reviews.order_by("-pk")[0].reason == letter * 2_000


def test_a_decision_that_is_refused_is_not_told(template: Template, author: Person, both: Person) -> None:
    version = samples.in_review(template, author=both)

    with pytest.raises(Refusal):
        approval.approve(version, by=both, **AT)

    assert [type_ for type_, _ in told(template.business)] == ["template.submitted"]
