"""An SMS: one text, at most ten parts when it is filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.refusals import FieldError
from routing.providers import base
from templates_app import placeholders, plain, segments, wordings
from templates_app.variables import Variable

MOST_SEGMENTS = 10
_ALWAYS_FITS = 330  # ten parts of 33 surrogate pairs
_LONGEST = 1_530  # ten parts of 153; Twilio's own limit is 1,600 characters


@dataclass(frozen=True, slots=True)
class Shape:
    """The text, ready to be filled."""

    parts: placeholders.Parts
    names: frozenset[str] = field(default_factory=frozenset)
    is_plain: bool = False
    """Typographic punctuation goes out in GSM-7, where that makes the whole text GSM-7."""

    def problems(self, values: Mapping[str, str]) -> Iterator[FieldError]:
        text = self.text(values)
        if len(text) > _ALWAYS_FITS and (count := segments.measure(text).segments) > MOST_SEGMENTS:
            yield FieldError(
                "variables", "too_long", f"The SMS would have {count} segments; {MOST_SEGMENTS} are allowed. Shorten the values."
            )

    def text(self, values: Mapping[str, str]) -> str:
        """What goes out."""
        filled = placeholders.join(self.parts, values)
        return plain.punctuation(filled) if self.is_plain else filled

    def render(self, values: Mapping[str, str]) -> base.Text:
        return base.Text(text=self.text(values))


def check(raw: Any, *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    """What is wrong with `content.sms`."""
    if not isinstance(raw, dict):
        yield FieldError("content.sms", "invalid_type", "Give an object: {text, plain_punctuation}.")
        return
    yield from wordings.unknown_keys(raw, known={"text", "plain_punctuation"}, at="content.sms")
    if not isinstance(raw.get("plain_punctuation", False), bool):
        yield FieldError("content.sms.plain_punctuation", "invalid_type", "Write true or false.")
    yield from wordings.check(raw.get("text"), at="content.sms.text", longest=_LONGEST, declared=declared)


def load(raw: Mapping[str, Any]) -> Shape:
    """The shape of content that has been checked."""
    parts = placeholders.split(raw["text"])
    return Shape(parts=parts, names=frozenset(parts[1::2]), is_plain=raw.get("plain_punctuation", False))
