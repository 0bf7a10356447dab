"""The database alone: what a shell, a careless script or SQL can't do."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Business, Person
from templates_app import approval, moves, writing
from templates_app.choices import VersionStatus
from templates_app.models import Template, TemplateVersion
from tests.templates_app import samples

AT = {"at": samples.NOON}


def sql(statement: str, *given: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, given)


def refuses(statement: str, *given: Any) -> bool:
    with pytest.raises(IntegrityError):
        sql(statement, *given)
    return True


@pytest.mark.django_db
@pytest.mark.parametrize("before, after", list(itertools.permutations(VersionStatus.values, 2)))
def test_code_and_database_have_the_same_table_of_moves(before: str, after: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT templates_move_is_allowed(%s, %s)", [before, after])
        allowed = cursor.fetchone()[0]

    assert allowed == any(before in move.origins and after == move.to for move in moves.MOVES.values())


@pytest.mark.parametrize(
    "change",
    [
        "content = 'null'",
        "variables = '[]'",
        "language = 'ar'",
        "number = 9",
        "author_id = NULL",
        "content_hash = NULL",
        "content_hash = sha256('x')",
        "status = 'live'",
        "status = 'draft'",
        "status = 'approved'",
        "reviewer_id = {approver}",
    ],
)
def test_a_submitted_version_stands_still(template: Template, author: Person, approver: Person, change: str) -> None:
    version = samples.in_review(template, author=author)

    assert refuses(f"UPDATE templates_app_templateversion SET {change.format(approver=approver.pk)} WHERE id = %s", version.pk)


def test_a_live_version_can_not_be_replaced_in_place(template: Template, author: Person, approver: Person) -> None:
    version = samples.live(template, author=author, approver=approver)

    assert refuses("""UPDATE templates_app_templateversion SET content = '{"sms": {"text": "Win."}}' WHERE id = %s""", version.pk)


def test_a_version_is_not_born_live(template: Template, author: Person, approver: Person) -> None:
    with pytest.raises(IntegrityError, match="begins as a draft"), transaction.atomic():
        TemplateVersion.objects.create(
            template=template,
            number=1,
            status="live",
            author=author,
            reviewer=approver,
            content_hash=b"x" * 32,
            content={"sms": {"text": "a"}},
        )


def test_a_version_without_an_author_is_refused(template: Template) -> None:
    with pytest.raises(IntegrityError, match="has_author"), transaction.atomic():
        TemplateVersion.objects.create(template=template, number=1, content={"sms": {"text": "a"}})


def test_a_shell_can_not_approve_without_a_decision_on_record(template: Template, author: Person, approver: Person) -> None:
    version = samples.in_review(template, author=author)
    version.status, version.reviewer = VersionStatus.APPROVED, approver

    with pytest.raises(IntegrityError, match="nobody has approved"), transaction.atomic():
        version.save()


def test_a_forged_decision_of_the_author_is_refused(template: Template, both: Person) -> None:
    version = samples.in_review(template, author=both)

    with pytest.raises(IntegrityError, match="their own"), transaction.atomic():
        version.reviews.create(decision="approved", person=both, content_hash=version.content_hash, **AT)


def test_a_forged_decision_of_somebody_without_the_role_is_refused(template: Template, author: Person, business: Business) -> None:
    somebody = Person.objects.create_user("somebody", is_superuser=True)
    version = samples.in_review(template, author=author)
    version.reviews.create(decision="approved", person=somebody, content_hash=version.content_hash, **AT)

    assert refuses("UPDATE templates_app_templateversion SET status = 'approved', reviewer_id = %s WHERE id = %s", somebody.pk, version.pk)


def test_a_decision_about_other_content_does_not_count(template: Template, author: Person, approver: Person) -> None:
    version = samples.in_review(template, author=author)
    version.reviews.create(decision="approved", person=approver, content_hash=b"x" * 32, **AT)

    assert refuses("UPDATE templates_app_templateversion SET status = 'approved', reviewer_id = %s WHERE id = %s", approver.pk, version.pk)


def test_two_versions_of_a_language_are_never_live(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)
    second = approval.approve(samples.in_review(template, author=author), by=approver, **AT)

    assert refuses("UPDATE templates_app_templateversion SET status = 'live' WHERE id = %s", second.pk)


def test_only_a_draft_can_be_removed(template: Template, author: Person) -> None:
    draft = writing.draft(template, language="en", content={"sms": {"text": "a"}}, variables=[], author=author)
    version = samples.in_review(template, author=author)

    sql("DELETE FROM templates_app_templateversion WHERE id = %s", draft.pk)

    assert refuses("DELETE FROM templates_app_templateversion WHERE id = %s", version.pk)


@pytest.mark.parametrize("statement", ["UPDATE templates_app_review SET reason = 'x'", "DELETE FROM templates_app_review"])
def test_a_decision_is_history(template: Template, author: Person, statement: str) -> None:
    samples.in_review(template, author=author)

    assert refuses(statement)


@pytest.mark.parametrize("change", ["name = 'other'", "category = 'marketing'"])
def test_what_reviewers_saw_of_the_template_stands_still_as_well(template: Template, author: Person, change: str) -> None:
    sql(f"UPDATE templates_app_template SET {change}")
    sql("UPDATE templates_app_template SET name = 'order_on_its_way', category = 'utility'")
    template.refresh_from_db()
    samples.in_review(template, author=author)

    assert refuses(f"UPDATE templates_app_template SET {change}")
    sql("UPDATE templates_app_template SET description = 'Told when a parcel leaves us.'")


@pytest.mark.django_db
def test_the_guards_can_be_taken_down_and_put_up_again() -> None:
    from importlib import import_module

    guards = import_module("templates_app.migrations.0003_guards")

    sql(guards.BACKWARDS)
    sql(guards.FORWARDS.replace("%", "%%"))
