"""What may be said: templates, their versions, and every decision about them."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from accounts import ids
from accounts.models import ApiKey, Business, Person
from routing.choices import TrafficClass
from routing.models import ProviderAccount
from templates_app import hashing, hearing, tags
from templates_app.choices import Decision, RegistrationStatus, Source, VersionStatus


class HistoryIsReadOnly(Exception):
    """A decision is written once, by the deed that makes it; it is never changed and never removed."""


class Template(models.Model):
    """One business message, on every channel that it has content for."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="templates")
    name = models.CharField(
        max_length=512,
        validators=[RegexValidator(r"^[a-z0-9_]{1,512}$", "Lower-case letters, digits and underscores, as WhatsApp demands.")],
    )
    category = models.CharField(max_length=14, choices=TrafficClass)
    description = models.CharField(max_length=500, blank=True)
    tags = ArrayField(
        models.CharField(max_length=40),
        default=list,
        db_default=[],
        blank=True,
        validators=[tags.check],
        help_text="Words that routes may ask for, with commas between: shop, urgent. They are no part of what is said and need no review.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "name"], name="templates_name_unique"),
            models.CheckConstraint(condition=Q(category__in=TrafficClass.values), name="templates_category_known"),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersionQuerySet(models.QuerySet["TemplateVersion"]):
    def live(self) -> Self:
        """What may be sent."""
        return self.filter(status=VersionStatus.LIVE)

    def waiting(self) -> Self:
        """What a reviewer is asked to decide, oldest first."""
        return self.filter(status=VersionStatus.IN_REVIEW).order_by("submitted_at")


class TemplateVersion(models.Model):
    """One version in one language. Its content is frozen from submission on; `content_hash` is what was reviewed and what goes out."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    language = models.CharField(max_length=35, default="en", help_text="BCP 47: en, ar, pt-BR.")
    status = models.CharField(max_length=20, choices=VersionStatus, default=VersionStatus.DRAFT, editable=False)
    content = models.JSONField(default=dict, help_text="By channel: whatsapp {components}, sms {text}, email {subject, text, html}.")
    variables = models.JSONField(default=list, help_text="Declared once: {name, type, sample, max_length, pattern}.")
    content_hash = models.BinaryField(max_length=32, null=True, editable=False)
    author = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False)
    author_key = models.ForeignKey(
        ApiKey,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text="The key that drafted it by API.",
    )
    reviewer = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False)
    claimed_by = models.ForeignKey(
        Person,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text="Who has taken the review upon them; others are told, and may still decide.",
    )
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    live_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[models.Manager[TemplateVersion]] = TemplateVersionQuerySet.as_manager()

    class Meta:
        permissions = [("review_templateversion", "Can decide about template versions")]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="templates_version_number_unique"),
            models.UniqueConstraint(fields=["template", "language"], condition=Q(status="live"), name="templates_one_live_version"),
            models.CheckConstraint(condition=Q(status__in=VersionStatus.values), name="templates_version_status_known"),
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True) | Q(author__isnull=True) | ~Q(reviewer=F("author")), name="templates_four_eyes"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "live", "paused"]) | Q(reviewer__isnull=False, content_hash__isnull=False),
                name="templates_approved_means_reviewed",
            ),
            models.CheckConstraint(condition=Q(author__isnull=False) | Q(author_key__isnull=False), name="templates_version_has_author"),
            models.CheckConstraint(
                condition=Q(claimed_by__isnull=True) | (Q(status="in_review") & (Q(author__isnull=True) | ~Q(claimed_by=F("author")))),
                name="templates_claim_is_a_reviewers",
            ),
        ]
        indexes = [
            # The review queue: what waits, oldest first.
            models.Index(fields=["submitted_at"], condition=Q(status="in_review"), name="templates_in_review"),
        ]

    def __str__(self) -> str:
        return f"{self.template.name} v{self.number} ({self.language})"

    def digest(self) -> bytes:
        """SHA-256 over all that a recipient's message is made of; the template must have been selected with the row."""
        return hashing.digest(
            self.content, variables=self.variables, language=self.language, category=self.template.category, name=self.template.name
        )


class ReviewQuerySet(models.QuerySet["Review"]):
    def update(self, **_: Any) -> NoReturn:
        raise HistoryIsReadOnly("A decision can't be changed; make another one.")

    def delete(self) -> NoReturn:
        raise HistoryIsReadOnly("A decision can't be removed.")


class Review(models.Model):
    """One decision about a version, with its reason. Never changed, never removed (the database refuses both)."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="reviews")
    decision = models.CharField(max_length=20, choices=Decision)
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    content_hash = models.BinaryField(max_length=32, null=True)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[Review]] = ReviewQuerySet.as_manager()

    class Meta:
        indexes = [
            # A version's history, in order.
            models.Index(fields=["version", "at"], name="templates_review_history"),
        ]

    def __str__(self) -> str:
        return f"{self.decision} {self.version}"

    def save(self, **options: Any) -> None:
        if not self._state.adding:
            raise HistoryIsReadOnly("A decision can't be changed; make another one.")
        super().save(**options)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        raise HistoryIsReadOnly("A decision can't be removed.")


class TemplateUse(models.Model):
    """How often one key sent one version in one hour. Counted from the messages afterwards (messaging.usage), and counted anew at will."""

    pk = models.CompositePrimaryKey("hour", "api_key_id", "version_id")
    hour = models.DateTimeField()
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.ForeignKey(TemplateVersion, on_delete=models.CASCADE, related_name="+", db_index=False)
    messages = models.PositiveIntegerField()
    sms = models.PositiveIntegerField(help_text="Of these, messages whose plan has an SMS.")
    segments = models.PositiveIntegerField(help_text="What these SMS would be together.")
    variables = models.JSONField(default=list, help_text="The names that the hour's last message gave; no values.")

    class Meta:
        indexes = [
            # A reviewer's question: who sent the template's versions lately?
            models.Index(fields=["version", "hour"], name="templates_use_of_version"),
        ]

    def __str__(self) -> str:
        return f"{self.messages} messages in the hour of {self.hour:%d %B, %H:%M}"


class Registration(models.Model):
    """A version's WhatsApp content at one provider account: what the provider was asked, and what it says of it.

    The provider's words are kept as they came; `status` is ours. Each of the groups status, category, quality and difference carries the
    time of the news that set it, so that order and repetition of news do not matter (templates_app.hearing).
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="registrations")
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=512, help_text="Its name at the provider.")
    language = models.CharField(max_length=35, help_text="As the provider writes it.")
    provider_id = models.CharField(max_length=255, blank=True)
    content_digest = models.BinaryField(
        max_length=32, editable=False, help_text="Of what the provider is asked; equal contents share a template there."
    )
    submitted_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the provider was last asked.")
    due_at = models.DateTimeField(null=True, blank=True, help_text="When it is to be submitted or looked at; empty: never by itself.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Calls since the last one that told something.")
    problem = models.CharField(max_length=300, blank=True, help_text="Why the last call told nothing.")

    status = models.CharField(max_length=10, choices=RegistrationStatus, default=RegistrationStatus.OWED)
    raw_status = models.CharField(max_length=64, blank=True)
    status_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True, help_text="The provider's, for the status that it was given with.")
    reason_of = models.CharField(max_length=10, blank=True)
    reason_at = models.DateTimeField(null=True, blank=True)
    pause = models.CharField(max_length=64, blank=True)
    paused_for = models.PositiveIntegerField(default=0, help_text="Seconds; 0 where they are not known.")

    category = models.CharField(max_length=64, blank=True, help_text="As the provider sees it now.")
    category_at = models.DateTimeField(null=True, blank=True)
    quality = models.CharField(max_length=64, blank=True)
    quality_at = models.DateTimeField(null=True, blank=True)
    differs = models.BooleanField(default=False, help_text="What stands there does not say what was approved here.")
    differs_at = models.DateTimeField(null=True, blank=True)
    unknown_word = models.CharField(max_length=64, blank=True, help_text="The newest status word that no table knows; it changes nothing.")
    unknown_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "account"], name="templates_registered_once"),
            models.CheckConstraint(condition=Q(status__in=RegistrationStatus.values), name="templates_registration_status_known"),
        ]
        indexes = [
            # The sweep: what is to be submitted or looked at.
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="templates_registration_due"),
            # News of a template, by its id at the provider or by its name there.
            models.Index(fields=["account", "provider_id"], name="templates_registration_id"),
            models.Index(fields=["account", "name", "language"], name="templates_registration_name"),
        ]

    def __str__(self) -> str:
        return f"{self.version} at {self.account}"

    def known(self) -> hearing.Known:
        """What the row's news have made of it."""
        weight = hearing.weight(self.status)
        return hearing.Known(
            standing=hearing.Standing(self.status_at, weight, self.raw_status) if self.status_at else None,
            reason=hearing.Reason(self.reason_at, self.reason_of, self.reason, self.pause, self.paused_for) if self.reason_at else None,
            category=hearing.Word(self.category_at, self.category) if self.category_at else None,
            quality=hearing.Word(self.quality_at, self.quality) if self.quality_at else None,
            difference=hearing.Difference(self.differs_at, self.differs) if self.differs_at else None,
            unknown=hearing.Word(self.unknown_at, self.unknown_word) if self.unknown_at else None,
        )

    def believe(self, known: hearing.Known) -> None:
        """Write down what is known; the caller saves the row."""
        self.status = known.status
        if known.standing:
            self.status_at, self.raw_status = known.standing.at, known.standing.raw
        if known.reason:
            self.reason_at, self.reason_of, self.reason, self.pause, self.paused_for = known.reason
        if known.category:
            self.category_at, self.category = known.category
        if known.quality:
            self.quality_at, self.quality = known.quality
        if known.difference:
            self.differs_at, self.differs = known.difference
        if known.unknown:
            self.unknown_at, self.unknown_word = known.unknown


class RegistrationNews(models.Model):
    """One thing that a provider said of a registration, kept once. Never changed, never removed (the database refuses both)."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="news", db_index=False)
    digest = models.BinaryField(max_length=32, help_text="Of what was said and when: the same news again is not written again.")
    source = models.CharField(max_length=10, choices=Source)
    status = models.CharField(max_length=10, blank=True, help_text="Ours; unmapped where no table knows the word.")
    raw_status = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    pause = models.CharField(max_length=64, blank=True)
    category = models.CharField(max_length=64, blank=True)
    quality = models.CharField(max_length=64, blank=True)
    is_edited = models.BooleanField(default=False)
    differs = models.BooleanField(null=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "registration news"
        constraints = [
            # Also the way to a registration's history.
            models.UniqueConstraint(fields=["registration", "digest"], name="templates_news_once"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="templates_news_source_known"),
        ]

    def __str__(self) -> str:
        return f"{self.raw_status or self.quality or self.category or 'edited'} of {self.registration_id}"
