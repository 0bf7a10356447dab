"""Providers that take an attempt in several parts speak of each: every part's reference, and what was heard of it."""

from __future__ import annotations

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0008_why_put_off")]

    operations = [
        migrations.AddField(
            model_name="providerreference",
            name="parts",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                help_text="Where the attempt went out in several parts: the references of all.",
                null=True,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="providerreference",
            name="heard",
            field=models.CharField(help_text="What was heard of this part.", max_length=13, null=True),
        ),
    ]
