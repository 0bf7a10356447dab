from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """An account may have a daily cap; its gate counts the day's calls. No row is rewritten."""

    dependencies = [("routing", "0010_binds")]

    operations = [
        migrations.AddField(
            "provideraccount",
            "daily_cap",
            models.PositiveIntegerField(blank=True, help_text="Calls in a day (UTC), at most; empty: no cap.", null=True),
        ),
        migrations.AddField("gate", "day", models.DateField(help_text="The day (UTC) of `called`.", null=True)),
        migrations.AddField(
            "gate",
            "called",
            models.PositiveIntegerField(db_default=0, default=0, help_text="Calls of that day, where the account has a daily cap."),
        ),
    ]
