"""A form field that is a small table: so many rows, a few columns, and some empty rows to go on writing. Works without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import BASE_INPUT_CLASSES, SELECT_CLASSES

_SPARE = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key, its heading, its choices if it has any, and its share of the width."""

    key: str
    heading: str
    width: int
    choices: tuple[tuple[str, str], ...] = ()


class RowsWidget(forms.Widget):
    """The table."""

    template_name = "templates_app/rows.html"

    def __init__(self, *, columns: Sequence[Column], noun: str, most: int) -> None:
        super().__init__()
        self.columns, self.noun, self.most = tuple(columns), noun, most

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        given = list(value or [])
        rows = (given + [{}] * _SPARE)[: self.most]
        context: dict[str, Any] = super().get_context(name, value, attrs)
        look = {"input_class": " ".join(BASE_INPUT_CLASSES), "select_class": " ".join(SELECT_CLASSES)}
        table = [[_cell(column, row, f"{name}-{number}") for column in self.columns] for number, row in enumerate(rows)]
        return context | look | {"columns": self.columns, "noun": self.noun, "rows": table}

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, str]]:
        rows = [
            {column.key: data.get(f"{name}-{number}-{column.key}", "").strip() for column in self.columns} for number in range(self.most)
        ]
        written = [column.key for column in self.columns if not column.choices]
        return [row for row in rows if any(row[key] for key in written)]

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        """The label names the whole table; each cell has a name of its own."""
        return ""


class RowsField(forms.Field):
    """The rows that have something written in them, as dictionaries of text."""

    def __init__(self, *, columns: Sequence[Column], noun: str, most: int, **options: Any) -> None:
        super().__init__(widget=RowsWidget(columns=columns, noun=noun, most=most), required=False, **options)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [_filled(row) for row in initial or []] != [_filled(row) for row in data or []]


def _filled(row: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in row.items() if value}


def _cell(column: Column, row: Mapping[str, str], prefix: str) -> dict[str, Any]:
    return {"name": f"{prefix}-{column.key}", "column": column, "value": row.get(column.key, "")}
