"""Words of the room that the database and the API share."""

from __future__ import annotations

from django.db.models import TextChoices

from accounts.choices import BusinessEventType


class EventType(TextChoices):
    """The types of a message's events; docs/webhooks.md is their catalogue."""

    ACCEPTED = "message.accepted"
    SCHEDULED = "message.scheduled"
    SUBMITTED = "message.submitted"
    SENT = "message.sent"
    DELIVERED = "message.delivered"
    READ = "message.read"
    FAILED = "message.failed"
    EXPIRED = "message.expired"
    CANCELED = "message.canceled"
    FALLBACK = "message.fallback"


EVERY_TYPE: list[str] = [*EventType.values, *BusinessEventType.values]
"""What an endpoint can ask for, and GET /v1/events tells of."""


class SuppressionReason(TextChoices):
    OPTED_OUT = "opted_out"
    COMPLAINT = "complaint"
    INVALID = "invalid"
    STAFF = "staff"
