"""Words of the room: the worlds, the roles and the scopes."""

from __future__ import annotations

from django.db.models import TextChoices


class Mode(TextChoices):
    """Two separate worlds: `test` never reaches a real provider, `live` never the simulator's stand-ins."""

    TEST = "test"
    LIVE = "live"


class Role(TextChoices):
    """What a person may do in the admin. Roles are Django groups of the same name."""

    AUTHOR = "author"
    APPROVER = "approver"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Scope(TextChoices):
    """What an API key may do."""

    MESSAGES_SEND = "messages:send"
    MESSAGES_READ = "messages:read"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    WEBHOOKS_MANAGE = "webhooks:manage"
    SUPPRESSIONS_READ = "suppressions:read"
    SUPPRESSIONS_MANAGE = "suppressions:manage"
    INBOUND_READ = "inbound:read"


class BusinessEventType(TextChoices):
    """The types of a business's events that are no message's; docs/webhooks.md is their catalogue."""

    TEMPLATE_SUBMITTED = "template.submitted"
    TEMPLATE_APPROVED = "template.approved"
    TEMPLATE_REJECTED = "template.rejected"
    TEMPLATE_PAUSED = "template.paused"
    TEMPLATE_RETIRED = "template.retired"
    INBOUND_RECEIVED = "inbound.received"
    OPTED_OUT = "recipient.opted_out"
    OPTED_IN = "recipient.opted_in"
    ENDPOINT_DISABLED = "endpoint.disabled"
    PROVIDER_DEGRADED = "provider.degraded"
    PROVIDER_RECOVERED = "provider.recovered"
