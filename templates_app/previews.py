"""What a recipient would get, on every channel, with given values or the samples. Nothing is sent, nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.refusals import FieldError
from routing.providers import base
from templates_app import components, emails, extremes, plain, rendering, segments, sms
from templates_app.catalogue import Entry
from templates_app.content import Shape


@dataclass(frozen=True, slots=True)
class Chat:
    """WhatsApp: the bubble, and the parameters that would be sent."""

    bubble: components.Bubble
    sent: base.WhatsAppTemplate


@dataclass(frozen=True, slots=True)
class Sms:
    """The text, what it costs, and which characters make it cost more."""

    text: str
    size: segments.Segments
    outside: list[str]
    plainer: str | None
    """The same with plain punctuation, where that is cheaper: an offer to the author."""
    plainer_size: segments.Segments | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A version rendered on each of its channels; None where it has no content."""

    values: Mapping[str, Any]
    whatsapp: Chat | None = None
    sms: Sms | None = None
    email: base.Email | None = None


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the SMS of a version costs: with the samples, and with the widest values that its variables take."""

    with_samples: segments.Segments
    at_most: segments.Segments


def preview(entry: Entry, variables: Mapping[str, Any] | None = None) -> Preview:
    """Every channel with these values, and the samples for what is not given. Raises InvalidVariables."""
    values = {name: variable.sample for name, variable in entry.declared.items()} | dict(variables or {})
    rendering.check(entry, values, channels=entry.channels)
    return _rendered(entry, values)


def worst(entry: Entry) -> tuple[Preview, tuple[FieldError, ...]]:
    """Every channel with the longest values, and on which channels a request with such values would be refused."""
    values = extremes.values(entry.declared)
    problems = (problem for shape in entry.shapes.values() for problem in shape.problems(values))
    return _rendered(entry, values), tuple(dict.fromkeys(problems))


def sizes(entry: Entry) -> Sizes | None:
    """None where the version says nothing by SMS."""
    shape = entry.shapes.get("sms")
    if not isinstance(shape, sms.Shape):
        return None
    samples = {name: variable.sample for name, variable in entry.declared.items()}
    widest = extremes.values(entry.declared, text=extremes.WIDEST)
    return Sizes(*(segments.measure(shape.text(values)) for values in (samples, widest)))


def _rendered(entry: Entry, values: Mapping[str, Any]) -> Preview:
    texts = {name: str(value) for name, value in values.items() if value is not None}
    shown: dict[str, Any] = {channel: _show(shape, texts) for channel, shape in entry.shapes.items()}
    return Preview(values=values, **shown)


def _show(shape: Shape, values: Mapping[str, str]) -> Chat | Sms | base.Email:
    match shape:
        case components.Shape():
            return Chat(bubble=shape.bubble(values), sent=shape.render(values))
        case sms.Shape():
            return _sms(shape.text(values))
        case emails.Shape():
            return shape.render(values)


def _sms(text: str) -> Sms:
    size, plainer = segments.measure(text), plain.punctuation(text)
    is_cheaper = plainer != text
    return Sms(
        text=text,
        size=size,
        outside=segments.outside(text),
        plainer=plainer if is_cheaper else None,
        plainer_size=segments.measure(plainer) if is_cheaper else None,
    )
