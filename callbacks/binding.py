"""The session process: it holds the connections of SMPP accounts, hands off what is due there, and keeps what their SMSCs bring.

An account is held by an advisory lock, so that a second process takes over what the first one does not hold, and never binds twice. The
attempts are due in the same table and are begun, called and recorded by the same lanes as everybody's (messaging.lane).
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import psycopg
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from callbacks.calls import Authentic
from callbacks.held import Held
from callbacks.holding import Holder
from callbacks.keeping import Keeper
from messaging import handoff
from messaging.lane import Lane
from routing import binds, credentials, transport
from routing.choices import TrafficClass
from routing.credentials import Account
from routing.providers import registry, smpp
from routing.providers.smpp_pdu import Pdu

logger = logging.getLogger(__name__)

ROUND = 1.0
"""Seconds between two looks at which accounts there are, and at whether our locks stand."""
GLANCE = 0.1
"""Seconds between two looks for what is due."""
_SLICE = 3.0
_AWAY = (DatabaseError, InterfaceError)


class Binding:
    """One run of the process."""

    def __init__(self) -> None:
        self._way = transport.shared()
        self._keeper = Keeper()
        self._held: dict[UUID, Held] = {}
        self._is_over = threading.Event()
        self._lanes = {lane.value: threading.Event() for lane in TrafficClass}
        self._workers = [threading.Thread(target=self._work, args=(lane,), name=f"lane {lane}") for lane in self._lanes]
        self._workers.append(threading.Thread(target=self._glance, name="glance"))
        self._process = f"{socket.gethostname()} {os.getpid()}"
        self._noted: list[tuple[object, ...]] = []
        self._noted_at = 0.0

    def stop(self) -> None:
        """From a signal: finish what is in flight, unbind, and end."""
        self._is_over.set()

    def run(self) -> None:
        """Until it is told to stop. A database that is away is waited for."""
        for worker in self._workers:
            worker.start()
        try:
            while not self._is_over.is_set():
                self._hold()
                self._is_over.wait(ROUND)
        finally:
            self._is_over.set()
            for worker in self._workers:
                worker.join()
            self._let_go(list(self._held))
            self._keeper.close()

    # Which accounts are ours

    def _hold(self) -> None:
        """Until it is over, or our locks are lost: without them another process may bind, so the field is left to it."""
        try:
            with Holder() as holder:
                while not self._is_over.is_set():
                    self._look(holder)
                    self._is_over.wait(ROUND)
                for worker in self._workers:
                    worker.join()
                self._let_go(list(self._held))
        except psycopg.Error as error:
            logger.warning("The database is away (%s); the SMPP accounts are let go.", type(error).__name__)
            self._let_go(list(self._held))
            connection.close()

    def _look(self, holder: Holder) -> None:
        try:
            close_old_connections()
            accounts = list(credentials.directory().values())
        except _AWAY:
            connection.close()
            accounts = []
        known = {account.id: account for account in accounts if account.provider in registry.IN_SESSIONS} or dict.fromkeys(self._held)
        kept = holder.hold(known)
        self._let_go([id_ for id_ in self._held if id_ not in kept])
        self._tend([account for id_ in kept if (account := known[id_]) is not None])

    def _tend(self, accounts: Collection[Account]) -> None:
        at = timezone.now()
        try:
            for account in accounts:
                held = self._held.setdefault(account.id, Held(account, way=self._way, hear=self._hear))
                held.tend(account, at=at)
            self._note(at=at)
        except _AWAY as error:
            logger.warning("How the SMPP accounts stand can't be written down: %s.", type(error).__name__)
            connection.close()

    def _let_go(self, ids: Collection[UUID]) -> None:
        for held in [self._held.pop(id_) for id_ in ids]:
            held.close()

    def _note(self, *, at: datetime) -> None:
        """Write down how they stand: when it has changed, and every few seconds as a sign of life."""
        seen = [each for held in self._held.values() if (each := held.seen(at=at)) is not None]
        told: list[tuple[object, ...]] = [(each.account_id, each.state, each.because) for each in seen]
        if seen and (told != self._noted or time.monotonic() - self._noted_at > binds.WRITTEN_EVERY):
            binds.note(seen, process=self._process, at=at)
            self._noted, self._noted_at = told, time.monotonic()

    # What comes in

    async def _hear(self, account_id: UUID, pdu: Pdu, reference: str) -> bool:
        """Keep it; whether it is kept and committed."""
        at = timezone.now()
        url, body = smpp.answered_late(pdu, reference=reference) if reference else smpp.brought(pdu, at=f"{at:%Y%m%dT%H%M%S%f}")
        return await self._keeper.keep(Authentic(account_id, at, url, body))

    # What goes out

    def _glance(self) -> None:
        """Wake the lanes in which something is due; one small question for all of them."""
        while not self._is_over.wait(GLANCE):
            ids = list(self._held)
            try:
                close_old_connections()
                for lane in handoff.lanes_due(ids) if ids else ():
                    self._lanes[lane].set()
            except _AWAY:
                connection.close()
                self._is_over.wait(ROUND)
        connection.close()

    def _work(self, lane: str) -> None:
        while not self._is_over.is_set():
            if not self._lanes[lane].wait(GLANCE):
                continue
            self._lanes[lane].clear()
            try:
                close_old_connections()
                Lane(lane, serves=self._serves).run(seconds=_SLICE)
            except Exception as error:  # noqa: BLE001 - the lane goes on; what was begun is settled when its lease runs out
                logger.error("The lane %s broke off: %s", lane, type(error).__name__)  # noqa: TRY400 - a traceback may quote it
                connection.close()
                self._is_over.wait(ROUND)
        connection.close()

    def _serves(self) -> list[Account]:
        """Ours that may be given something now; none any more once it is over."""
        offered = () if self._is_over.is_set() else [held.offer() for held in list(self._held.values())]
        return [account for account in offered if account is not None]
