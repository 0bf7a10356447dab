"""What a business's rules want to know of a message beyond the usual: looked up only if a rule asks, and told without anything personal.

Messages that are alike share one decision. So a fact is as coarse as the rules are: of a number only the prefixes that rules name, of the
metadata only the values that rules list, of the clock only whether the hours hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import phonenumbers

from routing import hours
from routing.conditions import INSIDE, OUTSIDE, Condition, Words
from routing.fields import NUMBER_TYPES, OTHER

Facts = frozenset[tuple[str, Words]]
NONE: Facts = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rules ask about."""

    fields: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    metadata: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By the entry's name, every value that a rule lists."""
    times: tuple[Condition, ...] = ()


def asked(conditions: Iterable[Condition]) -> Asked:
    """What these conditions ask about, together."""
    every = list(dict.fromkeys(conditions))
    metadata: dict[str, frozenset[str]] = {}
    for each in every:
        if each.field == "metadata":
            metadata[each.about] = metadata.get(each.about, frozenset()) | each.values
    return Asked(
        fields=frozenset(each.field for each in every),
        prefixes=frozenset(value for each in every if each.field == "prefix" for value in each.values),
        metadata=metadata,
        times=tuple(each for each in every if each.field == "time"),
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at. Of a message that waits, `due_at` is when it goes."""

    number: str = field(repr=False)
    """E.164; empty for an e-mail address."""
    metadata: Mapping[str, Any] | None = field(repr=False)
    tags: Words
    key: Words
    """The API key's name and its public part."""
    due_at: datetime
    window: Words = ()
    """WhatsApp's service window, where a rule asks: whoever makes the subject looks it up, for many at once."""


_WANTED = frozenset({"number_type", "prefix", "tag", "key", "time", "metadata", "window"})


def see(asked: Asked, subject: Subject) -> Facts:
    """The facts that the rules ask about."""
    if _WANTED.isdisjoint(asked.fields):
        return NONE
    found: dict[str, Words] = {}
    if "number_type" in asked.fields:
        found["number_type"] = number_type(subject.number)
    if "prefix" in asked.fields:
        found["prefix"] = tuple(sorted(each for each in asked.prefixes if subject.number.startswith(each)))
    if "tag" in asked.fields:
        found["tag"] = tuple(sorted(subject.tags))
    if "key" in asked.fields:
        found["key"] = subject.key
    if "window" in asked.fields:
        found["window"] = subject.window
    for condition in asked.times:
        holds = hours.is_within(condition.values, zone=condition.about, at=subject.due_at)
        found[condition.source] = (INSIDE if holds else OUTSIDE,)
    for name, values in asked.metadata.items():
        found[f"metadata {name}"] = _entry((subject.metadata or {}).get(name), values)
    return frozenset(found.items())


def number_type(number: str) -> Words:
    """libphonenumber's word for what kind of number it is; nothing for what is no number."""
    return (NUMBER_TYPES[phonenumbers.number_type(phonenumbers.parse(number))],) if number else ()


def _entry(value: Any, listed: frozenset[str]) -> Words:
    """A value that no rule lists may be personal, and is not told."""
    if value is None:
        return ()
    word = value if isinstance(value, str) else orjson.dumps(value).decode()
    return (word,) if word in listed else (OTHER,)
