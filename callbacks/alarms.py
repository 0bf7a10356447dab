"""Telling staff of alerts: one mail a round, and signed webhooks, in the order in which things happened.

At least once: what a crash interrupts is claimed again when its lease has run out, and a webhook comes with the same id and the same body.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage

from accounts import ids
from alerts import letters, telling
from alerts.kinds import Way
from alerts.models import Telling
from callbacks import signing
from routing.providers.base import Call
from routing.transport import NoAnswer, NotSent, shared

AT_A_TIME = {Way.EMAIL: 200, Way.WEBHOOK: 50}
"""Tellings that one round takes: the mail that a storm becomes, and the webhooks that follow each other."""
_BUDGET = 60.0
"""Seconds that a round gives to webhooks; well within telling.LEASE, with one more time-out on top."""


def ways() -> list[Way]:
    """By which staff are told, as the settings say."""
    by_mail = [Way.EMAIL] if settings.ALERT_EMAILS and settings.EMAIL_URL else []
    return by_mail + ([Way.WEBHOOK] if settings.ALERT_WEBHOOK_URL else [])


def tell(*, at: datetime) -> int:
    """Tell what is owed by now; returns how many tellings reached somebody. What fails waits for its next try."""
    wanted = ways()
    telling.owe(wanted, at=at)
    return sum(_TELL[way](telling.claim(way, limit=AT_A_TIME[way], at=at), at=at) for way in wanted)


def _by_mail(claimed: Sequence[Telling], *, at: datetime) -> int:
    if not claimed:
        return 0
    letter = letters.mail(claimed)
    try:
        _mail(letter).send()
    except (smtplib.SMTPException, OSError) as error:
        telling.failed(claimed, error=_why(error), at=at)
        return 0
    return telling.told(claimed, at=at)


def _mail(letter: letters.Letter) -> EmailMessage:
    # RFC 3834: no automatic answer, please.
    headers = {"Auto-Submitted": "auto-generated"}
    return EmailMessage(letter.subject, letter.text, settings.ALERT_EMAIL_FROM, settings.ALERT_EMAILS, headers=headers)


def _why(error: Exception) -> str:
    """What the server said in numbers: in its words may stand addresses."""
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def _by_webhook(claimed: Sequence[Telling], *, at: datetime) -> int:
    """One after the other. The first that fails ends the round: its receiver is away, and the order would be lost."""
    ends = time.monotonic() + _BUDGET
    for number, each in enumerate(claimed):
        if time.monotonic() >= ends:
            telling.put_back(claimed[number:])
            return number
        if error := _post(each, at=at):
            telling.failed(claimed[number:], error=error, at=at)
            return number
        telling.told([each], at=at)
    return len(claimed)


def _post(owed: Telling, *, at: datetime) -> str:
    """Why it did not arrive, or nothing."""
    body = owed.body.encode()
    transport = shared()
    try:
        signed = signing.sign(ids.public("alt", owed.id), at=at, body=body, secrets=[settings.ALERT_WEBHOOK_SECRET])
        call = Call("POST", settings.ALERT_WEBHOOK_URL, {"Content-Type": "application/json", **signed}, body)
        answer = transport.run(transport.send(call, timeout=settings.QSURA_WEBHOOK_TIMEOUT, cap=1_000))
    except signing.UnusableSecret:
        return "cannot_sign"
    except (NotSent, NoAnswer) as failure:
        return failure.reason
    return "" if 200 <= answer.status < 300 else f"answered {answer.status}"


_TELL = {Way.EMAIL: _by_mail, Way.WEBHOOK: _by_webhook}
