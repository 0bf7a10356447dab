"""Last week's messages through a draft: who would get how much, what it would cost, what would find no road, before it is published.

Both the published rules and the draft decide today, with today's accounts, about what was asked for then. No content is read. A
recipient is opened in memory only where the rules ask about the number and the message does not tell; nothing of it is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection, transaction

from accounts import ids
from accounts.models import ApiKey, Person
from accounts.refusals import FieldError, Refusal
from messaging import recipients, service_window
from messaging.backtest_records import Backtest
from messaging.choices import BacktestState
from messaging.models import Message
from messaging.recipients import InvalidRecipient, Recipient
from messaging.service_window import Look
from routing import book, comparing, prices, vault
from routing.book import Book
from routing.choices import RouteStatus
from routing.comparing import Case, Rates, Tally, Verdict
from routing.facts import Subject
from routing.models import RouteVersion
from routing.publishing import NotADraft
from routing.selection import Wish
from templates_app import catalogue, standing
from templates_app.catalogue import TemplateAltered, TemplateNotFound
from templates_app.models import Template

AT_A_TIME = 1_000
MOST_LOOKED_AT = 20_000
"""Of more messages an even sample is taken: by the last bits of their ids, which are random, so that each run takes the same."""
LONGEST = timedelta(days=28)
SAMPLES = 20
OPENED = "Backtest: recipients were opened in memory for their country, type and prefix. Nothing of them was kept."
_OF_NUMBERS = frozenset({"number_type", "prefix"})


class NothingSent(Refusal):
    """There is nothing to test with."""

    code = "nothing_sent"
    title = "No message was sent in that time."


def ask(version: RouteVersion, *, since: datetime, mode: str, by: Person | None, at: datetime) -> Backtest:
    """Ask for it; a worker begins within seconds. The route comes with the version. Raises NotADraft or NothingSent."""
    if version.status == RouteStatus.PUBLISHED:
        raise NotADraft("It decides already. Choose a draft, or a version that was retired.")
    since = max(since, at - LONGEST)
    row = Backtest(version=version, business_id=version.route.business_id, mode=mode, since=since, until=at, asked_by=by, asked_at=at)
    if not _rows(row).exists():
        message = f"No {mode} message was accepted in that time. Choose a longer time, or the other world."
        raise NothingSent(message, errors=[FieldError("days", NothingSent.code, message)])
    row.save(force_insert=True)
    return row


def go_on(*, at: datetime) -> bool:
    """Carry out the oldest that is not done, from its beginning; False if there is none. One worker at a time."""
    row = Backtest.objects.filter(state__in=[BacktestState.WAITING, BacktestState.RUNNING]).order_by("id").first()
    if row is None:
        return False
    try:
        carry_out(row, at=at)
    except Exception:  # whatever it is: it must not be begun again every other second, and the next one has its turn
        _note(row, state=BacktestState.FAILED, ended_at=at)
        raise
    return True


def carry_out(row: Backtest, *, at: datetime) -> Backtest:
    """Put the messages through both; the row tells how far it is."""
    version = RouteVersion.objects.select_related("route").get(pk=row.version_id)
    test = _Test(row, now=book.book(row.business_id, at=at), draft=book.with_draft(version, at=at), at=at)
    total = _rows(row).count()
    _note(row, state=BacktestState.RUNNING, total=min(total, MOST_LOOKED_AT), looked=0)
    for batch in _batches(row, total=total):
        test.add(batch)
        _note(row, looked=test.looked)
    _end(row, test, version, total=total, at=at)
    return row


def _note(row: Backtest, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))


def _end(row: Backtest, test: _Test, version: RouteVersion, *, total: int, at: datetime) -> None:
    with transaction.atomic():
        if test.has_opened and row.asked_by_id:
            LogEntry.objects.log_actions(row.asked_by_id, [version], CHANGE, change_message=OPENED, single_object=True)
        _note(row, state=BacktestState.DONE, ended_at=at, looked=test.looked, result=test.told(total))


def _rows(row: Backtest) -> Any:
    """By id, which is a UUIDv7: the partitions of that time and a range of their keys."""
    bounds = {"id__gte": ids.first_at(row.since), "id__lt": ids.first_at(row.until)}
    return Message.objects.filter(business_id=row.business_id, mode=row.mode, **bounds)


_COLUMNS = (
    "id",
    "channel",
    "lane",
    "template_name",
    "template_version_id",
    "language",
    "api_key_id",
    "metadata",
    "send_at",
    "created_at",
    "segments",
    "recipient",
    "recipient_hash",
    "trace__facts",
    "plan",
)


def _batches(row: Backtest, *, total: int) -> Iterator[list[dict[str, Any]]]:
    """In the order of time, so many at once; of many an even sample."""
    rows, after = _rows(row).order_by("id"), ids.first_at(row.since)
    if total > MOST_LOOKED_AT:
        share = int(MOST_LOOKED_AT / total * 65_536)
        rows = rows.extra(where=["(get_byte(uuid_send(id), 14) << 8 | get_byte(uuid_send(id), 15)) < %s"], params=[share])
    while batch := list(rows.filter(id__gt=after).values(*_COLUMNS)[:AT_A_TIME]):
        after = batch[-1]["id"]
        yield batch


@dataclass(slots=True)
class _Test:
    """One run: two books, and what has been seen so far."""

    row: Backtest
    now: Book
    draft: Book
    at: datetime
    looked: int = 0
    has_opened: bool = False
    tallies: tuple[Tally, Tally] = field(default_factory=lambda: (Tally(), Tally()))
    changed: int = 0
    samples: list[dict[str, Any]] = field(default_factory=list)
    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)
    followed: Counter[tuple[str, str]] = field(default_factory=Counter)
    keys: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        business = {"business_id": self.row.business_id}
        self.keys = {pk: (name, prefix) for pk, name, prefix in ApiKey.objects.filter(**business).values_list("pk", "name", "prefix")}
        self.tags = {name: tuple(tags) for name, tags in Template.objects.filter(**business).values_list("name", "tags")}

    def add(self, batch: Sequence[Mapping[str, Any]]) -> None:
        table = prices.table(at=self.at)
        windows = self._windows(batch)
        for message in batch:
            case = self._case(message, window=windows.get(message["id"]))
            verdicts = comparing.decide(self.now, case, table=table), comparing.decide(self.draft, case, table=table)
            for tally, verdict in zip(self.tallies, verdicts, strict=True):
                tally.add(verdict, case, table)
            self._compare(message["id"], *verdicts)
        self._measure([message["id"] for message in batch])
        self.looked += len(batch)

    def _asks(self, fields: frozenset[str]) -> bool:
        return not fields.isdisjoint(self.now.asked.fields | self.draft.asked.fields)

    def _windows(self, batch: Sequence[Mapping[str, Any]]) -> dict[UUID, str]:
        """WhatsApp's service window as it was when each was accepted; what people wrote is kept longer than a backtest looks back."""
        if not self._asks(frozenset({"window"})):
            return {}
        row = self.row
        looks = [Look(row.business_id, row.mode, bytes(each["recipient_hash"]), each["created_at"], _due_at(each)) for each in batch]
        return dict(zip((each["id"] for each in batch), service_window.look(looks), strict=True))

    def _case(self, message: Mapping[str, Any], *, window: str | None) -> Case:
        told, recipient = message["trace__facts"] or {}, None
        if not told or self._asks(_OF_NUMBERS):
            recipient = self._open(message)
        kind, country = (recipient.kind, recipient.country) if recipient else (told.get("kind", "phone"), told.get("country", ""))
        channels, obstacles = _said(message, at=self.at)
        wish = Wish(
            business_id=self.row.business_id,
            mode=self.row.mode,
            channel=message["channel"],
            lane=message["lane"],
            template=message["template_name"],
            language=message["language"],
            country=country,
            kind=kind,
            channels=channels,
            fallback=told.get("fallback", True),
            obstacles=obstacles,
        )
        number = recipient.text if recipient and recipient.kind == "phone" else ""
        tags, key = self.tags.get(message["template_name"], ()), self.keys.get(message["api_key_id"], ("", ""))
        seen = (window,) if window and kind == "phone" else ()
        subject = Subject(number, message["metadata"], tags, key, _due_at(message), seen)
        return Case(message["id"].int, wish, subject, message["segments"])

    def _open(self, message: Mapping[str, Any]) -> Recipient | None:
        """None where its key is gone, or the library knows the number no more."""
        self.has_opened = True
        try:
            text = vault.unseal(bytes(message["recipient"]), bound_to=f"message:{message['id']}").decode()
            return recipients.read(text, channel="auto")
        except (vault.CannotOpen, InvalidRecipient):
            return None

    def _compare(self, message_id: UUID, now: Verdict, draft: Verdict) -> None:
        if now.road == draft.road:
            return
        self.changed += 1
        if len(self.samples) < SAMPLES:
            told = {"message": ids.public("msg", message_id), "now": _tell(now), "draft": _tell(draft)}
            self.samples.append(told)

    def _measure(self, message_ids: list[UUID]) -> None:
        """How often an account's attempt had to be followed by another, or failed for good."""
        with connection.cursor() as cursor:
            cursor.execute(_MEASURED, [message_ids[0], message_ids[-1], message_ids])
            for channel, account, attempts, followed in cursor.fetchall():
                self.attempts[(str(account), channel)] += attempts
                self.followed[(str(account), channel)] += followed

    def told(self, total: int) -> dict[str, Any]:
        rates: Rates = {key: self.followed[key] / count for key, count in self.attempts.items()}
        now, draft = (tally.told(rates) for tally in self.tallies)
        return {
            "messages": total,
            "looked_at": self.looked,
            "now": now,
            "draft": draft,
            "changed": self.changed,
            "samples": self.samples,
            "opened": self.has_opened,
        }


def _due_at(message: Mapping[str, Any]) -> datetime:
    due_at: datetime = max(message["send_at"] or message["created_at"], message["created_at"])
    return due_at


_MEASURED = """
SELECT a.channel, a.account_id, count(*), count(*) FILTER (
    WHERE a.status IN ('undeliverable', 'expired', 'failed', 'rejected')
        OR EXISTS (SELECT FROM messaging_attempt b WHERE b.message_id = a.message_id AND b.number = a.number + 1))
FROM messaging_attempt a
WHERE a.message_id BETWEEN %s AND %s AND a.message_id = ANY(%s)
GROUP BY a.channel, a.account_id
"""


def _said(message: Mapping[str, Any], *, at: datetime) -> tuple[frozenset[str], Any]:
    """The channels that its version has words for, and what stands against it at the providers today."""
    try:
        entry = catalogue.entry(message["template_version_id"])
    except (TemplateNotFound, TemplateAltered):
        return frozenset(step["channel"] for step in message["plan"]), None
    return entry.channels, standing.board(entry.version_id, at=at).obstacles if "whatsapp" in entry.channels else None


def _tell(verdict: Verdict) -> dict[str, Any]:
    return {
        "road": [{"channel": channel, "account": account} for channel, account in verdict.road],
        "because": verdict.refusal.detail if verdict.refusal else "",
        "rules": verdict.rules,
    }
