from __future__ import annotations

from collections.abc import Callable

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from accounts import roles
from accounts.choices import Role
from accounts.models import Person

pytestmark = pytest.mark.django_db

HISTORY = {"message", "state", "attempt", "event", "receipt", "delivery", "deliverytry", "providercall", "review"}


def rights(role: str) -> set[str]:
    return {
        f"{room}.{codename}"
        for room, codename in Permission.objects.filter(group__name=role).values_list("content_type__app_label", "codename")
    }


def grant() -> None:
    for room in roles.ROOMS:
        roles.grant(apps.get_app_config(room), using="default")


def test_every_role_is_a_group_from_the_first_migration_on() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(Role.values)


@pytest.mark.parametrize(
    "role, may, may_not",
    [
        (
            "author",
            {"templates_app.add_template", "templates_app.change_templateversion"},
            {"messaging.view_message", "routing.view_route"},
        ),
        ("approver", {"templates_app.view_templateversion"}, {"templates_app.change_templateversion", "templates_app.add_template"}),
        (
            "operator",
            {"routing.change_provideraccount", "callbacks.change_endpoint", "messaging.view_message"},
            {"templates_app.add_template"},
        ),
        ("auditor", {"messaging.view_event", "accounts.view_apikey", "callbacks.view_delivery"}, {"callbacks.change_endpoint"}),
    ],
)
def test_a_role_may_do_its_own_work_and_no_other_s(role: str, may: set[str], may_not: set[str]) -> None:
    assert may <= rights(role)
    assert not may_not & rights(role)


def test_an_auditor_may_look_at_everything_and_touch_nothing() -> None:
    seen = rights("auditor")

    assert all(right.partition(".")[2].startswith("view_") for right in seen)
    assert {f"messaging.view_{name}" for name in ("message", "event", "receipt", "suppression")} <= seen


@pytest.mark.parametrize("role", Role.values)
def test_no_role_deletes_changes_history_or_makes_people(role: str) -> None:
    held = rights(role)

    assert not [right for right in held if ".delete_" in right]
    assert not [right for right in held for name in HISTORY if right.endswith((f".add_{name}", f".change_{name}"))]
    assert not held & {"accounts.add_person", "accounts.change_person"}


def test_granting_again_changes_nothing() -> None:
    before = {role: rights(role) for role in Role.values}

    grant()

    assert {role: rights(role) for role in Role.values} == before


def test_a_right_that_was_added_or_taken_by_hand_is_put_right() -> None:
    author = Group.objects.get(name="author")
    author.permissions.set(Permission.objects.filter(codename="delete_person"))

    grant()

    assert rights("author") >= {"templates_app.add_template"}
    assert "accounts.delete_person" not in rights("author")


def test_a_permission_that_appears_later_is_granted_then() -> None:
    kind = ContentType.objects.get(app_label="templates_app", model="templateversion")
    Permission.objects.filter(content_type=kind, codename="review_templateversion").delete()
    grant()
    assert "templates_app.review_templateversion" not in rights("approver")

    Permission.objects.create(content_type=kind, codename="review_templateversion", name="Can review")
    grant()

    assert "templates_app.review_templateversion" in rights("approver")


def test_a_group_of_one_s_own_is_left_alone() -> None:
    mine = Group.objects.create(name="night shift")
    mine.permissions.set(Permission.objects.filter(codename="view_message"))

    grant()

    assert mine.permissions.count() == 1


def test_a_person_has_the_rights_of_their_role(person: Callable[..., Person]) -> None:
    assert person("anna", role="author").has_perm("templates_app.add_template")
    assert not person("bob", role="auditor").has_perm("templates_app.add_template")
