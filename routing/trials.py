"""The place where rooms above say what can be tried with a draft before it decides.

Routing may not look up at messages, so messaging registers its pages here when it is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Trial:
    """A link on a draft's page."""

    title: str
    icon: str
    permission: str
    """Without it the link is not shown."""
    address: Callable[[UUID, UUID], str]
    """Of the business and the version."""


trials: list[Trial] = []
