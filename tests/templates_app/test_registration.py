"""What providers say of templates: joined, kept, told to those who must know, and heard by plans and hand-offs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import BusinessEvent
from alerts.models import Alert
from messaging import handoff
from messaging.models import Attempt, Event
from routing.providers.base import TemplateNews, TemplateStatus
from routing.selection import NoRoute
from templates_app import approval, catalogue, owing, registration, writing
from templates_app.choices import RegistrationStatus, Source
from templates_app.models import Registration, RegistrationNews
from tests import world
from tests.templates_app import registering
from tests.templates_app.registering import hears, says
from tests.world import World

pytestmark = pytest.mark.django_db

PAUSE = {"pause": "FIRST_PAUSE", "paused_for": 10_800}


@pytest.fixture
def alice() -> World:
    return world.make()


def channels(alice: World) -> list[str]:
    """The channels of a new message's plan."""
    catalogue.forget()
    return [step["channel"] for step in alice.accept().body["route"]["steps"]]


# Plans


def test_an_approved_template_goes_by_whatsapp(alice: World) -> None:
    assert channels(alice) == ["whatsapp", "sms"]


@pytest.mark.parametrize("status", [TemplateStatus.PAUSED, TemplateStatus.REJECTED, TemplateStatus.DISABLED, TemplateStatus.GONE])
def test_a_template_that_its_provider_does_not_send_takes_whatsapp_out_of_plans(alice: World, status: TemplateStatus) -> None:
    hears(registering.of(alice), says(status))

    assert channels(alice) == ["sms"]


def test_whatsapp_is_back_in_plans_when_the_pause_is_over(alice: World) -> None:
    row = registering.of(alice)
    hears(row, says(TemplateStatus.PAUSED, **PAUSE))

    hears(row, says(TemplateStatus.APPROVED))

    assert channels(alice) == ["whatsapp", "sms"]


def test_a_template_that_nobody_there_has_approved_is_in_no_plan(alice: World) -> None:
    Registration.objects.filter(account__provider="meta").update(status=RegistrationStatus.PENDING)

    assert channels(alice) == ["sms"]


def test_an_account_without_a_registration_is_in_no_plan(alice: World) -> None:
    account = registering.own_account(alice)
    Registration.objects.filter(account=account).update(status=RegistrationStatus.OWED)
    catalogue.forget()

    with pytest.raises(NoRoute, match="not registered there yet"):
        alice.accept()


def test_the_trace_says_what_kept_the_account_out(alice: World) -> None:
    hears(registering.of(alice), says(TemplateStatus.PAUSED, **PAUSE))
    account = registering.own_account(alice)
    hears(Registration.objects.get(account=account), says(TemplateStatus.REJECTED))

    with pytest.raises(NoRoute) as refusal:
        alice.accept()

    [entry] = refusal.value.trace["rules"]
    assert entry["steps"][0]["accounts"][0]["left_out"] == "the provider has rejected the template"


def test_a_message_accepted_before_the_pause_takes_its_next_channel_without_a_call(alice: World) -> None:
    alice.accept()
    hears(registering.of(alice), says(TemplateStatus.PAUSED, **PAUSE))

    _, ready = handoff.begin("utility", rooms=world.rooms(), lease=alice.business.pk)

    assert ready == []
    assert Attempt.objects.get().raw_code == "the provider has paused the template"
    assert Event.objects.filter(type="message.fallback").exists()


def test_a_hand_off_uses_the_name_that_the_provider_knows(alice: World) -> None:
    Registration.objects.filter(account__provider="meta").update(name="order_shipped_v7")
    alice.accept()

    _, [ready] = handoff.begin("utility", rooms=world.rooms(), lease=alice.business.pk)

    assert b'"name":"order_shipped_v7"' in ready.call.body


# What is kept


def test_the_same_webhook_again_is_kept_once(alice: World) -> None:
    row, news = registering.of(alice), says(TemplateStatus.PAUSED, **PAUSE)
    before = row.news.count()

    for _ in range(3):
        hears(row, news)

    assert row.news.count() == before + 1


def test_an_older_webhook_that_comes_later_is_history_and_changes_nothing(alice: World) -> None:
    row, now = registering.of(alice), timezone.now()
    hears(row, says(TemplateStatus.PAUSED, at=now + timedelta(seconds=2)))

    hears(row, says(TemplateStatus.APPROVED, at=now + timedelta(seconds=1)))

    assert row.status == RegistrationStatus.PAUSED
    assert row.news.filter(source=Source.WEBHOOK).count() == 2


def test_a_look_that_finds_nothing_new_is_no_history(alice: World) -> None:
    row = registering.of(alice)
    before = row.news.count()

    registration.record(row.pk, TemplateNews(status=TemplateStatus.APPROVED, raw_status="APPROVED"), source=Source.LOOK, at=timezone.now())

    assert row.news.count() == before


def test_what_a_provider_said_is_never_changed_nor_removed(alice: World) -> None:
    for attempt in (lambda: RegistrationNews.objects.update(raw_status="APPROVED"), lambda: RegistrationNews.objects.all().delete()):
        with pytest.raises(DatabaseError, match="history"), transaction.atomic():
            attempt()


def test_quality_and_category_are_kept_in_the_providers_words(alice: World) -> None:
    row = hears(registering.of(alice), says(None, quality="yellow"), says(None, category="marketing"))

    assert (row.quality, row.category, row.status) == ("yellow", "marketing", RegistrationStatus.APPROVED)


def test_a_word_that_no_table_knows_is_shown_and_changes_nothing(alice: World) -> None:
    row = registering.of(alice)
    registration.hear(
        row.account_id,
        [TemplateNews(provider_id=row.provider_id, status=TemplateStatus.UNMAPPED, raw_status="TELEPORTED", occurred_at=timezone.now())],
        source=Source.WEBHOOK,
        at=timezone.now(),
    )

    row.refresh_from_db()
    assert (row.status, row.unknown_word) == (RegistrationStatus.APPROVED, "TELEPORTED")


def test_news_of_a_template_that_is_not_ours_is_nobodys_business(alice: World) -> None:
    account = registering.of(alice).account_id

    assert registration.hear(account, [says(TemplateStatus.PAUSED, provider_id="404")], source=Source.WEBHOOK, at=timezone.now()) == 0


def test_another_business_does_not_hear_what_is_said_to_this_one(alice: World) -> None:
    bob = world.make("bob")
    mine, theirs = (registering.own_account(each, settings={"waba_id": "2000"}) for each in (alice, bob))
    Registration.objects.filter(account__in=[mine, theirs]).update(provider_id="77")

    heard = registration.hear(mine.pk, [says(TemplateStatus.PAUSED, provider_id="77")], source=Source.WEBHOOK, at=timezone.now())

    assert heard == 1
    assert Registration.objects.get(account=theirs).status == RegistrationStatus.APPROVED


# Who is told


def test_a_pause_alerts_staff_and_the_alert_ends_with_it(alice: World) -> None:
    row = hears(registering.of(alice), says(TemplateStatus.PAUSED, **PAUSE))
    alert = Alert.objects.get(kind="template_paused")
    assert "FIRST_PAUSE" in alert.because

    hears(row, says(TemplateStatus.APPROVED))

    alert.refresh_from_db()
    assert alert.resolved_at is not None


def test_a_rejection_alerts_staff_with_the_providers_reason(alice: World) -> None:
    hears(registering.of(alice), says(TemplateStatus.REJECTED, reason="INVALID_FORMAT"))

    assert "INVALID_FORMAT" in Alert.objects.get(kind="template_rejected_by_provider").because


def test_another_category_than_was_asked_for_alerts_staff(alice: World) -> None:
    hears(registering.of(alice), says(None, category="marketing"))

    assert "marketing" in Alert.objects.get(kind="template_changed").because


@pytest.mark.parametrize("status, event", [(TemplateStatus.PAUSED, "template.paused"), (TemplateStatus.REJECTED, "template.rejected")])
def test_the_business_hears_of_it_by_an_event(alice: World, status: TemplateStatus, event: str) -> None:
    hears(registering.of(alice), says(status))

    told = BusinessEvent.objects.get(type=event)
    assert (told.about["template"], told.about["provider"], told.mode) == ("order_shipped", "meta", "test")


def test_repeated_news_are_told_once(alice: World) -> None:
    row, news = registering.of(alice), says(TemplateStatus.PAUSED, **PAUSE)

    hears(row, news, news)

    assert BusinessEvent.objects.filter(type="template.paused").count() == 1
    assert Alert.objects.get(kind="template_paused").times == 1


# Hand-offs


def test_a_hand_off_that_is_refused_for_its_template_takes_it_out_at_once(alice: World) -> None:
    row = registering.of(alice)

    registration.hear_fault(row.version_id, row.account_id, raw_code="132015", at=timezone.now())

    row.refresh_from_db()
    assert (row.status, row.due_at is not None and row.due_at <= timezone.now()) == (RegistrationStatus.PAUSED, True)


def test_a_fault_of_one_message_says_nothing_of_its_template(alice: World) -> None:
    row = registering.of(alice)

    registration.hear_fault(row.version_id, row.account_id, raw_code="132000", at=timezone.now())

    row.refresh_from_db()
    assert row.status == RegistrationStatus.APPROVED


# What is owed


def test_approval_owes_a_registration_before_anybody_publishes(alice: World) -> None:
    words = {**world.WORDS, "content": {"whatsapp": {"components": [{"type": "BODY", "text": "Order {{order_id}} has left."}]}}}
    version = writing.draft(alice.version.template, language="en", author=alice.author, **words)
    approval.submit(version, by=alice.author, at=timezone.now())

    approval.approve(version, by=alice.approver, at=timezone.now())

    row = Registration.objects.get(version=version, account__provider="meta")
    assert (row.status, row.name) == (RegistrationStatus.OWED, "order_shipped_v2")


def test_the_same_words_again_need_no_new_approval(alice: World) -> None:
    """A version that changes its SMS alone keeps the template that WhatsApp knows."""
    content = {**world.WORDS["content"], "sms": {"text": "Order {{order_id}} has left."}}
    version = writing.draft(alice.version.template, language="en", author=alice.author, content=content, variables=world.WORDS["variables"])
    approval.submit(version, by=alice.author, at=timezone.now())

    approval.approve(version, by=alice.approver, at=timezone.now())

    row, twin = Registration.objects.get(version=version, account__provider="meta"), registering.of(alice)
    assert (row.status, row.name, row.provider_id) == (RegistrationStatus.APPROVED, twin.name, twin.provider_id)


def test_two_businesses_on_one_account_do_not_share_a_name(alice: World) -> None:
    bob = world.make("bob")

    assert registering.of(alice).name != registering.of(bob).name


def test_owing_again_owes_nothing(alice: World) -> None:
    assert owing.owe_all(at=timezone.now()) == 0


def test_the_id_that_an_author_gave_is_looked_at_and_not_made_again(alice: World) -> None:
    content = {"whatsapp": {**world.WORDS["content"]["whatsapp"], "provider_ids": {"meta": "4711"}, "name": "made_by_hand"}}
    version = writing.draft(alice.version.template, language="en", author=alice.author, content=content, variables=world.WORDS["variables"])
    approval.submit(version, by=alice.author, at=timezone.now())

    approval.approve(version, by=alice.approver, at=timezone.now())

    row = Registration.objects.get(version=version, account__provider="meta")
    assert (row.provider_id, row.name) == ("4711", "made_by_hand")
