"""The conditions of a route's rule: `{"field": "country", "in": ["EG", "SA"]}` or `{"field": "class", "not_in": ["marketing"]}`.

Pure: what a message is comes in as plain words, and the answer says which word was seen. docs/routes.md is the language's description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers

from accounts.refusals import FieldError
from routing.choices import Channel, TrafficClass

MOST_VALUES = 1_000

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", re.ASCII)
_TEMPLATE = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about a message. It holds if the word seen is one of `values`, or, negated, if it is none of them."""

    field: str
    values: frozenset[str]
    is_negated: bool

    def holds(self, facts: Mapping[str, str]) -> bool:
        return self._is_one_of_them(facts[self.field]) is not self.is_negated

    def _is_one_of_them(self, seen: str) -> bool:
        if self.field == "language":
            return any(seen == value or seen.startswith(value + "-") for value in self.values)
        return seen in self.values

    def __str__(self) -> str:
        values = ", ".join(sorted(self.values))
        if len(self.values) == 1:
            return f"{self.field} is {'not ' if self.is_negated else ''}{values}"
        return f"{self.field} is {'none' if self.is_negated else 'one'} of {values}"


@dataclass(frozen=True, slots=True)
class _Field:
    is_known: Callable[[str], bool]
    hint: str
    tidy: Callable[[str], str] = str


FIELDS: dict[str, _Field] = {
    "country": _Field(
        lambda word: word in phonenumbers.SUPPORTED_REGIONS,
        "two-letter country codes of ISO 3166-1 (EG, SA, GB), as the recipient's number has it",
    ),
    "channel": _Field(lambda word: word == "auto" or word in Channel, f"{', '.join(Channel.values)} or auto, as the request asked"),
    "class": _Field(lambda word: word in TrafficClass, ", ".join(TrafficClass.values)),
    "template": _Field(lambda word: bool(_TEMPLATE.fullmatch(word)), "names of templates"),
    # A basic filter of RFC 4647, 3.3.1: `en` takes en-GB too.
    "language": _Field(lambda word: bool(_LANGUAGE.fullmatch(word)), "language tags (en, ar, pt-BR); en takes en-GB too", str.lower),
}


def read(raw: Any, *, where: str, problems: list[FieldError]) -> Condition | None:
    """The condition that `raw` says; what is wrong with it is added to `problems`, named from `where` on."""
    if not isinstance(raw, dict):
        problems.append(FieldError(where, "invalid", 'Write a condition as {"field": "country", "in": ["EG"]}.'))
        return None
    field = FIELDS.get(str(raw.get("field")))
    if field is None:
        problems.append(FieldError(f"{where}.field", "unknown_field", f"Name one of the fields {', '.join(FIELDS)}."))
        return None
    operators = sorted(set(raw) - {"field"})
    if operators not in (["in"], ["not_in"]):
        problems.append(
            FieldError(where, "invalid", f'Give exactly one of "in" and "not_in" beside "field", not: {", ".join(operators) or "none"}.')
        )
        return None
    values = _read_values(raw[operators[0]], field, where=f"{where}.{operators[0]}", problems=problems)
    return Condition(field=raw["field"], values=values, is_negated=operators == ["not_in"]) if values else None


def _read_values(raw: Any, field: _Field, *, where: str, problems: list[FieldError]) -> frozenset[str]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_VALUES:
        problems.append(FieldError(where, "invalid", f"List at least one and at most {MOST_VALUES:,} values: {field.hint}."))
        return frozenset()
    strange = [value for value in raw if not isinstance(value, str) or not field.is_known(value)]
    for value in strange[:10]:
        problems.append(FieldError(where, "unknown_value", f"{str(value)[:40]!r} is not known here; use {field.hint}."))
    return frozenset() if strange else frozenset(field.tidy(value) for value in raw)
