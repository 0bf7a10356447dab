from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import ids
from callbacks import reading, rereading, tasks
from callbacks.models import ProviderCall, Rereading
from callbacks.rereading import NotTriedYet
from messaging.lifecycle import AttemptStatus, Status
from messaging.models import Receipt
from routing.models import ProviderAccount
from routing.providers import base, registry
from routing.providers.meta import Meta
from tests.callbacks import providers
from tests.callbacks.providers import AT, says

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def meta() -> ProviderAccount:
    return providers.meta()


class Corrected(Meta):
    """Today's table knows a word that yesterday's did not."""

    def read_receipts(self, account: base.ProviderAccount, incoming: base.Incoming) -> list[base.Receipt]:
        return super().read_receipts(
            account, base.Incoming("POST", incoming.url, {}, {}, incoming.body.replace(b"handed_over", b"delivered"))
        )


def reread(account: ProviderAccount, *options: str, since: str = "2026-01-01") -> str:
    out = io.StringIO()
    call_command("reread_receipts", "--account", account.name, "--since", since, *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def misread(meta: ProviderAccount, monkeypatch: pytest.MonkeyPatch) -> tuple[ProviderAccount, list[str]]:
    """One message whose receipt nobody understood, and one that was understood; then the table is corrected."""
    odd, plain = (providers.hand_off(meta, provider_reference=f"wamid.{word}") for word in ("odd", "plain"))
    providers.post_meta(meta, says(odd, "handed_over"))
    providers.post_meta(meta, says(plain, "delivered"))
    reading.read(at=AT)
    monkeypatch.setitem(registry.ADAPTERS, "meta", Corrected())
    return meta, [ids.public("msg", message_id) for message_id in (odd, plain)]


def test_a_dry_run_lists_what_would_change_and_changes_nothing(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, (odd, plain) = misread

    listed = reread(account)

    message_id = ids.parse("msg", odd)
    assert f"{odd}  submitted -> delivered  message.delivered" in listed
    assert plain not in listed
    assert message_id is not None
    assert (providers.attempt_status(message_id), providers.history(message_id)) == (AttemptStatus.SUBMITTED, ["unmapped"])


def test_applied_it_changes_what_it_listed_and_nothing_else(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, (odd, _) = misread
    listed = reread(account).splitlines()

    assert reread(account, "--apply").splitlines()[:-1] == listed[:-1]
    message_id = ids.parse("msg", odd)
    assert message_id is not None
    assert (providers.status(message_id), providers.history(message_id)) == (Status.DELIVERED, ["unmapped", "delivered"])
    assert Receipt.objects.count() == 3
    assert "0 changes" in reread(account, "--apply")


def test_what_could_not_be_read_is_read(meta: ProviderAccount) -> None:
    message_id = providers.hand_off(meta, provider_reference="wamid.1")
    providers.post_meta(meta, says(message_id, "delivered"))
    ProviderCall.objects.update(state="unreadable", read_at=AT)

    reread(meta, "--apply")

    call = ProviderCall.objects.get()
    assert (providers.status(message_id), call.state, call.receipts, call.read_at) == (Status.DELIVERED, "read", 1, AT)


def test_only_what_came_since_then_is_read(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, _ = misread
    later = ProviderCall.objects.latest("received_at").received_at + timedelta(seconds=1)

    assert reread(account, since=later.isoformat()).startswith("0 changes")


# In the background


def work_off(*, at: datetime = AT) -> None:
    while rereading.go_on(at=at):
        pass


def ask(account: ProviderAccount) -> Rereading:
    return rereading.ask(account, since=LONG_AGO, by=None, at=timezone.now())


def test_a_worker_does_the_dry_run_and_lists_what_would_change(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, (odd, _) = misread
    asked = ask(account)
    assert rereading.is_waiting()
    work_off()

    asked.refresh_from_db()
    assert (asked.state, asked.calls, asked.changes, asked.ended_at) == ("done", 2, 1, AT)
    assert asked.listed == [{"message": odd, "from": "submitted", "to": "delivered", "event": "message.delivered"}]
    assert (Receipt.objects.filter(status="delivered").count(), rereading.is_waiting()) == (1, False)


def test_carried_out_it_does_what_the_dry_run_listed(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, (odd, _) = misread
    dry_run = ask(account)
    work_off()
    dry_run.refresh_from_db()
    done = rereading.carry_out(dry_run, by=None, at=AT)
    work_off()

    done.refresh_from_db()
    message_id = ids.parse("msg", odd)
    assert message_id is not None
    assert (done.state, done.changes, done.listed) == ("done", 1, dry_run.listed)
    assert providers.history(message_id) == ["unmapped", "delivered"]


def test_what_came_after_the_dry_run_is_left_alone(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, _ = misread
    dry_run = ask(account)
    late = providers.hand_off(account, provider_reference="wamid.late")
    providers.post_meta(account, says(late, "handed_over"))
    ProviderCall.objects.update(state="read")
    work_off()

    dry_run.refresh_from_db()
    assert (dry_run.calls, dry_run.changes) == (2, 1)


def test_it_goes_on_where_a_worker_left_it(misread: tuple[ProviderAccount, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading, "AT_A_TIME", 1)
    account, _ = misread
    asked = ask(account)
    rereading.go_on(at=AT)
    asked.refresh_from_db()
    assert (asked.state, asked.calls) == ("running", 1)

    work_off()
    asked.refresh_from_db()
    assert (asked.state, asked.calls, asked.changes) == ("done", 2, 1)


def test_nothing_is_carried_out_untried_or_twice(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, _ = misread
    dry_run = ask(account)
    with pytest.raises(NotTriedYet):
        rereading.carry_out(dry_run, by=None, at=AT)
    work_off()
    dry_run.refresh_from_db()
    done = rereading.carry_out(dry_run, by=None, at=AT)
    for again in (dry_run, done):
        with pytest.raises(NotTriedYet):
            rereading.carry_out(again, by=None, at=AT)


def test_the_task_works_off_everything_that_was_asked_for(misread: tuple[ProviderAccount, list[str]]) -> None:
    account, _ = misread
    for _ in range(2):
        ask(account)
    tasks.reread()

    assert set(Rereading.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.parametrize("name, since", [("nobody", "2026-01-01T00:00"), (None, "yesterday")])
def test_a_wrong_name_or_time_is_told(meta: ProviderAccount, name: str | None, since: str) -> None:
    with pytest.raises(CommandError):
        call_command("reread_receipts", "--account", name or meta.name, "--since", since)
