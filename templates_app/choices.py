"""Words of the room."""

from __future__ import annotations

from django.db.models import TextChoices


class VersionStatus(TextChoices):
    """Where a version stands between its author's desk and a recipient's screen."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    LIVE = "live"
    PAUSED = "paused"
    RETIRED = "retired"


class Decision(TextChoices):
    """One line of a version's history."""

    SUBMITTED = "submitted"
    COMMENTED = "commented"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    PUBLISHED = "published"
    PAUSED = "paused"
    RESUMED = "resumed"
    RETIRED = "retired"


class VariableType(TextChoices):
    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    URL = "url", "URL"
    CODE = "code"


class RegistrationStatus(TextChoices):
    """Where a version stands at one provider account, in the one vocabulary for all providers."""

    OWED = "owed"  # nobody there knows of it yet
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAUSED = "paused"
    DISABLED = "disabled"
    GONE = "gone"


class Source(TextChoices):
    """How news of a registration came."""

    SUBMISSION = "submission"
    LOOK = "look"
    WEBHOOK = "webhook"
    HAND_OFF = "hand_off", "hand-off"
