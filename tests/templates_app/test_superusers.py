"""Who may do everything else may not approve what they wrote: not in the admin, not over the API, not in a shell."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import keys
from accounts.models import Business, Person
from templates_app import approval
from templates_app.choices import Decision, VersionStatus
from templates_app.models import Review, Template, TemplateVersion
from tests.templates_app import samples
from tests.templates_app.conftest import Hire

AT = {"at": samples.NOON}


@pytest.fixture
def chief(hire: Hire) -> Person:
    """A superuser with every role."""
    return hire("chief", "author", "approver", "operator", "auditor", is_superuser=True)


@pytest.fixture
def version(template: Template, chief: Person) -> TemplateVersion:
    return samples.in_review(template, author=chief)


def status(version: TemplateVersion) -> str:
    return TemplateVersion.objects.values_list("status", flat=True).get(pk=version.pk)


def test_the_admin_refuses(version: TemplateVersion, chief: Person) -> None:
    client = Client()
    client.force_login(chief, backend="django.contrib.auth.backends.ModelBackend")
    form = {"decision": "approved", "seen": bytes(version.content_hash or b"").hex()}

    response = client.post(reverse("admin:templates_app_templateversion_decide", args=[version.pk]), form)

    assert (response.status_code, status(version)) == (409, "in_review")
    assert "Ask another approver" in response.content.decode()


@pytest.mark.parametrize("verb", ["approve", "publish", "decide", "status"])
def test_the_api_has_no_such_door(version: TemplateVersion, business: Business, verb: str) -> None:
    _, text = keys.create(business, name="all", mode="live")
    client = Client(headers={"authorization": f"Bearer {text}"})

    response = client.post(f"/v1/templates/order_on_its_way/versions/1/{verb}", {"status": "approved"}, content_type="application/json")

    assert (response.status_code, status(version)) == (404, "in_review")


def test_a_patch_can_not_smuggle_a_status_in(version: TemplateVersion, business: Business) -> None:
    _, text = keys.create(business, name="all", mode="live")
    client = Client(headers={"authorization": f"Bearer {text}"})

    response = client.patch("/v1/templates/order_on_its_way/versions/1", {"status": "approved"}, content_type="application/json")

    assert (response.status_code, status(version)) == (422, "in_review")


def test_the_deed_refuses(version: TemplateVersion, chief: Person) -> None:
    with pytest.raises(approval.AuthorMayNotReview):
        approval.approve(version, by=chief, **AT)


def by_save(version: TemplateVersion, chief: Person) -> None:
    version.status, version.reviewer = VersionStatus.APPROVED, chief
    version.save()


def by_update(version: TemplateVersion, chief: Person) -> None:
    TemplateVersion.objects.filter(pk=version.pk).update(status="approved", reviewer=chief)


def by_bulk_update(version: TemplateVersion, chief: Person) -> None:
    version.status, version.reviewer = VersionStatus.APPROVED, chief
    TemplateVersion.objects.bulk_update([version], ["status", "reviewer"])


def by_a_forged_decision(version: TemplateVersion, chief: Person) -> None:
    Review.objects.create(version=version, decision=Decision.APPROVED, person=chief, content_hash=version.content_hash, **AT)
    by_update(version, chief)


def by_giving_the_version_away_first(version: TemplateVersion, chief: Person) -> None:
    other = Person.objects.create_user("nobody", is_staff=True)
    TemplateVersion.objects.filter(pk=version.pk).update(author=other)
    by_update(version, chief)


@pytest.mark.parametrize("way", [by_save, by_update, by_bulk_update, by_a_forged_decision, by_giving_the_version_away_first])
def test_a_shell_is_refused_by_the_database(version: TemplateVersion, chief: Person, way: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        way(version, chief)

    assert status(version) == "in_review"


def test_two_live_versions_are_refused_by_the_database(template: Template, author: Person, approver: Person) -> None:
    first = samples.live(template, author=author, approver=approver)
    second = approval.approve(samples.in_review(template, author=author), by=approver, **AT)

    with pytest.raises(IntegrityError, match="one_live_version"), transaction.atomic():
        TemplateVersion.objects.filter(pk=second.pk).update(status="live")

    assert [version.pk for version in TemplateVersion.objects.live()] == [first.pk]
