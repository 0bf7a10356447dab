from __future__ import annotations

from typing import Any

import pytest

from accounts import keys
from accounts.models import Business, Person
from accounts.refusals import NotFound
from templates_app import approval, writing
from templates_app.content import InvalidContent
from templates_app.models import Template, TemplateVersion
from tests.templates_app import samples


def fields(refused: pytest.ExceptionInfo[InvalidContent]) -> set[tuple[str, str]]:
    return {(error.field, error.code) for error in refused.value.errors}


def draft(template: Template, author: Person, **given: Any) -> TemplateVersion:
    return writing.draft(
        template, **({"language": "en", "content": samples.CONTENT, "variables": samples.VARIABLES, "author": author} | given)
    )


def test_drafts_are_numbered_from_one(template: Template, author: Person) -> None:
    assert [draft(template, author).number, draft(template, author, language="ar").number] == [1, 2]


def test_a_language_is_kept_in_its_usual_spelling(template: Template, author: Person) -> None:
    assert draft(template, author, language="pt_br").language == "pt-BR"


def test_every_mistake_is_named_at_once(template: Template, author: Person) -> None:
    content = {"sms": {"text": "Hi {{surname}}", "sender": "x"}, "email": {"subject": "a\nb", "text": ""}, "fax": {}}

    with pytest.raises(InvalidContent) as refused:
        draft(template, author, content=content, language="english", variables=[])

    assert fields(refused) == {
        ("content.fax", "unknown_channel"),
        ("content.sms.sender", "unknown_field"),
        ("content.sms.text", "undeclared_variable"),
        ("content.email.subject", "line_break"),
        ("content.email.text", "required"),
        ("language", "invalid_language"),
    }
    assert not TemplateVersion.objects.exists()


@pytest.mark.parametrize(
    "content, field",
    [
        ({}, "content"),
        ([], "content"),
        ({"sms": None}, "content.sms"),
        ({"sms": {}}, "content.sms.text"),
        ({"sms": {"text": "a" * 1531}}, "content.sms.text"),
        ({"sms": {"text": "a\x07"}}, "content.sms.text"),
        ({"email": "x"}, "content.email"),
        ({"email": {"subject": "a" * 256, "text": "a"}}, "content.email.subject"),
        ({"email": {"subject": "a", "text": "a", "html": 7}}, "content.email.html"),
        ({"email": {"subject": "a", "text": "a", "html": "<script></script>"}}, "content.email.html"),
    ],
)
def test_content_that_no_channel_can_carry_is_refused(template: Template, author: Person, content: Any, field: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        draft(template, author, content=content, variables=[])

    assert {error.field for error in refused.value.errors} == {field}


def test_a_variable_that_nothing_uses_is_refused(template: Template, author: Person) -> None:
    with pytest.raises(InvalidContent) as refused:
        draft(template, author, content={"sms": {"text": "Hello."}}, variables=samples.VARIABLES[:1])

    assert fields(refused) == {("variables[0].name", "unused_variable")}


def test_a_name_is_taken_once_in_a_business_and_again_in_another(business: Business, other_business: Business, template: Template) -> None:
    with pytest.raises(writing.TemplateExists):
        writing.create(business.pk, name=template.name, category="utility")

    assert writing.create(other_business.pk, name=template.name, category="utility").pk


@pytest.mark.parametrize("name, category", [("Order", "utility"), ("", "utility"), ("a" * 513, "utility"), ("order", "news")])
def test_a_template_that_meta_could_not_name_is_refused(business: Business, name: str, category: str) -> None:
    with pytest.raises(InvalidContent):
        writing.create(business.pk, name=name, category=category)


def test_a_template_and_its_first_draft_come_together_or_not_at_all(business: Business, author: Person) -> None:
    with pytest.raises(InvalidContent) as refused:
        writing.begin(business.pk, name="A b", category="utility", language="en", content={"sms": {}}, variables=[], author=author)

    assert {error.field for error in refused.value.errors} == {"name", "content.sms.text"}
    assert not Template.objects.exists()


def test_an_author_mends_a_draft(template: Template, author: Person) -> None:
    version = draft(template, author)

    writing.change(version, content={"sms": {"text": "Hello."}}, variables=[], author=author)

    assert version.content == {"sms": {"text": "Hello."}}
    assert version.language == "en"


def test_a_change_is_checked_like_a_draft(template: Template, author: Person) -> None:
    version = draft(template, author)

    with pytest.raises(InvalidContent):
        writing.change(version, variables=[], author=author)


def test_what_was_submitted_can_not_be_rewritten(template: Template, author: Person) -> None:
    version = samples.in_review(template, author=author)

    with pytest.raises(writing.VersionIsFrozen):
        writing.change(version, content={"sms": {"text": "Hello."}}, variables=[], author=author)


def test_what_was_handed_back_can_be_rewritten(template: Template, author: Person, approver: Person) -> None:
    version = samples.in_review(template, author=author)
    approval.request_changes(version, by=approver, because="Shorter, please.", at=samples.NOON)

    writing.change(version, content={"sms": {"text": "Hello."}}, variables=[], author=author)

    assert version.content == {"sms": {"text": "Hello."}}


def test_an_approver_can_not_rewrite_an_authors_draft_and_then_approve_it(template: Template, author: Person, both: Person) -> None:
    version = draft(template, author)

    with pytest.raises(writing.NotYourDraft):
        writing.change(version, content={"sms": {"text": "Win a prize."}}, variables=[], author=both)


def test_who_takes_over_a_keys_draft_is_its_author(template: Template, business: Business, both: Person) -> None:
    key, _ = keys.create(business, name="shop", mode="test")
    version = draft(template, None, author_key_id=key.pk)  # type: ignore[arg-type]

    writing.change(version, language="ar", author=both)

    approval.submit(version, by=both, at=samples.NOON)
    with pytest.raises(approval.AuthorMayNotReview):
        approval.approve(version, by=both, at=samples.NOON)


def test_a_key_can_not_rewrite_a_persons_draft(template: Template, business: Business, author: Person) -> None:
    key, _ = keys.create(business, name="shop", mode="test")
    version = draft(template, author)

    with pytest.raises(writing.NotYourDraft):
        writing.change(version, language="ar", author_key_id=key.pk)


def test_a_stranger_can_not_write_for_another_business(template: Template, author: Person, stranger: Person) -> None:
    version = draft(template, author)

    with pytest.raises(NotFound):
        draft(template, stranger)
    with pytest.raises(NotFound):
        writing.change(version, language="ar", author=stranger)
