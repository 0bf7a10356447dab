"""The content of a version: checked as a whole while it is written, and made ready to be filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.refusals import FieldError, Refusal
from routing.choices import Channel, TrafficClass
from templates_app import components, declarations, emails, sms, whatsapp, wordings
from templates_app.variables import Variable

Shape = sms.Shape | emails.Shape | components.Shape
"""One channel's content, ready to be filled."""


class InvalidContent(Refusal):
    """The template's content or variables break a rule of a channel; `errors` names each field and the way out."""

    code = "invalid_content"
    title = "The template's content breaks a rule."


def check(content: Any, *, variables: Any, category: str) -> None:
    """Raises InvalidContent with every mistake that can be seen at once."""
    if errors := mistakes(content, variables=variables, category=category):
        raise InvalidContent(f"The template has {len(errors)} mistake(s); see `errors`.", errors=errors)


def mistakes(content: Any, *, variables: Any, category: str) -> list[FieldError]:
    """Every mistake that can be seen at once: first in the variables, then in what uses them."""
    errors = declarations.check(variables)
    if not isinstance(content, dict) or not content:
        errors.append(FieldError("content", "required", f"Give content for at least one channel: {', '.join(Channel.values)}."))
    elif not errors:
        declared = declarations.load(variables)
        errors = [*_check_channels(content, declared=declared, category=category), *_unused(content, declared=declared, category=category)]
    return errors


def load(content: Mapping[str, Any], *, declared: Mapping[str, Variable], language: str, name: str) -> dict[str, Shape]:
    """By channel, the shapes of content that has been checked."""
    shapes: dict[str, Shape] = {}
    if raw := content.get(Channel.WHATSAPP):
        shapes[Channel.WHATSAPP.value] = components.load(raw, declared=declared, name=name, language=language)
    if raw := content.get(Channel.SMS):
        shapes[Channel.SMS.value] = sms.load(raw)
    if raw := content.get(Channel.EMAIL):
        shapes[Channel.EMAIL.value] = emails.load(raw)
    return shapes


def _check_channels(content: Mapping[str, Any], *, declared: Mapping[str, Variable], category: str) -> Iterator[FieldError]:
    for channel in sorted(content.keys() - set(Channel.values)):
        yield FieldError(f"content.{channel[:64]}", "unknown_channel", f"Use one of {', '.join(Channel.values)}.")
    if Channel.WHATSAPP in content:
        yield from whatsapp.check(content[Channel.WHATSAPP], declared=declared, category=category)
    if Channel.SMS in content:
        yield from sms.check(content[Channel.SMS], declared=declared)
    if Channel.EMAIL in content:
        yield from emails.check(content[Channel.EMAIL], declared=declared)


def _unused(content: Mapping[str, Any], *, declared: Mapping[str, Variable], category: str) -> Iterator[FieldError]:
    used = set(wordings.used(content))
    if Channel.WHATSAPP in content and category == TrafficClass.AUTHENTICATION:
        used.add(whatsapp.code_name(declared) or "")
    for place, name in enumerate(declared):
        if name not in used:
            yield FieldError(f"variables[{place}].name", "unused_variable", f"No channel uses {{{{{name}}}}}. Use it, or remove it.")
