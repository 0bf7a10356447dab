"""Full bodies: what a webhook says to an endpoint that asked for the recipient and the rendered content as well.

They are made when a delivery is first tried, kept sealed so that each try has the same bytes, and cleared soon after the last: the delivery
itself stays thin. Where the personal data is gone by then, the full body says null.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from accounts.refusals import Refusal
from callbacks.debts import Debt
from callbacks.models import FullBody
from messaging.models import Message
from routing import vault
from templates_app import catalogue, rendering

logger = logging.getLogger(__name__)

KEPT = timedelta(days=3)
"""Longer than the schedule's eight tries take; a replay after that makes the body anew."""

_PARTS = ("subject", "text", "html")
"""Of what was rendered: what the recipient reads. The provider's own shape of it concerns nobody else."""

_KEEP = """
INSERT INTO callbacks_fullbody (delivery_id, sealed, created_at)
SELECT delivery_id, sealed, statement_timestamp() FROM unnest(%s::uuid[], %s::bytea[]) AS new (delivery_id, sealed)
ON CONFLICT (delivery_id) DO NOTHING
"""


def filled(owed: Sequence[Debt]) -> list[Debt]:
    """The same debts; those of endpoints that want full bodies have them, as every try of theirs had."""
    full = [debt for debt in owed if debt.wants_full and debt.message_id]
    if not full:
        return list(owed)
    found = _kept([debt.delivery_id for debt in full])
    new = [debt for debt in full if debt.delivery_id not in found]
    if new:
        _keep(new)
        # As it stands there: another worker may have been first.
        found |= _kept([debt.delivery_id for debt in new])
    return [dataclasses.replace(debt, body=found.get(debt.delivery_id, debt.body)) for debt in owed]


def forget(*, at: datetime) -> int:
    """Clear those past their time; returns how many."""
    return FullBody.objects.filter(created_at__lt=at - KEPT).delete()[0]


def _kept(deliveries: Collection[UUID]) -> dict[UUID, str]:
    rows = FullBody.objects.filter(delivery_id__in=deliveries).values_list("delivery_id", "sealed")
    return {id_: vault.unseal(bytes(sealed), bound_to=_place(id_)).decode() for id_, sealed in rows}


def _keep(new: Sequence[Debt]) -> None:
    messages = Message.objects.in_bulk({debt.message_id for debt in new if debt.message_id})
    made = [(debt.delivery_id, _make(debt.body, messages.get(debt.message_id))) for debt in new]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [[id_ for id_, _ in made], [vault.seal(body, bound_to=_place(id_)) for id_, body in made]])


def _make(thin: str, message: Message | None) -> bytes:
    body = orjson.loads(thin)
    body["data"] |= {"recipient": None, "content": None}
    if message is not None:
        body["data"] |= _personal(message, channel=body["data"]["channel"])
    return orjson.dumps(body)


def _personal(message: Message, *, channel: str | None) -> Mapping[str, Any]:
    place = f"message:{message.id}"
    try:
        recipient = vault.unseal(bytes(message.recipient), bound_to=place).decode()
        variables = orjson.loads(vault.unseal(bytes(message.variables), bound_to=place)) if message.variables else {}
        content = rendering.render(catalogue.entry(message.template_version_id), variables, channel=channel) if channel else None
    except (vault.CannotOpen, Refusal) as error:
        # The type alone: a value may stand in the text.
        logger.warning("A full body stays without its personal data: %s.", type(error).__name__)
        return {}
    return {"recipient": recipient, "content": {name: text for name in _PARTS if (text := getattr(content, name, ""))} if content else None}


def _place(delivery_id: UUID) -> str:
    return f"callbacks_fullbody.sealed:{delivery_id}"
