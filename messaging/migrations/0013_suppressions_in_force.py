"""One index over the suppressions in force, which is also their uniqueness; made without a lock, as every accept reads the table."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

FIELDS = ("business", "recipient_hash", "mode", "channel", "category", "reason", "origin")
MAKE = """
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS messaging_suppression_in_force
ON messaging_suppression (business_id, recipient_hash, mode, channel, category, reason, origin) WHERE lifted_at IS NULL
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("messaging", "0012_same_suppressions_once")]

    operations = [
        migrations.RunSQL(
            MAKE,
            "DROP INDEX CONCURRENTLY IF EXISTS messaging_suppression_in_force",
            state_operations=[
                migrations.AddConstraint(
                    "suppression",
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True)), fields=FIELDS, name="messaging_suppression_in_force"
                    ),
                )
            ],
        ),
        AddIndexConcurrently("suppression", models.Index(fields=["business", "-id"], name="messaging_suppression_list")),
        RemoveIndexConcurrently("suppression", "messaging_suppression_check"),
    ]
