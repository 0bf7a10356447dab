"""What staff see of unknown words and of history that is read again, and what they can do about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business, Person
from alerts.models import Alert
from callbacks import forgeries, reading, rereading
from callbacks.choices import Forgery
from callbacks.models import ProviderCall, Rereading, UnknownWord
from routing.models import ProviderAccount
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

pytestmark = pytest.mark.django_db
WORDS, READINGS = "/admin/callbacks/unknownword/", "/admin/callbacks/rereading/"
Staff = Callable[..., Client]


@pytest.fixture
def shop() -> Business:
    return Business.objects.create(slug="shop", name="Shop")


@pytest.fixture
def meta(shop: Business) -> ProviderAccount:
    account = providers.meta()
    ProviderAccount.objects.filter(id=account.id).update(business=shop)
    account.refresh_from_db()
    return account


@pytest.fixture
def staff() -> Staff:
    def log_in(role: str, *, business: Business | None = None) -> Client:
        person = Person.objects.create_user(username=f"{role} {business}", password="x" * 20, is_staff=True, business=business)
        person.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def word(meta: ProviderAccount) -> UnknownWord:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    for second in range(3):
        providers.post_meta(meta, says(message_id, "levitated", second=second))
    reading.read(at=AT)
    return UnknownWord.objects.get()


def settle(client: Client, word: UnknownWord) -> str:
    return client.post(WORDS, {"action": "settle", "_selected_action": [str(word.pk)]}, follow=True).content.decode()


# Words


def test_an_operator_sees_the_word_with_its_count_and_settles_it(staff: Staff, word: UnknownWord) -> None:
    olga = staff("operator")
    page = olga.get(WORDS, {"state": "open"}).content.decode()
    assert "levitated" in page
    assert ">3<" in page.replace(" ", "").replace("\n", "")

    assert "1 settled" in settle(olga, word)
    assert "levitated" not in olga.get(WORDS, {"state": "open"}).content.decode()
    assert not Alert.objects.filter(resolved_at=None).exists()


@pytest.mark.parametrize("role, of_shop", [("auditor", False), ("operator", True)])
def test_others_only_look(staff: Staff, word: UnknownWord, shop: Business, role: str, of_shop: bool) -> None:
    client = staff(role, business=shop if of_shop else None)

    assert "levitated" in client.get(WORDS).content.decode()
    settle(client, word)
    assert UnknownWord.objects.get().settled_at is None


# Reading again


def ask(client: Client, account: ProviderAccount) -> Rereading | None:
    since = timezone.localtime() - timedelta(days=1)
    said = {"account": str(account.pk), "since_0": f"{since:%Y-%m-%d}", "since_1": f"{since:%H:%M}"}
    client.post(f"{READINGS}add/", said)
    found: Rereading | None = Rereading.objects.order_by("-id").first()
    return found


def page(asked: Rereading, deed: str = "change") -> str:
    return reverse(f"admin:callbacks_rereading_{deed}", args=[asked.pk])


def work_off() -> None:
    while rereading.go_on(at=timezone.now()):
        pass


def test_an_operator_walks_from_the_dry_run_to_the_change(staff: Staff, meta: ProviderAccount) -> None:
    olga = staff("operator")
    lost = providers.hand_off(meta)
    providers.post_meta(meta, says(lost, "delivered"))
    set_aside()
    asked = ask(olga, meta)
    assert asked is not None
    assert 'http-equiv="refresh"' in olga.get(page(asked)).content.decode()
    work_off()

    told = olga.get(page(asked)).content.decode()
    assert f"msg_{lost.hex}" in told
    assert "1 change would be made" in " ".join(told.split())
    assert providers.history(lost) == []

    olga.post(page(asked, "carry_out"))
    work_off()
    assert providers.history(lost) == ["delivered"]
    assert "carried out" in olga.get(page(asked)).content.decode()


def set_aside() -> None:
    """As if nobody could read them when they came."""
    ProviderCall.objects.update(state="unreadable", read_at=AT)


def test_nothing_is_carried_out_that_was_not_tried(staff: Staff, meta: ProviderAccount) -> None:
    olga = staff("operator")
    asked = ask(olga, meta)
    assert asked is not None

    told = olga.post(page(asked, "carry_out"), follow=True).content.decode()

    assert "Only a dry run that has ended can be carried out" in told
    assert Rereading.objects.count() == 1


def test_a_link_carries_nothing_out(staff: Staff, meta: ProviderAccount) -> None:
    olga = staff("operator")
    asked = ask(olga, meta)
    work_off()
    assert asked is not None

    assert olga.get(page(asked, "carry_out")).status_code == 405


def test_an_auditor_looks_and_asks_for_nothing(staff: Staff, meta: ProviderAccount) -> None:
    asked, aziz = ask(staff("operator"), meta), staff("auditor")
    work_off()
    assert asked is not None

    assert aziz.get(page(asked)).status_code == 200
    assert [aziz.get(f"{READINGS}add/").status_code, aziz.post(page(asked, "carry_out")).status_code] == [403, 403]
    assert Rereading.objects.count() == 1


def test_staff_of_another_business_find_nothing(staff: Staff, meta: ProviderAccount) -> None:
    asked = ask(staff("operator"), meta)
    nadia = staff("operator", business=Business.objects.create(slug="rival", name="Rival"))
    assert asked is not None

    assert [nadia.get(page(asked)).status_code, nadia.post(page(asked, "carry_out")).status_code] == [404, 404]
    assert meta.name not in nadia.get(READINGS).content.decode()
    ask(nadia, meta)
    assert Rereading.objects.count() == 1


# The first page


def test_the_first_page_counts_what_is_wrong_with_receipts(staff: Staff, word: UnknownWord, meta: ProviderAccount, shop: Business) -> None:
    for _ in range(7):
        forgeries.note(meta.id, Forgery.SIGNATURE, at=timezone.now())
    set_aside()
    stranger = staff("operator", business=Business.objects.create(slug="rival", name="Rival"))

    ours, theirs = (" ".join(client.get("/admin/").content.decode().split()) for client in (staff("operator", business=shop), stranger))

    assert '<span class="qs-number">7</span> <span class="qs-label">forged' in ours
    assert (
        '<span class="qs-number">3</span> <span class="qs-label"><a href="/admin/callbacks/providercall/?state__exact=unreadable">' in ours
    )
    assert '<span class="qs-number">0</span> <span class="qs-label">forged' in theirs
