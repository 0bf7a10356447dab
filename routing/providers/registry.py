"""Which adapters there are. A new one is a line here (docs/adding-a-provider.md)."""

from __future__ import annotations

from routing.providers import mail
from routing.providers.base import Adapter
from routing.providers.infobip import Infobip
from routing.providers.meta import Meta
from routing.providers.signed_http import SignedHttp
from routing.providers.smpp import Smpp
from routing.providers.smtp import Smtp
from routing.providers.twilio import Twilio
from routing.providers.vonage import Vonage

ADAPTERS: dict[str, Adapter] = {
    "meta": Meta(),
    "twilio": Twilio(),
    "vonage": Vonage(),
    "infobip": Infobip(),
    "signed_http": SignedHttp(),
    "smpp": Smpp(),
    "smtp": Smtp(),
    **mail.ADAPTERS,
}

IN_SESSIONS = frozenset({"smpp"})
"""Those that are not called by HTTP: a process of its own keeps their connections (`manage.py smpp`) and hands off what is due there."""

TELLING_NO_ARRIVAL = frozenset(name for name, adapter in ADAPTERS.items() if not adapter.tells_arrival)


class UnknownProvider(LookupError):
    """No adapter has that name."""


def get(name: str) -> Adapter:
    """The adapter of that name; raises UnknownProvider."""
    try:
        return ADAPTERS[name]
    except KeyError as error:
        raise UnknownProvider(f"{name!r} is none of {', '.join(ADAPTERS)}") from error
