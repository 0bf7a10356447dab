"""What takes a hand-off to its provider: HTTP for a `Call`; every other kind that an adapter builds has a carrier of its own.

A carrier does the network for all adapters of its kind, in the transport's loop, and says truthfully what is known afterwards: the
provider's answer, `NotSent`, or `NoAnswer`. The adapter that built the thing reads the answer, whatever carried it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from routing import sessions, smtp
from routing.providers.base import Answer, Call
from routing.providers.smpp import Submission
from routing.providers.smtp import Letter
from routing.transport import Transport

Carrier = Callable[[Any, Transport, float], Awaitable[Answer]]
"""One road out of the house: what is carried, the transport, and the seconds that it may take in all. Raises NotSent or NoAnswer."""


async def _by_http(call: Call, transport: Transport, timeout: float) -> Answer:
    return await transport.send(call, timeout=timeout)


CARRIERS: dict[type, Carrier] = {Call: _by_http, Letter: smtp.carry, Submission: sessions.carry}
"""By what an adapter's `submit` returns. A new kind is a line here."""


async def carry(carried: object, transport: Transport, *, timeout: float) -> Answer:
    """Take it there, awaited in the transport's loop; raises NotSent or NoAnswer."""
    return await CARRIERS[type(carried)](carried, transport, timeout)
