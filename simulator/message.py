"""A message that was handed to a simulated provider, and what each provider's door can do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from simulator.faults import FAULTS, Fault, Said, Trouble


@dataclass(frozen=True, slots=True)
class Message:
    """What the doors read from a hand-off."""

    id: str
    at: float
    reference: str
    recipient: str
    sender: str
    channel: str
    callback: str
    """Where its receipts go; empty for nowhere."""
    fault_code: str
    unsubscribes: str = ""
    """The link in a letter that unsubscribes with one click (RFC 8058)."""

    @property
    def fault(self) -> Fault:
        return FAULTS[self.fault_code]


@dataclass(frozen=True, slots=True)
class Post:
    """A receipt as it goes out."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Teller(Protocol):
    """One provider, as far as it tells what became of a message."""

    name: str
    silent: frozenset[str]
    """What this provider never says of a message."""

    def receipt(self, message: Message, said: Said, *, at: float, is_forged: bool) -> Post:
        """`at` is when it happened; the same over every try."""


class Door(Teller, Protocol):
    """One provider's wire format over HTTP."""

    codes: Mapping[Trouble, int | str]
    """Its word for each kind of trouble."""

    def taken(self, message: Message) -> web.Response: ...

    def refused(self, trouble: Trouble) -> web.Response: ...
