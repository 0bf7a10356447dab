"""What staff must know: one alert for each trouble, from the first report of it to its end."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts import ids
from accounts.models import Business, Person
from alerts.kinds import Kind, Occasion, Way


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> Self:
        """Those whose trouble lasts."""
        return self.filter(resolved_at__isnull=True)

    def unacknowledged(self) -> Self:
        """Those that nobody has taken on."""
        return self.filter(acknowledged_at__isnull=True)


class Alert(models.Model):
    """One trouble: opened by the first report, counted by the next ones, resolved by itself when it is over."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    kind = models.CharField(max_length=40, help_text="A word of alerts.kinds, which grows with what is watched: no migration for each.")
    about = models.CharField(max_length=200, help_text="What it is about, by its stable id: the same trouble is the same alert.")
    because = models.CharField(max_length=500, help_text="What was seen last, without secrets and personal data.")
    business = models.ForeignKey(Business, null=True, on_delete=models.PROTECT, related_name="alerts")
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1, help_text="How often it was reported while open.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True, help_text="What whoever took it on wants others to know.")
    resolved_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Alert]] = AlertQuerySet.as_manager()

    class Meta:
        permissions = [("acknowledge_alert", "Can acknowledge alerts")]
        constraints = [
            # However many report the same trouble at once, it is one open alert.
            models.UniqueConstraint(fields=["kind", "about"], condition=Q(resolved_at__isnull=True), name="alerts_alert_one_open"),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="alerts_alert_acknowledged_by_somebody",
            ),
        ]
        indexes = [
            # Telling the end of what was told, and forgetting what is long over.
            models.Index(fields=["resolved_at"], condition=Q(resolved_at__isnull=False), name="alerts_alert_resolved"),
        ]

    def __str__(self) -> str:
        return f"{Kind(self.kind).label}: {self.about}"

    @property
    def public_id(self) -> str:
        return ids.public("alr", self.id)


class Telling(models.Model):
    """One thing owed to staff: an alert, told by one way on one occasion. The queue of what is still to be told, and then its record."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="tellings")
    way = models.CharField(max_length=10, choices=Way)
    number = models.PositiveIntegerField(help_text="1, 2, 3 ... for each alert and way.")
    occasion = models.CharField(max_length=10, choices=Occasion)
    body = models.TextField(blank=True, help_text="What a webhook says, serialised once: every try sends and signs the same bytes.")
    owed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease = models.UUIDField(null=True, help_text="Who has it; whoever lost its lease records nothing.")
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    told_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True, help_text="Why the last try failed.")

    class Meta:
        constraints = [
            # Two rounds at once owe the same telling once.
            models.UniqueConstraint(fields=["alert", "way", "number"], name="alerts_telling_once"),
        ]
        indexes = [
            # The claim: what is still to be told by a way, oldest first.
            models.Index(fields=["way", "due_at"], condition=Q(told_at__isnull=True, given_up_at__isnull=True), name="alerts_telling_due"),
        ]

    def __str__(self) -> str:
        return f"{self.occasion} by {self.way}"
