"""History: written once by the deed that makes it, then only read. The model refuses what the database refuses as well."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models


class HistoryIsReadOnly(Exception):
    """History is written once, by the deed that makes it; it is never changed and never removed by hand."""


class HistoryQuerySet(models.QuerySet[Any]):
    """Reads everything, refuses every change."""

    def update(self, **_: Any) -> NoReturn:
        raise HistoryIsReadOnly("History can't be changed.")

    def delete(self) -> NoReturn:
        raise HistoryIsReadOnly("History can't be removed; retention drops whole partitions.")


class History(models.Model):
    """A row of history: readable, never writable through the ORM."""

    objects: ClassVar[models.Manager[Any]] = HistoryQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, **_: Any) -> NoReturn:
        raise HistoryIsReadOnly("History is written once, by the deed that makes it.")

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        raise HistoryIsReadOnly("History can't be removed; retention drops whole partitions.")
