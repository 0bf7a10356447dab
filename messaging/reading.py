"""What a request says. Most are plain: every field as the documentation's example writes it. Those are read here, in a twentieth of the
time; whatever else comes, right or wrong, is left to the serializers, which alone know how to refuse it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from rest_framework import serializers as drf

from accounts import shapes, zones
from accounts.refusals import Refusal
from messaging import serializers
from messaging.preparing import Wanted

_SEND = serializers.Send()
_BATCH = serializers.Batch()

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*")
_SCALARS = (str, int, float)  # and bool, which is an int


def message(body: dict[str, Any]) -> Wanted:
    """One message to send. Raises REST framework's ValidationError."""
    return plain(body) or serializers.wanted(_SEND.run_validation(body))


def batch(body: dict[str, Any]) -> list[Wanted | Refusal]:
    """The messages of a batch, each over what the batch says for all; a wrong item is a Refusal in its place. Raises ValidationError."""
    defaults = {name: value for name, value in body.items() if name != "items"}
    items: Any = body.get("items")
    if not (_is_plain(defaults) and "template" in defaults and "recipient" not in defaults and _are_objects(items)):
        defaults = _BATCH.run_validation(body)
        items = defaults.pop("items")
    return [_item(defaults, item) for item in items]


def plain(body: Mapping[str, Any]) -> Wanted | None:
    """The message, if every field is as the serializer would leave it; None says nothing but that somebody else must look."""
    if _is_plain(body) and "channel" in body and "template" in body and "recipient" in body:
        return Wanted(**body)
    return None


def _are_objects(items: Any) -> bool:
    return isinstance(items, list) and 1 <= len(items) <= serializers.MOST_ITEMS and all(isinstance(item, dict) for item in items)


def _item(defaults: Mapping[str, Any], item: dict[str, Any]) -> Wanted | Refusal:
    together = {**defaults, **item}
    if isinstance(own := item.get("variables"), dict):
        together["variables"] = {**(defaults.get("variables") or {}), **own}
    if (wanted := plain(together)) is not None:
        return wanted
    try:
        return serializers.wanted(_SEND.run_validation(_unread(together)))
    except drf.ValidationError as error:
        return Refusal("Correct the fields named in `errors`.", errors=shapes.flatten(error.detail))


def _unread(together: dict[str, Any]) -> dict[str, Any]:
    """As it was written: a default's time that has been read is written again."""
    at: Any = together.get("send_at")
    return {**together, "send_at": at.isoformat()} if hasattr(at, "isoformat") else together


def _is_plain(body: Mapping[str, Any]) -> bool:
    return all((check := _PLAIN.get(name)) is not None and check(value) for name, value in body.items())


def _text(longest: int) -> Callable[[Any], bool]:
    """Of characters that have a shape, within the length, and with nothing at its ends that the serializer would take away."""
    return lambda value: (
        isinstance(value, str)
        and 0 < len(value) <= longest
        and value.isprintable()
        and value[0] != " " != value[-1]
        and value == value.strip()
    )


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _is_variables(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, _SCALARS) for each in value.values())


def _is_metadata(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(each is None or (isinstance(each, _SCALARS) and not serializers.is_inexact(each)) for each in value.values())
        and "".join([*value, *(each for each in value.values() if isinstance(each, str))]).isprintable()
        and len(orjson.dumps(value)) <= serializers.METADATA_BYTES
    )


def _is_language(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 35 and _LANGUAGE.fullmatch(value) is not None


def _is_lasting(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 30 <= value <= 604_800


_PLAIN: Mapping[str, Callable[[Any], bool]] = {
    "channel": lambda value: isinstance(value, str) and value in serializers.CHANNELS,
    "template": _text(512),
    "recipient": _text(320),
    "callback": _or_none(_text(2000)),
    "variables": _is_variables,
    "language": _or_none(_is_language),
    "reference": _or_none(_text(255)),
    "metadata": _or_none(_is_metadata),
    "send_at": lambda value: value is None,
    "timezone": lambda value: value is None or (isinstance(value, str) and value in zones.names()),
    "expires_in": _or_none(_is_lasting),
    "fallback": lambda value: isinstance(value, bool),
}
