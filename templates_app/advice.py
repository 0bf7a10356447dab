"""What no rule forbids and an author should know all the same: said while writing and reviewing, and never a reason to refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from accounts.refusals import FieldError
from routing.choices import TrafficClass
from templates_app import components, placeholders, previews, sms
from templates_app.catalogue import Entry

LINES_SHOWN = 5
"""Of a marketing message; the rest stands behind "Read more" (docs.bird.com, WhatsApp templates)."""
TOO_LONG = "refused_at_longest"
_WORD = re.compile(r"\w+")


def give(entry: Entry) -> list[FieldError]:
    """Hints on a version, each by its field. Its variables' samples must be good, which writing has checked."""
    hints: list[FieldError] = []
    for shape in entry.shapes.values():
        if isinstance(shape, components.Shape) and not shape.is_preset:
            hints += _on_whatsapp(shape, category=entry.category)
        if isinstance(shape, sms.Shape):
            hints += _on_sms(entry)
    return [*hints, *_on_length(entry)]


def _on_whatsapp(shape: components.Shape, *, category: str) -> Iterator[FieldError]:
    at, variables = "content.whatsapp.components", len(shape.body[1::2])
    words = sum(len(_WORD.findall(text)) for text in shape.body[::2])
    if variables and words < 2 * variables + 1:
        message = (
            f"Meta may refuse a body with {variables} variables and {words} words (2388293, too many variables for the length). Add words."
        )
        yield FieldError(at, "few_words", message)
    lines = placeholders.join(shape.body, dict.fromkeys(shape.names, "")).count("\n") + 1
    if category == TrafficClass.MARKETING and lines > LINES_SHOWN:
        message = f'It has {lines} lines. WhatsApp shows about {LINES_SHOWN} of a marketing message, and the rest behind "Read more".'
        yield FieldError(at, "cut_off", message)


def _on_sms(entry: Entry) -> Iterator[FieldError]:
    shown = previews.preview(entry).sms
    if shown is not None and shown.plainer_size is not None and shown.plainer_size.segments < shown.size.segments:
        message = (
            f"Typographic punctuation makes it {shown.size.segments} segments; with plain punctuation it would be "
            f"{shown.plainer_size.segments}. Set plain_punctuation, or write it plainly."
        )
        yield FieldError("content.sms.text", "dear_punctuation", message)


def _on_length(entry: Entry) -> Iterator[FieldError]:
    for problem in previews.worst(entry)[1]:
        yield FieldError("variables", TOO_LONG, f"With the longest values a request is refused. Lower max_length. {problem.message}")
