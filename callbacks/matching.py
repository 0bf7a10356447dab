"""Which attempt a receipt speaks of: by our own reference where the provider gives it back, else by the provider's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from messaging import references, tracking
from messaging.lifecycle import AttemptStatus, Trouble
from messaging.models import Attempt
from messaging.tracking import Said
from routing import sharing
from routing.providers.base import Fault, Receipt, ReceiptStatus

LONGEST_REFERENCE = 128
"""Characters. No attempt is known by a longer one, so it says nothing."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A receipt, and the call in which it stood."""

    account_id: UUID
    call_id: UUID
    received_at: datetime
    receipt: Receipt

    @property
    def provider_reference(self) -> str:
        """The provider's id of the attempt, where it is one that we could know."""
        reference = self.receipt.provider_reference
        return reference if len(reference) <= LONGEST_REFERENCE else ""

    def names_nobody(self) -> bool:
        """Whether it names no attempt at all: broken, and not only early."""
        return not (self.receipt.client_reference or self.receipt.provider_reference)


class Place(NamedTuple):
    """Where an attempt stands."""

    account_id: UUID
    message_id: UUID
    attempt: int
    parts: tuple[str, ...] = ()
    """Where a part of it is meant: the references of all."""


Spoken = tuple[UUID, str]
"""An account that was called, and what its provider calls an attempt."""


def match(heard: Sequence[Heard]) -> tuple[list[Said], list[Heard]]:
    """What is said of attempts that we know, and the receipts that speak of none (yet)."""
    partners = {account_id: sharing.partners(account_id) for account_id in {each.account_id for each in heard}}
    ours = _by_our_reference(heard, partners)
    theirs = _by_provider_reference([each for each in heard if (each.account_id, each.receipt.client_reference) not in ours], partners)
    said, unmatched = [], []
    for each in heard:
        place = ours.get((each.account_id, each.receipt.client_reference)) or theirs.get((each.account_id, each.provider_reference))
        if place is None:
            unmatched.append(each)
        else:
            said.append(_said(each, place))
    return said, unmatched


def _by_our_reference(heard: Sequence[Heard], partners: Mapping[UUID, list[UUID]]) -> dict[Spoken, Place]:
    places = {}
    for each in heard:
        read = references.read(each.receipt.client_reference)
        if read is not None:
            places[each.account_id, each.receipt.client_reference] = Place(each.account_id, *read)
    shared = [place.message_id for place in places.values() if partners[place.account_id]]
    owners = _owners(shared) if shared else {}
    for spoken, place in places.items():
        owner = owners.get((place.message_id, place.attempt))
        if owner in partners[place.account_id]:
            places[spoken] = place._replace(account_id=owner)
    return places


def _owners(message_ids: Collection[UUID]) -> dict[tuple[UUID, int], UUID]:
    rows = Attempt.objects.filter(message_id__in=message_ids).values_list("message_id", "number", "account_id")
    return {(message_id, number): account_id for message_id, number, account_id in rows}


def _by_provider_reference(heard: Sequence[Heard], partners: Mapping[UUID, list[UUID]]) -> dict[Spoken, Place]:
    wanted: dict[UUID, set[str]] = defaultdict(set)
    for each in heard:
        if each.provider_reference:
            wanted[each.account_id].add(each.provider_reference)
    places: dict[Spoken, Place] = {}
    for called, names in wanted.items():
        for account_id in (called, *partners[called]):
            for reference, place in tracking.find(account_id, names).items():
                places.setdefault((called, reference), Place(account_id, *place))
    return places


def _said(heard: Heard, place: Place) -> Said:
    receipt = heard.receipt
    return Said(
        message_id=place.message_id,
        attempt=place.attempt,
        account_id=place.account_id,
        status=None if receipt.status is ReceiptStatus.UNMAPPED else AttemptStatus(receipt.status),
        occurred_at=receipt.occurred_at,
        received_at=heard.received_at,
        trouble=_trouble(receipt.fault),
        raw_status=receipt.raw_status,
        raw_code=receipt.fault.raw_code if receipt.fault else None,
        call_id=heard.call_id,
        provider_reference=heard.provider_reference,
        parts=place.parts,
    )


def _trouble(fault: Fault | None) -> Trouble | None:
    return Trouble(fault.error_class, fault.error_class, fault.raw_code) if fault else None
