"""What somebody wrote is kept first and followed up afterwards, so it is known which are still to be followed up."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0016_backtests")]

    operations = [
        migrations.AddField(
            "inbound",
            "settled_at",
            models.DateTimeField(null=True, help_text="When what follows from it was done: linked, told, a word obeyed."),
        ),
        migrations.AddIndex(
            "inbound",
            models.Index(condition=models.Q(("settled_at__isnull", True)), fields=["id"], name="messaging_inbound_open"),
        ),
    ]
