"""What recipients wrote to us: kept sealed, for a short time (messaging.retention)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts import ids
from accounts.choices import Mode
from messaging.choices import Keyword, LinkedBy
from routing.choices import Channel


class Inbound(models.Model):
    """One thing that somebody wrote, tapped or sent to one of our senders. A provider's call that comes again makes no second one."""

    id = models.UUIDField(primary_key=True)
    account_id = models.UUIDField()
    business_id = models.UUIDField(
        null=True, help_text="Whose it is: the answered message's, else the account's; empty where nobody knows."
    )
    mode = models.CharField(max_length=4, choices=Mode)
    channel = models.CharField(max_length=10, choices=Channel)
    kind = models.CharField(max_length=10, help_text="text, button, list, reaction, media, location, order, unknown.")
    provider_id = models.CharField(max_length=255, help_text="The provider's id of it.")
    sender_hash = models.BinaryField(max_length=16, null=True, help_text="Keyed hash of the number or address.")
    user_hash = models.BinaryField(max_length=16, null=True, help_text="Keyed hash of the provider's own id of the person.")
    said = models.BinaryField(help_text="Sealed JSON: sender, user, to, text, payload.")
    keyword = models.CharField(max_length=5, choices=Keyword, blank=True)
    message_id = models.UUIDField(null=True, help_text="The message that it answers.")
    linked_by = models.CharField(max_length=7, choices=LinkedBy, blank=True)
    occurred_at = models.DateTimeField(help_text="The provider's time where it gave one.")
    received_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, help_text="When what follows from it was done: linked, told, a word obeyed.")
    call_id = models.UUIDField(help_text="The provider's call that it stood in.")

    class Meta:
        verbose_name = "inbound message"
        constraints = [models.UniqueConstraint(fields=["account_id", "provider_id"], name="messaging_inbound_once")]
        indexes = [
            # GET /v1/inbound and the admin's list: a business's newest first.
            models.Index(fields=["business_id", "mode", "-id"], name="messaging_inbound_list"),
            # The service window, and the admin's search: when did this person write to this account last?
            models.Index(fields=["sender_hash", "account_id", "-occurred_at"], name="messaging_inbound_sender"),
            # Whose number belongs to a provider's id of a person.
            models.Index(fields=["user_hash", "-id"], condition=Q(user_hash__isnull=False), name="messaging_inbound_user"),
            # The timeline of the message that it answers.
            models.Index(fields=["message_id"], condition=Q(message_id__isnull=False), name="messaging_inbound_message"),
            # The sweep: what is still to be followed up.
            models.Index(fields=["id"], condition=Q(settled_at__isnull=True), name="messaging_inbound_open"),
            # The clearing of what is past its time.
            models.Index(fields=["received_at"], name="messaging_inbound_age"),
        ]

    def __str__(self) -> str:
        return ids.public("inb", self.id)
