"""A template's words with a caller's values: checked wholly, made safe for the channel, never evaluated."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from accounts.refusals import FieldError, Refusal
from routing.providers import base
from templates_app.catalogue import Entry
from templates_app.content import Shape
from templates_app.variables import Unfit


class InvalidVariables(Refusal):
    """Variables are missing, unknown or not what the template declares; `errors` names each."""

    code = "invalid_variables"
    title = "The template's variables are not complete and valid."


class ChannelWithoutContent(Refusal):
    """The template says nothing on this channel."""

    code = "channel_without_content"
    title = "The template has no content for this channel."


def check(entry: Entry, variables: Mapping[str, Any], *, channels: Collection[str]) -> dict[str, str]:
    """The variables as text, fit for each of the channels. Raises InvalidVariables with every mistake on any of them, or
    ChannelWithoutContent."""
    return _values(entry, variables, shapes=[_shape(entry, channel) for channel in sorted(channels)])


def fill(entry: Entry, checked: Mapping[str, str], *, channel: str) -> base.Content:
    """What the recipient gets on a channel for which `check` has passed these variables."""
    return _shape(entry, channel).render(checked)


def render(entry: Entry, variables: Mapping[str, Any], *, channel: str) -> base.Content:
    """What the recipient gets on that channel. Checks as `check` does: nothing is rendered without its variables."""
    shape = _shape(entry, channel)
    return shape.render(_values(entry, variables, shapes=[shape]))


def _shape(entry: Entry, channel: str) -> Shape:
    shape: Shape | None = entry.shapes.get(channel)
    if shape is None:
        message = f"The template has content for {', '.join(sorted(entry.channels))}. Use one of these channels."
        raise ChannelWithoutContent(message, errors=[FieldError("channel", "channel_without_content", message)])
    return shape


def _values(entry: Entry, variables: Mapping[str, Any], *, shapes: Collection[Shape]) -> dict[str, str]:
    """The variables as text: each that is given, and none missing that one of the shapes needs."""
    values: dict[str, str] = {}
    errors = list(_read(entry, variables, into=values))
    needed = frozenset[str]().union(*(shape.names for shape in shapes))
    errors += [_missing(name) for name in sorted(needed) if variables.get(name) is None]
    if not errors:
        errors = [problem for shape in shapes for problem in shape.problems(values)]
    if errors:
        raise InvalidVariables(f"{len(errors)} variable(s) need mending; see `errors`.", errors=list(dict.fromkeys(errors)))
    return values


def _read(entry: Entry, variables: Mapping[str, Any], *, into: dict[str, str]) -> Iterator[FieldError]:
    for name, value in variables.items():
        variable = entry.declared.get(name)
        if variable is None:
            yield _unknown(name, entry)
        elif value is not None:
            try:
                into[name] = variable.read(value)
            except Unfit as error:
                yield FieldError(f"variables.{name}", error.code, error.message)


def _unknown(name: str, entry: Entry) -> FieldError:
    has = f"It has {', '.join(entry.declared)}." if entry.declared else "It has none."
    return FieldError(f"variables.{str(name)[:64]}", "unknown_variable", f"The template has no such variable. {has} Remove or rename it.")


def _missing(name: str) -> FieldError:
    return FieldError(f"variables.{name}", "missing_variable", "The template needs it. Give its value.")
