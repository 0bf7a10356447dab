"""A review can be claimed, by somebody who may decide about it, while it waits."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("templates_app", "0003_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="templateversion",
            name="claimed_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="Who has taken the review upon them; others are told, and may still decide.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="claimed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(claimed_by__isnull=True)
                | (models.Q(status="in_review") & (models.Q(author__isnull=True) | ~models.Q(claimed_by=models.F("author")))),
                name="templates_claim_is_a_reviewers",
            ),
        ),
    ]
