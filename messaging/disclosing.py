"""Showing personal data to a member of staff: opened for one look, and every look is written down before it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.contrib.admin.models import CHANGE, LogEntry

from accounts.choices import Role
from accounts.models import Person
from messaging.inbound import taking
from messaging.inbound_records import Inbound
from messaging.models import Message
from routing import vault

LOOKED = "Looked at personal data: the recipient and the variables."
READ = "Looked at personal data: who wrote, and what."


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What the message kept sealed."""

    recipient: str = field(repr=False)
    variables: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What an inbound message kept sealed."""

    sender: str = field(repr=False)
    user_id: str = field(repr=False)
    to: str = field(repr=False)
    text: str = field(repr=False)
    payload: str = field(repr=False)


def may(person: Person) -> bool:
    """Whether somebody of that role may look at all; whose messages is another question."""
    return person.is_superuser or not {Role.OPERATOR, Role.AUDITOR}.isdisjoint(person.roles())


def disclose(message: Message, *, to: Person) -> Disclosed:
    """Open it for that person; raises routing.vault.CannotOpen. The look is logged first, so that none is ever missing."""
    LogEntry.objects.log_actions(to.pk, [message], CHANGE, change_message=LOOKED, single_object=True)
    place = f"message:{message.id}"
    variables = orjson.loads(vault.unseal(bytes(message.variables), bound_to=place)) if message.variables else {}
    return Disclosed(vault.unseal(bytes(message.recipient), bound_to=place).decode(), variables)


def open_inbound(row: Inbound, *, to: Person) -> Said:
    """The same of what somebody wrote; raises routing.vault.CannotOpen."""
    LogEntry.objects.log_actions(to.pk, [row], CHANGE, change_message=READ, single_object=True)
    said = orjson.loads(vault.unseal(bytes(row.said), bound_to=taking.sealed_at(row.id)))
    return Said(**{name: said.get(name) or "" for name in ("sender", "user_id", "to", "text", "payload")})
