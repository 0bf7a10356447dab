"""Words of the room."""

from __future__ import annotations

from django.db.models import TextChoices


class EndpointKind(TextChoices):
    """A registered endpoint hears of every message; a request's callback only of the messages that named it."""

    REGISTERED = "registered"
    CALLBACK = "callback"


class EndpointStatus(TextChoices):
    """What an endpoint is, in one word."""

    ENABLED = "enabled"
    PENDING = "pending"  # its receiver has not answered the challenge yet
    DISABLED = "disabled"


class Outcome(TextChoices):
    """How one try of a delivery ended."""

    DELIVERED = "delivered"
    FAILED = "failed"  # another try follows
    EXHAUSTED = "exhausted"  # none follows


class Body(TextChoices):
    """How much an endpoint's webhooks say: full ones add the recipient and the rendered content."""

    THIN = "thin"
    FULL = "full"


class ReplayKind(TextChoices):
    """What is sent again."""

    ONE = "one"  # a delivery, whatever became of it
    SINCE = "since"  # everything of a time, delivered or not
    MISSING = "missing"  # what was never delivered, and what happened while the endpoint was not listening


class ReplayState(TextChoices):
    """How far a replay has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELED = "canceled"


CHALLENGE = "endpoint.challenge"
"""The type of the webhook that asks a receiver to prove that it wants to hear from us; no event, and none can ask for it."""


class CallState(TextChoices):
    """What became of a provider's call."""

    PENDING = "pending"
    READ = "read"
    UNREADABLE = "unreadable"


class Forgery(TextChoices):
    """Why a call to an account's door was refused."""

    SIGNATURE = "signature"  # not signed as its provider signs
    SOURCE = "source"  # from a network that is not among the account's
    STALE = "stale"  # signed well, but not lately: a call that somebody kept


class WordKind(TextChoices):
    """What kind of word of a provider nobody knows."""

    STATUS = "status"
    CODE = "code"


class RereadingState(TextChoices):
    """How far a reading again has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
