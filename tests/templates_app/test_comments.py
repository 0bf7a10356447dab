from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from accounts import keys
from accounts.models import Business, Person
from accounts.refusals import NotFound
from templates_app import approval, comments
from templates_app.models import HistoryIsReadOnly, Review, Template, TemplateVersion
from tests.templates_app import samples
from tests.templates_app.conftest import Hire

AT = {"at": samples.NOON}


@pytest.fixture
def version(template: Template, author: Person) -> TemplateVersion:
    return samples.in_review(template, author=author)


def test_a_comment_stands_among_the_decisions_and_decides_nothing(version: TemplateVersion, author: Person, approver: Person) -> None:
    comments.add(version, text="Why “your parcel”? ", by=approver, **AT)
    comments.add(version, text="Customers call it so.", by=author, **AT)

    version.refresh_from_db()
    assert version.status == "in_review"
    assert [(each.decision, each.reason) for each in version.reviews.order_by("pk")][1:] == [
        ("commented", "Why “your parcel”?"),
        ("commented", "Customers call it so."),
    ]


def test_a_key_comments_too(version: TemplateVersion, business: Business) -> None:
    key, _ = keys.create(business, name="shop", mode="test")

    assert comments.add(version, text="Rendered by the shop.", by_key_id=key.pk, **AT).api_key == key


def test_who_only_looks_says_nothing(version: TemplateVersion, hire: Hire) -> None:
    with pytest.raises(comments.MayNotComment):
        comments.add(version, text="Hm.", by=hire("auditor", "auditor"), **AT)


def test_a_stranger_finds_nothing_to_comment_on(version: TemplateVersion, stranger: Person) -> None:
    with pytest.raises(NotFound):
        comments.add(version, text="Hm.", by=stranger, **AT)


@pytest.mark.parametrize("text", ["", " \u200b", "a" * 2001, "a\x00b", "a\u202eb"])
def test_a_comment_that_can_not_be_read_is_refused(version: TemplateVersion, approver: Person, text: str) -> None:
    with pytest.raises(comments.CommentUnfit):
        comments.add(version, text=text, by=approver, **AT)


def test_a_comment_can_not_be_changed_or_removed(version: TemplateVersion, approver: Person) -> None:
    made = comments.add(version, text="First.", by=approver, **AT)

    with pytest.raises(HistoryIsReadOnly):
        made.delete()
    with pytest.raises(HistoryIsReadOnly):
        Review.objects.filter(pk=made.pk).update(reason="Second.")
    with pytest.raises(IntegrityError, match="history"), transaction.atomic():
        Review._base_manager.filter(pk=made.pk)._raw_delete("default")


def test_a_reason_loses_what_can_not_be_kept(version: TemplateVersion, approver: Person) -> None:
    approval.reject(version, by=approver, because="No\x00!", **AT)

    assert version.reviews.latest("pk").reason == "No!"
    with pytest.raises(approval.ReasonMissing):
        approval.reject(version, by=approver, because="\u200b", **AT)
