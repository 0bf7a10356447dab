"""Files of suppressions: taken in in the background, wrong lines named, nothing of their content left behind."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.choices import Role
from accounts.models import Business, BusinessEvent, Person
from messaging import tasks
from messaging.models import Suppression, SuppressionImport
from messaging.suppressions import importing
from routing import vault
from tests.messaging import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Business:
    return factories.business()


def take(shop: Business, text: str, **more: Any) -> SuppressionImport:
    given = {"name": "list.csv", "business_id": shop.pk, "mode": "live", "by": "operator", "at": timezone.now(), **more}
    made = importing.begin(text.encode(), **given)
    while importing.go_on(at=timezone.now()):
        pass
    made.refresh_from_db()
    return made


def test_ten_thousand_lines_are_taken_in_the_background(shop: Business) -> None:
    lines = "\n".join(f"+2010012{number:05d}" for number in range(10_000))
    importing.begin(f"recipient\n{lines}\n".encode(), name="x", business_id=shop.pk, mode="live", by="o", at=timezone.now())

    while SuppressionImport.objects.filter(finished_at=None).exists():
        tasks.import_suppressions()

    job = SuppressionImport.objects.get()
    assert (job.done, job.added, job.wrong, job.content) == (10_000, 10_000, 0, None)
    assert Suppression.objects.filter(origin="imported").count() == 10_000
    assert not BusinessEvent.objects.filter(type="recipient.opted_out").exists()


def test_a_worker_that_dies_is_gone_on_from(shop: Business) -> None:
    lines = "\n".join(f"+201001{number:06d}" for number in range(1_500))
    importing.begin(f"recipient\n{lines}\n".encode(), name="x", business_id=shop.pk, mode="", by="o", at=timezone.now())

    assert importing.go_on(at=timezone.now())
    assert SuppressionImport.objects.get().done == 1_000
    assert importing.go_on(at=timezone.now())

    assert (SuppressionImport.objects.get().added, importing.go_on(at=timezone.now())) == (1_500, False)


def test_every_column_is_read_and_wrong_lines_are_named(shop: Business) -> None:
    job = take(
        shop,
        "Recipient,channel,category,reason,source,expires_at\r\n"
        "+201001234567,sms,,complaint,'=old,2090-01-01T00:00:00Z\r\n"
        "nonsense,,,,,\r\n"
        "+201001234567,fax,,,,\r\n"
        "sara@example.com,email,marketing,,,yesterday\r\n"
        "sara@example.com,email,marketing,,,2020-01-01T00:00:00Z\r\n",
    )

    made = Suppression.objects.get()
    assert (made.channel, made.reason, made.source, made.mode, made.expires_at is not None) == ("sms", "complaint", "=old", "live", True)
    assert bytes(made.recipient_hash) == vault.blind_index("+201001234567")
    assert job.faults == [
        {"line": 3, "code": "invalid_recipient"},
        {"line": 4, "code": "wrong_channel"},
        {"line": 5, "code": "wrong_expires_at"},
        {"line": 6, "code": "already_over"},
    ]
    assert (job.added, job.wrong) == (1, 4)


def test_a_line_with_a_nul_byte_is_wrong_and_stops_nobody(shop: Business) -> None:
    job = take(shop, "recipient,channel,source\n+201001234601,sms,a\x00b\n+201001234602,sms,form\n")

    assert (job.added, job.wrong, job.faults) == (1, 1, [{"line": 2, "code": "wrong_source"}])
    assert job.failed_because == ""


def test_a_source_that_names_somebody_is_left_out_and_the_line_holds(shop: Business) -> None:
    job = take(shop, "recipient,source\n+201001234601,call from +20 100 123 4601\n+201001234602,ticket 20100123\n")

    assert (job.added, job.wrong) == (2, 0)
    assert set(Suppression.objects.values_list("source", flat=True)) == {"file of operator", "ticket 20100123"}


def test_lines_are_numbered_as_an_editor_does_also_below_empty_ones(shop: Business) -> None:
    job = take(shop, "recipient\n\n+201001234601\n\n\nnonsense\n")

    assert (job.lines, job.faults) == (2, [{"line": 6, "code": "invalid_recipient"}])


def test_a_file_that_breaks_its_reader_fails_and_the_next_has_its_turn(shop: Business, caplog: pytest.LogCaptureFixture) -> None:
    broken, good = (
        importing.begin(text.encode(), name="x", business_id=shop.pk, mode="live", by="o", at=timezone.now())
        for text in ("recipient\n+201001234601\n", "recipient\n+201001234602\n")
    )
    SuppressionImport.objects.filter(pk=broken.pk).update(by="o" * 200)  # "file of ..." is then longer than a source may be

    tasks.import_suppressions()

    broken.refresh_from_db()
    good.refresh_from_db()
    assert (broken.done, broken.content, broken.finished_at is not None) == (0, None, True)
    assert "broke off" in broken.failed_because
    assert (good.added, good.failed_because) == (1, "")
    assert "+2010" not in caplog.text + broken.failed_because


def test_a_file_whose_key_is_gone_is_failed_not_done(enter: Callable[[Person], Client], shop: Business) -> None:
    made = importing.begin(b"recipient\n+201001234601\n", name="x", business_id=shop.pk, mode="live", by="o", at=timezone.now())
    SuppressionImport.objects.filter(pk=made.pk).update(content=b"\x01\x04gone")

    tasks.import_suppressions()
    page = enter(factories.person(Role.OPERATOR, of=shop)).get(f"/admin/messaging/suppressionimport/{made.pk}/change/")

    made.refresh_from_db()
    assert (made.done, made.finished_at is not None, made.content) == (0, True, None)
    assert "could not be opened" in page.content.decode()


def test_the_same_file_again_changes_nothing(shop: Business) -> None:
    text = "recipient;source\n+201001234567;a\n+201001234567;b\n"
    first, second = take(shop, text), take(shop, text)

    assert (first.added, first.known, second.added, second.known) == (1, 1, 0, 2)
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("content", [b"", b"phone\n+201001234567\n", b"recipient\n", b"\xff\xfe\x00", b"recipient\n\xff\n"])
def test_what_is_no_list_is_refused(shop: Business, content: bytes) -> None:
    with pytest.raises(importing.UnreadableList):
        importing.begin(content, name="x", business_id=shop.pk, mode="", by="o", at=timezone.now())


# In the admin


@pytest.fixture
def enter() -> Callable[[Person], Client]:
    def entered(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return entered


def test_an_operator_imports_and_sees_how_far_it_is(enter: Callable[[Person], Client], shop: Business) -> None:
    client = enter(factories.person(Role.OPERATOR, of=shop))
    file = io.BytesIO(b"recipient\n+201001234567\nnonsense\n")
    file.name = "list.csv"

    answer = client.post("/admin/messaging/suppression/import/", {"mode": "live", "file": file})
    tasks.import_suppressions()
    page = client.get(answer["Location"]).content.decode()

    assert "100 % of 2" in page
    assert "line 3: invalid_recipient" in client.get(f"{answer['Location']}{SuppressionImport.objects.get().pk}/change/").content.decode()
    assert "+2010" not in page
    refused = client.post("/admin/messaging/suppression/import/", {"mode": "live", "file": io.BytesIO(b"")})
    assert refused.status_code == 200


def test_an_export_is_written_down(enter: Callable[[Person], Client], shop: Business) -> None:
    take(shop, "recipient\n+201001234567\n")
    stranger = factories.business("stranger")
    take(stranger, "recipient\n+201001234568\n")
    client = enter(factories.person(Role.OPERATOR, of=shop))

    asked = client.get("/admin/messaging/suppression/export/")
    text = b"".join(client.post("/admin/messaging/suppression/export/").streaming_content).decode()

    assert "+2010" not in asked.content.decode()
    assert "+201001234567" in text
    assert "+201001234568" not in text
    assert LogEntry.objects.filter(change_message__contains="Exported").count() == 1


def test_an_auditor_imports_nothing(enter: Callable[[Person], Client], shop: Business) -> None:
    client = enter(factories.person(Role.AUDITOR, of=shop))

    assert client.get("/admin/messaging/suppression/import/").status_code == 403
