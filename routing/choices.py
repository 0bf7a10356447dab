"""Words of the room."""

from __future__ import annotations

from django.db.models import TextChoices


class Channel(TextChoices):
    WHATSAPP = "whatsapp", "WhatsApp"
    SMS = "sms", "SMS"
    EMAIL = "email", "E-mail"


class TrafficClass(TextChoices):
    """What a message is for. It chooses the lane, the deadline and what happens after an unknown hand-off."""

    AUTHENTICATION = "authentication"
    UTILITY = "utility"
    MARKETING = "marketing"


class Until(TextChoices):
    """What a step must reach in time, or the next one fires."""

    SUBMITTED = "submitted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"


class RouteStatus(TextChoices):
    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"
