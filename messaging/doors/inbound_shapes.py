"""The shapes of inbound messages at the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from messaging.choices import Keyword, LinkedBy
from messaging.inbound.showing import WISHES
from routing.choices import Channel
from routing.providers.inbound import InboundKind

KINDS = [kind.value for kind in InboundKind if kind not in WISHES]


class ToldInbound(serializers.Serializer[Any]):
    id = serializers.CharField()
    channel = serializers.ChoiceField(Channel.values)
    kind = serializers.ChoiceField(KINDS)
    keyword = serializers.ChoiceField(Keyword.values, allow_null=True, help_text="What a word that stood alone asked for.")
    message = serializers.CharField(allow_null=True, help_text="The message that it answers.")
    linked_by = serializers.ChoiceField(
        LinkedBy.values, allow_null=True, help_text="context: the provider says so. recency: it was your last one to this recipient."
    )
    reference = serializers.CharField(allow_null=True, help_text="Of the message that it answers, as you gave it.")
    occurred_at = serializers.DateTimeField(help_text="The provider's time, where it gave one.")
    received_at = serializers.DateTimeField()


class WholeInbound(ToldInbound):
    sender = serializers.CharField(allow_null=True, help_text="A number in E.164 or an address; null where only `user_id` is known.")
    user_id = serializers.CharField(allow_null=True, help_text="The provider's own id of the person (WhatsApp's business-scoped user id).")
    to = serializers.CharField(allow_null=True, help_text="Your sender to which it was written.")
    text = serializers.CharField(allow_null=True, help_text="What was written, a button's or an item's title, or a reaction's emoji.")
    payload = serializers.CharField(allow_null=True, help_text="The button's or item's own id, as the template gave it.")


class InboundPage(serializers.Serializer[Any]):
    items = ToldInbound(many=True)
    next_cursor = serializers.CharField(allow_null=True)
