"""Messages with a past: rows as intake writes them, then played on by the room's own deeds, so that every story is a possible one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.contrib.auth.models import Group
from django.db import transaction

from accounts import ids
from accounts.choices import Role
from accounts.models import ApiKey, Business, Person
from messaging import recipients, record, tracking
from messaging.choices import EventType
from messaging.lifecycle import AttemptStatus, Trouble
from messaging.models import Due, Message, State
from messaging.signals import NewEvent
from messaging.story import Story
from messaging.tracking import Said
from routing import vault

META, TWILIO = UUID(int=1), UUID(int=2)
PASSWORD = "a password for tests only"
RECIPIENT = "+201001234567"

WHATSAPP_THEN_SMS = [
    {
        "channel": "whatsapp",
        "accounts": [{"id": str(META), "name": "Meta, main", "provider": "meta"}],
        "until": "delivered",
        "within": 30,
    },
    {"channel": "sms", "accounts": [{"id": str(TWILIO), "name": "Twilio, main", "provider": "twilio"}], "until": None, "within": None},
]
TRACE = {
    "mode": "test",
    "rules": [
        {
            "route": "orders",
            "version": 7,
            "rule": 0,
            "when": [{"field": "country", "is": "in", "seen": "EG", "held": False}],
            "held": False,
        },
        {
            "route": "orders",
            "version": 7,
            "rule": 1,
            "when": [
                {"field": "class", "is": "in", "seen": "utility", "held": True},
                {"field": "template", "is": "not_in", "seen": "order_shipped", "held": True},
            ],
            "held": True,
            "steps": [
                {"channel": "whatsapp", "accounts": [{"id": str(META), "name": "Meta, main", "weight": 1}]},
                {
                    "channel": "sms",
                    "accounts": [
                        {"id": str(TWILIO), "name": "Twilio, main", "weight": 1},
                        {"id": str(UUID(int=3)), "name": "Twilio, spare", "weight": 0, "left_out": "out of service"},
                    ],
                },
            ],
        },
    ],
    "chosen": [str(META), str(TWILIO)],
}


def business(slug: str = "shop") -> Business:
    return Business.objects.create(slug=slug, name=slug.replace("-", " ").title())


def person(role: Role | None, *, of: Business | None = None, name: str = "") -> Person:
    """Somebody on staff with that role; without one, a superuser."""
    made = Person.objects.create_user(
        name or (role.value if role else "root"), password=PASSWORD, is_staff=True, is_superuser=role is None, business=of
    )
    if role is not None:
        made.groups.add(Group.objects.get(name=role.value))
    return made


def message(owner: Business, *, at: datetime, to: str = RECIPIENT, **fields: Any) -> Message:
    """An accepted message whose first attempt is due at once; `fields` are columns."""
    id_ = UUID(int=ids.first_at(at).int | ids.new().int & ((1 << 80) - 1))
    plan = fields.get("plan", WHATSAPP_THEN_SMS)
    made = Message(**(_usual(owner, id_, at=at, to=to) | fields))
    first = plan[0]
    status = "scheduled" if made.send_at else "accepted"
    with transaction.atomic():
        Message.objects.bulk_create([made])
        State.objects.create(message_id=id_, status=status, opened=status, seq=1, step=0, attempts=0, expires_at=made.expires_at)
        Due.objects.create(
            message_id=id_,
            business_id=owner.id,
            lane=made.lane,
            number=1,
            step=0,
            channel=first["channel"],
            account_id=UUID(first["accounts"][0]["id"]),
            due_at=made.send_at or at,
        )
        record.tell([_accepted(made, at=at)])
    return made


def _usual(owner: Business, id_: UUID, *, at: datetime, to: str) -> dict[str, Any]:
    return {
        "id": id_,
        "business_id": owner.id,
        "mode": "test",
        "api_key_id": _key(owner).id,
        "channel": "whatsapp",
        "lane": "utility",
        "template_version_id": ids.new(),
        "template_name": "order_shipped",
        "template_number": 3,
        "language": "en",
        "content_hash": bytes(32),
        "recipient": vault.seal(to.encode(), bound_to=f"message:{id_}"),
        "recipient_hash": recipients.hash_of(to),
        "variables": vault.seal(orjson.dumps({"name": "Sara", "order_id": "A-17"}), bound_to=f"message:{id_}"),
        "reference": "order-17",
        "metadata": {"order": "A-17", "warehouse": "Cairo"},
        "callback": "https://shop.example/hooks/messages?token=hidden",
        "route_version_id": ids.new(),
        "route_name": "orders",
        "route_number": 7,
        "plan": WHATSAPP_THEN_SMS,
        "trace": TRACE,
        "segments": 1,
        "request_id": "req_3b1f8a",
        "send_at": None,
        "created_at": at,
        "expires_at": at + timedelta(hours=24),
    }


def _key(owner: Business) -> ApiKey:
    usual = {"name": "The shop's server", "mode": "test", "secret_hash": bytes(32)}
    return ApiKey.objects.get_or_create(business=owner, prefix=owner.slug[:16], defaults=usual)[0]


def _accepted(made: Message, *, at: datetime) -> NewEvent:
    return NewEvent(
        id=ids.new(),
        message_id=made.id,
        seq=1,
        business_id=made.business_id,
        mode=made.mode,
        type=EventType.ACCEPTED,
        previous_status=None,
        status="accepted",
        final=False,
        occurred_at=at,
        recorded_at=at,
        channel=made.plan[0]["channel"],
        reference=made.reference,
        metadata=made.metadata,
        callback=made.callback,
    )


def call(made: Message, *, at: datetime) -> int:
    """The attempt that is due begins; returns its number."""
    return _play(made, lambda story: story.begin(at=at).number)


def taken(made: Message, number: int, reference: str, *, at: datetime) -> None:
    """The provider answers with its id."""
    _play(made, lambda story: story.taken(number, reference, at=at))


def refused(made: Message, number: int, error_class: str, raw_code: str, *, at: datetime) -> None:
    """The provider answers that it will not have it."""
    _play(made, lambda story: story.refused(number, Trouble(error_class, error_class, raw_code), at=at))


def lost(made: Message, number: int, *, at: datetime) -> None:
    """No answer comes."""
    _play(made, lambda story: story.lost_sight(number, at=at))


def skip(made: Message, error_class: str, code: str, *, at: datetime) -> None:
    """The due attempt is not made at all."""
    _play(made, lambda story: story.skip(Trouble(error_class, code), at=at))


def cancel(made: Message, *, at: datetime) -> None:
    """The business takes it back."""
    _play(made, lambda story: story.cancel(at=at))


def pass_time(made: Message, *, at: datetime) -> None:
    """The clock decides what it has to."""
    _play(made, lambda story: story.move_on(at=at))


def said(made: Message, number: int, word: str, *, at: datetime, account: UUID = META, **fields: Any) -> None:
    """A receipt; `word` is ours and the provider's."""
    status = AttemptStatus(word) if word in list(AttemptStatus) else None
    usual = {"occurred_at": at - timedelta(milliseconds=800), "received_at": at, "raw_status": word}
    tracking.apply([Said(made.id, number, account, status, **(usual | fields))], at=at + timedelta(milliseconds=40))


def fallback(owner: Business, *, at: datetime, **fields: Any) -> Message:
    """The whole way: WhatsApp can't reach the recipient, the SMS arrives."""
    made = message(owner, at=at, **fields)
    later = lambda seconds: at + timedelta(seconds=seconds)  # noqa: E731 - reads as the story does
    call(made, at=later(0.084))
    taken(made, 1, "wamid.HBgMMjAxMDAxMjM0NTY3FQIAERgS", at=later(0.342))
    said(made, 1, "sent", at=later(1.21))
    trouble = Trouble("unreachable", "unreachable", "131026")
    said(made, 1, "failed", at=later(3.6), trouble=trouble, raw_code="131026")
    call(made, at=later(3.71))
    taken(made, 2, "SM7c1e0e6c2b9f4d6f8a1b2c3d4e5f6a7b", at=later(3.93))
    said(made, 2, "sent", at=later(5.12), account=TWILIO)
    said(made, 2, "delivered", at=later(7.84), account=TWILIO)
    return made


def _play(made: Message, deed: Any) -> Any:
    with transaction.atomic():
        story: Story = record.load([made.id])[made.id]
        result = deed(story)
        record.save([story])
    return result
