"""A message's story may tell of a reply. The new check is valid for what comes at once, and looks at what is there without a lock."""

from __future__ import annotations

from django.db import migrations, models

WORDS = (
    "accepted", "scheduled", "submitted", "sent", "delivered", "read", "failed", "expired", "canceled", "fallback", "replied",
)
TYPES = [(f"message.{word}", word.title()) for word in WORDS]
KNOWN = [word for word, _ in TYPES]
SWAP = f"""
ALTER TABLE messaging_event DROP CONSTRAINT messaging_event_type_known,
    ADD CONSTRAINT messaging_event_type_known CHECK (type IN ({", ".join(f"'{word}'" for word in KNOWN)})) NOT VALID
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0014_inbound")]

    operations = [
        migrations.RunSQL(
            SWAP,
            migrations.RunSQL.noop,
            state_operations=[
                migrations.RemoveConstraint("event", "messaging_event_type_known"),
                migrations.AlterField("event", "type", models.CharField(choices=TYPES, max_length=40)),
                migrations.AddConstraint(
                    "event", models.CheckConstraint(condition=models.Q(("type__in", KNOWN)), name="messaging_event_type_known")
                ),
            ],
        ),
        migrations.RunSQL("ALTER TABLE messaging_event VALIDATE CONSTRAINT messaging_event_type_known", migrations.RunSQL.noop),
    ]
