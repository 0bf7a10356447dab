"""Content of our own that every rule accepts, and the people around it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from accounts.models import Person
from templates_app import approval, writing
from templates_app.models import Template, TemplateVersion

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

VARIABLES: list[dict[str, Any]] = [
    {"name": "name", "type": "text", "sample": "Amal", "max_length": 40},
    {"name": "order_id", "type": "code", "sample": "A-17"},
    {"name": "total", "type": "money", "sample": "EGP 1,250.00"},
    {"name": "track", "type": "url", "sample": "https://shop.example/t/A-17"},
]
WHATSAPP: dict[str, Any] = {
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Order {{order_id}}"},
        {"type": "BODY", "text": "Dear {{name}}, your order over {{total}} is on its way to you."},
        {"type": "FOOTER", "text": "Nile Books"},
        {
            "type": "BUTTONS",
            "buttons": [
                {"type": "URL", "text": "Follow it", "url": "https://shop.example/t/{{order_id}}"},
                {"type": "QUICK_REPLY", "text": "Thank you"},
            ],
        },
    ],
    "provider_ids": {"twilio": "HX0123456789abcdef0123456789abcdef"},
}
SMS: dict[str, Any] = {"text": "Nile Books: {{name}}, order {{order_id}} is on its way: {{track}}"}
EMAIL: dict[str, Any] = {
    "subject": "Order {{order_id}} is on its way",
    "text": "Dear {{name}},\n\nyour order over {{total}} is on its way: {{track}}\n",
    "html": '<p>Dear {{name}},</p><p>your order over <b>{{total}}</b> is <a href="{{track}}">on its way</a>.</p>',
}
CONTENT: dict[str, Any] = {"whatsapp": WHATSAPP, "sms": SMS, "email": EMAIL}
VALUES: dict[str, Any] = {"name": "Amal", "order_id": "A-17", "total": "EGP 1,250.00", "track": "https://shop.example/t/A-17"}

ONE_TIME_CODE: dict[str, Any] = {
    "components": [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 10},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}]},
    ]
}


def in_review(template: Template, *, author: Person, **given: Any) -> TemplateVersion:
    """A version that waits for a decision."""
    words = {"language": "en", "content": CONTENT, "variables": VARIABLES} | given
    return approval.submit(writing.draft(template, author=author, **words), by=author, at=NOON)


def live(template: Template, *, author: Person, approver: Person, **given: Any) -> TemplateVersion:
    """A version that is sent."""
    version = in_review(template, author=author, **given)
    return approval.publish(approval.approve(version, by=approver, at=NOON), by=approver, at=NOON)


def alter(version: TemplateVersion, text: str) -> None:
    """Another SMS in a version, with the database's guard taken down: somebody with the owner's rights."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE templates_app_templateversion DISABLE TRIGGER guard")
        TemplateVersion.objects.filter(pk=version.pk).update(content={"sms": {"text": text}})
        cursor.execute("ALTER TABLE templates_app_templateversion ENABLE TRIGGER guard")
