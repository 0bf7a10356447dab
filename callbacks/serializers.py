"""The shapes of the room's requests and answers. What they mean is decided in endpoints and replay."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.shapes import Shape
from callbacks.choices import CHALLENGE, Body, EndpointKind, EndpointStatus, Outcome, ReplayKind, ReplayState
from callbacks.headers import LONGEST
from callbacks.history import WAITING
from callbacks.keyring import OVERLAP, Signature
from messaging.choices import EVERY_TYPE, EventType

LONGEST_OVERLAP = 7 * 86_400
FASTEST = 1_000
SIGNATURES = [each.value for each in Signature]


def _event_types(**options: Any) -> serializers.ListField:
    child = serializers.ChoiceField(EVERY_TYPE)
    return serializers.ListField(child=child, max_length=len(EVERY_TYPE), help_text="Empty: every type.", **options)


def _headers(**options: Any) -> serializers.DictField:
    text = "Sent with each webhook, such as a gateway's key. Kept sealed and never shown again; the same field replaces all of them."
    return serializers.DictField(child=serializers.CharField(max_length=LONGEST, trim_whitespace=False), help_text=text, **options)


def _rate_limit(**options: Any) -> serializers.IntegerField:
    text = "Webhooks a second, at most; null: as fast as it takes them."
    return serializers.IntegerField(min_value=1, max_value=FASTEST, allow_null=True, help_text=text, **options)


BODY_HELP = "`full` adds the recipient and the rendered content to each webhook of a message."


class NewEndpoint(Shape):
    """An endpoint to register."""

    url = serializers.CharField(max_length=2_000, help_text="HTTPS, at a public address.")
    description = serializers.CharField(max_length=200, allow_blank=True, default="")
    event_types = _event_types(default=list)
    body = serializers.ChoiceField(Body.values, default=Body.THIN.value, help_text=BODY_HELP)
    headers = _headers(default=dict)
    rate_limit = _rate_limit(default=None)
    signature = serializers.ChoiceField(
        SIGNATURES, default=Signature.SHARED.value, help_text="`v1`: with a secret shared by both sides; `v1a`: verified with a public key."
    )


class EndpointChanges(Shape):
    """What is to be different; what is left out stays."""

    url = serializers.CharField(max_length=2_000, required=False)
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)
    event_types = _event_types(required=False)
    body = serializers.ChoiceField(Body.values, required=False, help_text=BODY_HELP)
    headers = _headers(required=False)
    rate_limit = _rate_limit(required=False)
    is_enabled = serializers.BooleanField(required=False)


class ComingBack(Shape):
    """What is to happen with what the endpoint missed."""

    replay = serializers.ChoiceField(["missing", "nothing"], default="missing", help_text="`missing`: it is sent now, in the background.")


class Rotation(Shape):
    """How a new secret takes over."""

    signature = serializers.ChoiceField(SIGNATURES, required=False, help_text="Default: as before.")
    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_OVERLAP,
        default=int(OVERLAP.total_seconds()),
        help_text="How long the old secret signs beside the new one; 0 if it has become known to others.",
    )


class Sample(Shape):
    """Which type of webhook to try the endpoint with."""

    type = serializers.ChoiceField(EVERY_TYPE, default=EventType.DELIVERED.value)


class Replay(Shape):
    """Exactly one of `delivery`, `since` and `missing_since`."""

    delivery = serializers.CharField(max_length=40, required=False, help_text="One delivery, whatever became of it.")
    since = serializers.DateTimeField(required=False, help_text="Everything that happened from then on, delivered or not.")
    missing_since = serializers.DateTimeField(
        required=False, help_text="What happened from then on and was never delivered, or while the endpoint was not listening."
    )
    until = serializers.DateTimeField(required=False, help_text="The end of that time; default: now.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"delivery", "since", "missing_since"} & set(attrs)) != 1:
            raise serializers.ValidationError("Give exactly one of `delivery`, `since` and `missing_since`.", code="choose_one")
        return attrs


class ToldEndpoint(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.ChoiceField(EndpointKind.values, help_text="`callback`: made by a request that named it.")
    url = serializers.CharField()
    description = serializers.CharField()
    event_types = serializers.ListField(child=serializers.ChoiceField(EVERY_TYPE), help_text="Empty: every type.")
    body = serializers.ChoiceField(Body.values, help_text=BODY_HELP)
    header_names = serializers.ListField(
        child=serializers.CharField(), help_text="The names of its own headers; their values are never shown."
    )
    rate_limit = serializers.IntegerField(allow_null=True, help_text="Webhooks a second, at most.")
    status = serializers.ChoiceField(
        EndpointStatus.values, help_text="`pending`: its receiver has not answered the challenge yet; everything waits for it."
    )
    verified_at = serializers.DateTimeField(allow_null=True, help_text="When its receiver answered the challenge.")
    is_enabled = serializers.BooleanField()
    disabled_because = serializers.CharField(allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True, help_text="The first failure since the last success.")
    failures_in_a_row = serializers.IntegerField(help_text="Since the last success; ten give it a rest.")
    resting_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then it is left alone: it asked for that (Retry-After), or has failed ten times in a row."
    )
    signature = serializers.ChoiceField(SIGNATURES)
    public_key = serializers.CharField(allow_null=True, help_text="`whpk_...`, which verifies `v1a` signatures.")
    created_at = serializers.DateTimeField()


class RegisteredEndpoint(ToldEndpoint):
    secret = serializers.CharField(allow_null=True, help_text="`whsec_...`, shown this once; null for `v1a`.")


class EndpointPage(serializers.Serializer[Any]):
    items = ToldEndpoint(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class NewSecret(serializers.Serializer[Any]):
    signature = serializers.ChoiceField(SIGNATURES)
    secret = serializers.CharField(allow_null=True, help_text="`whsec_...`, shown this once; null for `v1a`.")
    public_key = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    previous_until = serializers.DateTimeField(allow_null=True, help_text="Until then the old one signs too.")


class ToldSecret(serializers.Serializer[Any]):
    signature = serializers.ChoiceField(SIGNATURES)
    public_key = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class Tried(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    outcome = serializers.ChoiceField(Outcome.values)
    started_at = serializers.DateTimeField()
    milliseconds = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True, help_text="A stable code, where the status does not say it all.")
    answer = serializers.CharField(allow_null=True, help_text="The first 2,000 characters of the answer's body.")
    next_try_at = serializers.DateTimeField(allow_null=True)


class ToldDelivery(serializers.Serializer[Any]):
    id = serializers.CharField()
    event = serializers.CharField(help_text="The `webhook-id`.")
    type = serializers.ChoiceField([*EVERY_TYPE, CHALLENGE])
    message = serializers.CharField(allow_null=True, help_text="Null for the business's own events, samples and challenges.")
    status = serializers.ChoiceField([WAITING, Outcome.DELIVERED.value, Outcome.EXHAUSTED.value])
    next_try_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    tries = Tried(many=True)


class DeliveryPage(serializers.Serializer[Any]):
    items = ToldDelivery(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class SampleSent(serializers.Serializer[Any]):
    delivery = serializers.CharField(help_text="Look it up among the endpoint's deliveries.")


class ToldReplay(serializers.Serializer[Any]):
    id = serializers.CharField()
    endpoint = serializers.CharField()
    kind = serializers.ChoiceField(ReplayKind.values)
    state = serializers.ChoiceField(ReplayState.values)
    because = serializers.CharField(allow_null=True, help_text="Why it ended before its end.")
    delivery = serializers.CharField(allow_null=True, help_text="The one that is sent again.")
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    percent = serializers.IntegerField(help_text="How much of its time is done.")
    looked_at = serializers.IntegerField(help_text="Deliveries and events that were looked at.")
    queued = serializers.IntegerField(help_text="Deliveries that are sent again; what was about to be sent anyway is not counted.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class ReplayPage(serializers.Serializer[Any]):
    items = ToldReplay(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CameBack(ToldEndpoint):
    replay = ToldReplay(allow_null=True)
