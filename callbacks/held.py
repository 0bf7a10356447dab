"""An SMPP account in the hands of the session process: its session, made, watched and ended as the account changes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from routing import binds, health, sessions
from routing.credentials import Account
from routing.providers import smpp_errors, smpp_settings
from routing.providers.smpp_pdu import Pdu
from routing.sessions import Session
from routing.transport import Transport

SOON_BACK = 5.0
"""Seconds that messages simply wait for a bind that was lost: most stand again by then, and nothing has failed."""
UNBOUND_EVERY = 2.0
"""Seconds between two claims for an account that is not bound: its messages shall go round or wait, not spin."""

Hear = Callable[[UUID, Pdu, str], Awaitable[bool]]


class Held:
    """One account. Used from the process's main thread, but for `offer`, which the lanes ask."""

    def __init__(self, account: Account, *, way: Transport, hear: Hear) -> None:
        self._account = account
        self._way = way
        self._hear = hear
        self._session: Session | None = None
        self._refused_with: int | None = None
        self._offered_at = 0.0

    def tend(self, account: Account, *, at: datetime) -> None:
        """A session if it is in service, a new one if it has been changed, none if it is out of service."""
        if self._refused_with is not None:
            because, self._refused_with = f"The SMSC refused the bind ({smpp_errors.name(self._refused_with)}).", None
            self.close()
            health.out_of_service(account.id, because=because, at=at)
            return
        if self._session is not None and (self._session.is_over or self._account.opened != account.opened or not account.is_in_service):
            self.close()
        self._account = account
        if self._session is None and account.is_in_service:
            self._open(at=at)

    def _open(self, *, at: datetime) -> None:
        account = self._account
        try:
            line = smpp_settings.read(account.opened.settings)
        except smpp_settings.Wrong as wrong:
            health.out_of_service(account.id, because=str(wrong), at=at)
            return
        self._session = self._way.run(self._begin(line))
        sessions.OPEN[str(account.id)] = self._session

    async def _begin(self, line: smpp_settings.Line) -> Session:
        session = Session(
            line, password=self._account.opened.credentials.get("password", ""), hear=self._brought, refused=self._note_refusal
        )
        session.start()
        return session

    async def _brought(self, pdu: Pdu, reference: str) -> bool:
        return await self._hear(self._account.id, pdu, reference)

    def _note_refusal(self, status: int) -> None:
        self._refused_with = status

    def close(self) -> None:
        """Finish what is in flight, and unbind."""
        session, self._session = self._session, None
        if session is not None:
            sessions.OPEN.pop(str(self._account.id), None)
            self._way.run(session.end())

    def offer(self) -> Account | None:
        """The account, if its messages may be claimed now, with as much room as its window and its rate make."""
        session, now = self._session, time.monotonic()
        if session is not None and session.is_bound:
            return None if session.rests else replace(self._account, max_in_flight=min(self._account.max_in_flight, session.room))
        is_soon_back = session is not None and now - session.unbound_since < SOON_BACK
        if is_soon_back or now - self._offered_at < UNBOUND_EVERY:
            return None
        self._offered_at = now
        return self._account

    def seen(self, *, at: datetime) -> binds.Seen | None:
        """How it stands; None for one that shall not be bound."""
        if self._session is None:
            return None
        standing = self._session.standing
        return binds.Seen(self._account.id, standing.state, standing.because, at - timedelta(seconds=time.monotonic() - standing.since))
