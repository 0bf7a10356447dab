"""What people wrote, in providers' calls: read by the adapter, kept where messages live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from callbacks.offering import Offered
from messaging.inbound import taking
from messaging.inbound.taking import Heard
from routing import credentials, sharing
from routing.credentials import Account
from routing.providers.base import ProviderAccount


def read(calls: Sequence[Offered]) -> None:
    """Keep what the calls bring from people, inside the caller's transaction; idempotent."""
    known = credentials.directory()
    taking.take([heard for call in calls if (account := known.get(call.account_id)) for heard in _heard(call, account)])


def _heard(call: Offered, account: Account) -> Iterator[Heard]:
    for inbound in account.adapter.read_inbound(account.opened, call.incoming):
        owner = _owner(account, inbound.to_id)
        yield Heard(owner.id, owner.business_id, owner.mode, call.id, call.received_at, inbound)


def _owner(called: Account, to_id: str) -> Account:
    """Whose number it was written to, where one URL serves several: the account that names it among its settings."""
    if not to_id or _has(called.opened, to_id):
        return called
    others: Mapping[UUID, Account] = credentials.directory()
    return next((others[id_] for id_ in sharing.partners(called.id) if _has(others[id_].opened, to_id)), called)


def _has(account: ProviderAccount, to_id: str) -> bool:
    return to_id in account.settings.values()
