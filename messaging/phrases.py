"""Our words as people read them: error classes, statuses, spans of time."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from messaging.lifecycle import AttemptStatus, Status
from messaging.timeline import Kind, Tone
from routing.choices import Channel
from routing.providers.base import ErrorClass

CHANNELS: dict[str, str] = {channel.value: str(channel.label) for channel in Channel} | {"auto": "Any channel"}

BECAUSE: dict[str, str] = {
    ErrorClass.THROTTLED: "the provider asked for fewer calls",
    ErrorClass.PROVIDER_FAULT: "the provider had a fault of its own",
    ErrorClass.ACCOUNT_FAULT: "the provider account could not be used",
    ErrorClass.UNREACHABLE: "the recipient can't be reached there",
    ErrorClass.INVALID_RECIPIENT_ON_CHANNEL: "the recipient is not on that channel",
    ErrorClass.WINDOW_CLOSED: "the channel's window for such messages is closed",
    ErrorClass.TEMPLATE_FAULT: "the provider did not accept the template",
    ErrorClass.OPTED_OUT: "the recipient does not want such messages",
    ErrorClass.BLOCKED_CONTENT: "the content was blocked",
    ErrorClass.INVALID_RECIPIENT: "the recipient does not exist",
    ErrorClass.EXPIRED: "its time had run out",
    ErrorClass.UNMAPPED: "the provider gave a code that no table knows",
    "silence": "nothing was heard in time",
    "unknown": "nobody knows what became of the hand-off",
    "outcome_unknown": "nobody knows what became of the hand-off",
}
"""Why something did not arrive, or why the plan went on; the words are those of routing.providers.base.ErrorClass and messaging.course."""

TONES: dict[str, Tone] = {
    Status.ACCEPTED: Tone.PLAIN,
    Status.SCHEDULED: Tone.PLAIN,
    Status.SUBMITTED: Tone.MOVING,
    Status.SENT: Tone.MOVING,
    Status.DELIVERED: Tone.GOOD,
    Status.READ: Tone.GOOD,
    Status.FAILED: Tone.BAD,
    Status.EXPIRED: Tone.BAD,
    Status.CANCELED: Tone.CARE,
    AttemptStatus.PENDING: Tone.PLAIN,
    AttemptStatus.UNKNOWN: Tone.CARE,
    AttemptStatus.UNDELIVERABLE: Tone.BAD,
    AttemptStatus.REJECTED: Tone.BAD,
    "unmapped": Tone.CARE,
}
"""By the status of a message or of an attempt."""

ICONS: dict[str, str] = {
    Kind.REQUEST: "login",
    Kind.CALL: "call_made",
    Kind.ANSWER: "call_received",
    Kind.RECEIPT: "receipt_long",
    Kind.EVENT: "flag",
    Kind.WEBHOOK: "webhook",
    Kind.REPLY: "reply",
    Kind.CLOCK: "schedule",
    Status.ACCEPTED: "inbox",
    Status.SCHEDULED: "calendar_clock",
    Status.SUBMITTED: "outbox",
    Status.SENT: "send",
    Status.DELIVERED: "check",
    Status.READ: "done_all",
    Status.FAILED: "error",
    Status.EXPIRED: "timer_off",
    Status.CANCELED: "undo",
    Channel.WHATSAPP: "chat",
    Channel.SMS: "sms",
    Channel.EMAIL: "mail",
}
"""Names of the theme's icon font, for the eye alone: the word always stands beside."""


def channel(word: str | None) -> str:
    return CHANNELS.get(word or "", word or "")


def plain(word: str) -> str:
    """A machine's word as a person writes it."""
    return word.replace("_", " ").capitalize()


def because(word: str | None) -> str:
    """The reason in a clause; an unknown word stays as it is."""
    return BECAUSE.get(word or "", word or "no reason was given")


def span(length: timedelta) -> str:
    """A length of time in the largest unit that says enough: 84 ms, 3.2 s, 2 min 30 s, 2 h 10 min, 3 d."""
    seconds = abs(length.total_seconds())
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} d"


def address(url: str) -> str:
    """A URL without what it may hide: credentials, query, fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
