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
    REPLIED = "message.replied"


EVERY_TYPE: list[str] = [*EventType.values, *BusinessEventType.values]
"""What an endpoint can ask for, and GET /v1/events tells of."""


class SuppressionReason(TextChoices):
    OPTED_OUT = "opted_out"
    COMPLAINT = "complaint"
    INVALID = "invalid"
    STAFF = "staff"


class SuppressionOrigin(TextChoices):
    """By which way a suppression came. What a recipient did by a word or at a provider, the recipient may undo; nothing else."""

    STAFF = "staff"
    API = "api"
    IMPORTED = "imported"
    KEYWORD = "keyword"  # STOP
    PROVIDER = "provider"  # a provider's code for an opt-out, or a complaint
    ONE_CLICK = "one_click"  # the link of an e-mail


class Keyword(TextChoices):
    """What a word that stands alone asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class LinkedBy(TextChoices):
    """How we know which message an inbound one answers: its provider says so, or it is the last one that we sent there."""

    CONTEXT = "context"
    RECENCY = "recency"


class BacktestState(TextChoices):
    """How far a backtest is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
