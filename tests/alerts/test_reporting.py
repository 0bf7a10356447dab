from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Business
from alerts import reporting
from alerts.kinds import Kind, Severity
from alerts.models import Alert
from tests.alerts.conftest import AT

LATER = AT + timedelta(minutes=5)


def report(about: str = "pac_1", *, because: str = "It answers 500.", business: Business | None = None, at: object = AT) -> object:
    return reporting.report(Kind.PROVIDER_DEGRADED, about=about, because=because, business=business, at=at)


def at_once(*deeds: Callable[[], object]) -> None:
    """Does all of them at the same time, each in a connection of its own."""
    start = threading.Barrier(len(deeds))

    def do(deed: Callable[[], object]) -> None:
        try:
            start.wait()
            deed()
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db
def test_the_first_report_opens_an_alert(shop: Business) -> None:
    id_ = report(business=shop)

    alert = Alert.objects.get()
    assert (alert.pk, alert.kind, alert.about, alert.because) == (id_, "provider_degraded", "pac_1", "It answers 500.")
    assert (alert.business, alert.opened_at, alert.last_seen_at, alert.times, alert.resolved_at) == (shop, AT, AT, 1, None)


@pytest.mark.django_db
def test_the_same_trouble_again_is_the_same_alert() -> None:
    first = report()
    again = report(because="It answers 503.", at=LATER)

    alert = Alert.objects.get()
    assert first == again
    assert (alert.opened_at, alert.last_seen_at, alert.times, alert.because) == (AT, LATER, 2, "It answers 503.")


@pytest.mark.django_db
def test_a_report_of_an_earlier_moment_sets_no_clock_back() -> None:
    report(at=LATER)
    report(at=AT)

    assert Alert.objects.get().last_seen_at == LATER


@pytest.mark.django_db
def test_another_subject_or_kind_is_another_alert() -> None:
    report("pac_1")
    report("pac_2")
    reporting.report(Kind.RECEIPTS_SILENT, about="pac_1", because="Silent.", business=None, at=AT)

    assert Alert.objects.open().count() == 3


@pytest.mark.django_db
def test_what_is_over_resolves_its_alert_and_no_other() -> None:
    over = report("pac_1")
    report("pac_2")

    assert reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=LATER) == over
    assert Alert.objects.get(pk=over).resolved_at == LATER
    assert [alert.about for alert in Alert.objects.open()] == ["pac_2"]


@pytest.mark.django_db
def test_resolving_what_is_not_open_changes_nothing() -> None:
    report()
    reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=AT)

    assert reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=LATER) is None
    assert Alert.objects.get().resolved_at == AT


@pytest.mark.django_db
def test_trouble_that_comes_back_is_a_new_alert() -> None:
    first = report()
    reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=AT)

    assert report(at=LATER) != first
    assert Alert.objects.count() == 2


@pytest.mark.django_db
def test_a_report_that_is_rolled_back_was_never_made() -> None:
    with transaction.atomic():
        report()
        transaction.set_rollback(True)

    assert not Alert.objects.exists()


@pytest.mark.django_db
def test_only_the_first_report_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        report()
        report()

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "provider_degraded" in caplog.text


@pytest.mark.django_db
def test_a_long_reason_is_cut_and_not_refused() -> None:
    report(because="x" * 2000)

    assert Alert.objects.get().because == "x" * 500


@pytest.mark.django_db(transaction=True)
def test_of_many_reports_at_once_one_opens_and_all_are_counted() -> None:
    at_once(*[report] * 12)

    assert Alert.objects.get().times == 12


@pytest.mark.django_db(transaction=True)
def test_reports_that_race_with_an_end_lose_no_trouble() -> None:
    """Whatever the order, each report is counted by one alert, and at most one of these is open."""
    report()

    at_once(*[report] * 6, *[lambda: reporting.resolve(Kind.PROVIDER_DEGRADED, about="pac_1", at=LATER)] * 3)

    assert sum(Alert.objects.values_list("times", flat=True)) == 7
    assert Alert.objects.open().count() <= 1


@pytest.mark.django_db
def test_the_database_refuses_a_second_open_alert_of_the_same_trouble() -> None:
    report()

    with pytest.raises(IntegrityError, match="alerts_alert_one_open"):
        Alert.objects.create(kind=Kind.PROVIDER_DEGRADED, about="pac_1", because="x", opened_at=AT, last_seen_at=AT)


@pytest.mark.django_db
def test_the_database_refuses_an_acknowledgement_by_nobody() -> None:
    report()

    with pytest.raises(IntegrityError, match="alerts_alert_acknowledged_by_somebody"):
        Alert.objects.update(acknowledged_at=AT)


@pytest.mark.django_db
def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="gremlins"):
        reporting.report("gremlins", about="x", because="x", business=None, at=AT)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_says_how_urgent_it_is_and_what_to_do(kind: Kind) -> None:
    assert kind.severity in Severity
    assert len(kind.what_to_do) > 40
