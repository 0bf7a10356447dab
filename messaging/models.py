"""The message and its story.

What never changes and what changes live apart (docs/decisions/0003): *message* is the request as accepted, wide, inserted once;
*state* is a narrow row beside it, and the only one that is updated often; *due* and *timer* are small queues, emptied as work is done;
*event* and *receipt* are append-only. Message, state, attempt, event and receipt are partitioned by time on the range of the message's
UUIDv7 (migrations/0002), so that a look-up by id prunes and retention drops whole partitions. Foreign keys stop at configuration: on
these tables each one costs 7 % of the rate, and rows here outlive what they name. All hot writes are in messaging.record.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts import ids
from accounts.choices import Mode
from accounts.history import History
from accounts.models import Business
from messaging.backtest_records import Backtest  # noqa: F401 - Django looks for models here
from messaging.choices import EventType, SuppressionOrigin, SuppressionReason
from messaging.inbound_records import Inbound  # noqa: F401 - Django looks for models here
from messaging.lifecycle import AttemptStatus, Status
from routing.choices import Channel, TrafficClass


class Message(History):
    """One accepted request, exactly as accepted."""

    id = models.UUIDField(primary_key=True)
    business_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=Mode)
    api_key_id = models.UUIDField()
    channel = models.CharField(max_length=10, help_text="As asked for: a channel, or auto.")
    lane = models.CharField(max_length=14, choices=TrafficClass)
    template_version_id = models.UUIDField()
    template_name = models.CharField(max_length=512)
    template_number = models.IntegerField()
    language = models.CharField(max_length=35)
    content_hash = models.BinaryField(max_length=32)
    recipient = models.BinaryField(help_text="Sealed.")
    recipient_hash = models.BinaryField(max_length=16, help_text="Keyed hash, by which a recipient is found.")
    variables = models.BinaryField(null=True, help_text="Sealed JSON.")
    reference = models.CharField(max_length=255, null=True)  # noqa: DJ001 - null is "none given", and is echoed as such
    metadata = models.JSONField(null=True)
    callback = models.TextField(null=True)  # noqa: DJ001 - likewise
    route_version_id = models.UUIDField()
    route_name = models.CharField(max_length=60)
    route_number = models.IntegerField()
    plan = models.JSONField(help_text="The steps, in order: {channel, accounts: [{id, name, provider}], until, within}.")
    trace = models.JSONField(help_text="The decision that made the plan: each condition with the value seen.")
    segments = models.SmallIntegerField(null=True)
    request_id = models.CharField(max_length=64)
    send_at = models.DateTimeField(null=True, help_text="As asked for, or the end of the quiet hours that it fell into.")
    timezone = models.CharField(max_length=40, null=True, help_text="The recipient's, where the request gave it.")  # noqa: DJ001
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            # GET /v1/messages: a business's newest first (UUIDv7 sorts by time).
            models.Index(fields=["business_id", "mode", "-id"], name="messaging_message_list"),
            # GET /v1/messages?recipient= and the admin's search.
            models.Index(fields=["recipient_hash", "-id"], name="messaging_message_recipient"),
            # GET /v1/messages?reference= and the admin's search.
            models.Index(fields=["reference", "-id"], condition=Q(reference__isnull=False), name="messaging_message_reference"),
        ]

    def __str__(self) -> str:
        return ids.public("msg", self.id)


class State(models.Model):
    """Where a message stands. Narrow, no index but its key, low fillfactor: nearly every update stays on its page (HOT)."""

    message_id = models.UUIDField(primary_key=True)
    status = models.CharField(max_length=10)
    opened = models.CharField(max_length=10, help_text="The status before any hand-off: accepted or scheduled.")
    ended = models.CharField(max_length=10, null=True)  # noqa: DJ001 - null is "we have not ended it"
    seq = models.SmallIntegerField(help_text="The number of its last event.")
    step = models.SmallIntegerField(help_text="The step of the plan that was handed off last, or is due now.")
    attempts = models.SmallIntegerField(help_text="How many attempts have been made.")
    error_class = models.CharField(max_length=40, null=True)  # noqa: DJ001
    error_code = models.CharField(max_length=40, null=True)  # noqa: DJ001
    expires_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(status__in=list(Status)), name="messaging_state_status_known")]

    def __str__(self) -> str:
        return f"{ids.public('msg', self.message_id)} {self.status}"


class Attempt(models.Model):
    """One step of the plan, handed to one provider account. Written before the call is made."""

    pk = models.CompositePrimaryKey("message_id", "number")
    message_id = models.UUIDField()
    number = models.SmallIntegerField()
    step = models.SmallIntegerField()
    channel = models.CharField(max_length=10, choices=Channel)
    account_id = models.UUIDField()
    status = models.CharField(max_length=13)
    tries = models.SmallIntegerField(help_text="How often the provider has been called for it.")
    called_at = models.DateTimeField(help_text="When the last call began.")
    provider_reference = models.CharField(max_length=128, null=True)  # noqa: DJ001
    submitted_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    weight = models.CharField(max_length=13, help_text="The weightiest negative status heard (lifecycle.Known.weight).")
    error_class = models.CharField(max_length=40, null=True)  # noqa: DJ001
    error_code = models.CharField(max_length=40, null=True)  # noqa: DJ001
    raw_code = models.CharField(max_length=128, null=True)  # noqa: DJ001

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(status__in=list(AttemptStatus)), name="messaging_attempt_status_known")]

    def __str__(self) -> str:
        return f"{ids.public('msg', self.message_id)} attempt {self.number} {self.status}"


class Due(models.Model):
    """An attempt that waits to be handed off: at most one for each message. The row is the queue; Celery only rings."""

    message_id = models.UUIDField(primary_key=True)
    business_id = models.UUIDField()
    lane = models.CharField(max_length=14, choices=TrafficClass)
    number = models.SmallIntegerField(help_text="The attempt's number.")
    step = models.SmallIntegerField()
    channel = models.CharField(max_length=10, choices=Channel)
    account_id = models.UUIDField()
    due_at = models.DateTimeField(help_text="When it may be claimed; a claim moves it to the end of the lease.")
    gives_up_at = models.DateTimeField(null=True, help_text="When the step stops trying the same account, if it keeps failing.")
    lease = models.UUIDField(null=True, help_text="Who has it; a claim that lost its lease must neither call nor record.")
    calling_at = models.DateTimeField(null=True, help_text="Set just before the network is used: past this, the outcome may be unknown.")
    tries = models.SmallIntegerField(default=0)
    error_class = models.CharField(max_length=40, null=True, help_text="Why it was put off last.")  # noqa: DJ001
    raw_code = models.CharField(max_length=128, null=True)  # noqa: DJ001

    class Meta:
        indexes = [
            # The claim: from business to business, what is due in a lane for one account, oldest first.
            models.Index(fields=["lane", "account_id", "business_id", "due_at"], name="messaging_due_fair"),
            # The bell: is anything due in a lane?
            models.Index(fields=["lane", "due_at"], name="messaging_due_bell"),
        ]

    def __str__(self) -> str:
        return f"{ids.public('msg', self.message_id)} attempt {self.number} due"


class Timer(models.Model):
    """The next moment at which time alone decides something about a message: a step's silence, an unknown's grace, the deadline."""

    message_id = models.UUIDField(primary_key=True)
    due_at = models.DateTimeField()

    class Meta:
        indexes = [
            # The sweep: what time has decided.
            models.Index(fields=["due_at"], name="messaging_timer_due"),
        ]

    def __str__(self) -> str:
        return f"{ids.public('msg', self.message_id)} at {self.due_at:%H:%M:%S}"


class Event(History):
    """One line of a message's story, in order. No recipient, no variables, no text: an event survives erasure."""

    pk = models.CompositePrimaryKey("message_id", "seq")
    message_id = models.UUIDField()
    seq = models.SmallIntegerField(help_text="1, 2, 3 ... in each message, without gaps.")
    id = models.UUIDField(help_text="UUIDv7; the webhook-id of every delivery of it.")
    business_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=Mode)
    type = models.CharField(max_length=40, choices=EventType)
    previous_status = models.CharField(max_length=10, null=True)  # noqa: DJ001
    status = models.CharField(max_length=10)
    final = models.BooleanField()
    occurred_at = models.DateTimeField(help_text="The provider's time where it gave one.")
    recorded_at = models.DateTimeField()
    attempt = models.SmallIntegerField(null=True)
    channel = models.CharField(max_length=10, null=True)  # noqa: DJ001
    account_id = models.UUIDField(null=True)
    error_class = models.CharField(max_length=40, null=True)  # noqa: DJ001
    error_code = models.CharField(max_length=40, null=True)  # noqa: DJ001
    raw_code = models.CharField(max_length=128, null=True)  # noqa: DJ001
    detail = models.JSONField(null=True, help_text="fallback {from, to, because}, recovered, late, deferred {because, until}.")
    # The column `transaction` (xid8, filled by the database) orders GET /v1/events so that no reader passes an event not yet committed.

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(type__in=EventType.values), name="messaging_event_type_known")]
        indexes = [
            # The watch for fallbacks: the newest, among all the rest.
            models.Index(fields=["id"], condition=Q(type="message.fallback"), name="messaging_event_fallback"),
        ]

    def __str__(self) -> str:
        return f"{ids.public('msg', self.message_id)} {self.seq} {self.type}"


class Receipt(History):
    """One thing that a provider said about an attempt, kept even where it changed nothing."""

    pk = models.CompositePrimaryKey("message_id", "id")
    message_id = models.UUIDField()
    id = models.UUIDField()
    attempt = models.SmallIntegerField()
    status = models.CharField(max_length=13)
    raw_status = models.CharField(max_length=64)
    raw_code = models.CharField(max_length=128, null=True)  # noqa: DJ001
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    call_id = models.UUIDField(null=True, help_text="The provider's call that it stood in.")

    def __str__(self) -> str:
        return f"{ids.public('msg', self.message_id)} receipt {self.status}"


class Tally(models.Model):
    """How much of a cap is used: one row for each window. Only what has a cap is counted (messaging.counting)."""

    pk = models.CompositePrimaryKey("business_id", "mode", "kind", "subject", "opens_at")
    business_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=Mode)
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=64, help_text="A channel, a recipient's keyed hash, a block of numbers; or nothing.")
    opens_at = models.DateTimeField()
    used = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        indexes = [
            # The clearing of windows that are over.
            models.Index(fields=["opens_at"], name="messaging_tally_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.opens_at:%d %B %H:%M}: {self.used}"


class DeadLetter(models.Model):
    """A message on which a worker breaks: counted, and from `set_aside_at` on out of the queue until staff put it back."""

    message_id = models.UUIDField(primary_key=True)
    business_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=Mode)
    lane = models.CharField(max_length=14, choices=TrafficClass)
    place = models.CharField(max_length=20, help_text="What was being done: hand-off, time.")
    error = models.CharField(max_length=200, help_text="The error's type and the line of code; never its text.")
    times = models.SmallIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    set_aside_at = models.DateTimeField(null=True)
    due = models.JSONField(null=True, help_text="Its row of the queue, as it was.")
    timer_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("put_back_deadletter", "Can put dead letters back")]
        indexes = [
            # The admin's list, and whether any is left.
            models.Index(fields=["-set_aside_at"], condition=Q(set_aside_at__isnull=False), name="messaging_deadletter_aside"),
        ]

    def __str__(self) -> str:
        return f"{ids.public('msg', self.message_id)} set aside"


class IdempotencyKey(models.Model):
    """The first answer to a request, given again to its repetitions for 24 hours."""

    pk = models.CompositePrimaryKey("business_id", "mode", "key")
    business_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=Mode)
    key = models.CharField(max_length=255)
    body_hash = models.BinaryField(max_length=32)
    answer = models.BinaryField(help_text="The very bytes that were answered; deflated where that is worth it.")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            # The hourly clearing of keys older than a day.
            models.Index(fields=["created_at"], name="messaging_idempotency_age"),
        ]

    def __str__(self) -> str:
        return f"idempotency key of {self.created_at:%d %B}"


class ProviderReference(models.Model):
    """A provider's id of an attempt: the way back for receipts that do not carry our own."""

    pk = models.CompositePrimaryKey("account_id", "reference")
    account_id = models.UUIDField()
    reference = models.CharField(max_length=128)
    message_id = models.UUIDField()
    attempt = models.SmallIntegerField()
    parts = ArrayField(models.TextField(), null=True, help_text="Where the attempt went out in several parts: the references of all.")
    heard = models.CharField(max_length=13, null=True, help_text="What was heard of this part.")  # noqa: DJ001 - null is "nothing"
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            # The clearing of references past their receipts' time.
            models.Index(fields=["created_at"], name="messaging_reference_age"),
        ]

    def __str__(self) -> str:
        return self.reference


class Suppression(models.Model):
    """A recipient who must not be written to: by a business, on a channel (or all), in a category (or all). Lifted, it stays as history."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="suppressions")
    mode = models.CharField(max_length=4, choices=Mode, blank=True, default="", db_default="", help_text="Empty: both worlds.")
    recipient_hash = models.BinaryField(max_length=16)
    sealed = models.BinaryField(null=True, help_text="The recipient, sealed, for the business's own export; empty where nobody gave it.")
    channel = models.CharField(max_length=10, choices=Channel, blank=True, help_text="Empty: every channel.")
    category = models.CharField(max_length=14, choices=TrafficClass, blank=True, help_text="Empty: every category.")
    reason = models.CharField(max_length=20, choices=SuppressionReason)
    origin = models.CharField(
        max_length=10, choices=SuppressionOrigin, default=SuppressionOrigin.STAFF, db_default=SuppressionOrigin.STAFF.value
    )
    source = models.CharField(max_length=200, blank=True, help_text="Who or what said so: a provider's code, a member of staff, a form.")
    evidence = models.JSONField(null=True, blank=True, help_text="What shows it: flat, ids and codes, no personal data.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True, editable=False)
    lifted_by = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    lifted_because = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)

    class Meta:
        constraints = [
            # One of a kind in force. Serves the check at accept and at every hand-off, too: it begins with the business and the recipient.
            models.UniqueConstraint(
                fields=["business", "recipient_hash", "mode", "channel", "category", "reason", "origin"],
                condition=Q(lifted_at__isnull=True),
                name="messaging_suppression_in_force",
            )
        ]
        indexes = [
            # GET /v1/suppressions: a business's newest first, those lifted too; ?recipient= finds by the hash.
            models.Index(fields=["business", "-id"], name="messaging_suppression_list"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} ({self.channel or 'every channel'})"


class SuppressionImport(models.Model):
    """A file of suppressions that is taken in in the background, a thousand lines at a time. Its content goes when it is done."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=4, choices=Mode, blank=True, default="", help_text="Empty: both worlds.")
    name = models.CharField(max_length=200, help_text="The file's name.")
    by = models.CharField(max_length=200)
    content = models.BinaryField(null=True, help_text="Sealed; empty when it is done.")
    lines = models.IntegerField(help_text="How many it has, without the heading.")
    done = models.IntegerField(default=0)
    added = models.IntegerField(default=0)
    known = models.IntegerField(default=0, help_text="Lines whose suppression was in force already.")
    wrong = models.IntegerField(default=0)
    faults = models.JSONField(default=list, help_text="The first wrong lines: {line, code}; nothing of their content.")
    failed_because = models.CharField(max_length=200, blank=True, default="", db_default="", help_text="Empty: it did not fail.")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "import"
        indexes = [
            # The sweep: is anything left to take in?
            models.Index(fields=["id"], condition=Q(finished_at__isnull=True), name="messaging_import_open"),
        ]

    def __str__(self) -> str:
        return self.name
