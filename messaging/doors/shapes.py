"""The shapes of suppressions at the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.shapes import Shape
from messaging import recipients
from messaging.choices import SuppressionOrigin, SuppressionReason
from messaging.serializers import MOST_ITEMS, ItemError, Metadata, Moment, readable
from routing.choices import Channel, TrafficClass


def nameless(text: str) -> None:
    """It is kept and shown in clear, to whoever may not see recipients."""
    if recipients.names_somebody(text):
        raise serializers.ValidationError("Write no phone number and no e-mail address here: it is shown in clear.", code="personal_data")


def _nameless_evidence(values: dict[str, Any] | None) -> None:
    for text in (*(values or {}), *(values or {}).values()):
        if isinstance(text, str):
            nameless(text)


class Suppress(Shape):
    """A recipient who must not be written to."""

    recipient = serializers.CharField(max_length=320, help_text="E.164 (`+201001234567`), or an e-mail address.")
    channel = serializers.ChoiceField(Channel.values, required=False, allow_null=True, help_text="Default: every channel.")
    category = serializers.ChoiceField(TrafficClass.choices, required=False, allow_null=True, help_text="Default: every category.")
    reason = serializers.ChoiceField(SuppressionReason.values, required=False, help_text="Default: opted_out.")
    evidence = Metadata(
        child=serializers.JSONField(allow_null=True),
        required=False,
        allow_null=True,
        validators=[_nameless_evidence],
        help_text="What shows it, flat; no personal data.",
    )
    expires_at = Moment(required=False, allow_null=True, help_text="When it ends, with its zone; default: never.")

    def get_fields(self) -> dict[str, Any]:
        # Declared, a field of this name would hide the serializer's own `source`.
        help_text = "Who or what said so: a form, a call, your CRM."
        return {
            **super().get_fields(),
            "source": serializers.CharField(max_length=200, required=False, validators=[readable, nameless], help_text=help_text),
        }


class SuppressMany(Shape):
    """Up to 1,000. Each item succeeds or fails alone."""

    items = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=MOST_ITEMS)


class Lift(Shape):
    """Why the recipient may be written to again."""

    because = serializers.CharField(max_length=500, validators=[readable])


class ToldSuppression(serializers.Serializer[Any]):
    id = serializers.CharField()
    recipient = serializers.CharField(allow_null=True, help_text="In part; whole where you read this very one. Null where nobody gave it.")
    channel = serializers.ChoiceField(Channel.values, allow_null=True, help_text="Null: every channel.")
    category = serializers.ChoiceField(TrafficClass.choices, allow_null=True, help_text="Null: every category.")
    reason = serializers.ChoiceField(SuppressionReason.values)
    origin = serializers.ChoiceField(SuppressionOrigin.values, help_text="By which way it came.")
    evidence = serializers.DictField()
    in_force = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    lifted_at = serializers.DateTimeField(allow_null=True)
    lifted_because = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "source": serializers.CharField(help_text="Who or what said so.")}


class SuppressionPage(serializers.Serializer[Any]):
    items = ToldSuppression(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class SuppressedItem(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    id = serializers.CharField(required=False)
    is_new = serializers.BooleanField(required=False, help_text="False: it was in force already.")
    error = ItemError(required=False)


class SuppressedMany(serializers.Serializer[Any]):
    items = SuppressedItem(many=True)
    added = serializers.IntegerField()
