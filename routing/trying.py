"""Trying an account out on paper: the call that would be made, and how what comes back would be read. Nothing is sent, nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from routing import credentials
from routing.models import ProviderAccount
from routing.providers import base, registry
from routing.providers.base import Answer, Call, Content, Email, Handoff, Incoming, Outbound, Receipt, Text, Unreadable, Unsendable

REFERENCE = "att_sample.1"


@dataclass(frozen=True, slots=True)
class Sample:
    """A message, and what the provider is said to have answered and called."""

    channel: str
    recipient: str
    text: str
    subject: str = ""
    html: str = ""
    validity: int | None = None
    status: int = 200
    answer: str = ""
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of it."""

    call: Call | None = None
    problem: str = ""
    """Why no call would be made."""
    handoff: Handoff | None = None
    receipts: Sequence[Receipt] = field(default_factory=list)
    unreadable: str = ""
    """Why the receipt could not be read."""


def try_out(row: ProviderAccount, sample: Sample, *, at: datetime) -> Tried:
    """Every secret is replaced by its name before anything is built, so that none can be shown. Raises credentials.Unusable."""
    adapter = registry.get(row.provider)
    opened = credentials.open_account(row)
    account = replace(opened, credentials={name: f"<{name}>" for name in adapter.credential_fields})
    tried = _submit(adapter, account, sample, at=at)
    if sample.answer:
        tried = replace(tried, handoff=adapter.read_answer(account, Answer(sample.status, {}, sample.answer.encode())))
    if not sample.receipt:
        return tried
    try:
        heard = adapter.read_receipts(account, Incoming("POST", account.callback_url, {}, {}, sample.receipt.encode()))
    except Unreadable as problem:
        return replace(tried, unreadable=str(problem))
    return replace(tried, receipts=heard)


def _submit(adapter: base.Adapter, account: base.ProviderAccount, sample: Sample, *, at: datetime) -> Tried:
    content: Content = Text(sample.text)
    if sample.channel == "email":
        content = Email(sample.subject, sample.text, sample.html)
    outbound = Outbound(REFERENCE, sample.channel, sample.recipient, content, sample.validity, at)
    try:
        return Tried(call=adapter.submit(account, outbound))
    except Unsendable as problem:
        return Tried(problem=str(problem))
