"""Calls to providers: what the network needs of an attempt that was written down, and what became of it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings

from messaging import record
from routing import carriers, tally
from routing.providers import base
from routing.providers.base import ErrorClass
from routing.transport import NoAnswer, NotSent, Transport

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A call that may be made: everything that the network needs, and nothing that the database does."""

    message_id: UUID
    number: int
    account_id: UUID
    lease: UUID
    lease_ends: float
    """On this machine's monotonic clock, which goes on while a process is frozen."""
    adapter: base.Adapter
    account: base.ProviderAccount = field(repr=False)
    call: Any = field(repr=False)
    version_id: UUID
    kept: record.Kept | None = None
    """Its story, if nobody touches it meanwhile."""
    is_probe: bool = False
    """Whether a breaker that is half open let it through."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a call."""

    ready: Ready
    outcome: base.Handoff
    took: float = 0.0
    """Seconds."""


async def call(ready: Ready, transport: Transport) -> Answered:
    """Make the call. Whatever comes of it is an answer; nothing is raised."""
    began = time.monotonic()
    outcome = await _outcome(ready, transport) if began < ready.lease_ends else _TOO_LATE
    return Answered(ready, outcome, time.monotonic() - began)


_TOO_LATE = base.Handoff(fault=base.Fault(ErrorClass.PROVIDER_FAULT, tally.LEASE_LOST))
"""This process was frozen past its lease: somebody else may have settled the attempt, so no call is made now."""


async def _outcome(ready: Ready, transport: Transport) -> base.Handoff:
    try:
        answer = await carriers.carry(ready.call, transport, timeout=settings.QSURA_PROVIDER_TIMEOUT)
        return ready.adapter.read_answer(ready.account, answer)
    except NotSent as failure:
        return base.Handoff(fault=base.Fault(ErrorClass.PROVIDER_FAULT, failure.reason))
    except NoAnswer:
        return base.Handoff()
    except Exception as error:  # noqa: BLE001 - an answer that breaks its reader says nothing about the outcome
        logger.error("A provider's answer could not be read: %s", type(error).__name__)  # noqa: TRY400 - a traceback may quote it
        return base.Handoff()
