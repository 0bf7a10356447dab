"""The shape of a request's body: what a serializer demands, and nothing besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from accounts.refusals import FieldError

MOST_NAMED = 20
"""Unknown fields that a refusal names."""


class Shape(serializers.Serializer[Any]):
    """Refuses unknown fields by name: a misspelt option must not be taken for its default.

    An instance keeps nothing of what it reads, so one may serve every request: `SHAPE.run_validation(request.data)`.
    """

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            choice = getattr(field, "child", field)
            if isinstance(choice, serializers.ChoiceField):
                choice.error_messages["invalid_choice"] = f"Choose one of {', '.join(map(str, choice.choices))}."
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(self._unknown(unknown))
        return super().to_internal_value(data)

    def _unknown(self, names: list[str]) -> dict[str, list[serializers.ErrorDetail]]:
        """The first of them by name; what is known is told once, however many there are."""
        known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
        more = f" {len(names) - MOST_NAMED} more are unknown." if len(names) > MOST_NAMED else ""
        told = {str(name)[:64]: "Unknown field; leave it out." for name in names[:MOST_NAMED]}
        first = next(iter(told))
        told[first] = f"Unknown field; leave it out. Known here: {known}.{more}"
        return {name: [serializers.ErrorDetail(message, code="unknown_field")] for name, message in told.items()}


def flatten(detail: Any, *, path: str = "") -> list[FieldError]:
    """A ValidationError's detail as one error for each wrong place, by the path that the caller wrote: `items[3].recipient`."""
    if isinstance(detail, dict):
        return [each for name, inner in detail.items() for each in flatten(inner, path=_below(path, name))]
    if isinstance(detail, list):
        return [each for index, inner in enumerate(detail) for each in flatten(inner, path=_item(path, index, inner))]
    return [FieldError(path, str(getattr(detail, "code", "invalid")), str(detail))]


def _below(path: str, name: str | int) -> str:
    if name == "non_field_errors":
        return path
    if isinstance(name, int):  # a list's serializer numbers the items that are wrong
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _item(path: str, index: int, inner: Any) -> str:
    """A list of errors about one field, or errors of the items of a list: only the latter have structure of their own."""
    return f"{path}[{index}]" if isinstance(inner, dict | list) else path
