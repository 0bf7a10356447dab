"""What staff see of providers' calls, and who may have them read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.models import Business, Person
from callbacks import reading
from callbacks.models import ParkedReceipt, ProviderCall
from callbacks.receipt_admin import ParkedReceiptDesk, ProviderCallDesk
from routing.models import ProviderAccount
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

pytestmark = pytest.mark.django_db
CALLS = "/admin/callbacks/providercall/"
PARKED = "/admin/callbacks/parkedreceipt/"


@pytest.fixture
def shop() -> Business:
    return Business.objects.create(slug="shop", name="Shop")


@pytest.fixture
def accounts(shop: Business) -> list[ProviderAccount]:
    """The shop's own, and a stranger's; both have heard something that nobody knows."""
    ours, theirs = providers.meta(), providers.meta()
    for account, business in ((ours, shop), (theirs, Business.objects.create(slug="other", name="Other"))):
        ProviderAccount.objects.filter(id=account.id).update(business=business)
        providers.post_meta(account, says(None, "sent", wamid=f"wamid.of.{business.slug}"))
    reading.read(at=AT)
    return [ours, theirs]


@pytest.fixture
def staff() -> Callable[..., Client]:
    def log_in(role: str, *, business: Business | None = None) -> Client:
        person = Person.objects.create_user(username=f"{role} {business}", password="x" * 20, is_staff=True, business=business)
        person.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(person)
        return client

    return log_in


def test_a_colleague_sees_the_calls_of_the_business_and_a_stranger_none(
    accounts: list[ProviderAccount], shop: Business, staff: Callable[..., Client]
) -> None:
    colleague, everybody = staff("operator", business=shop), staff("auditor")

    for page in (CALLS, PARKED):
        ours, all_ = colleague.get(page).content.decode(), everybody.get(page).content.decode()
        assert (accounts[0].name in ours, accounts[1].name in ours) == (True, False)
        assert (accounts[0].name in all_, accounts[1].name in all_) == (True, True)


def test_a_stranger_can_not_ask_for_an_account_by_its_id(
    accounts: list[ProviderAccount], shop: Business, staff: Callable[..., Client]
) -> None:
    page = staff("operator", business=shop).get(PARKED, {"account": str(accounts[1].id)})

    assert "wamid.of.other" not in page.content.decode()


def test_an_operator_has_unreadable_calls_read_again(accounts: list[ProviderAccount], staff: Callable[..., Client]) -> None:
    call = ProviderCall.objects.filter(account=accounts[0]).get()
    ProviderCall.objects.filter(id=call.id).update(state="unreadable")

    page = staff("operator").post(CALLS, {"action": "read_again", "_selected_action": [str(call.id)]}, follow=True)

    assert "1 calls wait to be read again." in page.content.decode()
    assert ProviderCall.objects.get(id=call.id).state == "pending"


def test_an_auditor_only_looks(accounts: list[ProviderAccount], staff: Callable[..., Client]) -> None:
    call = ProviderCall.objects.filter(account=accounts[0]).get()

    staff("auditor").post(CALLS, {"action": "read_again", "_selected_action": [str(call.id)]})

    assert ProviderCall.objects.get(id=call.id).state == "read"


@pytest.mark.parametrize("desk", [ProviderCallDesk(ProviderCall, site), ParkedReceiptDesk(ParkedReceipt, site)])
def test_nobody_changes_what_providers_said(desk: ProviderCallDesk | ParkedReceiptDesk) -> None:
    request: HttpRequest = RequestFactory().get("/")
    request.user = Person(username="root", is_superuser=True, is_active=True, is_staff=True)

    assert desk.has_view_permission(request)
    assert [desk.has_add_permission(request), desk.has_change_permission(request), desk.has_delete_permission(request)] == [False] * 3
