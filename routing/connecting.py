"""Connecting an account: where the provider lets us, we tell it to send this account's receipts to this account's own URL."""

from __future__ import annotations

from django.conf import settings

from routing import credentials, transport
from routing.models import ProviderAccount
from routing.providers import registry
from routing.transport import NoAnswer, NotSent


class NotConnected(Exception):
    """The provider did not take the URL. The text says why, as far as that is safe to show."""


def connect(row: ProviderAccount) -> str:
    """The URL at which the provider calls this account from now on.

    Providers that take it with each message have nothing to be told. Raises NotConnected or credentials.Unusable. Not to be called inside
    a transaction: it waits for the network.
    """
    account = credentials.open_account(row)
    call = registry.get(row.provider).subscribe(account)
    if call is None:
        return account.callback_url
    way = transport.shared()
    try:
        answer = way.run(way.send(call, timeout=settings.QSURA_PROVIDER_TIMEOUT))
    except (NotSent, NoAnswer) as failure:
        raise NotConnected(f"The call to the provider failed ({failure.reason}).") from failure
    if not 200 <= answer.status < 300:
        raise NotConnected(f"The provider answered with status {answer.status}; check the account's credentials and settings.")
    return account.callback_url
