"""What an answer to a webhook means: delivered, to be tried again and when, or given up."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from callbacks import schedule
from callbacks.choices import Outcome
from routing.providers.base import Answer

KEPT = 2_000
"""Characters of an answer that the log keeps."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one try ended."""

    outcome: Outcome
    status_code: int | None = None
    error: str | None = None
    """A stable code; None where the status says it all."""
    answer: str | None = None
    """The start of the answer's body."""
    wait: timedelta | None = None
    """Until the next try; None if there is none."""
    rest: timedelta | None = None
    """For how long the receiver asked to be left alone."""
    is_gone: bool = False
    """The receiver wants no more of this: 410."""


def of_answer(answer: Answer, *, tries: int, at: datetime, pick: random.Random) -> Verdict:
    """Only 2xx is success (Standard Webhooks 1.0.0, operational considerations). `tries` counts this one."""
    text = answer.body.decode(errors="replace").replace("\0", "\ufffd")[:KEPT]
    if 200 <= answer.status < 300:
        return Verdict(Outcome.DELIVERED, answer.status, answer=text)
    if answer.status == 410:
        return Verdict(Outcome.EXHAUSTED, answer.status, "gone", text, is_gone=True)
    rest = schedule.asked_rest(answer.headers.get("retry-after"), at=at)
    error = "redirected" if 300 <= answer.status < 400 else None
    return _failed(tries, rest=rest, pick=pick, status_code=answer.status, error=error, answer=text)


def of_failure(reason: str, *, tries: int, pick: random.Random, status_code: int | None = None, answer: str | None = None) -> Verdict:
    """There was no answer, or no call, or not the answer that was asked for. `reason` is a stable code."""
    return _failed(tries, rest=None, pick=pick, status_code=status_code, error=reason, answer=answer)


def _failed(
    tries: int, *, rest: timedelta | None, pick: random.Random, status_code: int | None, error: str | None, answer: str | None
) -> Verdict:
    wait = schedule.wait_after(tries, rest=rest, pick=pick)
    return Verdict(Outcome.EXHAUSTED if wait is None else Outcome.FAILED, status_code, error, answer, wait=wait, rest=rest)


def given_up(reason: str) -> Verdict:
    """It is not even tried: nobody is to hear of it any more."""
    return Verdict(Outcome.EXHAUSTED, error=reason)
