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


class Breaker(TextChoices):
    """Whether an account's calls are made."""

    CLOSED = "closed"  # they are
    OPEN = "open"  # none is, until the next probe
    HALF_OPEN = "half_open"  # a few are, to see


class Change(TextChoices):
    """What can change about how an account is used."""

    OPENED = "opened", "breaker opened"
    PROBING = "probing", "probes let through"
    CLOSED = "closed", "breaker closed"
    RESET = "reset", "reset by staff"
    LOWERED = "lowered", "share lowered"
    RAISED = "raised", "share raised"
    HELD = "held", "share held by staff"
    RELEASED = "released", "share released by staff"
    OUT_OF_SERVICE = "out_of_service", "out of service"
    BACK_IN_SERVICE = "in_service", "back in service"


class BindState(TextChoices):
    """How an account's connections to its SMSC stand."""

    CONNECTING = "connecting"
    BOUND = "bound"
    LOST = "lost"
    REFUSED = "refused"
