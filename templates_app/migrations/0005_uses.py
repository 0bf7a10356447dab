"""Who sends which version, by the hour: counted from the messages, so that nothing of it is lost when the table is emptied."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("templates_app", "0004_claims"),
    ]

    operations = [
        migrations.CreateModel(
            name="TemplateUse",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey("hour", "api_key_id", "version_id", blank=True, editable=False, primary_key=True, serialize=False),
                ),
                ("hour", models.DateTimeField()),
                ("messages", models.PositiveIntegerField()),
                ("sms", models.PositiveIntegerField(help_text="Of these, messages whose plan has an SMS.")),
                ("segments", models.PositiveIntegerField(help_text="What these SMS would be together.")),
                ("variables", models.JSONField(default=list, help_text="The names that the hour's last message gave; no values.")),
                (
                    "api_key",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.apikey"),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="templates_app.templateversion"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="templateuse",
            index=models.Index(fields=["version", "hour"], name="templates_use_of_version"),
        ),
    ]
