"""Taking a provider's call in: authenticated on its raw bytes, kept whole; nothing of it is read here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.refusals import Refusal
from callbacks import calls, forgeries
from callbacks.calls import Authentic
from callbacks.choices import Forgery
from messaging import bell
from messaging.gather import Gather
from routing.credentials import Account
from routing.providers.base import Adapter, Forged, Incoming, ProviderAccount

WINDOW = timedelta(minutes=5)
"""How far the time that a signature bears may lie from ours, besides what its provider takes to call again: what comes twice within that
is one call by its digest, and what is older was kept by somebody to be played again."""
READ = "callbacks.tasks.read_receipts"
_kept = Gather[Authentic, bool](calls.keep)
"""Calls that arrive together share one commit; each is answered after it."""


class ForgedCall(Refusal):
    """The call does not bear its provider's signature. The answer never says what was missing."""

    status = 401
    code = "invalid_signature"
    title = "The call is not signed as this provider signs."

    def __init__(self) -> None:
        super().__init__("The signature does not fit.")


def take(account: Account, incoming: Incoming, *, address: str, at: datetime) -> None:
    """Keep the call; it is kept and committed when this returns. `address` is its sender's. Raises ForgedCall, having counted it.

    A repeated call is kept once, so its provider may call as often as it likes.
    """
    judged = judge(account, incoming, address=address, at=at)
    if isinstance(judged, Forgery):
        forgeries.note(account.id, judged, at=at)
        raise ForgedCall
    if _kept.put(judged):
        bell.ring(READ)


def judge(account: Account, incoming: Incoming, *, address: str, at: datetime) -> Authentic | Forgery:
    """The call as its signature covers it, or why it is not to be believed."""
    signed = _as_signed(account, incoming, at=at)
    if isinstance(signed, Forgery):
        return signed
    return Authentic(account.id, at, signed.url, signed.body) if account.hears_from(address) else Forgery.SOURCE


def keep(calls_: Sequence[Authentic]) -> None:
    """Keep all of them in one commit, and ring for whoever reads."""
    if calls_ and any(calls.keep(calls_)):
        bell.ring(READ)


def prove(account: Account, incoming: Incoming, *, at: datetime) -> str | None:
    """What to answer to a call that asks who owns the URL; None if this is no such call. Raises ForgedCall, having counted it."""
    try:
        return account.adapter.handshake(account.opened_at(at), incoming)
    except Forged as error:
        forgeries.note(account.id, Forgery.SIGNATURE, at=at)
        raise ForgedCall from error


def _as_signed(account: Account, incoming: Incoming, *, at: datetime) -> Incoming | Forgery:
    """The call without what its signature does not cover, so that a repeated call can't be made to look new."""
    opened = account.opened_at(at)
    bare = Incoming(incoming.method, opened.callback_url, {}, incoming.headers, incoming.body)
    for call in (bare, incoming) if incoming.url != bare.url else (bare,):
        try:
            account.adapter.authenticate(opened, call)
        except Forged:
            continue
        return call if _is_timely(account.adapter, opened, call, at=at) else Forgery.STALE
    return Forgery.SIGNATURE


def _is_timely(adapter: Adapter, opened: ProviderAccount, call: Incoming, *, at: datetime) -> bool:
    signed_at = adapter.signed_at(opened, call)
    return signed_at is None or -WINDOW <= at - signed_at <= adapter.repeats_for(opened) + WINDOW
