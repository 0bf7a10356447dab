"""For whom: businesses, the people on staff, and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from accounts import ids, zones
from accounts.choices import BusinessEventType, Mode, Scope
from accounts.history import History


def every_scope() -> list[str]:
    """A new key may do everything, until its owner narrows it."""
    return list(Scope.values)


class Business(models.Model):
    """The tenant: a company, or one system of it, that sends through the platform."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    slug = models.SlugField(
        unique=True, max_length=60, validators=[RegexValidator(r"^[a-z0-9-]+$", "Lower-case letters, digits and hyphens.")]
    )
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True, help_text="An inactive business can't send; its history stays.")
    callback_origins = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        help_text="Where set, a request's callback must be on one of these origins (https://shop.example).",
    )
    default_language = models.CharField(max_length=35, default="en", help_text="BCP 47; used where a request names no language.")
    timezone = models.CharField(
        max_length=40,
        default="UTC",
        validators=[zones.check],
        help_text="IANA (Africa/Cairo); quiet hours of those whose own is not known.",
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of all its keys together; a batch counts its items. Empty: no limit beside the keys' own."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "businesses"

    def __str__(self) -> str:
        return self.name


class Person(AbstractUser):
    """Somebody on staff. Roles are groups; `business` empty means staff of the platform itself, who see every business."""

    business = models.ForeignKey(Business, null=True, blank=True, on_delete=models.PROTECT, related_name="people")

    class Meta(AbstractUser.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"

    def roles(self) -> set[str]:
        """The names of the person's groups; one query."""
        return set(self.groups.values_list("name", flat=True))


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, at: datetime) -> Self:
        """Keys that open the door at that moment."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at__isnull=True, business__is_active=True)


class ApiKey(models.Model):
    """A business's key. The secret is shown once and kept only as a keyed hash."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=120)
    mode = models.CharField(max_length=4, choices=Mode)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.BinaryField(max_length=32, editable=False)
    scopes = ArrayField(models.CharField(max_length=40, choices=Scope), default=every_scope)
    allowed_addresses = ArrayField(
        models.CharField(max_length=49), default=list, blank=True, help_text="Networks (CIDR) that may use the key; empty for any."
    )
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="A batch counts its items. Empty: the platform's own (QSURA_RATE_LIMIT); 0: no limit."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    browser_seen_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When the key last arrived from a browser.")

    objects: ClassVar[models.Manager[ApiKey]] = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [models.CheckConstraint(condition=Q(mode__in=Mode.values), name="accounts_apikey_mode_known")]

    def __str__(self) -> str:
        return f"{self.name} (qs_{self.mode}_{self.prefix}_...)"


class BusinessEvent(History):
    """One event of a business that is no message's. Never changed; partitioned by time, like the messages' events (migrations/0002)."""

    id = models.UUIDField(primary_key=True)
    business_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=Mode, null=True, help_text="Empty: both worlds.")  # noqa: DJ001 - null is "both"
    type = models.CharField(max_length=40, choices=BusinessEventType)
    about = models.JSONField(help_text="Flat and thin: public ids and names, no personal data.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    # The column `transaction` (xid8, filled by the database) puts it in one order with the messages' events, for GET /v1/events.

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(type__in=BusinessEventType.values), name="accounts_businessevent_type_known")]

    def __str__(self) -> str:
        return f"{self.type} of {self.occurred_at:%d %B %Y}"


class Allowance(models.Model):
    """How many requests of a key, or of a business, web processes have taken for themselves in this minute (accounts.limiting)."""

    scope_id = models.UUIDField(primary_key=True)
    minute = models.DateTimeField()
    taken = models.IntegerField()
    granted = models.IntegerField(help_text="To whoever asked last.")

    def __str__(self) -> str:
        return f"{self.taken} in {self.minute:%H:%M}"
