"""Accounts that share a secret: Meta calls one URL for all numbers of a WhatsApp Business Account, and each number is an account here.

Whoever holds a secret of two accounts may speak about the messages of both: the signature proves no more of the one than of the other.
Between businesses it never counts, save in the test world, where one simulator stands in for every account.
"""

from __future__ import annotations

from uuid import UUID

from accounts.choices import Mode
from routing import credentials
from routing.credentials import Account


def partners(account_id: UUID) -> list[UUID]:
    """The other accounts of which this one's calls may speak; nearly always none."""
    known = credentials.directory()
    account = known.get(account_id)
    return [other.id for other in known.values() if _share(account, other)] if account else []


def _share(one: Account, other: Account) -> bool:
    if one.id == other.id or (one.provider, one.mode) != (other.provider, other.mode):
        return False
    has_same_owner = one.business_id == other.business_id or one.mode == Mode.TEST
    return has_same_owner and any(
        secret and other.opened.credentials.get(name) == secret for name, secret in one.opened.credentials.items()
    )
