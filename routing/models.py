"""By which road: provider accounts, routes and their versions."""

from __future__ import annotations

import calendar
import secrets
from datetime import time
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from accounts import ids
from accounts.choices import Mode
from accounts.models import Business, Person
from routing.choices import Channel, RouteStatus, TrafficClass
from routing.windows import EVERY_DAY, Window

DAYS = [(number, name) for number, name in enumerate(calendar.day_name, start=1)]
"""ISO: Monday is 1."""


def new_callback_token() -> str:
    """256 bits: the unguessable part of an account's callback URL."""
    return secrets.token_urlsafe(32)


class ProviderAccount(models.Model):
    """One account at one provider. Credentials are sealed (routing.vault) and never shown again."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(
        Business,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="provider_accounts",
        help_text="Empty: the platform's own account, which every business's routes may use.",
    )
    name = models.CharField(max_length=120, unique=True)
    provider = models.CharField(max_length=40, help_text="The adapter: meta, twilio.")
    mode = models.CharField(max_length=4, choices=Mode, help_text="Test accounts speak to the simulator, whatever their base URL.")
    base_url = models.URLField(max_length=255, blank=True, help_text="Empty: the provider's own.")
    settings = models.JSONField(default=dict, blank=True, help_text="Not secret: sender, phone_number_id, account_sid, ...")
    credentials = models.BinaryField(editable=False, default=bytes)
    credentials_key_id = models.CharField(max_length=32, editable=False, default="")
    previous_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then receipts signed with the secrets before the present ones count; empty: for ever."
    )
    receipt_sources = ArrayField(
        models.CharField(max_length=43),
        default=list,
        blank=True,
        help_text="Networks that receipts may come from, besides being signed; empty: any.",
    )
    callback_token = models.CharField(max_length=64, unique=True, default=new_callback_token, editable=False)
    max_in_flight = models.PositiveSmallIntegerField(default=100, help_text="Calls to this account at the same time, per worker.")
    is_in_service = models.BooleanField(default=True)
    out_of_service_because = models.CharField(max_length=200, blank=True, editable=False)
    out_of_service_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(mode__in=Mode.values), name="routing_account_mode_known")]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """A named road of one business. What it says stands in its versions."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="routes")
    name = models.SlugField(max_length=60)
    position = models.PositiveSmallIntegerField(
        default=100, help_text="Routes are tried in this order; the first whose conditions hold decides."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business", "name"], name="routing_route_name_unique")]

    def __str__(self) -> str:
        return f"{self.business}: {self.name}"


class RouteVersion(models.Model):
    """One version of a route: frozen once published, so that every message can name the very rules that chose its plan."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=RouteStatus, default=RouteStatus.DRAFT)
    rules = models.JSONField(default=list, help_text="In order: {when: [conditions], steps: [steps]}; see docs/routes.md.")
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was published.")
    accept_double_delivery = models.BooleanField(
        default=False, help_text="The author accepts that a first step may still deliver after the second has fired."
    )
    created_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[models.Manager[RouteVersion]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["route", "number"], name="routing_version_number_unique"),
            models.UniqueConstraint(fields=["route"], condition=Q(status="published"), name="routing_one_published_version"),
            models.CheckConstraint(condition=Q(status__in=RouteStatus.values), name="routing_version_status_known"),
        ]
        permissions = [("publish_routeversion", "Can publish routes")]

    def __str__(self) -> str:
        return f"{self.route.name} v{self.number}"


def every_day() -> list[int]:
    return sorted(EVERY_DAY)


class QuietHours(models.Model):
    """When a business does not write to people, by the recipient's own clock. What would go then waits until they end."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="quiet_hours")
    traffic_class = models.CharField(max_length=14, choices=TrafficClass, default=TrafficClass.MARKETING)
    begins = models.TimeField(default=time(21), help_text="By the recipient's clock.")
    ends = models.TimeField(default=time(8), help_text="Earlier than the beginning: on the next day.")
    days = ArrayField(models.PositiveSmallIntegerField(choices=DAYS), default=every_day, size=7, help_text="The days on which they begin.")
    is_active = models.BooleanField(default=True, help_text="Inactive quiet hours hold nothing up.")
    codes_may_wait = models.BooleanField(
        default=False, help_text="Of the class authentication only: one-time codes wait as well, for hours, and are of no use by then."
    )

    class Meta:
        verbose_name = "quiet hours"
        verbose_name_plural = "quiet hours"
        constraints = [
            models.UniqueConstraint(fields=["business", "traffic_class", "begins", "ends"], name="routing_quiet_hours_unique"),
            models.CheckConstraint(condition=~Q(begins=models.F("ends")), name="routing_quiet_hours_have_length"),
            models.CheckConstraint(
                condition=~Q(traffic_class="authentication") | Q(codes_may_wait=True), name="routing_quiet_hours_codes_may_wait"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business}: {self.traffic_class} {self.begins:%H:%M} to {self.ends:%H:%M}"

    @property
    def window(self) -> Window:
        return Window(self.begins, self.ends, frozenset(self.days))


class Price(models.Model):
    """What one message costs, or one segment of an SMS, in QSURA_CURRENCY. The most particular price counts (routing.prices)."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(
        ProviderAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="prices", help_text="Empty: every account there."
    )
    provider = models.CharField(max_length=40, blank=True, help_text="The adapter (twilio), where no account is named.")
    channel = models.CharField(max_length=10, choices=Channel)
    country = models.CharField(
        max_length=2, blank=True, validators=[RegexValidator(r"^[A-Z]{2}$", "Two capital letters: EG.")], help_text="ISO 3166-1: EG."
    )
    prefix = models.CharField(
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^[1-9][0-9]*$", "Digits only, without the plus sign: 2010.")],
        help_text="The first digits of the number, with its country code: 2010. The longest counts, before the country.",
    )
    category = models.CharField(max_length=14, choices=TrafficClass, blank=True, help_text="Empty: every class.")
    amount = models.DecimalField(
        max_digits=12, decimal_places=6, validators=[MinValueValidator(0)], help_text="Of a message; of a segment, for SMS."
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "provider", "channel", "country", "prefix", "category"],
                nulls_distinct=False,
                name="routing_price_unique",
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=False, provider="") | (Q(account__isnull=True) & ~Q(provider="")), name="routing_price_of_one"
            ),
            models.CheckConstraint(condition=Q(country="") | Q(prefix=""), name="routing_price_of_one_place"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="routing_price_not_negative"),
        ]

    def __str__(self) -> str:
        place = f"+{self.prefix}" if self.prefix else self.country or "everywhere"
        return f"{self.account or self.provider} {self.channel} {place} {self.category}".strip()
