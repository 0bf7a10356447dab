"""The right to send deliveries again; and no index on due_at alone, which tempted the planner to walk along a backlog."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("callbacks", "0005_outbox")]

    operations = [
        migrations.RemoveIndex(model_name="deliverydue", name="callbacks_due_at"),
        migrations.AlterModelOptions(
            name="delivery",
            options={"permissions": [("replay_delivery", "Can send deliveries again")], "verbose_name_plural": "deliveries"},
        ),
    ]
