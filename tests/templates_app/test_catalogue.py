from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from accounts.models import Business, Person
from templates_app import approval, catalogue, writing
from templates_app.models import Template
from tests.templates_app import samples

NOON, AT = samples.NOON, {"at": samples.NOON}


@pytest.fixture
def english(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver)


@pytest.fixture
def arabic(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver, language="ar")


@pytest.fixture
def brazilian(template: Template, author: Person, approver: Person) -> None:
    samples.live(template, author=author, approver=approver, language="pt-BR")


def language(business: Business, wanted: str | None) -> str:
    return catalogue.live(business.pk, "order_on_its_way", wanted, **AT).language


@pytest.mark.usefixtures("english", "arabic", "brazilian")
@pytest.mark.parametrize(
    "wanted, found",
    [("ar", "ar"), ("ar-EG", "ar"), ("pt-BR", "pt-BR"), ("pt_br", "pt-BR"), ("fr", "en"), (None, "en"), ("", "en"), ("EN-us", "en")],
)
def test_the_best_language_is_chosen(business: Business, wanted: str | None, found: str) -> None:
    assert language(business, wanted) == found


@pytest.mark.usefixtures("arabic")
def test_the_only_language_is_better_than_none(business: Business) -> None:
    assert language(business, "fr") == "ar"


@pytest.mark.usefixtures("arabic", "brazilian")
def test_where_the_choice_is_open_it_is_the_callers(business: Business) -> None:
    with pytest.raises(catalogue.TemplateNotLive) as refused:
        language(business, "fr")

    assert [error.field for error in refused.value.errors] == ["language"]
    assert "ar, pt-BR" in refused.value.detail


@pytest.mark.usefixtures("english")
def test_what_is_no_language_is_refused_by_its_field(business: Business) -> None:
    with pytest.raises(catalogue.TemplateNotLive) as refused:
        language(business, "english please")

    assert [error.code for error in refused.value.errors] == ["invalid_language"]


@pytest.mark.usefixtures("english")
def test_an_entry_has_all_that_a_message_needs(business: Business, template: Template) -> None:
    entry = catalogue.live(business.pk, template.name, "en", **AT)

    assert (entry.name, entry.number, entry.category) == ("order_on_its_way", 1, "utility")
    assert entry.channels == {"whatsapp", "sms", "email"}
    assert len(entry.content_hash) == 32
    assert "Dear" not in repr(entry)


def test_a_template_of_that_name_is_missing_or_not_live(
    business: Business, other_business: Business, template: Template, author: Person
) -> None:
    with pytest.raises(catalogue.TemplateNotLive):
        language(business, "en")
    with pytest.raises(catalogue.TemplateNotFound):
        language(other_business, "en")

    samples.in_review(template, author=author)
    with pytest.raises(catalogue.TemplateNotLive):
        language(business, "en")


@pytest.mark.usefixtures("english")
def test_what_was_read_is_kept_for_five_seconds(business: Business, template: Template, django_assert_num_queries: object) -> None:
    first = catalogue.live(business.pk, template.name, "en", at=NOON)

    with django_assert_num_queries(0):  # type: ignore[operator]
        assert catalogue.live(business.pk, template.name, "en", at=NOON + timedelta(seconds=4)) is first
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert catalogue.live(business.pk, template.name, "en", at=NOON + timedelta(seconds=5)) is first


@pytest.mark.usefixtures("english")
def test_a_retired_version_is_gone_after_five_seconds_and_known_for_good(business: Business, template: Template, approver: Person) -> None:
    entry = catalogue.live(business.pk, template.name, "en", at=NOON)
    approval.retire(template.versions.get(), by=approver, **AT)

    with pytest.raises(catalogue.TemplateNotLive):
        catalogue.live(business.pk, template.name, "en", at=NOON + timedelta(seconds=5))

    catalogue.forget()
    assert catalogue.entry(entry.version_id) == entry


def test_a_version_that_nobody_approved_can_not_be_sent(template: Template, author: Person) -> None:
    version = samples.in_review(template, author=author)

    with pytest.raises(catalogue.TemplateNotFound):
        catalogue.entry(version.pk)


def test_a_draft_is_read_as_it_is_now(template: Template, author: Person) -> None:
    version = writing.draft(template, language="en", content={"sms": {"text": "One."}}, variables=[], author=author)
    first = catalogue.of(version)

    writing.change(version, content={"sms": {"text": "Two."}}, variables=[], author=author)

    assert first.content_hash != catalogue.of(version).content_hash


@pytest.mark.usefixtures("english")
def test_content_that_is_not_what_was_reviewed_is_not_sent(
    business: Business, template: Template, caplog: pytest.LogCaptureFixture
) -> None:
    samples.alter(template.versions.get(), "Win a prize.")

    with caplog.at_level(logging.ERROR), pytest.raises(catalogue.TemplateAltered):
        catalogue.live(business.pk, template.name, "en", **AT)

    assert "ALERT" in caplog.text
    assert "prize" not in caplog.text


@pytest.mark.usefixtures("english")
def test_tags_may_change_without_a_new_version(template: Template, business: Business) -> None:
    before = catalogue.live(business.pk, template.name, None, **AT)
    Template.objects.filter(pk=template.pk).update(tags=["urgent"])

    after = catalogue.live(business.pk, template.name, None, at=NOON + timedelta(seconds=6))

    assert (before.tags, after.tags, after.version_id) == ((), ("urgent",), before.version_id)
    assert catalogue.live(business.pk, template.name, None, at=NOON + timedelta(seconds=6)) is after
