"""How SMPP accounts are bound, as the process that holds them writes it down."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0009_words_of_the_provider")]

    operations = [
        migrations.CreateModel(
            name="Bind",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="bind",
                        serialize=False,
                        to="routing.provideraccount",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("connecting", "Connecting"), ("bound", "Bound"), ("lost", "Lost"), ("refused", "Refused")], max_length=10
                    ),
                ),
                ("because", models.CharField(blank=True, max_length=64)),
                ("since", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="When that process last said so; it does every few seconds.")),
                ("process", models.CharField(max_length=100)),
            ],
        ),
    ]
