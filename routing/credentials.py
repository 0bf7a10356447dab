"""Credentials of provider accounts: sealed in the row, opened only for the adapter that needs them."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from threading import Lock
from uuid import UUID

import orjson
from django.conf import settings

from accounts import networks
from accounts.choices import Mode
from accounts.networks import Network
from accounts.refusals import FieldError, Refusal
from routing import models, stand_ins, vault
from routing.providers import base, registry

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
PREVIOUS = "_previous"
"""How the name of a secret ends that the one without it has replaced; adapters authenticate with both."""
_KEPT = 5.0  # seconds that a process believes what it read


class Unusable(Exception):
    """The account can't be used as it is: no adapter, no simulator configured, or its credentials don't open."""


class NoSuchAccount(Unusable):
    """No account has that id or token."""


class LiveAtSimulator(Refusal):
    """A live account whose calls would go to the simulator: its messages would be lost in a world that only plays."""

    code = "live_at_simulator"
    title = "A live account can't speak to the simulator."


@dataclass(frozen=True, slots=True)
class Account:
    """An account, opened: what hand-off and receipts need to know of it."""

    id: UUID
    business_id: UUID | None
    name: str
    provider: str
    mode: str
    is_in_service: bool
    max_in_flight: int
    token: str = field(repr=False)
    opened: base.ProviderAccount = field(repr=False)
    previous_until: datetime | None = None
    receipt_sources: tuple[Network, ...] = ()

    @property
    def adapter(self) -> base.Adapter:
        return registry.get(self.provider)

    def hears_from(self, address: str) -> bool:
        """Whether receipts may come from there."""
        return not self.receipt_sources or networks.is_within(address, self.receipt_sources)

    def opened_at(self, at: datetime) -> base.ProviderAccount:
        """The account with the secrets that count then: those of before only while they overlap."""
        if self.previous_until is None or at < self.previous_until:
            return self.opened
        return replace(self.opened, credentials=without_previous(self.opened.credentials))


def store(row: models.ProviderAccount, credentials: Mapping[str, str]) -> models.ProviderAccount:
    """Seal the credentials into the row; the caller saves it. Raises LiveAtSimulator."""
    check_world(row)
    row.credentials = vault.seal(orjson.dumps(dict(credentials)), bound_to=_place(row))
    row.credentials_key_id = vault.key_id()
    return row


def reveal(row: models.ProviderAccount) -> dict[str, str]:
    """What the row's credentials say; empty where none were stored. Raises vault.CannotOpen."""
    if not row.credentials:
        return {}
    opened: dict[str, str] = orjson.loads(vault.unseal(bytes(row.credentials), bound_to=_place(row)))
    return opened


def without_previous(credentials: Mapping[str, str]) -> dict[str, str]:
    """The secrets that are not kept for an overlap only."""
    return {name: value for name, value in credentials.items() if not name.endswith(PREVIOUS)}


def check_world(row: models.ProviderAccount) -> None:
    """Keep the two worlds apart; raises LiveAtSimulator, naming `base_url`."""
    if row.mode == Mode.LIVE and stand_ins.is_simulators_server(row.settings):
        message = "Name an operator's SMSC or a mail server, or make this a test account: the simulator delivers nothing."
        raise LiveAtSimulator(message, errors=[FieldError("setting_host", LiveAtSimulator.code, message)])
    if row.mode == Mode.LIVE and stand_ins.is_simulator(row.base_url):
        message = "Leave it empty for the provider's own address, or make this a test account: the simulator delivers nothing."
        raise LiveAtSimulator(message, errors=[FieldError("base_url", LiveAtSimulator.code, message)])


def _place(row: models.ProviderAccount) -> str:
    return f"routing.ProviderAccount:{row.pk}:credentials"


def callback_url(row: models.ProviderAccount) -> str:
    """The URL at which the provider calls this account."""
    return f"{settings.PUBLIC_URL}/v1/providers/{row.callback_token}/callbacks"


def open_account(row: models.ProviderAccount) -> base.ProviderAccount:
    """The account as its adapter sees it; raises Unusable."""
    adapter = registry.ADAPTERS.get(row.provider)
    if adapter is None:
        raise Unusable(f"no adapter is called {row.provider!r}")
    if row.mode == Mode.TEST:
        return _open_stand_in(row, adapter)
    try:
        check_world(row)
        credentials = reveal(row)
    except LiveAtSimulator as error:
        raise Unusable("it is live, and its address is the simulator's") from error
    except vault.CannotOpen as error:
        raise Unusable(f"the credentials don't open: {error}") from error
    return base.ProviderAccount(
        id=str(row.pk),
        base_url=row.base_url or adapter.default_base_url,
        callback_url=callback_url(row),
        settings=_texts(row.settings),
        credentials=credentials,
    )


def _open_stand_in(row: models.ProviderAccount, adapter: base.Adapter) -> base.ProviderAccount:
    if not stand_ins.has_simulator():
        raise Unusable("test accounts need QSURA_SIMULATOR_URL and QSURA_SIMULATOR_SECRET")
    if not stand_ins.is_there(row.provider):
        raise Unusable("SMPP test accounts need QSURA_SIMULATOR_SMPP")
    if stand_ins.voice(row.provider) != row.provider:
        raise Unusable(f"the simulator speaks for this one as {stand_ins.MAIL}: make the test account one of that")
    return base.ProviderAccount(
        id=str(row.pk),
        base_url=stand_ins.base_url(row.provider),
        callback_url=callback_url(row),
        settings=stand_ins.own_settings(row.provider) | _texts(row.settings) | stand_ins.place(row.provider),
        credentials=stand_ins.credentials(adapter),
    )


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


class _Directory:
    """Every usable account, as this process read it at most five seconds ago."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.read_at = -inf
        self.by_id: dict[UUID, Account] = {}
        self.by_token: Mapping[str, Account] = {}
        self.lamented: set[tuple[UUID, str]] = set()

    def fresh(self) -> _Directory:
        with self._lock:
            if time.monotonic() - self.read_at > _KEPT:
                accounts = [account for row in models.ProviderAccount.objects.all() if (account := self._try(row))]
                self.by_id = {account.id: account for account in accounts}
                self.by_token = {account.token: account for account in accounts}
                self.read_at = time.monotonic()
        return self

    def _try(self, row: models.ProviderAccount) -> Account | None:
        try:
            return _account(row)
        except Unusable as problem:
            if (row.pk, str(problem)) not in self.lamented:  # once, not every five seconds
                self.lamented.add((row.pk, str(problem)))
                log.warning("The provider account %s can't be used: %s.", row.pk, problem)
            return None


_kept = _Directory()


def directory() -> Mapping[UUID, Account]:
    """Every usable account by id, as read at most five seconds ago; one query."""
    return _kept.fresh().by_id


def called() -> list[Account]:
    """Every usable account whose provider is called; none of those that are served over a connection that is kept."""
    return [account for account in directory().values() if account.provider not in registry.IN_SESSIONS]


def by_id(id_: UUID) -> Account:
    """One account; raises NoSuchAccount or Unusable."""
    kept = _kept.fresh().by_id
    return kept.get(id_) or kept.setdefault(id_, _look_up(id=id_))  # the others of a batch need not ask again


def by_token(token: str) -> Account:
    """The account whose callback URL bears that token; raises NoSuchAccount or Unusable."""
    known = _kept.fresh().by_token.get(token)
    if known is None and not _TOKEN.fullmatch(token):
        raise NoSuchAccount("no such account")  # PostgreSQL would choke on some of what an address may hold
    return known or _look_up(callback_token=token)


def forget() -> None:
    """Read afresh next time (after a change in this very process)."""
    _kept.read_at = -inf


def _look_up(**key: object) -> Account:
    """An account that is too new for the directory."""
    row = models.ProviderAccount.objects.filter(**key).first()
    if row is None:
        raise NoSuchAccount("no such account")
    return _account(row)


def _account(row: models.ProviderAccount) -> Account:
    return Account(
        id=row.pk,
        business_id=row.business_id,
        name=row.name,
        provider=row.provider,
        mode=row.mode,
        is_in_service=row.is_in_service,
        max_in_flight=row.max_in_flight,
        token=row.callback_token,
        opened=open_account(row),
        previous_until=row.previous_until,
        receipt_sources=_sources(row),
    )


def _sources(row: models.ProviderAccount) -> tuple[Network, ...]:
    try:
        return networks.networks(row.receipt_sources)
    except ValueError as error:
        raise Unusable(f"the networks that its receipts may come from can't be read: {error}") from error
