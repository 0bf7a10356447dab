"""The conditions of a route's rule: `{"field": "country", "in": ["EG", "SA"]}` or `{"field": "class", "not_in": ["marketing"]}`.

Pure: what a message is comes in as plain words, and the answer says which word was seen. docs/routes.md is the language's description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.refusals import FieldError
from routing import hours
from routing.fields import FIELDS, Field, is_name

MOST_VALUES = 1_000
INSIDE, OUTSIDE = "inside", "outside"

Words = tuple[str, ...]
"""What was seen of a message in one respect: one word mostly, several where it may have several (tags), none where nothing is known."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about a message. It holds if a word seen is one of `values`, or, negated, if none is."""

    field: str
    values: frozenset[str]
    is_negated: bool
    about: str = ""
    """Of time, the zone; of metadata, the name of the entry."""

    @property
    def source(self) -> str:
        """Under which name its words are among the facts. Hours are judged beforehand: a minute would make every message a case apart."""
        if self.field == "time":
            return f"time {self.about} {', '.join(sorted(self.values))}"
        return f"{self.field} {self.about}" if self.about else self.field

    def holds(self, facts: Mapping[str, Words]) -> bool:
        return any(self._takes(word) for word in facts.get(self.source, ())) is not self.is_negated

    def _takes(self, seen: str) -> bool:
        if self.field == "language":
            return any(seen == value or seen.startswith(value + "-") for value in self.values)
        return seen == INSIDE if self.field == "time" else seen in self.values

    def tell(self, facts: Mapping[str, Words]) -> dict[str, Any]:
        """For the trace: the words seen, and whether it held."""
        told = {"field": self.field, "is": "not_in" if self.is_negated else "in", "seen": ", ".join(facts.get(self.source, ()))}
        if self.field == "time":
            told["hours"] = ", ".join(sorted(self.values))
        return told | ({FIELDS[self.field].about: self.about} if self.about else {}) | {"held": self.holds(facts)}

    def __str__(self) -> str:
        values = ", ".join(sorted(self.values))
        name = {"metadata": f"metadata {self.about}", "time": f"time in {self.about}", "window": "WhatsApp window"}.get(
            self.field, self.field.replace("_", " ")
        )
        if len(self.values) == 1:
            return f"{name} is {'not ' if self.is_negated else ''}{values}"
        return f"{name} is {'none' if self.is_negated else 'one'} of {values}"


_SEEN = {
    "number_type": "number type",
    "tag": "template's tag",
    "key": "API key",
    "prefix": "number's beginning",
    "window": "WhatsApp window",
}


def explain(told: Mapping[str, Any]) -> str:
    """What was seen, as a clause, from what a trace tells of a condition."""
    field, seen = str(told["field"]), str(told["seen"])
    if field == "time":
        return f"the time is {seen} {told.get('hours')} in {told.get('zone')}"
    if field == "metadata":
        return f"the metadata's {told.get('name')} is {seen or 'not given'}"
    if not seen and field in ("tag", "prefix"):
        return "the template has no tag" if field == "tag" else "the number begins with none of the prefixes that rules name"
    return f"the {_SEEN.get(field, field)} is {seen or 'unknown'}"


def read(raw: Any, *, where: str, problems: list[FieldError]) -> Condition | None:
    """The condition that `raw` says; what is wrong with it is added to `problems`, named from `where` on."""
    if not isinstance(raw, dict):
        problems.append(FieldError(where, "invalid", 'Write a condition as {"field": "country", "in": ["EG"]}.'))
        return None
    field = FIELDS.get(str(raw.get("field")))
    if field is None:
        problems.append(FieldError(f"{where}.field", "unknown_field", f"Name one of the fields {', '.join(FIELDS)}."))
        return None
    operators = sorted(set(raw) - {"field", field.about})
    if operators not in (["in"], ["not_in"]):
        problems.append(
            FieldError(where, "invalid", f'Give exactly one of "in" and "not_in" beside "field", not: {", ".join(operators) or "none"}.')
        )
        return None
    about = _read_about(raw, field, where=where, problems=problems)
    values = _read_values(raw[operators[0]], field, where=f"{where}.{operators[0]}", problems=problems)
    if about is None or not values:
        return None
    return Condition(field=raw["field"], values=values, is_negated=operators == ["not_in"], about=about)


def _read_about(raw: Mapping[str, Any], field: Field, *, where: str, problems: list[FieldError]) -> str | None:
    """The zone of hours, the name of an entry; empty where nothing is to be said."""
    said = raw.get(field.about)
    if not field.about:
        return ""
    if field.about == "zone" and not (isinstance(said, str) and hours.is_zone(said)):
        problems.append(FieldError(f"{where}.zone", "unknown_zone", "Name the zone of the hours as in the IANA list: Africa/Cairo, UTC."))
        return None
    if field.about == "name" and not is_name(said):
        problems.append(FieldError(f"{where}.name", "invalid", "Name the entry of the metadata that is looked at."))
        return None
    return str(said)


def _read_values(raw: Any, field: Field, *, where: str, problems: list[FieldError]) -> frozenset[str]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_VALUES:
        problems.append(FieldError(where, "invalid", f"List at least one and at most {MOST_VALUES:,} values: {field.hint}."))
        return frozenset()
    strange = [value for value in raw if not isinstance(value, str) or not field.is_known(value)]
    for value in strange[:10]:
        problems.append(FieldError(where, "unknown_value", f"{str(value)[:24]!r} is not known here; use {field.hint}."))
    return frozenset() if strange else frozenset(field.tidy(value) for value in raw)


def describe(condition: Condition) -> dict[str, Any]:
    """As plain JSON again, in the one form in which it is kept."""
    about = {FIELDS[condition.field].about: condition.about} if condition.about else {}
    return {"field": condition.field} | about | {"not_in" if condition.is_negated else "in": sorted(condition.values)}
