"""An endpoint's types are a list that grows without a migration: the API and the form know which there are."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("callbacks", "0007_unreadable")]

    operations = [
        migrations.AlterField(
            model_name="endpoint",
            name="event_types",
            field=ArrayField(
                base_field=models.CharField(max_length=40), blank=True, default=list, help_text="Empty: every type.", size=None
            ),
        ),
    ]
