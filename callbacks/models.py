"""Receipts coming in, webhooks going out.

A *delivery* is one event owed to one endpoint: written once, with its body serialised once, in the very transaction of the event.
*DeliveryDue* is the queue of what is still to be paid, *DeliveryTry* the log of what was tried. Deliveries and tries are partitioned by
time, like messages. A *ProviderCall* is what a provider sent, whole and sealed, before anybody interprets it.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5

from accounts import ids
from accounts.choices import Mode
from accounts.history import History
from accounts.models import Business, Person
from callbacks.choices import (
    Body,
    CallState,
    EndpointKind,
    Forgery,
    Outcome,
    ReplayKind,
    ReplayState,
    RereadingState,
    WordKind,
)
from routing.models import ProviderAccount


class Endpoint(models.Model):
    """Where a business hears of its messages."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="endpoints")
    mode = models.CharField(max_length=4, choices=Mode)
    kind = models.CharField(max_length=10, choices=EndpointKind, default=EndpointKind.REGISTERED)
    url = models.TextField()
    description = models.CharField(max_length=200, blank=True)
    event_types = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="Empty: every type.")
    lane = models.UUIDField(
        editable=False, help_text="Its queue: a registered endpoint's own, or that of all its business's callbacks on one origin."
    )
    is_enabled = models.BooleanField(default=True)
    disabled_because = models.CharField(max_length=200, blank=True, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="The first failure since the last success; it is disabled after five days of these.",
    )
    resting_until = models.DateTimeField(null=True, blank=True, editable=False, help_text="Until then it asked to be left alone.")
    failures = models.IntegerField(db_default=0, default=0, editable=False, help_text="In a row; ten of them give it a rest.")
    verified_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When its receiver answered the challenge; before, everything waits. Not for callbacks.",
    )
    body = models.CharField(max_length=4, choices=Body, db_default=Body.THIN, default=Body.THIN)
    headers = models.BinaryField(null=True, editable=False, help_text="Sealed JSON, bound to the row's id: headers of its own.")
    rate_limit = models.SmallIntegerField(null=True, blank=True, help_text="Webhooks a second, at most. Empty: as fast as it takes them.")
    tokens = models.FloatField(db_default=0, default=0, editable=False, help_text="Of its rate: what may be sent at `tokens_at`.")
    tokens_at = models.DateTimeField(null=True, editable=False)
    unused_since = models.DateTimeField(
        null=True, editable=False, help_text="A callback that nobody has named for long, about to be cleared."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rate_limit__isnull=True) | Q(rate_limit__gte=1), name="callbacks_endpoint_rate_positive"),
            models.CheckConstraint(condition=Q(body__in=Body.values), name="callbacks_endpoint_body_known"),
            # One row for each callback URL, so that messages that name the same one share its health.
            models.UniqueConstraint("business", "mode", MD5("url"), condition=Q(kind="callback"), name="callbacks_callback_once"),
        ]
        indexes = [
            # The outbox: which endpoints of this business listen?
            models.Index(fields=["business", "mode"], condition=Q(kind="registered"), name="callbacks_endpoint_listening"),
        ]

    def __str__(self) -> str:
        return self.description or self.url.partition("?")[0]


class SigningSecret(models.Model):
    """A secret that signs webhooks: an endpoint's own, or (without endpoint) the business's, for its requests' callbacks."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="signing_secrets")
    mode = models.CharField(max_length=4, choices=Mode)
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="secrets")
    secret = models.BinaryField(editable=False, help_text="Sealed, bound to the row's id.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Set when a newer one takes over: until then both sign.")

    class Meta:
        constraints = [
            # One current secret each, however many people rotate it at once.
            models.UniqueConstraint(fields=["endpoint"], condition=Q(expires_at__isnull=True), name="callbacks_secret_one_current"),
            models.UniqueConstraint(
                fields=["business", "mode"], condition=Q(endpoint__isnull=True, expires_at__isnull=True), name="callbacks_secret_business"
            ),
        ]
        indexes = [
            # Signing: the live secrets of an endpoint, or of a business.
            models.Index(fields=["business", "mode", "endpoint"], name="callbacks_secret_lookup"),
        ]

    def __str__(self) -> str:
        return f"secret of {self.created_at:%d %B %Y}"


class Delivery(History):
    """One event owed to one endpoint."""

    id = models.UUIDField(primary_key=True)
    business_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=Mode)
    endpoint_id = models.UUIDField()
    event_id = models.UUIDField()
    message_id = models.UUIDField(null=True)
    type = models.CharField(max_length=40)
    body = models.TextField(help_text="Serialised once; signed and sent as stored.")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        permissions = [("replay_delivery", "Can send deliveries again")]
        indexes = [
            # An endpoint's deliveries, newest first.
            models.Index(fields=["endpoint_id", "-id"], name="callbacks_delivery_endpoint"),
            # A message's deliveries, for its timeline.
            models.Index(fields=["message_id"], condition=Q(message_id__isnull=False), name="callbacks_delivery_message"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {ids.public('whe', self.endpoint_id)}"


class DeliveryDue(models.Model):
    """A delivery that is still to be paid: the queue. Gone once delivered or given up."""

    delivery_id = models.UUIDField(primary_key=True)
    endpoint_id = models.UUIDField()
    lane = models.UUIDField(help_text="The endpoint's.")
    due_at = models.DateTimeField()
    lease = models.UUIDField(null=True, help_text="Who has it; a claim that lost its lease must neither send nor record.")
    lease_until = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0, help_text="Since it was last queued: they count along the schedule.")
    tried_before = models.SmallIntegerField(default=0, help_text="Tries before it was queued again by hand.")

    class Meta:
        indexes = [
            # The claim: lane after lane, the oldest of each. None on due_at alone: it would tempt the planner to walk along a backlog.
            models.Index(fields=["lane", "due_at"], name="callbacks_due_claim"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.delivery_id.hex} due"


class DeliveryTry(History):
    """One try of a delivery: what the endpoint answered, and how long it took."""

    pk = models.CompositePrimaryKey("delivery_id", "number")
    delivery_id = models.UUIDField()
    number = models.SmallIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    started_at = models.DateTimeField()
    milliseconds = models.IntegerField()
    status_code = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=200, null=True)  # noqa: DJ001 - null is "none"
    answer = models.TextField(null=True, help_text="The start of the answer's body.")  # noqa: DJ001
    next_try_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # The few that were given up: the admin's filter.
            models.Index(fields=["delivery_id"], condition=Q(outcome="exhausted"), name="callbacks_try_exhausted"),
        ]

    def __str__(self) -> str:
        return f"try {self.number}: {self.outcome}"


class FullBody(models.Model):
    """What a full webhook says beyond the delivery's own body: personal data, so it is sealed and kept no longer than its tries need."""

    delivery_id = models.UUIDField(primary_key=True)
    sealed = models.BinaryField(help_text="The whole body as it is signed and sent, bound to the delivery's id.")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Clearing after its short life.
            models.Index(fields=["created_at"], name="callbacks_fullbody_age"),
        ]

    def __str__(self) -> str:
        return f"full body of {ids.public('dlv', self.delivery_id)}"


class Replay(models.Model):
    """Sending again, as work in the background: what was asked for, how far it has come."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="replays")
    kind = models.CharField(max_length=7, choices=ReplayKind)
    state = models.CharField(max_length=8, choices=ReplayState, default=ReplayState.WAITING)
    because = models.CharField(max_length=200, blank=True, help_text="Why it ended before its end.")
    delivery_id = models.UUIDField(null=True, blank=True, help_text="The one that is sent again.")
    begin = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    looked_at = models.IntegerField(default=0, help_text="Deliveries and events.")
    queued = models.IntegerField(default=0, help_text="Deliveries that are sent again; what was about to be sent anyway is not counted.")
    phase = models.SmallIntegerField(default=0, editable=False)
    place = models.UUIDField(null=True, editable=False, help_text="The last one looked at in this phase ...")
    place_transaction = models.BigIntegerField(default=0, editable=False, help_text="... and its transaction.")
    horizon = models.BigIntegerField(
        null=True,
        editable=False,
        help_text="It begins when every transaction before this one has ended: none can add to its time any more.",
    )
    asked_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # One at a time for each endpoint, however many people ask at once.
            models.UniqueConstraint(fields=["endpoint"], condition=Q(state__in=["waiting", "running"]), name="callbacks_replay_one_open"),
        ]
        indexes = [
            # An endpoint's replays, newest first.
            models.Index(fields=["endpoint", "-id"], name="callbacks_replay_endpoint"),
            # The worker: which are open, oldest first?
            models.Index(fields=["created_at"], condition=Q(state__in=["waiting", "running"]), name="callbacks_replay_open"),
        ]

    def __str__(self) -> str:
        return f"replay {ids.public('rpl', self.id)}"


class ProviderCall(models.Model):
    """What a provider sent us, authentic and untouched. Kept for a short time, sealed, so that it can be read again."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="calls", db_index=False)
    received_at = models.DateTimeField()
    digest = models.BinaryField(max_length=32, help_text="SHA-256 of what was signed: the same call again is the same row.")
    content = models.BinaryField(help_text="Sealed: the URL as called, a line end, then the raw body.")
    state = models.CharField(max_length=10, choices=CallState, default=CallState.PENDING)
    receipts = models.SmallIntegerField(null=True, help_text="How many receipts stood in it.")
    read_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "digest"], name="callbacks_call_once")]
        indexes = [
            # The claim: what waits to be read, oldest first.
            models.Index(fields=["received_at"], condition=Q(state="pending"), name="callbacks_call_pending"),
            # The admin's list of those that could not be read.
            models.Index(fields=["-id"], condition=Q(state="unreadable"), name="callbacks_call_unreadable"),
            # Clearing after its short life.
            models.Index(fields=["read_at"], condition=~Q(state="pending"), name="callbacks_call_age"),
        ]

    def __str__(self) -> str:
        return f"call of {self.received_at:%d %B %H:%M:%S}"


class ParkedReceipt(models.Model):
    """A receipt that matches no attempt yet: it came before its hand-off was recorded, or was never ours. Kept 72 hours."""

    account_id = models.UUIDField()
    client_reference = models.CharField(max_length=128, blank=True)
    provider_reference = models.CharField(max_length=128, blank=True)
    status = models.CharField(max_length=13)
    raw_status = models.CharField(max_length=64)
    error_class = models.CharField(max_length=40, null=True)  # noqa: DJ001
    raw_code = models.CharField(max_length=128, null=True)  # noqa: DJ001
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    call_id = models.UUIDField()

    class Meta:
        indexes = [
            # Matching after hand-offs, and clearing by age.
            models.Index(fields=["account_id", "provider_reference"], name="callbacks_parked_match"),
            models.Index(fields=["received_at"], name="callbacks_parked_age"),
        ]

    def __str__(self) -> str:
        return f"{self.status} for {self.provider_reference or self.client_reference}"


class ForgedCalls(models.Model):
    """How often an account's door refused a call in one minute. A forgery leaves nothing but this."""

    pk = models.CompositePrimaryKey("account_id", "minute", "because")
    account_id = models.UUIDField()
    minute = models.DateTimeField()
    because = models.CharField(max_length=9, choices=Forgery)
    times = models.IntegerField()

    class Meta:
        verbose_name_plural = "forged calls"
        constraints = [models.CheckConstraint(condition=Q(because__in=Forgery.values), name="callbacks_forged_because_known")]
        indexes = [
            # The watch over the last minutes, and clearing by age.
            models.Index(fields=["minute"], name="callbacks_forged_minute"),
        ]

    def __str__(self) -> str:
        return f"{self.times} at {self.minute:%H:%M}"


class UnknownWord(models.Model):
    """A status or an error code of a provider that no table of ours knows: kept in the messages' histories, counted here."""

    provider = models.CharField(max_length=40)
    kind = models.CharField(max_length=6, choices=WordKind)
    word = models.CharField(max_length=128)
    times = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    last_account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    settled_at = models.DateTimeField(null=True, help_text="Somebody has looked after it; it opens again when it is heard again.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "kind", "word"], name="callbacks_word_once"),
            models.CheckConstraint(condition=Q(kind__in=WordKind.values), name="callbacks_word_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.word!r}"


class Hearing(models.Model):
    """Five minutes of an account's hand-offs, and how many of them a receipt had followed a quarter of an hour later."""

    pk = models.CompositePrimaryKey("account_id", "since")
    account_id = models.UUIDField()
    since = models.DateTimeField()
    handed = models.IntegerField()
    heard = models.IntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(heard__lte=models.F("handed")), name="callbacks_hearing_is_a_share")]
        indexes = [
            # The judgement over a week, and clearing by age.
            models.Index(fields=["since"], name="callbacks_hearing_since"),
        ]

    def __str__(self) -> str:
        return f"{self.heard} of {self.handed} from {self.since:%H:%M}"


class Rereading(models.Model):
    """History read again with today's tables, in the background: first dry, which changes nothing, then for good."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, related_name="rereadings")
    since = models.DateTimeField(help_text="Calls that came from then on are read again; they are kept for seven days.")
    dry_run = models.OneToOneField(
        "self", null=True, editable=False, on_delete=models.PROTECT, related_name="applied", help_text="What it carries out."
    )
    state = models.CharField(max_length=8, choices=RereadingState, default=RereadingState.WAITING, editable=False)
    asked_by = models.ForeignKey(Person, null=True, editable=False, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    until = models.DateTimeField(editable=False, help_text="Calls that came later have been read with these tables anyway.")
    place = models.UUIDField(editable=False, default=UUID(int=0), help_text="The last call that was read: it goes on behind it.")
    calls = models.IntegerField(editable=False, default=0)
    changes = models.IntegerField(editable=False, default=0)
    listed = models.JSONField(editable=False, default=list, help_text="The first changes: message, from, to, event.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=RereadingState.values), name="callbacks_rereading_state_known")]
        indexes = [
            # The worker: what is still to be read, oldest first.
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="callbacks_rereading_open"),
        ]

    def __str__(self) -> str:
        return f"{'dry run' if self.dry_run_id is None else 'reading again'} since {self.since:%d %B %H:%M}"
