from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts.models import Business, Person
from routing import publishing, selection
from routing.models import ProviderAccount, Route, RouteVersion
from routing.publishing import DoubleDelivery, NoReason, NotADraft, PublishedAlready
from routing.rules import InvalidRules
from tests.routing.conftest import AT, step

Make = Callable[..., ProviderAccount]


@pytest.fixture
def route(business: Business) -> Route:
    return Route.objects.create(business=business, name="main")


def one(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"when": [], "steps": list(steps)}]


def publish(route: Route, rules: Any, *, accept: bool = False, by: Person | None = None) -> RouteVersion:
    draft = publishing.draft(route, rules=rules, by=by, accept_double_delivery=accept)
    return publishing.publish(draft, by=by, because="cheaper", at=AT)


def test_publishing_retires_the_version_before(route: Route, account: Make, operator: Person) -> None:
    account("a")
    first = publish(route, one(step("sms", "a")))
    second = publish(route, one(step("sms", "a")), by=operator)
    assert list(route.versions.order_by("number").values_list("number", "status")) == [(1, "retired"), (2, "published")]
    assert (second.published_by, second.published_at, second.reason) == (operator, AT, "cheaper")
    first.refresh_from_db()
    assert first.published_at == AT


def test_accounts_are_kept_by_id_so_that_a_new_name_changes_nothing(route: Route, account: Make) -> None:
    a, b = account("a"), account("b")
    version = publish(route, one(step("sms", "a", str(b.pk))))
    assert [each["account"] for each in version.rules[0]["steps"][0]["accounts"]] == [str(a.pk), str(b.pk)]


def test_the_platforms_own_accounts_may_be_used(route: Route, account: Make) -> None:
    account("shared", business=None)
    assert publish(route, one(step("sms", "shared"))).status == "published"


@pytest.mark.parametrize("name", ["theirs", "nobody", "meta", "twice"])
def test_an_account_that_can_not_serve_is_refused(route: Route, account: Make, stranger: Business, name: str) -> None:
    account("theirs", business=stranger), account("meta", "meta"), account("twice")
    with pytest.raises(InvalidRules) as refused:
        publishing.draft(route, rules=one(step("sms", *[name] * (2 if name == "twice" else 1))), by=None)
    assert [each.field for each in refused.value.errors] == [f"rules[0].steps[0].accounts[{int(name == 'twice')}].account"]


def test_anothers_account_and_a_missing_one_are_refused_alike(route: Route, account: Make, stranger: Business) -> None:
    theirs = account("theirs", business=stranger)
    details = []
    for word in (str(theirs.pk), "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(InvalidRules) as refused:
            publishing.draft(route, rules=one(step("sms", word)), by=None)
        details.append(refused.value.detail.replace(word, ""))
    assert details[0] == details[1]


def test_publishing_needs_a_reason(route: Route, account: Make) -> None:
    account("a")
    draft = publishing.draft(route, rules=one(step("sms", "a")), by=None)
    with pytest.raises(NoReason):
        publishing.publish(draft, by=None, because="  ", at=AT)


def test_a_published_version_is_not_published_again(route: Route, account: Make) -> None:
    account("a")
    version = publish(route, one(step("sms", "a")))
    with pytest.raises(NotADraft):
        publishing.publish(version, by=None, because="again", at=AT)


def test_a_draft_whose_account_went_away_is_not_published(route: Route, account: Make, stranger: Business) -> None:
    row = account("a")
    draft = publishing.draft(route, rules=one(step("sms", "a")), by=None)
    ProviderAccount.objects.filter(pk=row.pk).update(business=stranger)
    with pytest.raises(InvalidRules):
        publishing.publish(draft, by=None, because="go", at=AT)
    draft.refresh_from_db()
    assert draft.status == "draft"


# Lifecycle 6: one message must not arrive twice


@pytest.mark.parametrize(
    "first, doubt",
    [
        (step("whatsapp", "meta", until="delivered", within=300), "'meta' can't be told to give up"),
        (step("whatsapp", "meta", until="sent", within=300), "'meta' can't be told to give up"),
        (step("whatsapp", "twilio", "meta", until="delivered", within=300), "'meta' can't be told to give up"),
        (step("sms", "twilio", until="read", within=300), "may have been delivered"),
        (step("sms", "twilio", until="delivered", within=300), None),
        (step("whatsapp", "meta"), None),
    ],
)
def test_a_step_that_could_deliver_after_the_next_is_refused(route: Route, account: Make, first: dict[str, Any], doubt: str | None) -> None:
    account("meta", "meta"), account("twilio")
    rules = one(first, step("sms", "twilio"))
    if doubt is None:
        assert publish(route, rules).status == "published"
        return
    with pytest.raises(DoubleDelivery, match=doubt) as refused:
        publish(route, rules)
    assert refused.value.errors[0].field == "rules[0].steps[0]"
    assert publish(route, rules, accept=True).status == "published"


def test_a_last_step_can_not_deliver_twice(route: Route, account: Make) -> None:
    account("meta", "meta")
    assert publish(route, one(step("whatsapp", "meta", until="delivered", within=300))).status == "published"


def test_later_steps_are_judged_too(route: Route, account: Make) -> None:
    account("meta", "meta"), account("twilio")
    with pytest.raises(DoubleDelivery) as refused:
        publish(route, one(step("sms", "twilio"), step("whatsapp", "meta", until="sent", within=60), step("sms", "twilio")))
    assert [each.field for each in refused.value.errors] == ["rules[0].steps[1]"]


# Rolling back


def test_rolling_back_publishes_the_old_rules_as_a_new_version(route: Route, account: Make, operator: Person) -> None:
    account("a"), account("b")
    first, _ = publish(route, one(step("sms", "a"))), publish(route, one(step("sms", "b")))
    first.refresh_from_db()
    third = publishing.roll_back(first, by=operator, at=AT)
    assert (third.number, third.status, third.rules, third.reason) == (3, "published", first.rules, "Rolled back to version 1.")


def test_only_what_was_published_can_be_rolled_back_to(route: Route, account: Make) -> None:
    account("a")
    current = publish(route, one(step("sms", "a")))
    draft = publishing.draft(route, rules=current.rules, by=None)
    for version, refusal in ((current, PublishedAlready), (draft, NotADraft)):
        with pytest.raises(refusal):
            publishing.roll_back(version, by=None, at=AT)


@pytest.mark.django_db(transaction=True)
def test_rolling_back_three_times_at_once_makes_one_version(route: Route, account: Make) -> None:
    account("a"), account("b")
    first, _ = publish(route, one(step("sms", "a"))), publish(route, one(step("sms", "b")))
    together = Barrier(3)

    def roll_back(_: int) -> str:
        try:
            version = RouteVersion.objects.get(pk=first.pk)
            together.wait(10)
            return str(publishing.roll_back(version, by=None, at=AT).number)
        except PublishedAlready as already:
            return already.detail
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        answers = sorted(threads.map(roll_back, range(3)))

    assert answers == ["3", *["It is published already: version 3 says the same, and decides now."] * 2]
    assert route.versions.count() == 3


# Frozen by the database


@pytest.mark.parametrize(
    "change",
    [
        {"rules": []},
        {"number": 7},
        {"reason": "another"},
        {"status": "draft"},
        {"accept_double_delivery": True},
        {"published_at": None},
    ],
)
def test_the_database_keeps_a_published_version_as_it_was(route: Route, account: Make, change: dict[str, Any]) -> None:
    account("a")
    version = publish(route, one(step("sms", "a")))
    with pytest.raises(IntegrityError), transaction.atomic():
        RouteVersion.objects.filter(pk=version.pk).update(**change)


def test_the_database_keeps_a_retired_version_retired(route: Route, account: Make) -> None:
    account("a")
    first, second = publish(route, one(step("sms", "a"))), publish(route, one(step("sms", "a")))
    RouteVersion.objects.filter(pk=second.pk).update(status="retired")
    with pytest.raises(IntegrityError), transaction.atomic():
        RouteVersion.objects.filter(pk=first.pk).update(status="published")


def test_a_published_version_can_not_be_removed_and_a_draft_can(route: Route, account: Make) -> None:
    account("a")
    version, draft = publish(route, one(step("sms", "a"))), publishing.draft(route, rules=one(step("sms", "a")), by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        RouteVersion.objects.filter(pk=version.pk).delete()
    assert draft.delete()[0] == 1


def test_a_route_and_a_business_with_history_stay(route: Route, account: Make) -> None:
    account("a")
    publish(route, one(step("sms", "a")))
    with pytest.raises(ProtectedError):
        route.delete()
    with pytest.raises(ProtectedError):
        route.business.delete()


def test_what_is_published_decides_at_once_in_this_process(route: Route, account: Make, django_capture_on_commit_callbacks: Any) -> None:
    account("a")
    before = selection.book(route.business_id, at=AT)
    with django_capture_on_commit_callbacks(execute=True):
        publish(route, one(step("sms", "a")))
    assert (len(before.roads), len(selection.book(route.business_id, at=AT).roads)) == (0, 1)
