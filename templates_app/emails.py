"""An e-mail: a subject of one line, a text, and HTML where it is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.refusals import FieldError
from routing.providers import base
from templates_app import markup, placeholders, wordings
from templates_app.choices import VariableType
from templates_app.variables import Variable

LONGEST_SUBJECT = 255
_LONGEST_TEXT = 100_000  # Gmail cuts a message off at 102 kB

# A line break in a subject would begin a header of the sender's choosing (RFC 5322, 2.2).
_BREAK = re.compile("[\r\n\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Shape:
    """The three texts, ready to be filled."""

    subject: placeholders.Parts
    text: placeholders.Parts
    html: placeholders.Parts
    holes: tuple[markup.Hole, ...]
    names: frozenset[str]

    def problems(self, values: Mapping[str, str]) -> Iterator[FieldError]:
        for name in dict.fromkeys(self.subject[1::2]):
            if _BREAK.search(values[name]):
                yield FieldError(
                    f"variables.{name}", "line_break", "It stands in an e-mail's subject, which is one line. Remove the line breaks."
                )
        length = len(placeholders.join(self.subject, values))
        if length > LONGEST_SUBJECT:
            message = f"The e-mail's subject would have {length} characters; {LONGEST_SUBJECT} are allowed. Shorten the values."
            yield FieldError("variables", "too_long", message)

    def render(self, values: Mapping[str, str]) -> base.Email:
        return base.Email(
            subject=placeholders.join(self.subject, values),
            text=placeholders.join(self.text, values),
            html=self._html(values),
        )

    def _html(self, values: Mapping[str, str]) -> str:
        filled = list(self.html)
        filled[1::2] = [markup.escape(values[name], in_address=in_address) for name, in_address in self.holes]
        return "".join(filled)


def check(raw: Any, *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    """What is wrong with `content.email`."""
    if not isinstance(raw, dict):
        yield FieldError("content.email", "invalid_type", "Give an object: {subject, text, html}.")
        return
    yield from wordings.unknown_keys(raw, known={"subject", "text", "html"}, at="content.email")
    yield from wordings.check(raw.get("subject"), at="content.email.subject", longest=LONGEST_SUBJECT, declared=declared)
    if isinstance(raw.get("subject"), str) and _BREAK.search(raw["subject"]):
        yield FieldError("content.email.subject", "line_break", "A subject is one line. Remove the line breaks.")
    yield from wordings.check(raw.get("text"), at="content.email.text", longest=_LONGEST_TEXT, declared=declared)
    if raw.get("html", "") != "":
        yield from _check_html(raw["html"], declared=declared)


def load(raw: Mapping[str, Any]) -> Shape:
    """The shape of content that has been checked."""
    html = raw.get("html", "")
    subject, text, marked = (placeholders.split(part) for part in (raw["subject"], raw["text"], html))
    names = frozenset((*subject[1::2], *text[1::2], *marked[1::2]))
    return Shape(subject=subject, text=text, html=marked, holes=tuple(markup.holes(html)), names=names)


def _check_html(html: Any, *, declared: Mapping[str, Variable]) -> Iterator[FieldError]:
    at = "content.email.html"
    errors = list(wordings.check(html, at=at, longest=_LONGEST_TEXT, declared=declared))
    yield from errors
    if not errors:
        url_names = {name for name, variable in declared.items() if variable.type == VariableType.URL}
        for problem in markup.problems(html, url_names=url_names):
            yield FieldError(at, "unsafe_html", problem)
