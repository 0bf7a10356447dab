"""A WhatsApp template on its way out: the `components` of Meta's send request, and the message as the recipient will see it.

Source: developers.facebook.com/documentation/business-messaging/whatsapp, the pages on templates; named parameters carry
`parameter_name`, the parameters of buttons are positional.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.refusals import FieldError
from routing.providers import base
from templates_app import placeholders, pressing, whatsapp
from templates_app.variables import Variable

# Meta: "Param text cannot have new-line/tab characters or more than 4 consecutive spaces" (error 100 or 132018).
_NOT_IN_PARAMETER = re.compile("[\r\n\t\u2028\u2029]| {5,}")

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bubble:
    """The message as it stands on a telephone."""

    header: str
    header_format: str
    body: str
    footer: str
    buttons: tuple[tuple[str, str], ...]
    """Each with its kind and its label."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The components, ready to be filled."""

    name: str
    language: str
    header_format: str
    header: Mapping[str, placeholders.Parts]
    """By key, the texts of the header: `text`, or `link` and `filename`, or a place's four."""
    body: placeholders.Parts
    is_preset: bool
    """WhatsApp words the body itself; its one parameter is the one-time code."""
    footer: str
    buttons: tuple[pressing.Button, ...]
    provider_ids: Mapping[str, str]
    order: tuple[str, ...]
    """The variables in order of first use: the body's, then the header's, then the buttons'."""
    names: frozenset[str]
    is_positional: bool = False
    """It stands at Meta with numbers for names, and takes its parameters in their order."""

    def problems(self, values: Values) -> Iterator[FieldError]:
        for name in self.order:
            if _NOT_IN_PARAMETER.search(values[name]):
                message = "WhatsApp takes no line break, no tab and no more than four spaces in a row in a variable. Remove them."
                yield FieldError(f"variables.{name}", "not_on_whatsapp", message)
        yield from _length("body", self.body, values, longest=whatsapp.LONGEST_BODY)
        if "text" in self.header:
            yield from _length("header", self.header["text"], values, longest=whatsapp.LONGEST_HEADER)
        for button in self.buttons:
            yield from button.problems(values)

    def render(self, values: Values) -> base.WhatsAppTemplate:
        return base.WhatsAppTemplate(
            name=self.name,
            language=self.language,
            components=list(self._components(values)),
            text=placeholders.join(self.body, values),
            provider_ids=self.provider_ids,
            variables={str(number): values[name] for number, name in enumerate(self.order, start=1)},
        )

    def bubble(self, values: Values) -> Bubble:
        shown = next((self.header[key] for key in ("text", "filename", "name") if key in self.header), ("",))
        return Bubble(
            header=placeholders.join(shown, values),
            header_format=self.header_format,
            body=placeholders.join(self.body, values),
            footer=self.footer,
            buttons=tuple((each.kind, each.label) for each in self.buttons),
        )

    def _components(self, values: Values) -> Iterator[dict[str, Any]]:
        if parameters := self._header_parameters(values):
            yield {"type": "header", "parameters": parameters}
        if used := dict.fromkeys(self.body[1::2]):
            yield {"type": "body", "parameters": [self._parameter(name, values) for name in used]}
        for index, button in enumerate(self.buttons):
            if parameter := button.parameter(values):
                yield {"type": "button", "sub_type": button.sub_type, "index": str(index), "parameters": [parameter]}

    def _parameter(self, name: str, values: Values) -> dict[str, Any]:
        return _text(values[name]) if self.is_preset or self.is_positional else _named(name, values)

    def _header_parameters(self, values: Values) -> list[dict[str, Any]]:
        if self.header_format in {"", "TEXT"}:
            return [self._parameter(name, values) for parts in self.header.values() for name in dict.fromkeys(parts[1::2])]
        kind = self.header_format.lower()
        return [{"type": kind, kind: {key: placeholders.join(parts, values) for key, parts in self.header.items()}}]


def load(raw: Mapping[str, Any], *, declared: Mapping[str, Variable], name: str, language: str) -> Shape:
    """The shape of content that has been checked."""
    parts = {each["type"].upper(): each for each in raw["components"]}
    is_preset = "text" not in parts["BODY"]
    code = (whatsapp.code_name(declared) or "") if is_preset else ""
    body = placeholders.split(_preset(parts["BODY"], code) if is_preset else parts["BODY"]["text"])
    header = _header(parts.get("HEADER", {}))
    pressed = tuple(pressing.load(each, code=code) for each in parts.get("BUTTONS", {}).get("buttons", ()))
    order = _in_order(body, *header.values(), *(text for button in pressed for text in button.texts()))
    return Shape(
        name=raw.get("name", name),
        language=raw.get("language", language),
        header_format=parts.get("HEADER", {}).get("format", "").upper(),
        header=header,
        body=body,
        is_preset=is_preset,
        footer=_footer(parts.get("FOOTER", {})),
        buttons=pressed,
        provider_ids=raw.get("provider_ids", {}),
        order=order,
        names=frozenset(order),
        is_positional=raw.get("parameter_format") == "positional",
    )


def _header(raw: Mapping[str, Any]) -> dict[str, placeholders.Parts]:
    texts = raw.get("location", raw)
    keys = ("text", "link", "filename", *whatsapp.PLACE)
    return {key: placeholders.split(texts[key]) for key in keys if key in texts}


def _in_order(*texts: placeholders.Parts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for parts in texts for name in parts[1::2]))


def _preset(raw: Mapping[str, Any], code: str) -> str:
    """What WhatsApp itself writes, in English; the recipient reads it in the template's language."""
    warning = " For your security, do not share this code." if raw.get("add_security_recommendation") else ""
    return f"*{{{{{code}}}}}* is your verification code.{warning}"


def _footer(raw: Mapping[str, Any]) -> str:
    minutes = raw.get("code_expiration_minutes")
    return f"This code expires in {minutes} minutes." if minutes else raw.get("text", "")


def _length(what: str, parts: placeholders.Parts, values: Values, *, longest: int) -> Iterator[FieldError]:
    length = len(placeholders.join(parts, values))
    if length > longest:
        message = f"The WhatsApp {what} would have {length} characters; {longest} are allowed. Shorten the values."
        yield FieldError("variables", "too_long", message)


def _named(name: str, values: Values) -> dict[str, Any]:
    return {"type": "text", "parameter_name": name, "text": values[name]}


def _text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}
