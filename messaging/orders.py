"""Orders, and the rows that they are for the statement that accepts them: what messages share, template and plan, goes to it once."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from accounts.keys import Caller
from messaging import course, preparing
from messaging.preparing import Prepared
from messaging.signals import NewEvent
from routing.selection import Plan


@dataclass(frozen=True, slots=True)
class Order:
    """What is accepted or refused as a whole: one message, or the good ones of a batch. `answer`, as JSON, is what its key will replay."""

    caller: Caller
    items: Sequence[Prepared]
    answer: bytes
    key: str | None
    body_hash: bytes
    request_id: str
    at: datetime

    @property
    def scope(self) -> tuple[Any, str, str | None]:
        return (self.caller.business_id, self.caller.mode, self.key)


def parameters(orders: Mapping[int, Order], events: Mapping[int, Sequence[Sequence[NewEvent]]]) -> dict[str, str]:
    """The statement's, as JSON; `events` are the new ones of each order's items."""
    grounds = _Grounds()
    items = [
        _item_row(item, of_item, of_order=number, ground=grounds.find(item))
        for number, order in orders.items()
        for item, of_item in zip(order.items, events[number], strict=True)
    ]
    rows = [_order_row(number, order) for number, order in orders.items()]
    return {"orders": _json(rows), "grounds": _json(grounds.rows), "items": _json(items)}


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


def _order_row(number: int, order: Order) -> dict[str, Any]:
    return {
        "number": number,
        "business_id": order.caller.business_id,
        "mode": order.caller.mode,
        "api_key_id": order.caller.key_id,
        "key": order.key,
        "body_hash": _hex(order.body_hash),
        "answer": _hex(_pack(order.answer)) if order.key else None,
        "request_id": order.request_id,
        "created_at": order.at,
    }


_WORTH_PACKING = 2_000
"""Bytes."""


def _pack(answer: bytes) -> bytes:
    """A batch's answer says the same of each message: a tenth of it is left, for a fraction of what PostgreSQL would take over it."""
    return zlib.compress(answer, level=1) if len(answer) > _WORTH_PACKING else answer


def unpack(kept: bytes) -> bytes:
    # An answer is a JSON object, and begins with a brace; a zlib stream begins with 0x78.
    return kept if kept[:1] == b"{" else zlib.decompress(kept)


class _Grounds:
    """What messages of one group share, template and plan, goes to PostgreSQL once."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        # By identity: the catalogue and the road book hand out the same objects again and again, and the group keeps them alive.
        self._known: dict[tuple[int, int], dict[str, Any]] = {}

    def find(self, item: Prepared) -> dict[str, Any]:
        key = (id(item.entry), id(item.plan))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _ground_row(len(self.rows), item)
            self.rows.append(found)
        return found


def _ground_row(number: int, item: Prepared) -> dict[str, Any]:
    entry, plan = item.entry, item.plan
    return {
        "number": number,
        "lane": entry.category,
        "template_version_id": entry.version_id,
        "template_name": entry.name,
        "template_number": entry.number,
        "language": entry.language,
        "content_hash": _hex(entry.content_hash),
        "route_version_id": plan.version_id,
        "route_name": plan.name,
        "route_number": plan.number,
        "plan": steps(plan),
        "trace": plan.trace,
        "channels": item.channels,
        "first_channel": plan.steps[0].channel,
        "account_id": plan.steps[0].accounts[0].id,
    }


def _item_row(item: Prepared, events: Sequence[NewEvent], *, of_order: int, ground: Mapping[str, Any]) -> dict[str, Any]:
    wanted = item.wanted
    recipient, variables = preparing.seal(item)
    due_at = item.send_at or item.at
    return {
        "of_order": of_order,
        "on_ground": ground["number"],
        "id": item.id,
        "event_id": events[0].id,
        "scheduled_event_id": events[1].id if item.send_at else None,
        "channel": wanted.channel,
        "recipient": _hex(recipient),
        "recipient_hash": _hex(item.recipient_hash),
        "variables": _hex(variables) if variables else None,
        "reference": wanted.reference,
        "metadata": wanted.metadata,
        "callback": wanted.callback,
        "segments": item.segments,
        "send_at": item.send_at,
        "timezone": wanted.timezone,
        "deferred": item.deferral.tell() if item.deferral else None,
        "expires_at": item.expires_at,
        "due_at": due_at,
        "gives_up_at": course.gives_up_at(
            ground["plan"], 0, lane=ground["lane"], expires_at=item.expires_at, at=due_at, spent=_first_price(item.plan)
        ),
    }


def _first_price(plan: Plan) -> Decimal:
    return Decimal(plan.steps[0].accounts[0].price or 0)


def steps(plan: Plan) -> list[dict[str, Any]]:
    """The plan as it is kept with the message; its budget, if it has one, stands with each step."""
    budget = {"budget": dict(plan.budget)} if plan.budget else {}
    return [
        {
            "channel": step.channel,
            "accounts": [
                {"id": account.id, "name": account.name, "provider": account.provider}
                | ({"price": account.price} if plan.asks_prices else {})
                for account in step.accounts
            ],
            "until": step.until,
            "within": step.within,
            **({"validity": step.validity} if step.validity else {}),
            **budget,
        }
        for step in plan.steps
    ]


def _hex(value: bytes) -> str:
    """As PostgreSQL reads bytea from JSON."""
    return "\\x" + value.hex()
