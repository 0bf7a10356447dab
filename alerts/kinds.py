"""The kinds of alert: what each is called, how urgent it is, and what to do about it. docs/alerts.md tells when each opens and ends."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import TextChoices


class Severity(TextChoices):
    """How soon somebody should look."""

    URGENT = "urgent"  # messages are lost, late or forged while nobody looks
    WARNING = "warning"  # it works, by a detour or for the moment
    NOTICE = "notice"  # nothing is at risk yet; somebody should know


class Way(TextChoices):
    """How staff are told, beside the admin, where everything stands."""

    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook"


class Occasion(TextChoices):
    """Why something is told of an alert."""

    OPENED = "opened"
    REMINDED = "reminded", "Still open"
    RESOLVED = "resolved"


class Kind(TextChoices):
    """What staff are told of. One trouble is one alert: its kind, and what it is about."""

    PROVIDER_DEGRADED = "provider_degraded", "Provider degraded"
    BREAKER_OPEN = "breaker_open", "Breaker open"
    SHARE_LOWERED = "share_lowered", "Share lowered"
    ACCOUNT_OUT_OF_SERVICE = "account_out_of_service", "Provider account out of service"
    BIND_LOST = "bind_lost", "SMPP account not bound"
    RECEIPTS_SILENT = "receipts_silent", "Receipts are silent"
    TEMPLATE_PAUSED = "template_paused", "Template paused by its provider"
    TEMPLATE_REJECTED_BY_PROVIDER = "template_rejected_by_provider", "Template rejected by its provider"
    TEMPLATE_CHANGED = "template_changed", "Template changed by its provider"
    ENDPOINT_DISABLED = "endpoint_disabled", "Endpoint disabled"
    QUEUE_AGE = "queue_age", "Queue is behind"
    DEADLINE_BROKEN = "deadline_broken", "Deadline promise broken"
    CAP_NEAR = "cap_near", "Cap is near"
    PUMPING_SUSPECTED = "pumping_suspected", "Pumping of one-time codes suspected"
    FALLBACK_USED = "fallback_used", "Fallback saved the day"
    FORGED_RECEIPTS = "forged_receipts", "Forged receipts"
    STRAY_RECEIPTS = "stray_receipts", "Receipts of nothing of ours"
    DOUBLE_REFERENCE = "double_reference", "Provider gives one reference twice"
    UNMAPPED_CODE = "unmapped_code", "Unmapped error code"
    KEY_IN_BROWSER = "key_in_browser", "API key in a browser"
    DEAD_LETTER = "dead_letter", "Message set aside"
    TEMPLATE_FAULT = "template_fault", "Template refused at hand-off"
    ENDPOINT_BEHIND = "endpoint_behind", "Endpoint is behind"

    @property
    def fades_after(self) -> timedelta | None:
        """Of troubles that are seen again and again and have no end of their own: after so much quiet they are over."""
        return _FADING.get(self)

    @property
    def severity(self) -> Severity:
        return _MEANINGS[self][0]

    @property
    def what_to_do(self) -> str:
        """The way out, in plain words."""
        return _MEANINGS[self][1]


_MEANINGS: dict[Kind, tuple[Severity, str]] = {
    Kind.DEAD_LETTER: (
        Severity.URGENT,
        "A worker broke on a message and has set it aside, so that it holds up no other. The page of dead letters names the line of code. "
        "Mend what broke (a key missing in QSURA_FIELD_KEYS, a bug), then put the message back there: it goes on where it was.",
    ),
    Kind.PROVIDER_DEGRADED: (
        Severity.URGENT,
        "Look at the provider's status page and at the account's latest errors. Messages go round it where their route has another way. "
        "If it lasts, publish a route that leaves the account out.",
    ),
    Kind.BREAKER_OPEN: (
        Severity.URGENT,
        "Half of the account's calls failed, so none is made but a few probes now and then, which close the breaker by themselves. Look at "
        "the provider's status page. Messages take another account or step where their route has one; the others wait.",
    ),
    Kind.SHARE_LOWERED: (
        Severity.NOTICE,
        "The account fails or is slow more often than the others of its steps, so they get a part of its traffic until it is better. "
        "Its page shows the figures and every change; its share drifts back by itself.",
    ),
    Kind.ACCOUNT_OUT_OF_SERVICE: (
        Severity.URGENT,
        "The provider refused the account: renew its credentials, top up its balance or lift its block at the provider. Then put it back "
        "in service on its page. Until then its messages take another account or step, or wait till their deadline.",
    ),
    Kind.BIND_LOST: (
        Severity.URGENT,
        "The account's connections to its SMSC do not stand, so nothing is sent by it and no receipts come. Its page says why. See that "
        "manage.py smpp runs, that the network leads there (VPN, QSURA_ALLOWED_PRIVATE_TARGETS), and ask the operator.",
    ),
    Kind.RECEIPTS_SILENT: (
        Severity.URGENT,
        "Messages are handed off and no receipts come back. Check at the provider that the callback URL is the one on the account's page "
        "and that its secret is the right one, and that the provider reaches this address through firewall and proxy.",
    ),
    Kind.TEMPLATE_PAUSED: (
        Severity.URGENT,
        "The provider has paused or disabled the template, so its messages take their next channel or fail. Read the provider's reason, "
        "mend the wording in a new version, and have it approved.",
    ),
    Kind.TEMPLATE_REJECTED_BY_PROVIDER: (
        Severity.WARNING,
        "The provider did not approve the template. Read its reason, write a new version that answers it, and submit that one.",
    ),
    Kind.TEMPLATE_CHANGED: (
        Severity.WARNING,
        "The provider has put the template into another category, which changes its price and its limits. Appeal there, or write a new "
        "version whose words belong to the category that was asked for.",
    ),
    Kind.ENDPOINT_DISABLED: (
        Severity.WARNING,
        "The endpoint gets no webhooks any more. Tell its owner; once the receiver is mended, enable the endpoint and replay "
        "what is missing.",
    ),
    Kind.QUEUE_AGE: (
        Severity.URGENT,
        "Work waits longer than it should. See that workers run and take this queue (their option -Q), that the database is not the "
        "limit, and that the provider or receiver is not simply slow. Add worker processes if all are busy.",
    ),
    Kind.DEADLINE_BROKEN: (
        Severity.URGENT,
        "A message has outlived its deadline without a final status, or a final event has no delivery. See that beat runs and that a "
        "worker takes the queue of sweeps; then look at the logs of the sweep that should have settled it.",
    ),
    Kind.CAP_NEAR: (
        Severity.NOTICE,
        "Four fifths of a cap are used. Raise the cap, or slow the sender down before messages are refused.",
    ),
    Kind.PUMPING_SUSPECTED: (
        Severity.URGENT,
        "Somebody makes the business send many one-time codes to neighbouring numbers: usually fraud, paid by the message. Further ones "
        "there are refused. Ask the business to guard the form that sends codes. If it is right so, release the numbers.",
    ),
    Kind.FALLBACK_USED: (
        Severity.NOTICE,
        "Messages arrived by their next step because the first one failed. Nothing is lost, but it may cost more: look at why the first "
        "step fails before the second one does too.",
    ),
    Kind.FORGED_RECEIPTS: (
        Severity.WARNING,
        "Somebody calls the account's callback URL without its provider's signature; nothing of it was believed. If it began with a change "
        "of secrets at the provider, enter the new one here. Else give the account a new callback URL.",
    ),
    Kind.STRAY_RECEIPTS: (
        Severity.WARNING,
        "The provider speaks of messages that this account never sent. Usually somebody else sends from the same number: give the "
        "platform one of its own, or leave it be. After a database was put back to an earlier state it tells what was sent since.",
    ),
    Kind.DOUBLE_REFERENCE: (
        Severity.WARNING,
        "The provider gave two messages the same id, so a receipt that bears only that id counts for the first of them. Ask the provider; "
        "while it lasts, don't trust the statuses of providers that do not return our own reference.",
    ),
    Kind.UNMAPPED_CODE: (
        Severity.NOTICE,
        "The provider used an error code that no table knows; it is treated as a fault of the provider and tried again. Look the code up "
        "in the provider's documentation and add it to the adapter's table (docs/adding-a-provider.md).",
    ),
    Kind.KEY_IN_BROWSER: (
        Severity.URGENT,
        "The key stands in a web page or an app where everybody can read it. Rotate it now, and call the API from a server instead.",
    ),
    Kind.TEMPLATE_FAULT: (
        Severity.WARNING,
        "A provider refused a message because of its template: unknown there, paused, or with other parameters. The message took its next "
        "channel or failed. Compare the version with what the provider has; register it there, or mend it in a new version.",
    ),
    Kind.ENDPOINT_BEHIND: (
        Severity.WARNING,
        "The endpoint answers too slowly, or not at all, for what it is owed, so its webhooks wait; no other endpoint's do. Tell its "
        "owner: answer at once, and do the work afterwards.",
    ),
}

_FADING: dict[Kind, timedelta] = {
    Kind.CAP_NEAR: timedelta(hours=24),
    Kind.PUMPING_SUSPECTED: timedelta(hours=2),
    Kind.FALLBACK_USED: timedelta(minutes=15),
    Kind.TEMPLATE_FAULT: timedelta(hours=1),
    Kind.DOUBLE_REFERENCE: timedelta(hours=1),
    Kind.UNMAPPED_CODE: timedelta(hours=24),
}
