"""One webhook: signed when it leaves, sent once, and judged by what came of it. Nothing is raised."""

from __future__ import annotations

import dataclasses
import logging
import random
import time
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from accounts import ids
from callbacks import challenge, headers, keyring, signing, verdict
from callbacks.choices import CHALLENGE, Outcome
from callbacks.debts import Debt, Paid
from callbacks.keyring import Holder
from callbacks.verdict import Verdict
from routing.providers.base import Answer, Call
from routing.transport import NoAnswer, NotSent, Transport

logger = logging.getLogger(__name__)

READ = 64 * 1024
"""Bytes of an answer that are read at most; what follows is left unread."""
_pick = random.SystemRandom()


def secrets_for(owed: Sequence[Debt]) -> dict[Holder, list[str]]:
    """The secrets that sign each holder's webhooks; a business whose first callback this is gets its own now."""
    holders = {holder(debt) for debt in owed}
    found = keyring.live(holders)
    missing = {each for each in holders if each not in found and each.endpoint_id is None}
    for each in missing:
        keyring.ensure(each)
    return found | keyring.live(missing) if missing else found


def holder(debt: Debt) -> Holder:
    """Whose secrets sign it."""
    return Holder(debt.business_id, debt.mode, debt.endpoint_id if debt.is_registered else None)


async def send(debt: Debt, *, secrets: Sequence[str], transport: Transport) -> Paid:
    """Try it once, in the transport's loop."""
    at, began = debt.now(), time.monotonic()
    judged = await _try(debt, at=at, secrets=secrets, transport=transport)
    return Paid(debt, at, time.monotonic() - began, judged)


def give_up(debt: Debt) -> Paid:
    """It is not even tried, for its endpoint does not want to hear any more."""
    return Paid(debt, debt.now(), 0.0, verdict.given_up("endpoint_disabled"))


def _judge(debt: Debt, answer: Answer, *, tries: int) -> Verdict:
    judged = verdict.of_answer(answer, tries=tries, at=debt.now(), pick=_pick)
    if debt.type == CHALLENGE and judged.outcome is Outcome.DELIVERED and not challenge.is_answered(debt.body, answer=answer.body):
        return verdict.of_failure("challenge_not_answered", tries=tries, pick=_pick, status_code=judged.status_code, answer=judged.answer)
    # What was told in full may come back in the answer, and the log keeps no personal data.
    return dataclasses.replace(judged, answer=None) if debt.wants_full else judged


async def _try(debt: Debt, *, at: datetime, secrets: Sequence[str], transport: Transport) -> Verdict:
    tries, body = debt.tries + 1, debt.body.encode()
    try:
        ours = signing.sign(ids.public("evt", debt.event_id), at=at, body=body, secrets=secrets)
        own = headers.unseal(debt.headers, endpoint_id=debt.endpoint_id)
        call = Call("POST", debt.url, {**own, "Content-Type": "application/json", **ours}, body)
        answer = await transport.send(call, timeout=settings.QSURA_WEBHOOK_TIMEOUT, cap=READ)
        return _judge(debt, answer, tries=tries)
    except signing.UnusableSecret:
        return verdict.of_failure("cannot_sign", tries=tries, pick=_pick)
    except (NotSent, NoAnswer) as failure:
        return verdict.of_failure(failure.reason, tries=tries, pick=_pick)
    except Exception as error:  # noqa: BLE001 - one delivery that breaks something must not hold up the others
        # The type alone: an address may stand in the text.
        logger.error("The delivery %s could not be tried: %s.", ids.public("dlv", debt.delivery_id), type(error).__name__)  # noqa: TRY400
        return verdict.of_failure("internal_error", tries=tries, pick=_pick)
