"""By which road: provider accounts, routes and their versions."""

from __future__ import annotations

import calendar
import math
import secrets
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from accounts import ids
from accounts.choices import Mode
from accounts.history import History
from accounts.models import Business, Person
from routing.choices import BindState, Breaker, Change, Channel, RouteStatus, TrafficClass
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
    provider = models.CharField(max_length=40, help_text="The adapter that speaks its language; docs/providers has a page for each.")
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
    rate = models.DecimalField(
        null=True,
        blank=True,
        max_digits=9,
        decimal_places=3,
        validators=[MinValueValidator(Decimal("0.001"))],
        help_text="Calls a second that all workers together make to it; empty: as many as they can.",
    )
    burst = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Calls at once after a pause; empty: a second's worth.",
    )
    daily_cap = models.PositiveIntegerField(null=True, blank=True, help_text="Calls in a day (UTC), at most; empty: no cap.")
    is_in_service = models.BooleanField(default=True)
    out_of_service_because = models.CharField(max_length=200, blank=True, editable=False)
    out_of_service_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(mode__in=Mode.values), name="routing_account_mode_known")]

    def __str__(self) -> str:
        return self.name

    def most_at_once(self) -> float:
        """What its bucket holds when it is full; 0 where it has no rate."""
        return 0.0 if self.rate is None else float(self.burst or max(1, math.ceil(self.rate)))


class Bind(models.Model):
    """How an account's connections to its SMSC stand, as the process that holds them last wrote it down."""

    account = models.OneToOneField(ProviderAccount, primary_key=True, on_delete=models.CASCADE, related_name="bind")
    state = models.CharField(max_length=10, choices=BindState)
    because = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When that process last said so; it does every few seconds.")
    process = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"{self.state} since {self.since:%d %B %H:%M:%S}"


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


class Gate(models.Model):
    """What an account lets through now, one row for all workers: its breaker, its token bucket, and what its share has lost.

    An account without a row has never failed and was never limited.
    """

    account = models.OneToOneField(ProviderAccount, primary_key=True, on_delete=models.CASCADE, related_name="gate")
    breaker = models.CharField(max_length=9, choices=Breaker, default=Breaker.CLOSED, db_default=Breaker.CLOSED.value)
    since = models.DateTimeField(null=True, help_text="Since when the breaker is in this state, or its last round of probes.")
    next_probe_at = models.DateTimeField(null=True, help_text="Of an open breaker: nothing is let through before.")
    openings = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="In a row, without a recovery in between.")
    probes = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Let through since it is half open.")
    probed = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Of them, answered well.")
    not_before = models.DateTimeField(null=True, help_text="The provider asked for a rest until then.")
    tokens = models.FloatField(null=True, help_text="Calls that it may take at `filled_at`; refilled by the account's rate.")
    filled_at = models.DateTimeField(null=True)
    day = models.DateField(null=True, help_text="The day (UTC) of `called`.")
    called = models.PositiveIntegerField(default=0, db_default=0, help_text="Calls of that day, where the account has a daily cap.")
    lost = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Points of 100 that its share in every step is lowered by.")
    lost_at = models.DateTimeField(null=True, help_text="When that changed last.")
    held_because = models.CharField(max_length=200, blank=True, default="", db_default="", help_text="Staff keep its share as it is.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(breaker__in=Breaker.values), name="routing_gate_breaker_known"),
            models.CheckConstraint(condition=Q(lost__lte=100), name="routing_gate_lost_in_points"),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.breaker}"

    def tokens_at(self, at: datetime, *, of: ProviderAccount) -> float | None:
        """What its bucket has then; None where the account has no rate."""
        if of.rate is None:
            return None
        if self.tokens is None or self.filled_at is None:
            return of.most_at_once()
        return min(of.most_at_once(), self.tokens + (at - self.filled_at).total_seconds() * float(of.rate))

    def shut(self, at: datetime, *, of: ProviderAccount) -> str:
        """Why it lets nothing through then, or nothing."""
        if of.daily_cap is not None and (self.called if self.day == at.astimezone(UTC).date() else 0) >= of.daily_cap:
            return "its daily cap is reached"
        if self.breaker == Breaker.OPEN and self.next_probe_at and at < self.next_probe_at:
            return "its breaker is open"
        return "its provider asked for a rest" if self.not_before and at < self.not_before else ""


class Outcome(models.Model):
    """What became of an account's calls in ten seconds, added up by every process once a second; kept for two days."""

    pk = models.CompositePrimaryKey("account_id", "at")
    account_id = models.UUIDField()
    at = models.DateTimeField(help_text="When the ten seconds began.")
    taken = models.PositiveIntegerField(db_default=0)
    failed = models.PositiveIntegerField(db_default=0, help_text="The provider's fault, or it was not reached.")
    unanswered = models.PositiveIntegerField(db_default=0)
    throttled = models.PositiveIntegerField(db_default=0)
    refused = models.PositiveIntegerField(db_default=0, help_text="Because of the message: says nothing against the provider.")
    slow = models.PositiveIntegerField(db_default=0, help_text="Of those taken, after a long time.")
    delivered = models.PositiveIntegerField(db_default=0)
    late = models.PositiveIntegerField(db_default=0, help_text="Of those delivered, after minutes.")

    class Meta:
        indexes = [
            # The forgetting of what is old.
            models.Index(fields=["at"], name="routing_outcome_age"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.at:%H:%M:%S}"


class HealthChange(History):
    """One change of how an account is used: what, why, by which figures, and by whom, if not by itself."""

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="health_changes")
    at = models.DateTimeField()
    change = models.CharField(max_length=14, choices=Change)
    because = models.CharField(max_length=300)
    figures = models.JSONField(default=dict)
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(change__in=Change.values), name="routing_healthchange_known")]
        indexes = [
            # The account's page: its newest changes.
            models.Index(fields=["account", "-at"], name="routing_healthchange_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.change}"


def _count(help_text: str, *, default: int | None = None) -> models.PositiveIntegerField[int | None, int | None]:
    return models.PositiveIntegerField(null=True, blank=True, default=default, help_text=help_text)


def _sum(help_text: str) -> models.DecimalField[Decimal | None, Decimal | None]:
    return models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)], help_text=help_text
    )


class Limits(models.Model):
    """How much a business may send. Empty means no limit; days and months are those of UTC (docs/limits.md)."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.OneToOneField(Business, on_delete=models.CASCADE, related_name="limits")
    messages_per_day = _count("Of all channels together.")
    whatsapp_per_day = _count("Messages that begin on WhatsApp.")
    sms_per_day = _count("Messages that begin by SMS.")
    email_per_day = _count("Messages that begin by e-mail.")
    utility_per_recipient = _count("To one recipient, in 24 hours.")
    marketing_per_recipient = _count("To one recipient, in 24 hours.")
    spend_per_day = _sum("By the price table; what has no price does not count.")
    spend_per_month = _sum("By the price table; what has no price does not count.")
    codes_per_recipient = _count("One-time codes to one recipient, in 10 minutes.", default=5)
    codes_per_recipient_day = _count("One-time codes to one recipient, in 24 hours.", default=20)
    codes_per_block = _count("One-time codes to the 10,000 numbers that differ in their last four digits, in an hour.", default=50)
    code_countries = ArrayField(
        models.CharField(max_length=2),
        default=list,
        blank=True,
        help_text="ISO 3166-1, with commas between them: EG, SA. One-time codes go to numbers of these countries only; empty: to all.",
    )

    class Meta:
        verbose_name_plural = "limits"

    def __str__(self) -> str:
        return f"Limits of {self.business}"


class Release(models.Model):
    """Staff vouch for a block of numbers: what looked like pumping is none. Never removed; it ends."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="releases")
    block = models.CharField(
        max_length=15,
        validators=[RegexValidator(r"^\+[1-9][0-9]{2,13}$", "As the alert names it: +20100123.")],
        help_text="The numbers' digits without the last four, as the alert names them: +20100123.",
    )
    reason = models.CharField(max_length=200)
    released_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField()

    class Meta:
        verbose_name = "release of numbers"
        verbose_name_plural = "releases of numbers"

    def __str__(self) -> str:
        return f"{self.block} of {self.business}"
