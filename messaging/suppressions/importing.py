"""Files of suppressions: taken whole and sealed, then read in the background, a thousand lines in one transaction.

A line that is wrong is counted and passed over. A worker that dies in between leaves its thousand undone, and the next one goes on there.
A file that breaks its reader ends as failed, and keeps what it had put in force; nobody's next file waits for it.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils.dateparse import parse_datetime

from accounts import ids
from accounts.refusals import Refusal
from messaging import bell, recipients
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.models import SuppressionImport
from messaging.suppressions import asking, showing
from messaging.suppressions.keeping import Kept, Wanted
from routing import vault
from routing.choices import Channel, TrafficClass
from templates_app import letters

logger = logging.getLogger(__name__)

BELL = "messaging.tasks.import_suppressions"
LARGEST = 20 * 1024 * 1024
"""Bytes of a file."""
MOST_LINES = 200_000
AT_A_TIME = 1_000
MOST_FAULTS = 100
"""Wrong lines that are named; the others are only counted."""

_KNOWN: Mapping[str, list[str]] = {
    "channel": ["", *Channel.values],
    "category": ["", *TrafficClass.values],
    "reason": ["", *SuppressionReason.values],
}


class UnreadableList(Refusal):
    """No CSV with a column `recipient`, or too much of it."""

    code = "unreadable_list"
    title = "The file can't be read as a list of suppressions."


class _WrongWord(Exception):
    """A line's word that is not known; the text is its column."""


def begin(content: bytes, *, name: str, business_id: UUID, mode: str, by: str, at: datetime) -> SuppressionImport:
    """Keep the file and ring; raises UnreadableList. Only the column `recipient` is needed (showing.COLUMNS)."""
    if len(content) > LARGEST:
        raise UnreadableList(f"Take files of up to {LARGEST // 1024 // 1024} MB.")
    lines = len(_rows(content))
    if not 0 < lines <= MOST_LINES:
        raise UnreadableList(f"A file has 1 to {MOST_LINES:,} lines below its heading; this one has {lines:,}.")
    id_ = ids.new()
    with transaction.atomic():
        made = SuppressionImport.objects.create(
            id=id_,
            business_id=business_id,
            mode=mode,
            name=name[:200],
            by=by[:200],
            content=vault.seal(content, bound_to=_sealed_at(id_)),
            lines=lines,
            created_at=at,
        )
        transaction.on_commit(partial(bell.ring, BELL))
    return made


def go_on(*, at: datetime) -> bool:
    """Take in the next thousand lines of the oldest file that nobody else is at; whether there was one.

    Raises OperationalError or InterfaceError: the database is away or busy, and the same lines are taken again later.
    """
    with transaction.atomic():
        rows = SuppressionImport.objects.filter(finished_at__isnull=True).order_by("id")
        job = rows.select_for_update(skip_locked=True).first()
        if job is None:
            return False
        try:
            with transaction.atomic():
                _take(job, at=at)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - it would come again each time, and everybody's next file would wait behind it
            _break_off(job, error, at=at)
    return True


def _break_off(job: SuppressionImport, error: Exception, *, at: datetime) -> None:
    # The error's own text may hold what the line held.
    logger.error("import %s broke off: %s", job.id, type(error).__name__)
    job.refresh_from_db()
    _finish(job, failed_because=f"A fault of ours: it broke off in the {AT_A_TIME:,} lines after the first {job.done:,}.", at=at)


def _take(job: SuppressionImport, *, at: datetime) -> None:
    try:
        rows = _rows(vault.unseal(bytes(job.content or b""), bound_to=_sealed_at(job.id)))
    except (vault.CannotOpen, UnreadableList):
        _finish(job, failed_because="The file could not be opened: its key is gone, or it was altered. Import it again.", at=at)
        return
    lines = rows[job.done : job.done + AT_A_TIME]
    results = asking.add_each([_wanted(line, job, at=at) for _, line in lines], at=at)
    for (number, _), result in zip(lines, results, strict=True):
        if isinstance(result, Kept):
            job.added += result.is_new
            job.known += not result.is_new
        else:
            job.wrong += 1
            job.faults = [*job.faults, {"line": number, "code": result.code}][:MOST_FAULTS]
    job.done += len(lines)
    if job.done >= job.lines or not lines:
        _finish(job, at=at)
    else:
        job.save()


def _finish(job: SuppressionImport, *, at: datetime, failed_because: str = "") -> None:
    job.content, job.finished_at, job.failed_because = None, at, failed_because
    job.save()


def _wanted(line: Mapping[str, Any], job: SuppressionImport, *, at: datetime) -> Wanted | Refusal:
    try:
        said = {**_words(line), "recipient": (line.get("recipient") or "").strip(), "expires_at": _moment(line.get("expires_at"))}
        return asking.wanted(
            {**said, "source": _source(line.get("source"))},
            business_id=job.business_id,
            mode=job.mode,
            origin=SuppressionOrigin.IMPORTED,
            source=f"file of {job.by}",
            at=at,
        )
    except _WrongWord as wrong:
        refusal = Refusal(f"The column {wrong} has a word that is not known.")
        refusal.code = f"wrong_{wrong}"
        return refusal
    except Refusal as refusal:
        return refusal


def _words(line: Mapping[str, Any]) -> dict[str, str]:
    words = {name: (line.get(name) or "").strip().lower() for name in _KNOWN}
    for name, word in words.items():
        if word not in _KNOWN[name]:
            raise _WrongWord(name)
    return words


def _source(text: str | None) -> str:
    source = (text or "").strip().removeprefix("'")[:200]
    if letters.is_unprintable(source) or letters.turns_others(source) or "\n" in source:
        raise _WrongWord("source")
    return "" if recipients.names_somebody(source) else source  # whoever must not be written to, is not, whatever the list says of them


def _moment(text: str | None) -> datetime | None:
    if not text or not text.strip():
        return None
    try:
        moment = parse_datetime(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _WrongWord("expires_at")
    return moment


def _rows(content: bytes) -> Sequence[tuple[int, Mapping[str, Any]]]:
    """The lines below the heading, as an editor numbers them; empty ones are none. Excel's marks and semicolons are taken as well."""
    try:
        text = content.decode("utf-8-sig")
        heading = text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in heading and "," not in heading else ",")
        reader.fieldnames = [(name or "").strip().lower() for name in reader.fieldnames or []]
        rows = [(reader.reader.line_num, row) for row in reader]  # the outer one's own number stays behind at empty lines
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableList("Save the file as CSV in UTF-8.") from error
    if "recipient" not in reader.fieldnames:
        raise UnreadableList(f"Begin with a heading line that has the column recipient: {','.join(showing.COLUMNS)}.")
    return rows


def _sealed_at(id_: UUID) -> str:
    return f"messaging_suppressionimport.content:{id_}"
