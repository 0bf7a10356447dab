"""The shapes of the room's requests and answers. What they mean is decided in intake and history."""

from __future__ import annotations

from typing import Any

import orjson
from rest_framework import serializers

from accounts import zones
from accounts.shapes import Shape
from messaging.choices import EVERY_TYPE, EventType
from messaging.lifecycle import AttemptStatus, Status
from messaging.preparing import Wanted
from routing.choices import Channel
from templates_app import letters

CHANNELS = [*Channel.values, "auto"]
METADATA_BYTES = 2048
MOST_ITEMS = 1000


def readable(text: str) -> None:
    """It stands in logs, pages and webhooks beside other words, and must not break or turn them."""
    if letters.is_unprintable(text) or letters.turns_others(text) or "\n" in text:
        raise serializers.ValidationError("Leave out control characters and marks that turn the direction of writing.", code="unreadable")


def is_inexact(value: Any) -> bool:
    """Whether digits of it may be lost already: an integer of more than 64 bits is read as a float."""
    return isinstance(value, float) and abs(value) >= 2**53


class Metadata(serializers.DictField):
    """Flat, up to 2 kB as JSON: texts, numbers, booleans."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values: dict[str, Any] = super().to_internal_value(data)
        for text in (*values, *(value for value in values.values() if isinstance(value, str))):
            readable(text)
        if any(isinstance(value, dict | list) for value in values.values()):
            raise serializers.ValidationError("Keep it flat: texts, numbers, true, false or null, no objects or lists.", code="not_flat")
        if any(is_inexact(value) for value in values.values()):
            raise serializers.ValidationError("Write numbers beyond 2^53 as text: JSON's readers keep no more digits.", code="too_large")
        if len(orjson.dumps(values)) > METADATA_BYTES:
            raise serializers.ValidationError(f"Keep it within {METADATA_BYTES} bytes of JSON.", code="too_long")
        return values


class Moment(serializers.DateTimeField):
    """A time with its zone: without one, nobody knows when it is."""

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is None:
            raise serializers.ValidationError("Write the time with its zone, such as 2026-11-22T12:00:00Z.", code="no_zone")
        return super().enforce_timezone(value)


def _is_zone(name: str) -> None:
    if name not in zones.names():
        raise serializers.ValidationError("Write the IANA name of a time zone, such as Africa/Cairo.", code="unknown_zone")


class Send(Shape):
    """One message to send. `channel`, `template` and `recipient` are all that is needed."""

    channel = serializers.ChoiceField(CHANNELS, help_text="The channel to begin with, or `auto`: the route picks it.")
    template = serializers.CharField(max_length=512, help_text="The name of a template that is live.")
    recipient = serializers.CharField(max_length=320, help_text="E.164 (`+201001234567`), or an e-mail address.")
    callback = serializers.CharField(
        max_length=2000, required=False, allow_null=True, help_text="Where this message's events are sent, signed with your webhook secret."
    )
    variables = serializers.DictField(
        child=serializers.JSONField(), required=False, help_text="What the template asks for, by name: texts or numbers."
    )
    language = serializers.RegexField(
        r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$",
        max_length=35,
        required=False,
        allow_null=True,
        help_text="BCP 47; else the business's own.",
    )
    reference = serializers.CharField(
        max_length=255, required=False, allow_null=True, validators=[readable], help_text="Your own id; echoed everywhere."
    )
    metadata = Metadata(
        child=serializers.JSONField(allow_null=True), required=False, allow_null=True, help_text="Flat, up to 2 kB; echoed in events."
    )
    send_at = Moment(required=False, allow_null=True, help_text="Up to 35 days ahead, with its zone.")
    timezone = serializers.CharField(
        max_length=40,
        required=False,
        allow_null=True,
        validators=[_is_zone],
        help_text="The recipient's, by its IANA name (`Africa/Cairo`), for quiet hours; else it is known by the number.",
    )
    expires_in = serializers.IntegerField(
        min_value=30,
        max_value=604_800,
        required=False,
        allow_null=True,
        help_text="Seconds after which it must not arrive any more; counted from the moment when it is to go.",
    )
    fallback = serializers.BooleanField(default=True, help_text="Whether the route may go on to other channels.")


class Defaults(Shape):
    """What the items of a batch share; each item may say otherwise."""

    channel = serializers.ChoiceField(CHANNELS, required=False)
    callback = serializers.CharField(max_length=2000, required=False, allow_null=True)
    variables = serializers.DictField(child=serializers.JSONField(), required=False)
    language = Send._declared_fields["language"]
    reference = Send._declared_fields["reference"]
    metadata = Metadata(child=serializers.JSONField(allow_null=True), required=False, allow_null=True)
    send_at = Moment(required=False, allow_null=True)
    timezone = Send._declared_fields["timezone"]
    expires_in = serializers.IntegerField(min_value=30, max_value=604_800, required=False, allow_null=True)
    fallback = serializers.BooleanField(required=False)


class Batch(Defaults):
    """Up to 1,000 messages of one template. Each item succeeds or fails alone."""

    template = serializers.CharField(max_length=512)
    items = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        max_length=MOST_ITEMS,
        help_text="Each: `recipient`, and what differs from the defaults.",
    )


def wanted(values: dict[str, Any]) -> Wanted:
    """A validated Send, as the deed takes it."""
    return Wanted(**{**values, "variables": values.get("variables") or {}})


class TemplateName(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    language = serializers.CharField()


class PlannedStep(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(Channel.values)
    provider = serializers.CharField()


class RouteName(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    steps = PlannedStep(many=True)


class Trouble(serializers.Serializer[Any]):
    field_class = serializers.CharField(help_text="The class, which decided what happened next.")
    code = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        return {"class": fields.pop("field_class"), **fields}


class AttemptTrouble(Trouble):
    provider_code = serializers.CharField(allow_null=True, help_text="The provider's own word.")


class AcceptedMessage(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(list(Status))
    channel = serializers.ChoiceField(Channel.values)
    mode = serializers.ChoiceField(["test", "live"])
    reference = serializers.CharField(allow_null=True)
    metadata = serializers.DictField()
    template = TemplateName()
    route = RouteName()
    segments = serializers.IntegerField(allow_null=True, help_text="How many SMS it takes, where the plan has an SMS step.")
    created_at = serializers.DateTimeField()
    send_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()


class ListedMessage(AcceptedMessage):
    recipient = serializers.CharField(help_text="Masked.")
    error = Trouble(allow_null=True)
    submitted_at = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class MadeAttempt(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    channel = serializers.ChoiceField(Channel.values)
    provider = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(list(AttemptStatus))
    tries = serializers.IntegerField()
    provider_reference = serializers.CharField(allow_null=True)
    error = AttemptTrouble(allow_null=True)
    called_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class WholeMessage(ListedMessage):
    attempts = MadeAttempt(many=True)


class MessagePage(serializers.Serializer[Any]):
    items = ListedMessage(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class Fallback(serializers.Serializer[Any]):
    to = serializers.CharField()
    because = serializers.CharField(help_text="An error class, `silence` or `unknown`.")

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.CharField(), **super().get_fields()}


class Deferred(serializers.Serializer[Any]):
    because = serializers.ChoiceField(["quiet_hours"])
    until = serializers.DateTimeField(help_text="When it goes on.")


class Reply(serializers.Serializer[Any]):
    inbound = serializers.CharField()
    kind = serializers.CharField()
    linked_by = serializers.CharField(help_text="context: the provider says so. recency: it was the last one sent to this recipient.")


class ToldEvent(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The `webhook-id` of its deliveries.")
    type = serializers.ChoiceField(EventType.values)
    message = serializers.CharField()
    seq = serializers.IntegerField(help_text="1, 2, 3 ... in each message, without gaps.")
    previous_status = serializers.ChoiceField(list(Status), allow_null=True)
    status = serializers.ChoiceField(list(Status))
    final = serializers.BooleanField(help_text="Whether no further status is expected.")
    occurred_at = serializers.DateTimeField(help_text="The provider's time, where it gave one.")
    recorded_at = serializers.DateTimeField()
    attempt = serializers.IntegerField(allow_null=True)
    channel = serializers.ChoiceField(Channel.values, allow_null=True)
    reference = serializers.CharField(allow_null=True)
    metadata = serializers.DictField(help_text="As the request gave it.")
    error = AttemptTrouble(allow_null=True)
    fallback = Fallback(allow_null=True)
    recovered = serializers.BooleanField(help_text="It arrived after all, although it had been reported as failed.")
    late = serializers.BooleanField(help_text="A failure that came after the arrival; the status stays.")
    deferred = Deferred(allow_null=True)
    reply = Reply(allow_null=True, help_text="Of `message.replied`: the inbound message.")


class Story(serializers.Serializer[Any]):
    items = ToldEvent(many=True)


class FedEvent(ToldEvent):
    """Of a message, or of the business itself: then everything that speaks of a message is null, and `about` says what it concerns."""

    type = serializers.ChoiceField(EVERY_TYPE)
    message = serializers.CharField(allow_null=True)
    seq = serializers.IntegerField(allow_null=True, help_text="1, 2, 3 ... in each message, without gaps.")
    status = serializers.ChoiceField(list(Status), allow_null=True)
    final = serializers.BooleanField(allow_null=True, help_text="Whether no further status is expected.")
    about = serializers.DictField(allow_null=True, help_text="Of a business's own event: the `data` of its webhook.")


class Feed(serializers.Serializer[Any]):
    items = FedEvent(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Pass it as `after` to read on; nothing is ever inserted before it.")
    has_more = serializers.BooleanField()


class WrongField(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ItemError(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "errors": WrongField(many=True)}


class BatchItem(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    message = AcceptedMessage(required=False)
    error = ItemError(required=False)


class BatchAnswer(serializers.Serializer[Any]):
    items = BatchItem(many=True)
    accepted = serializers.IntegerField()


class Explained(serializers.Serializer[Any]):
    """What `POST /v1/messages/explain` tells (docs/routes.md)."""

    accepted = serializers.BooleanField(help_text="Whether this request would be accepted now.")
    error = serializers.DictField(
        allow_null=True, help_text="If not: `code`, `title`, `detail` and `errors`, as the real request would get."
    )
    mode = serializers.ChoiceField(["test", "live"])
    recipient = serializers.DictField(allow_null=True, help_text="Its `kind` (phone, email) and `country`.")
    template = serializers.DictField(
        allow_null=True, help_text="The version that is live: `name`, `version`, `language`, `category`, `channels`."
    )
    route = serializers.DictField(
        allow_null=True,
        help_text="Every rule that was looked at, with each condition, the word seen and whether it held; the accounts of each step with "
        "weight, the `price` where the rule asks for prices and, where one is left out or put last, why; the plan's `steps`; how its "
        "`accounts` do (health, breaker, rate). "
        "Weights leave the order to chance: the next request may draw another.",
    )
    consent = serializers.ListField(child=serializers.DictField(), help_text="For each channel of the template, whether it is `allowed`.")
    content = serializers.ListField(
        child=serializers.DictField(), help_text="What the recipient would read, or what is wrong with the variables."
    )
    next = serializers.ListField(
        child=serializers.DictField(),
        help_text="For each step: what every error class would do (`try_again`, `next_account`, `next_step`, `stop`), what silence would, "
        "and for how many seconds a failing provider is tried again.",
    )
    deferred = serializers.DictField(
        allow_null=True, help_text="Where it falls into quiet hours: `because`, `until`, and the `zones` whose clocks were asked."
    )
    send_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
